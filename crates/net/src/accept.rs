//! What every listener of a node does before a protocol begins: take connections until a stop is asked for.

use crate::NetError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// A listener that the caller has bound, for the runtime, and its address.
pub(crate) fn bound(listener: std::net::TcpListener) -> Result<(TcpListener, SocketAddr), NetError> {
    let describe = |e: std::io::Error| NetError::Listen { address: "socket".into(), reason: e.to_string() };
    listener.set_nonblocking(true).map_err(describe)?;
    let address = listener.local_addr().map_err(describe)?;
    Ok((TcpListener::from_std(listener).map_err(describe)?, address))
}

/// The next connection and where it comes from; none when a stop is asked for.
pub(crate) async fn next(
    listener: &TcpListener,
    stopped: &mut watch::Receiver<bool>,
) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return None,
        };
        match accepted {
            Ok(connection) => return Some(connection),
            Err(error) => {
                // Out of file descriptors and the like: give others time to finish instead of spinning.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// As [`next`], when one of `permits` is free: the kernel's backlog is a better queue than ours.
pub(crate) async fn next_with_room(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    stopped: &mut watch::Receiver<bool>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = tokio::select! {
        permit = permits.clone().acquire_owned() => permit.ok()?,
        _ = stopped.changed() => return None,
    };
    let (stream, peer) = next(listener, stopped).await?;
    Some((stream, peer, permit))
}
