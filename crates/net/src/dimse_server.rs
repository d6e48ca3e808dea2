//! DIMSE listener: one blocking thread per association around the state machine of `wire/dicom`, because what an
//! association does most is wait for the disk.

use crate::{NetError, accept};
use bytes::{Bytes, BytesMut};
use dicom::dimse::{AcceptedContext, AcceptorConfig, Association, AssociationRequest, CommandSet, Event, Rejection};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// One read from the socket.
const READ_OCTETS: usize = 256 * 1024;
/// How often a silent association looks at the clock and at the wish to stop.
const TICK: Duration = Duration::from_millis(200);

/// What a node does with associations.
pub trait DimseService: Send + Sync {
    /// Takes an association, or refuses it.
    fn open(
        self: Arc<Self>,
        request: &AssociationRequest,
        peer: SocketAddr,
    ) -> Result<Box<dyn DimseSession>, Rejection>;
}

/// One association's service; called from one thread, may block. Each call may return a command to send.
pub trait DimseSession: Send {
    fn command(&mut self, context: &AcceptedContext, command: &CommandSet, has_data: bool) -> Option<CommandSet>;
    fn data(&mut self, context: &AcceptedContext, octets: Bytes, last: bool) -> Option<CommandSet>;
}

/// A running listener. Dropping it stops accepting.
pub struct DimseServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    stopping: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl DimseServer {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets associations finish the object they are at, and waits for them up to five seconds.
    pub async fn stop(self) {
        self.stopping.store(true, Ordering::Relaxed);
        let _ = self.stop.send(true);
        let _ = self.task.await;
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.open.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Serves associations on `listener`, at most `limit` at a time; more are refused with "temporary congestion".
pub fn listen_dimse(
    listener: std::net::TcpListener,
    config: AcceptorConfig,
    service: Arc<dyn DimseService>,
    limit: usize,
) -> Result<DimseServer, NetError> {
    let (listener, address) = accept::bound(listener)?;
    let (stop, mut stopped) = watch::channel(false);
    let stopping = Arc::new(AtomicBool::new(false));
    let open = Arc::new(AtomicUsize::new(0));
    let (stopping_task, open_task) = (stopping.clone(), open.clone());
    let task = tokio::spawn(async move {
        while let Some((stream, peer)) = accept::next(&listener, &mut stopped).await {
            let full = open_task.fetch_add(1, Ordering::Relaxed) >= limit;
            let service: Arc<dyn DimseService> = if full { Arc::new(Congested) } else { service.clone() };
            let (config, stopping, open) = (config.clone(), stopping_task.clone(), open_task.clone());
            let thread = std::thread::Builder::new().name("association".into()).spawn(move || {
                let outcome = stream.into_std().map_err(|e| e.to_string()).and_then(|stream| {
                    stream.set_nonblocking(false).map_err(|e| e.to_string())?;
                    serve(stream, peer, config, &service, &stopping)
                });
                if let Err(reason) = outcome {
                    tracing::warn!(%peer, reason, "association ended");
                }
                open.fetch_sub(1, Ordering::Relaxed);
            });
            if let Err(error) = thread {
                open_task.fetch_sub(1, Ordering::Relaxed);
                tracing::error!(%error, "cannot start a thread for an association");
            }
        }
    });
    Ok(DimseServer { address, stop, stopping, open, task })
}

struct Congested;

impl DimseService for Congested {
    fn open(self: Arc<Self>, _: &AssociationRequest, _: SocketAddr) -> Result<Box<dyn DimseSession>, Rejection> {
        Err(Rejection::TemporaryCongestion)
    }
}

fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    config: AcceptorConfig,
    service: &Arc<dyn DimseService>,
    stopping: &AtomicBool,
) -> Result<(), String> {
    let io = |e: std::io::Error| e.to_string();
    stream.set_nodelay(true).map_err(io)?;
    stream.set_read_timeout(Some(TICK)).map_err(io)?;
    stream.set_write_timeout(Some(Duration::from_millis(config.idle_timeout_ms))).map_err(io)?;
    let mut association = Association::acceptor(config);
    let mut session: Option<Box<dyn DimseSession>> = None;
    let mut between_objects = true;
    let mut buffer = BytesMut::new();
    let mut ended = Ok(());
    while !association.is_over() {
        buffer.resize(READ_OCTETS, 0);
        match stream.read(&mut buffer) {
            Ok(0) => association.closed_by_peer(),
            Ok(count) => {
                let octets = buffer.split_to(count).freeze();
                if let Err(error) = association.feed_bytes(octets) {
                    ended = Err(error.to_string());
                }
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if stopping.load(Ordering::Relaxed) && between_objects {
                    association.abort();
                } else {
                    association.tick(Instant::now());
                }
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => {
                association.closed_by_peer();
                ended = Err(e.to_string());
            }
        }
        while let Some(event) = association.next_event() {
            match event {
                Event::Requested(request) => match service.clone().open(&request, peer) {
                    Ok(opened) => {
                        session = Some(opened);
                        association.accept().map_err(|e| e.to_string())?;
                    }
                    Err(rejection) => association.reject(rejection).map_err(|e| e.to_string())?,
                },
                Event::Command { context, command, has_data } => {
                    between_objects = !has_data;
                    let agreed = association.context(context).cloned();
                    if let (Some(session), Some(agreed)) = (&mut session, agreed)
                        && let Some(response) = session.command(&agreed, &command, has_data)
                    {
                        association.send_command(context, &response).map_err(|e| e.to_string())?;
                    }
                }
                Event::Data { context, octets, last } => {
                    let agreed = association.context(context).cloned();
                    if let (Some(session), Some(agreed)) = (&mut session, agreed)
                        && let Some(response) = session.data(&agreed, octets, last)
                    {
                        association.send_command(context, &response).map_err(|e| e.to_string())?;
                    }
                    between_objects = last;
                }
                Event::Rejected { reason, .. } => ended = Err(format!("refused an association: {reason}")),
                Event::Aborted(reason) => ended = Err(reason),
                Event::Accepted(_) | Event::Released => {}
            }
        }
        let output = association.take_output();
        if !output.is_empty() {
            stream.write_all(&output).map_err(io)?;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    ended
}
