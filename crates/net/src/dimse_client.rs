//! DIMSE dialler: a blocking association as requestor, for C-ECHO and C-STORE.

use crate::NetError;
use bytes::BytesMut;
use dicom::dimse::{Association, CommandSet, Event, RequestorConfig};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Unsent octets that are worth a write.
const WRITE_OCTETS: usize = 256 * 1024;

/// An established association.
pub struct DimseClient {
    address: String,
    stream: TcpStream,
    association: Association,
    message_id: u16,
}

impl DimseClient {
    /// Errors: no connection, no answer in time, a rejection; each names the address.
    pub fn connect(address: &str, config: RequestorConfig, timeout: Duration) -> Result<Self, NetError> {
        let failed = |reason: String| NetError::Connect { url: format!("dicom://{address}"), reason };
        let mut last = "the name has no address".to_owned();
        let mut stream = None;
        for candidate in address.to_socket_addrs().map_err(|e| failed(e.to_string()))? {
            match TcpStream::connect_timeout(&candidate, timeout) {
                Ok(connected) => {
                    stream = Some(connected);
                    break;
                }
                Err(error) => last = error.to_string(),
            }
        }
        let stream = stream.ok_or_else(|| failed(last))?;
        stream.set_nodelay(true).map_err(|e| failed(e.to_string()))?;
        stream.set_read_timeout(Some(Duration::from_millis(200))).map_err(|e| failed(e.to_string()))?;
        stream.set_write_timeout(Some(Duration::from_secs(60))).map_err(|e| failed(e.to_string()))?;
        let association = Association::requestor(config).map_err(|e| failed(e.to_string()))?;
        let mut client = DimseClient { address: address.to_owned(), stream, association, message_id: 0 };
        client.flush()?;
        match client.next_event()? {
            Event::Accepted(_) => Ok(client),
            Event::Rejected { reason, .. } | Event::Aborted(reason) => Err(failed(reason)),
            other => Err(failed(format!("expected an answer to the association request, got {other:?}"))),
        }
    }

    /// The context for a class in exactly this transfer syntax, if the peer agreed to it.
    pub fn context_for(&self, sop_class: &str, transfer_syntax: &str) -> Option<u8> {
        self.association.context_for(sop_class, transfer_syntax)
    }

    /// Asks the peer whether it is there. Shape: the status.
    pub fn echo(&mut self) -> Result<u16, NetError> {
        let context =
            self.association.contexts().iter().find(|c| c.abstract_syntax == "1.2.840.10008.1.1").map(|c| c.id);
        let context = context.ok_or_else(|| self.broken("the peer does not offer verification".into()))?;
        let id = self.next_id();
        self.send_command(context, &CommandSet::echo_request(id))?;
        Ok(self.response(id)?.status().unwrap_or(0xffff))
    }

    /// Sends one data set in the transfer syntax of the context. Shape: the peer's response.
    pub fn store(
        &mut self,
        context: u8,
        sop_class: &str,
        sop_instance: &str,
        data_set: &mut dyn Read,
    ) -> Result<CommandSet, NetError> {
        let id = self.next_id();
        self.send_command(context, &CommandSet::store_request(id, sop_class, sop_instance))?;
        let mut buffer = vec![0; WRITE_OCTETS];
        loop {
            let count = match data_set.read(&mut buffer) {
                Ok(count) => count,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.broken(format!("cannot read the object to send: {e}"))),
            };
            let sent = self.association.send_data(context, &buffer[..count], count == 0);
            sent.map_err(|e| self.broken(e.to_string()))?;
            self.flush()?;
            if count == 0 {
                break;
            }
        }
        self.response(id)
    }

    /// Ends the association in good order.
    pub fn release(mut self) -> Result<(), NetError> {
        self.association.release().map_err(|e| self.broken(e.to_string()))?;
        self.flush()?;
        match self.next_event()? {
            Event::Released => Ok(()),
            other => Err(self.broken(format!("expected a release, got {other:?}"))),
        }
    }

    fn next_id(&mut self) -> u16 {
        self.message_id = self.message_id.wrapping_add(1).max(1);
        self.message_id
    }

    fn send_command(&mut self, context: u8, command: &CommandSet) -> Result<(), NetError> {
        self.association.send_command(context, command).map_err(|e| self.broken(e.to_string()))?;
        self.flush()
    }

    fn response(&mut self, id: u16) -> Result<CommandSet, NetError> {
        loop {
            match self.next_event()? {
                Event::Command { command, .. } if command.message_id_responded() == Some(id) => return Ok(command),
                // A data set with a final response means nothing for C-STORE; some peers send one.
                Event::Data { .. } => {}
                Event::Aborted(reason) => return Err(self.broken(reason)),
                other => return Err(self.broken(format!("expected the response to message {id}, got {other:?}"))),
            }
        }
    }

    fn next_event(&mut self) -> Result<Event, NetError> {
        let mut buffer = BytesMut::new();
        loop {
            if let Some(event) = self.association.next_event() {
                return Ok(event);
            }
            buffer.resize(16 * 1024, 0);
            match self.stream.read(&mut buffer) {
                Ok(0) => self.association.closed_by_peer(),
                Ok(count) => {
                    let octets = buffer.split_to(count).freeze();
                    self.association.feed_bytes(octets).map_err(|e| self.broken(e.to_string()))?;
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.association.tick(Instant::now());
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.broken(e.to_string())),
            }
            self.flush()?;
        }
    }

    fn flush(&mut self) -> Result<(), NetError> {
        let output = self.association.take_output();
        self.stream.write_all(&output).map_err(|e| self.broken(e.to_string()))
    }

    fn broken(&self, reason: String) -> NetError {
        NetError::Broken { url: format!("dicom://{}", self.address), reason }
    }
}
