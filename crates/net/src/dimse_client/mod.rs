//! DIMSE dialler: a blocking association as requestor. Here: connecting, C-ECHO, C-STORE, and the loop that all services
//! share. `query` and `retrieve` are C-FIND, C-MOVE and C-GET; `normalized` is N-ACTION and its kin.

mod normalized;
mod query;
mod retrieve;

pub use normalized::NormalizedAnswer;
pub use retrieve::{IncomingObject, StoreSink};

use crate::NetError;
use bytes::BytesMut;
use dicom::dimse::{Association, CommandSet, Event, Operation, RequestorConfig, Step};
use dicom::sop_classes::VERIFICATION;
use dicom::transfer_syntaxes::{EXPLICIT_LE, IMPLICIT_LE};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Unsent octets that are worth a write.
const WRITE_OCTETS: usize = 256 * 1024;
/// One read from the socket: small answers, and objects of a C-GET.
const READ_OCTETS: usize = 16 * 1024;
const READ_OBJECT_OCTETS: usize = 256 * 1024;
/// How often a silent association looks at the clock and at the wish to cancel.
const TICK: Duration = Duration::from_millis(100);
/// How long a peer may take to end an operation after a C-CANCEL before the association is aborted.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// An established association. One operation at a time; after an error it is over, whatever the error (P42).
pub struct DimseClient {
    url: String,
    stream: TcpStream,
    association: Association,
    buffer: BytesMut,
    read_octets: usize,
    message_id: u16,
    step: String,
    deadline: Option<Instant>,
    cancel: Arc<AtomicBool>,
    cancel_grace: Duration,
}

/// What came while something was waited for.
enum Waited {
    Event(Event),
    /// Nothing for a moment: look at the wish to cancel.
    Tick,
}

impl DimseClient {
    /// `timeout` is for each address of the name; the association's own times are in `config`.
    ///
    /// Errors: no connection, no answer in time, a rejection; each names the AE title and the address.
    pub fn connect(address: &str, config: RequestorConfig, timeout: Duration) -> Result<Self, NetError> {
        Self::connect_until(address, config, timeout, None)
    }

    /// The same within a deadline, which then holds for everything on the association until another is set.
    pub fn connect_until(
        address: &str,
        config: RequestorConfig,
        timeout: Duration,
        deadline: Option<Instant>,
    ) -> Result<Self, NetError> {
        let url = format!("dicom://{}@{address}", config.called_ae_title);
        let failed = |reason: String| NetError::Connect { url: url.clone(), reason };
        let mut last = "the name has no address".to_owned();
        let mut stream = None;
        for candidate in address.to_socket_addrs().map_err(|e| failed(e.to_string()))? {
            let left = deadline.map_or(timeout, |at| at.saturating_duration_since(Instant::now()).min(timeout));
            if left.is_zero() {
                return Err(failed("the deadline has passed".into()));
            }
            match TcpStream::connect_timeout(&candidate, left) {
                Ok(connected) => {
                    stream = Some(connected);
                    break;
                }
                Err(error) => last = error.to_string(),
            }
        }
        let stream = stream.ok_or_else(|| failed(last))?;
        let write_timeout = Duration::from_millis(config.idle_timeout_ms.max(1));
        stream.set_nodelay(true).map_err(|e| failed(e.to_string()))?;
        stream.set_read_timeout(Some(TICK)).map_err(|e| failed(e.to_string()))?;
        stream.set_write_timeout(Some(write_timeout)).map_err(|e| failed(e.to_string()))?;
        let association = Association::requestor(config).map_err(|e| failed(e.to_string()))?;
        let mut client = DimseClient {
            url: url.clone(),
            stream,
            association,
            buffer: BytesMut::new(),
            read_octets: READ_OCTETS,
            message_id: 0,
            step: "association request".into(),
            deadline,
            cancel: Arc::new(AtomicBool::new(false)),
            cancel_grace: CANCEL_GRACE,
        };
        client.flush()?;
        match client.next_event()? {
            Event::Accepted(_) => Ok(client),
            Event::Rejected { reason, .. } | Event::Aborted(reason) => Err(failed(reason)),
            other => Err(failed(format!("expected an answer to the association request, got {other:?}"))),
        }
    }

    /// When everything must be over: what is not, is aborted then.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// How long a peer may go on after a C-CANCEL; 10 s unless told otherwise.
    pub fn set_cancel_grace(&mut self, grace: Duration) {
        self.cancel_grace = grace;
    }

    /// A flag that, once true, cancels whatever query or retrieval is under way or begun later. Any thread may set it.
    pub fn cancel_flag(&self) -> Arc<AtomicBool> {
        self.cancel.clone()
    }

    /// Lets a flag of the caller's cancel this association.
    pub fn set_cancel_flag(&mut self, flag: Arc<AtomicBool>) {
        self.cancel = flag;
    }

    /// The association: what was agreed on.
    pub fn association(&self) -> &Association {
        &self.association
    }

    /// The context for a class in exactly this transfer syntax, if the peer agreed to it.
    pub fn context_for(&self, sop_class: &str, transfer_syntax: &str) -> Option<u8> {
        self.association.context_for(sop_class, transfer_syntax)
    }

    /// Asks the peer whether it is there. Shape: the status.
    pub fn echo(&mut self) -> Result<u16, NetError> {
        self.step = "C-ECHO".into();
        let context = self.association.context_of(VERIFICATION).map(|context| context.id);
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
        self.step = "C-STORE".into();
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
        self.step = "release".into();
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

    /// The context of a service whose messages are little endian.
    ///
    /// Errors: the peer did not accept the class, or in a transfer syntax that was not proposed.
    fn service_context(&self, sop_class: &str, what: &str) -> Result<(u8, String), NetError> {
        let Some(context) = self.association.context_of(sop_class) else {
            return Err(self.broken(format!("the peer does not offer {what} ({sop_class})")));
        };
        if ![IMPLICIT_LE, EXPLICIT_LE].contains(&context.transfer_syntax.as_str()) {
            let syntax = &context.transfer_syntax;
            return Err(self.broken(format!("the peer chose transfer syntax {syntax:?}, which was not proposed")));
        }
        Ok((context.id, context.transfer_syntax.clone()))
    }

    fn send_command(&mut self, context: u8, command: &CommandSet) -> Result<(), NetError> {
        self.association.send_command(context, command).map_err(|e| self.broken(e.to_string()))?;
        self.flush()
    }

    /// A command and its data set.
    fn send_message(&mut self, context: u8, command: &CommandSet, data_set: &[u8]) -> Result<(), NetError> {
        self.association.send_command(context, command).map_err(|e| self.broken(e.to_string()))?;
        self.association.send_data(context, data_set, true).map_err(|e| self.broken(e.to_string()))?;
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
        loop {
            if let Waited::Event(event) = self.wait()? {
                return Ok(event);
            }
        }
    }

    /// The next event, or nothing for a moment. The peer's silence and the deadline end the association.
    fn wait(&mut self) -> Result<Waited, NetError> {
        loop {
            if let Some(event) = self.association.next_event() {
                return Ok(Waited::Event(event));
            }
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.abort();
                return Err(self.broken("the deadline has passed".into()));
            }
            self.buffer.resize(self.read_octets, 0);
            let mut silent = false;
            match self.stream.read(&mut self.buffer) {
                Ok(0) => self.association.closed_by_peer(),
                Ok(count) => {
                    let octets = self.buffer.split_to(count).freeze();
                    if let Err(error) = self.association.feed_bytes(octets) {
                        // The abort is in the output; it need not arrive.
                        let _ = self.flush();
                        return Err(self.broken(error.to_string()));
                    }
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.association.tick(Instant::now());
                    silent = true;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.broken(e.to_string())),
            }
            self.flush()?;
            if silent && !self.association.is_over() {
                return Ok(Waited::Tick);
            }
        }
    }

    /// Follows an operation by one step. `None` is a moment without anything, or a step that concerns nobody else.
    fn advance(&mut self, operation: &mut Operation) -> Result<Option<Step>, NetError> {
        let Waited::Event(event) = self.wait()? else { return Ok(None) };
        match operation.take(event) {
            Step::Wait => Ok(None),
            Step::Refuse { context, response } => {
                self.send_command(context, &response)?;
                Ok(None)
            }
            Step::Broken(reason) => Err(self.broken(reason)),
            step => Ok(Some(step)),
        }
    }

    fn flush(&mut self) -> Result<(), NetError> {
        let output = self.association.take_output();
        if output.is_empty() {
            return Ok(());
        }
        self.stream.write_all(&output).map_err(|e| self.broken(e.to_string()))
    }

    fn abort(&mut self) {
        self.association.abort();
        // The peer may be gone already.
        let _ = self.flush();
    }

    fn broken(&self, reason: String) -> NetError {
        NetError::Broken { url: self.url.clone(), reason: format!("{}: {reason}", self.step) }
    }
}

/// The wish to end an operation: the caller's, by flag or by callback, and what has come of it.
struct Cancellation {
    flag: Arc<AtomicBool>,
    sent: Option<Instant>,
    wished: bool,
}

impl Cancellation {
    fn of(client: &DimseClient) -> Self {
        Self { flag: client.cancel.clone(), sent: None, wished: false }
    }

    /// True once the end was asked for: nothing more is told to the caller.
    fn is_wished(&self) -> bool {
        self.wished || self.sent.is_some()
    }

    fn wish(&mut self) {
        self.wished = true;
    }

    /// Sends the C-CANCEL when it is time to.
    ///
    /// Errors: the peer went on for longer than it may.
    fn look(&mut self, client: &mut DimseClient, operation: &Operation) -> Result<(), NetError> {
        self.wished |= self.flag.load(Ordering::Relaxed);
        match self.sent {
            None if self.wished => {
                client.send_command(operation.context(), &CommandSet::cancel_request(operation.message_id()))?;
                self.sent = Some(Instant::now());
            }
            Some(sent) if sent.elapsed() >= client.cancel_grace => {
                client.abort();
                let seconds = client.cancel_grace.as_secs_f32();
                return Err(client.broken(format!("cancelled; the peer went on for {seconds} s, so it was aborted")));
            }
            _ => {}
        }
        Ok(())
    }
}
