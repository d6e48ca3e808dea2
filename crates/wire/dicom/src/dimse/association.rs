//! The association machine of both sides: bytes in, events and bytes out; it knows no socket, task or clock.
//! PS3.8 section 9.2 (state machine), PS3.7 section 9.3 (messages).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use dicom_ul::pdu::{
    AbortRQServiceProviderReason, AbortRQSource, AssociationRJResult, AssociationRJSource, AssociationRQ, Pdu,
    read_pdu, write_pdu,
};

use super::command::CommandSet;
use super::event::{DimseError, Event};
use super::negotiation::{
    AcceptedContext, AcceptorConfig, ExtendedNegotiation, Rejection, RequestorConfig, answer, objection, read_accept,
    request_of, request_pdu,
};
use super::pdata;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    AwaitRequest,
    AwaitDecision,
    AwaitAnswer,
    Established,
    AwaitRelease,
    /// Nothing more is read or written; the transport is closed once output is flushed.
    Done,
}

impl State {
    fn text(self) -> &'static str {
        match self {
            Self::AwaitRequest => "before an association is requested",
            Self::AwaitDecision => "before the request is answered",
            Self::AwaitAnswer => "before the answer to our request",
            Self::Established => "on an established association",
            Self::AwaitRelease => "after we asked for release",
            Self::Done => "over",
        }
    }
}

enum Reading {
    Header { octets: [u8; 6], have: usize },
    Body { octets: Vec<u8>, need: usize },
    PdvHeader { left: usize, octets: [u8; 6], have: usize },
    Pdv { left: usize, pdv_left: usize, context: u8, command: bool, last: bool },
}

const NEXT_PDU: Reading = Reading::Header { octets: [0; 6], have: 0 };

enum Side {
    Acceptor { config: AcceptorConfig, pending: Option<Box<AssociationRQ>> },
    Requestor { config: RequestorConfig },
}

/// The longest association PDU that is read.
const MAX_ASSOCIATE: u32 = 1 << 20;
/// The longest P-DATA PDU that is read; some peers send more than was agreed.
const MAX_DATA: u32 = 8 << 20;
const MAX_COMMAND: usize = 64 * 1024;

/// One association of either side.
pub struct Association {
    side: Side,
    state: State,
    reading: Reading,
    contexts: Vec<AcceptedContext>,
    provided: Vec<String>,
    extended: Vec<ExtendedNegotiation>,
    peer_max_pdu: u32,
    command: Vec<u8>,
    command_context: Option<u8>,
    outgoing: Vec<u8>,
    output: Vec<u8>,
    events: VecDeque<Event>,
    timeout: Duration,
    deadline: Option<Instant>,
}

impl Association {
    /// The side that waits for an association.
    pub fn acceptor(config: AcceptorConfig) -> Self {
        let timeout = Duration::from_millis(config.artim_timeout_ms);
        Self::new(Side::Acceptor { config, pending: None }, State::AwaitRequest, timeout)
    }

    /// The side that asks; the request is in the output at once.
    ///
    /// Errors: `Proposal` if there is no context, more than 128, or a title that is empty or too long.
    pub fn requestor(config: RequestorConfig) -> Result<Self, DimseError> {
        if config.contexts.is_empty() || config.contexts.len() > 128 {
            let count = config.contexts.len();
            return Err(DimseError::Proposal(format!("1 to 128 presentation contexts, got {count}")));
        }
        let pdu = Pdu::AssociationRQ(request_pdu(&config));
        let timeout = Duration::from_millis(config.artim_timeout_ms);
        let mut association = Self::new(Side::Requestor { config }, State::AwaitAnswer, timeout);
        write_pdu(&mut association.output, &pdu).map_err(|error| DimseError::Proposal(chain(&error)))?;
        Ok(association)
    }

    fn new(side: Side, state: State, timeout: Duration) -> Self {
        Self {
            side,
            state,
            reading: NEXT_PDU,
            contexts: Vec::new(),
            provided: Vec::new(),
            extended: Vec::new(),
            peer_max_pdu: 0,
            command: Vec::new(),
            command_context: None,
            outgoing: Vec::new(),
            output: Vec::new(),
            events: VecDeque::new(),
            timeout,
            deadline: None,
        }
    }

    /// Takes bytes from the peer. `feed_bytes` saves a copy.
    pub fn feed(&mut self, octets: &[u8]) -> Result<(), DimseError> {
        self.feed_bytes(Bytes::copy_from_slice(octets))
    }

    /// Takes bytes from the peer; data sets come out as slices of them.
    ///
    /// Errors: whatever breaks the protocol. The abort is then in the output and the association is over.
    pub fn feed_bytes(&mut self, octets: Bytes) -> Result<(), DimseError> {
        self.deadline = None;
        let result = self.read(octets);
        if let Err(error) = &result
            && self.state != State::Done
        {
            let reason = match error {
                DimseError::UnknownPdu(_) => AbortRQServiceProviderReason::UnrecognizedPdu,
                DimseError::UnexpectedPdu { .. } | DimseError::Mixed => AbortRQServiceProviderReason::UnexpectedPdu,
                _ => AbortRQServiceProviderReason::InvalidPduParameter,
            };
            self.send(&Pdu::AbortRQ { source: AbortRQSource::ServiceProvider(reason) });
            self.end(Event::Aborted(error.to_string()));
        }
        result
    }

    /// The next thing that happened.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Bytes for the peer.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// How many bytes wait for the peer: stop sending while this is large.
    pub fn output_len(&self) -> usize {
        self.output.len()
    }

    /// True once nothing more will be read: flush the output and close the transport.
    pub fn is_over(&self) -> bool {
        self.state == State::Done
    }

    /// The contexts agreed on.
    pub fn contexts(&self) -> &[AcceptedContext] {
        &self.contexts
    }

    /// The context of an id.
    pub fn context(&self, id: u8) -> Option<&AcceptedContext> {
        self.contexts.iter().find(|context| context.id == id)
    }

    /// A context for a class and transfer syntax.
    pub fn context_for(&self, abstract_syntax: &str, transfer_syntax: &str) -> Option<u8> {
        self.contexts
            .iter()
            .find(|context| context.abstract_syntax == abstract_syntax && context.transfer_syntax == transfer_syntax)
            .map(|context| context.id)
    }

    /// The first context for a class, whatever its transfer syntax.
    pub fn context_of(&self, abstract_syntax: &str) -> Option<&AcceptedContext> {
        self.contexts.iter().find(|context| context.abstract_syntax == abstract_syntax)
    }

    /// Requestor: true if the peer agreed that we take the provider's role for a class (C-GET). Some peers do not answer
    /// the proposal and store all the same.
    pub fn is_provider_of(&self, abstract_syntax: &str) -> bool {
        self.provided.iter().any(|class| class == abstract_syntax)
    }

    /// Requestor: what the peer agreed to of the extended negotiation for a class; `None` is the basic service.
    pub fn extended(&self, abstract_syntax: &str) -> Option<&[u8]> {
        self.extended.iter().find(|one| one.sop_class == abstract_syntax).map(|one| one.options.as_slice())
    }

    /// Tells the time. Ends the association when the peer has been silent for too long.
    pub fn tick(&mut self, now: Instant) {
        if self.state == State::Done {
            return;
        }
        match self.deadline {
            None => self.deadline = Some(now + self.timeout),
            Some(deadline) if now >= deadline => {
                let text = format!("peer was silent for {} ms {}", self.timeout.as_millis(), self.state.text());
                if self.state != State::AwaitRequest {
                    self.send(&Pdu::AbortRQ { source: AbortRQSource::ServiceUser });
                }
                self.end(Event::Aborted(text));
            }
            Some(_) => {}
        }
    }

    /// When `tick` should be called next at the latest; `None` before the first `tick`.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Acceptor: agrees to what was requested, within what the configuration offers. Gives the accepted contexts.
    pub fn accept(&mut self) -> Result<&[AcceptedContext], DimseError> {
        let Side::Acceptor { config, pending } = &mut self.side else {
            return Err(DimseError::Closed("of the requesting side"));
        };
        let Some(rq) = pending.take() else { return Err(DimseError::Closed(self.state.text())) };
        let request = request_of(&rq);
        let (ac, contexts) = answer(&rq, &request, config);
        self.timeout = Duration::from_millis(config.idle_timeout_ms);
        self.peer_max_pdu = request.max_pdu;
        self.contexts = contexts;
        self.state = State::Established;
        self.deadline = None;
        self.send(&Pdu::AssociationAC(ac));
        Ok(&self.contexts)
    }

    /// Acceptor: refuses what was requested.
    pub fn reject(&mut self, rejection: Rejection) -> Result<(), DimseError> {
        let Side::Acceptor { pending, .. } = &mut self.side else {
            return Err(DimseError::Closed("of the requesting side"));
        };
        if pending.take().is_none() {
            return Err(DimseError::Closed(self.state.text()));
        }
        self.send(&Pdu::AssociationRJ(rejection.to_pdu()));
        self.state = State::Done;
        Ok(())
    }

    /// Sends a command.
    pub fn send_command(&mut self, context: u8, command: &CommandSet) -> Result<(), DimseError> {
        self.writable(context)?;
        let octets = command.encode();
        let limit = pdata::fragment_limit(self.peer_max_pdu);
        let mut rest = octets.as_slice();
        while rest.len() > limit {
            let (now, later) = rest.split_at(limit);
            pdata::write(&mut self.output, context, true, false, [now, &[]]);
            rest = later;
        }
        pdata::write(&mut self.output, context, true, true, [rest, &[]]);
        Ok(())
    }

    /// Sends a piece of a data set; cut it as you like. Fragments on the wire are even and fit the peer.
    pub fn send_data(&mut self, context: u8, octets: &[u8], last: bool) -> Result<(), DimseError> {
        self.writable(context)?;
        let limit = pdata::fragment_limit(self.peer_max_pdu);
        let mut rest = octets;
        // The last fragment carries a mark, so one is always held back.
        while self.outgoing.len() + rest.len() > limit {
            let (now, later) = rest.split_at(limit - self.outgoing.len());
            pdata::write(&mut self.output, context, false, false, [&self.outgoing, now]);
            self.outgoing.clear();
            rest = later;
        }
        self.outgoing.extend_from_slice(rest);
        if last {
            if self.outgoing.len() % 2 == 1 {
                self.outgoing.push(0);
            }
            pdata::write(&mut self.output, context, false, true, [&self.outgoing, &[]]);
            self.outgoing.clear();
        }
        Ok(())
    }

    /// Asks for release.
    pub fn release(&mut self) -> Result<(), DimseError> {
        if self.state != State::Established {
            return Err(DimseError::Closed(self.state.text()));
        }
        self.send(&Pdu::ReleaseRQ);
        self.state = State::AwaitRelease;
        self.deadline = None;
        self.timeout = Duration::from_millis(match &self.side {
            Side::Acceptor { config, .. } => config.artim_timeout_ms,
            Side::Requestor { config } => config.artim_timeout_ms,
        });
        Ok(())
    }

    /// Ends the association at once.
    pub fn abort(&mut self) {
        if self.state != State::Done {
            if self.state != State::AwaitRequest {
                self.send(&Pdu::AbortRQ { source: AbortRQSource::ServiceUser });
            }
            self.end(Event::Aborted("aborted by us".into()));
        }
    }

    /// Tells that the peer has closed the transport.
    pub fn closed_by_peer(&mut self) {
        if self.state != State::Done {
            self.end(Event::Aborted(format!("peer closed the connection {}", self.state.text())));
        }
    }

    fn writable(&mut self, context: u8) -> Result<(), DimseError> {
        if self.state != State::Established {
            return Err(DimseError::Closed(self.state.text()));
        }
        if self.context(context).is_none() {
            return Err(DimseError::UnknownContext(context));
        }
        // What we send is a sign of life too: the peer is waited for from now on.
        self.deadline = None;
        Ok(())
    }

    fn send(&mut self, pdu: &Pdu) {
        // Writing to memory fails only for titles that are too long; those came from the wire or were checked before.
        let before = self.output.len();
        if write_pdu(&mut self.output, pdu).is_err() {
            self.output.truncate(before);
        }
    }

    fn end(&mut self, event: Event) {
        self.state = State::Done;
        self.reading = NEXT_PDU;
        self.events.push_back(event);
    }

    fn read(&mut self, mut input: Bytes) -> Result<(), DimseError> {
        while !input.is_empty() && self.state != State::Done {
            match &mut self.reading {
                Reading::Header { octets, have } => {
                    if take(&mut input, octets, have) {
                        let head = *octets;
                        self.begin_pdu(head)?;
                    }
                }
                Reading::Body { octets, need } => {
                    let count = (*need - octets.len()).min(input.len());
                    octets.extend_from_slice(&input.split_to(count));
                    if octets.len() == *need {
                        let pdu = std::mem::take(octets);
                        self.reading = NEXT_PDU;
                        self.take_pdu(&pdu)?;
                    }
                }
                Reading::PdvHeader { left, octets, have } => {
                    if take(&mut input, octets, have) {
                        let (left, head) = (*left, *octets);
                        self.begin_pdv(left, head)?;
                    }
                }
                Reading::Pdv { pdv_left, .. } => {
                    let piece = input.split_to((*pdv_left).min(input.len()));
                    self.take_piece(piece)?;
                }
            }
        }
        Ok(())
    }

    fn begin_pdu(&mut self, head: [u8; 6]) -> Result<(), DimseError> {
        let kind = head[0];
        let length = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
        if !(0x01..=0x07).contains(&kind) {
            return Err(DimseError::UnknownPdu(kind));
        }
        let expected = match self.state {
            State::AwaitRequest => matches!(kind, 0x01 | 0x07),
            State::AwaitDecision => kind == 0x07,
            State::AwaitAnswer => matches!(kind, 0x02 | 0x03 | 0x07),
            State::Established => matches!(kind, 0x04 | 0x05 | 0x07),
            State::AwaitRelease => matches!(kind, 0x04..=0x07),
            State::Done => false,
        };
        if !expected {
            return Err(DimseError::UnexpectedPdu { pdu: kind, state: self.state.text() });
        }
        let limit = if kind == 0x04 { MAX_DATA } else { MAX_ASSOCIATE };
        if length > limit {
            return Err(DimseError::PduTooLong { length, limit });
        }
        if kind == 0x04 {
            if length == 0 {
                self.reading = NEXT_PDU;
                return Ok(());
            }
            self.reading = Reading::PdvHeader { left: length as usize, octets: [0; 6], have: 0 };
            return Ok(());
        }
        let mut octets = Vec::with_capacity(4096.min(length as usize) + 6);
        octets.extend_from_slice(&head);
        let need = length as usize + 6;
        if need == 6 {
            self.reading = NEXT_PDU;
            return self.take_pdu(&octets);
        }
        self.reading = Reading::Body { octets, need };
        Ok(())
    }

    fn take_pdu(&mut self, pdu: &[u8]) -> Result<(), DimseError> {
        if pdu[0] == 0x02 {
            return self.take_answer(&pdu[6..]);
        }
        let (what, malformed): (&'static str, fn(String) -> DimseError) = match pdu[0] {
            0x01 => ("A-ASSOCIATE-RQ", |reason| DimseError::Malformed { what: "A-ASSOCIATE-RQ", reason }),
            0x03 => ("A-ASSOCIATE-RJ", |reason| DimseError::Malformed { what: "A-ASSOCIATE-RJ", reason }),
            _ => ("PDU", |reason| DimseError::Malformed { what: "PDU", reason }),
        };
        let read = match pdu[0] {
            // Whatever stands in an abort, it is one.
            0x07 => read_pdu(pdu, MAX_ASSOCIATE, false)
                .ok()
                .flatten()
                .unwrap_or(Pdu::AbortRQ { source: AbortRQSource::Reserved }),
            _ => read_pdu(pdu, MAX_ASSOCIATE, false)
                .map_err(|error| malformed(chain(&error)))?
                .ok_or_else(|| malformed(format!("{what} ends too early")))?,
        };
        match read {
            Pdu::AssociationRQ(rq) => self.take_request(rq),
            Pdu::AssociationRJ(rj) => {
                let reason = match &rj.source {
                    AssociationRJSource::ServiceUser(reason) => reason.to_string(),
                    AssociationRJSource::ServiceProviderASCE(reason) => reason.to_string(),
                    AssociationRJSource::ServiceProviderPresentation(reason) => reason.to_string(),
                };
                self.end(Event::Rejected { permanent: rj.result == AssociationRJResult::Permanent, reason });
            }
            Pdu::ReleaseRQ => {
                self.send(&Pdu::ReleaseRP);
                // Both sides asked at once: the peer's answer is still to come (PS3.8 9.2.3, AR-8).
                if self.state != State::AwaitRelease {
                    self.end(Event::Released);
                }
            }
            Pdu::ReleaseRP => self.end(Event::Released),
            Pdu::AbortRQ { source } => {
                let who = match source {
                    AbortRQSource::ServiceUser => "aborted by the peer".to_owned(),
                    AbortRQSource::ServiceProvider(reason) => format!("aborted by the peer's provider: {reason}"),
                    AbortRQSource::Reserved => "aborted by the peer without a known reason".to_owned(),
                };
                self.end(Event::Aborted(who));
            }
            _ => return Err(DimseError::UnexpectedPdu { pdu: pdu[0], state: self.state.text() }),
        }
        Ok(())
    }

    fn take_request(&mut self, rq: AssociationRQ) {
        let Side::Acceptor { config, pending } = &mut self.side else { return };
        let request = request_of(&rq);
        if let Some(rejection) = objection(&rq, &request, config) {
            let rj = rejection.to_pdu();
            let reason = match rejection {
                Rejection::CallingAeTitle => "calling AE title is empty".to_owned(),
                Rejection::CalledAeTitle if request.called_ae_title.is_empty() => "called AE title is empty".to_owned(),
                Rejection::CalledAeTitle => format!("called AE title {:?} is not ours", request.called_ae_title),
                Rejection::ApplicationContext => "application context is not DICOM's".to_owned(),
                other => format!("{other:?}"),
            };
            self.send(&Pdu::AssociationRJ(rj));
            self.end(Event::Rejected { permanent: true, reason });
            return;
        }
        *pending = Some(Box::new(rq));
        self.state = State::AwaitDecision;
        self.events.push_back(Event::Requested(request));
    }

    fn take_answer(&mut self, body: &[u8]) -> Result<(), DimseError> {
        let Side::Requestor { config } = &self.side else {
            return Err(DimseError::UnexpectedPdu { pdu: 0x02, state: self.state.text() });
        };
        let Some(agreed) = read_accept(body, config) else {
            return Err(DimseError::Malformed { what: "A-ASSOCIATE-AC", reason: "it ends too early".into() });
        };
        self.timeout = Duration::from_millis(config.idle_timeout_ms);
        self.peer_max_pdu = agreed.max_pdu;
        self.contexts.clone_from(&agreed.contexts);
        self.provided = agreed.provided;
        self.extended = agreed.extended;
        self.state = State::Established;
        self.events.push_back(Event::Accepted(agreed.contexts));
        Ok(())
    }

    fn begin_pdv(&mut self, left: usize, head: [u8; 6]) -> Result<(), DimseError> {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (context, control) = (head[4], head[5]);
        let broken = |reason: String| DimseError::Malformed { what: "P-DATA-TF", reason };
        if length < 2 || length + 4 > left {
            return Err(broken(format!("PDV of {length} octets where {left} are left")));
        }
        if self.context(context).is_none() {
            return Err(DimseError::UnknownContext(context));
        }
        let (command, last) = (control & 1 == 1, control & 2 == 2);
        let mixed = self.command_context.is_some_and(|open| open != context || !command);
        if mixed {
            return Err(DimseError::Mixed);
        }
        let left = left - 4 - length;
        if left > 0 && left < pdata::PDV_HEADER {
            return Err(broken(format!("{left} octets after the last PDV")));
        }
        self.reading = Reading::Pdv { left, pdv_left: length - 2, context, command, last };
        if length == 2 {
            // An empty fragment: nothing more to wait for.
            self.take_piece(Bytes::new())?;
        }
        Ok(())
    }

    fn take_piece(&mut self, piece: Bytes) -> Result<(), DimseError> {
        let Reading::Pdv { left, pdv_left, context, command, last } = &mut self.reading else { return Ok(()) };
        *pdv_left -= piece.remaining();
        let (left, done, context, command, last) = (*left, *pdv_left == 0, *context, *command, *last);
        if done {
            self.reading = if left == 0 { NEXT_PDU } else { Reading::PdvHeader { left, octets: [0; 6], have: 0 } };
        }
        if command {
            if self.command.len() + piece.len() > MAX_COMMAND {
                return Err(DimseError::CommandTooLong(MAX_COMMAND));
            }
            self.command.extend_from_slice(&piece);
            self.command_context = Some(context);
            if done && last {
                self.command_context = None;
                let octets = std::mem::take(&mut self.command);
                let command = CommandSet::decode(&octets)?;
                let has_data = command.has_data_set();
                self.events.push_back(Event::Command { context, command, has_data });
            }
        } else if !piece.is_empty() || (done && last) {
            self.events.push_back(Event::Data { context, octets: piece, last: done && last });
        }
        Ok(())
    }
}

/// Fills `octets` from `input`; true once it is full.
fn take(input: &mut Bytes, octets: &mut [u8; 6], have: &mut usize) -> bool {
    let count = (octets.len() - *have).min(input.len());
    octets[*have..*have + count].copy_from_slice(&input.split_to(count));
    *have += count;
    *have == octets.len()
}

/// An error and its causes on one line; dicom-ul's `Debug` would print a backtrace.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
