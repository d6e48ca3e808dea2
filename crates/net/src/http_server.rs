//! The accept loop: one listener, HTTP/1.1 and HTTP/2, optional TLS, a cap on connections, a time limit for handshake
//! and headers, and an orderly stop.

use crate::{NetError, ServerTls, accept};
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::fmt::Display;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tower::ServiceExt;
use tower_http::timeout::TimeoutBody;

/// Bounds of one listener.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    pub connections: usize,
    pub handshake: Duration,
    /// For a request's head, from the moment the connection is there or the last answer was given.
    pub headers: Duration,
    /// Longest silence while a request's body is awaited; a long body that keeps coming is no fault.
    pub body: Duration,
    /// How long open requests may go on after a stop was asked for.
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        HttpLimits {
            connections: 1024,
            handshake: seconds(5),
            headers: seconds(30),
            body: seconds(60),
            drain: seconds(5),
        }
    }
}

/// In every request's extensions: where it came from.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub SocketAddr);

/// In the extensions of a request over mutual TLS: the caller's certificate, DER.
#[derive(Clone, Debug)]
pub struct PeerCertificate(pub Arc<Vec<u8>>);

/// A running listener. Dropping it stops accepting; [`HttpServer::stop`] also waits for open requests.
pub struct HttpServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl HttpServer {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and waits until open requests are answered or the drain time is over.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Serves `router` on `listener`, which the caller has bound, so that a busy port is known before anything starts.
/// Errors: a TLS file that cannot be used.
pub fn listen(
    listener: std::net::TcpListener,
    tls: Option<&ServerTls>,
    router: Router,
    limits: HttpLimits,
) -> Result<HttpServer, NetError> {
    let (listener, address) = accept::bound(listener)?;
    let acceptor = tls.map(|t| t.load()).transpose()?.map(tokio_rustls::TlsAcceptor::from);
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(serve_all(listener, acceptor, router, limits, stopped));
    Ok(HttpServer { address, stop, task })
}

async fn serve_all(
    listener: TcpListener,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    router: Router,
    limits: HttpLimits,
    mut stopped: watch::Receiver<bool>,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    while let Some((stream, peer, permit)) = accept::next_with_room(&listener, &permits, &mut stopped).await {
        let _ = stream.set_nodelay(true);
        let watcher = graceful.watcher();
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            let _permit = permit;
            if let Err(error) = connection(stream, peer, acceptor, router, limits, watcher).await {
                tracing::debug!(%peer, %error, "connection ended");
            }
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(limits.drain, graceful.shutdown()).await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    router: Router,
    limits: HttpLimits,
    watcher: hyper_util::server::graceful::Watcher,
) -> Result<(), String> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.headers).max_buf_size(64 * 1024);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(128).keep_alive_interval(Some(limits.body));
    let requested = Arc::new(AtomicBool::new(false));
    let serve = |certificate: Option<PeerCertificate>| {
        let requested = requested.clone();
        TowerToHyperService::new(router.map_request(move |request: http::Request<hyper::body::Incoming>| {
            requested.store(true, Ordering::Relaxed);
            // Who sends a head and then nothing would hold the connection for ever.
            let mut request = request.map(|body| TimeoutBody::new(limits.body, body));
            request.extensions_mut().insert(PeerAddress(peer));
            if let Some(certificate) = &certificate {
                request.extensions_mut().insert(certificate.clone());
            }
            request
        }))
    };
    match acceptor {
        Some(acceptor) => {
            let tls = tokio::time::timeout(limits.handshake, acceptor.accept(stream))
                .await
                .map_err(|_| "the TLS handshake took too long".to_owned())?
                .map_err(|e| format!("the TLS handshake failed: {e}"))?;
            let certificate = tls.get_ref().1.peer_certificates().and_then(|c| c.first());
            let certificate = certificate.map(|c| PeerCertificate(Arc::new(c.as_ref().to_vec())));
            let connection = builder.serve_connection(TokioIo::new(tls), serve(certificate)).into_owned();
            attend(watcher.watch(connection), &requested, limits.headers).await
        }
        None => {
            let connection = builder.serve_connection(TokioIo::new(stream), serve(None)).into_owned();
            attend(watcher.watch(connection), &requested, limits.headers).await
        }
    }
}

/// Serves a connection; gives up on one that brings no request at first. hyper begins to watch the time only when it
/// has seen enough to tell HTTP/1 from HTTP/2.
async fn attend<E: Display>(
    connection: impl Future<Output = Result<(), E>>,
    requested: &AtomicBool,
    first: Duration,
) -> Result<(), String> {
    let mut connection = pin!(connection);
    match tokio::time::timeout(first, &mut connection).await {
        Ok(ended) => ended.map_err(|e| e.to_string()),
        Err(_) if !requested.load(Ordering::Relaxed) => Err("no request came in time".to_owned()),
        Err(_) => connection.await.map_err(|e| e.to_string()),
    }
}
