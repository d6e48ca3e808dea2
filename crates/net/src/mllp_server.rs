//! The MLLP listener: one task per connection around the frames of `wire/hl7v2`, optional TLS, a cap on connections, a
//! time limit for silence, and an orderly stop. One message is answered before the next is looked at.

use crate::http_server::PeerCertificate;
use crate::{NetError, ServerTls, accept};
use hl7v2::mllp::{Deframer, frame};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// One read from the socket.
const READ_OCTETS: usize = 64 * 1024;

/// Bounds of one listener.
#[derive(Clone, Copy, Debug)]
pub struct MllpLimits {
    pub connections: usize,
    pub handshake: Duration,
    /// Longest silence, within a message and between messages, and longest wait for a peer that does not take an answer.
    pub idle: Duration,
    /// Largest message.
    pub message_octets: usize,
    /// How long messages under way may take after a stop was asked for.
    pub drain: Duration,
}

impl Default for MllpLimits {
    fn default() -> Self {
        MllpLimits {
            connections: 64,
            handshake: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            message_octets: 16 << 20,
            drain: Duration::from_secs(5),
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct MllpPeer {
    pub address: SocketAddr,
    /// Over mutual TLS.
    pub certificate: Option<PeerCertificate>,
}

/// What a node does with messages.
pub trait MllpService: Send + Sync {
    /// Answers one message; both are without their frame.
    fn respond<'a>(
        &'a self,
        message: Vec<u8>,
        peer: &'a MllpPeer,
    ) -> Pin<Box<dyn Future<Output = Vec<u8>> + Send + 'a>>;
}

/// A running listener. Dropping it stops accepting; [`MllpServer::stop`] also waits for messages under way.
pub struct MllpServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl MllpServer {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, answers the messages that are there whole, and waits for them up to the drain time.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Serves messages on `listener`, which the caller has bound. Errors: a TLS file that cannot be used.
pub fn listen_mllp(
    listener: std::net::TcpListener,
    tls: Option<&ServerTls>,
    service: Arc<dyn MllpService>,
    limits: MllpLimits,
) -> Result<MllpServer, NetError> {
    let (listener, address) = accept::bound(listener)?;
    let acceptor = tls.map(|t| t.load()).transpose()?.map(|config| {
        // There is no protocol to agree on; a list of those of HTTP would turn away peers that offer another.
        let mut config = (*config).clone();
        config.alpn_protocols.clear();
        tokio_rustls::TlsAcceptor::from(Arc::new(config))
    });
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(serve_all(listener, acceptor, service, limits, stopped));
    Ok(MllpServer { address, stop, task })
}

async fn serve_all(
    listener: TcpListener,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    service: Arc<dyn MllpService>,
    limits: MllpLimits,
    mut stopped: watch::Receiver<bool>,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    while let Some((stream, address, permit)) = accept::next_with_room(&listener, &permits, &mut stopped).await {
        let (acceptor, service, stopped) = (acceptor.clone(), service.clone(), stopped.clone());
        connections.spawn(async move {
            let _permit = permit;
            if let Err(reason) = connection(stream, address, acceptor, &*service, limits, stopped).await {
                tracing::warn!(peer = %address, reason, "MLLP connection ended");
            }
        });
    }
    drop(listener);
    connections.close();
    let _ = tokio::time::timeout(limits.drain, connections.wait()).await;
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    service: &dyn MllpService,
    limits: MllpLimits,
    stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    let _ = stream.set_nodelay(true);
    match acceptor {
        Some(acceptor) => {
            let stream = tokio::time::timeout(limits.handshake, acceptor.accept(stream))
                .await
                .map_err(|_| "the TLS handshake took too long".to_owned())?
                .map_err(|e| format!("the TLS handshake failed: {e}"))?;
            let certificate = stream.get_ref().1.peer_certificates().and_then(|c| c.first());
            let certificate = certificate.map(|c| PeerCertificate(Arc::new(c.as_ref().to_vec())));
            serve(stream, MllpPeer { address, certificate }, service, limits, stopped).await
        }
        None => serve(stream, MllpPeer { address, certificate: None }, service, limits, stopped).await,
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: MllpPeer,
    service: &dyn MllpService,
    limits: MllpLimits,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), String> {
    let mut deframer = Deframer::new(limits.message_octets);
    let mut buffer = vec![0; READ_OCTETS];
    loop {
        if *stopped.borrow() {
            let _ = stream.shutdown().await;
            return Ok(());
        }
        let read = tokio::select! {
            read = tokio::time::timeout(limits.idle, stream.read(&mut buffer)) => read,
            _ = stopped.changed() => continue,
        };
        let count = match read {
            Err(_) if deframer.is_between_frames() => {
                tracing::debug!(peer = %peer.address, "a silent MLLP connection is closed");
                let _ = stream.shutdown().await;
                return Ok(());
            }
            Err(_) => return Err(format!("the rest of a message did not come within {} s", limits.idle.as_secs())),
            Ok(Ok(0)) if deframer.is_between_frames() => return Ok(()),
            Ok(Ok(0)) => return Err("the peer broke off in the middle of a message".to_owned()),
            Ok(Ok(count)) => count,
            Ok(Err(error)) => return Err(error.to_string()),
        };
        let fed = deframer.feed(&buffer[..count]);
        let garbage = deframer.take_garbage();
        if garbage > 0 {
            tracing::warn!(peer = %peer.address, octets = garbage, "octets outside of MLLP frames were skipped");
        }
        while let Some(message) = deframer.next_frame() {
            let answer = frame(&service.respond(message, &peer).await);
            let written = async {
                stream.write_all(&answer).await?;
                stream.flush().await
            };
            match tokio::time::timeout(limits.idle, written).await {
                Ok(written) => written.map_err(|e| e.to_string())?,
                Err(_) => return Err(format!("an answer was not taken within {} s", limits.idle.as_secs())),
            }
        }
        if let Err(error) = fed {
            let _ = stream.shutdown().await;
            return Err(error.to_string());
        }
    }
}
