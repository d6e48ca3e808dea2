//! The MLLP dialler: one message and its answer on a connection of its own, so that an answer is never another message's.

use crate::error::root_cause;
use crate::{ClientTls, NetError};
use hl7v2::mllp::{Deframer, frame};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Reaches one receiver. Cloning is cheap.
#[derive(Clone)]
pub struct MllpClient {
    address: String,
    tls: Option<Arc<rustls::ClientConfig>>,
    /// For connecting and for each silence while the answer is awaited.
    timeout: Duration,
    answer_octets: usize,
}

impl MllpClient {
    /// `address` is `host:port`; with `tls`, its certificate must be of the authority that `tls` names.
    /// Errors: a TLS file that cannot be used.
    pub fn new(
        address: &str,
        tls: Option<&ClientTls>,
        timeout: Duration,
        answer_octets: usize,
    ) -> Result<Self, NetError> {
        let tls = tls.map(ClientTls::load).transpose()?;
        Ok(MllpClient { address: address.to_owned(), tls, timeout, answer_octets })
    }

    /// Sends a message and waits for the answer; both are without their frame.
    ///
    /// Errors: `Connect` when nothing was sent; otherwise the receiver may have taken the message.
    pub async fn exchange(&self, message: &[u8]) -> Result<Vec<u8>, NetError> {
        let connect = |reason: String| NetError::Connect { url: self.address.clone(), reason };
        let stream = tokio::time::timeout(self.timeout, TcpStream::connect(&self.address))
            .await
            .map_err(|_| self.silent())?
            .map_err(|e| connect(root_cause(&e)))?;
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return self.talk(stream, message).await };
        let host = self.address.rsplit_once(':').map_or(self.address.as_str(), |(host, _)| host);
        let name = host.trim_matches(['[', ']']).to_owned();
        let name = rustls::pki_types::ServerName::try_from(name).map_err(|e| connect(e.to_string()))?;
        let connector = tokio_rustls::TlsConnector::from(tls.clone());
        let stream = tokio::time::timeout(self.timeout, connector.connect(name, stream))
            .await
            .map_err(|_| self.silent())?
            .map_err(|e| connect(root_cause(&e)))?;
        self.talk(stream, message).await
    }

    fn silent(&self) -> NetError {
        NetError::Timeout { url: self.address.clone(), seconds: self.timeout.as_secs() }
    }

    async fn talk(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, message: &[u8]) -> Result<Vec<u8>, NetError> {
        let broken = |reason: String| NetError::Broken { url: self.address.clone(), reason };
        let framed = frame(message);
        let send = async {
            stream.write_all(&framed).await?;
            stream.flush().await
        };
        let sent = tokio::time::timeout(self.timeout, send).await.map_err(|_| self.silent())?;
        sent.map_err(|e| broken(root_cause(&e)))?;
        let mut deframer = Deframer::new(self.answer_octets);
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = tokio::time::timeout(self.timeout, stream.read(&mut buffer)).await.map_err(|_| self.silent())?;
            let count = read.map_err(|e| broken(root_cause(&e)))?;
            if count == 0 {
                return Err(broken("the connection was closed without an answer".to_owned()));
            }
            deframer.feed(&buffer[..count]).map_err(|e| broken(e.to_string()))?;
            if let Some(answer) = deframer.next_frame() {
                let _ = stream.shutdown().await;
                return Ok(answer);
            }
        }
    }
}
