//! One request of ours on an association until its final response: C-FIND, C-MOVE, C-GET and the normalized services.
//! PS3.7 sections 9.1.2 to 9.1.4, 10.1.
//!
//! Events of the association go in, steps come out. Stores of a C-GET and its responses may come in any order between
//! each other (P40); whose data set a fragment belongs to is told by its presentation context.

use bytes::Bytes;

use super::command::{CommandSet, field, status};
use super::element_error::{ElementError, MOST_DATA_SET_OCTETS};
use super::event::Event;
use super::status_meaning::{StatusKind, status_meaning};

/// A request that waits for its final response.
pub struct Operation {
    message_id: u16,
    context: u8,
    with_stores: bool,
    response: Option<(CommandSet, Collected)>,
    store: Option<(u8, CommandSet)>,
}

/// The data set of a response.
enum Collected {
    Octets(Vec<u8>),
    TooLong,
}

/// A whole response.
#[derive(Debug)]
pub struct Response {
    /// The command.
    pub command: CommandSet,
    /// Its data set, if it has one.
    pub data_set: Result<Option<Vec<u8>>, ElementError>,
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Nothing: more must come.
    Wait,
    /// A response that is not the last one.
    Pending(Response),
    /// The last response; the operation is over.
    Final(Response),
    /// C-GET: an object begins.
    StoreBegins {
        /// The presentation context of the object.
        context: u8,
        /// The C-STORE request.
        request: CommandSet,
    },
    /// C-GET: a piece of the object.
    StoreData {
        /// The piece, a slice of what was fed; may be empty.
        octets: Bytes,
        /// With the last piece: the context and request of the object, which is to be answered.
        end: Option<(u8, CommandSet)>,
    },
    /// Something was asked that is not done here; send this.
    Refuse {
        /// The presentation context.
        context: u8,
        /// The response to send.
        response: CommandSet,
    },
    /// The association ended before the operation did.
    Broken(String),
}

impl Operation {
    /// Follows a request that was sent on a context.
    pub fn new(message_id: u16, context: u8) -> Self {
        Self { message_id, context, with_stores: false, response: None, store: None }
    }

    /// The same for a C-GET, during which the peer stores.
    pub fn with_stores(message_id: u16, context: u8) -> Self {
        Self { with_stores: true, ..Self::new(message_id, context) }
    }

    /// The message id of the request, which a C-CANCEL names.
    pub fn message_id(&self) -> u16 {
        self.message_id
    }

    /// The context of the request.
    pub fn context(&self) -> u8 {
        self.context
    }

    /// Takes what happened on the association.
    pub fn take(&mut self, event: Event) -> Step {
        match event {
            Event::Command { context, command, has_data } => self.take_command(context, command, has_data),
            Event::Data { context, octets, last } => self.take_data(context, octets, last),
            Event::Aborted(reason) => Step::Broken(reason),
            Event::Released => Step::Broken("the peer released the association before it had answered".into()),
            Event::Accepted(_) | Event::Rejected { .. } | Event::Requested(_) => {
                Step::Broken("the association was negotiated once more".into())
            }
        }
    }

    fn take_command(&mut self, context: u8, command: CommandSet, has_data: bool) -> Step {
        if let Some(responded) = command.message_id_responded().filter(|_| command.is_response()) {
            if responded != self.message_id {
                let expected = self.message_id;
                return Step::Broken(format!("expected a response to message {expected}, got one to {responded}"));
            }
            // Unless its data set was complete, the response before is given up: the peer has gone on.
            if has_data {
                self.response = Some((command, Collected::Octets(Vec::new())));
                return Step::Wait;
            }
            return Self::finished(Response { command, data_set: Ok(None) });
        }
        if command.command_field() == field::C_STORE_RQ && self.with_stores {
            if has_data {
                self.store = Some((context, command.clone()));
                return Step::StoreBegins { context, request: command };
            }
            let comment = Some("a C-STORE without a data set");
            let response = CommandSet::response(&command, status::CANNOT_UNDERSTAND, comment, false);
            return Step::Refuse { context, response };
        }
        if command.is_response() || command.command_field() == field::C_CANCEL_RQ {
            return Step::Wait;
        }
        let response = CommandSet::response(&command, status::UNRECOGNIZED_OPERATION, None, false);
        Step::Refuse { context, response }
    }

    fn take_data(&mut self, context: u8, octets: Bytes, last: bool) -> Step {
        if self.store.as_ref().is_some_and(|(store, _)| *store == context) {
            let end = if last { self.store.take() } else { None };
            return Step::StoreData { octets, end };
        }
        if context != self.context {
            return Step::Wait;
        }
        let Some((_, collected)) = &mut self.response else { return Step::Wait };
        match collected {
            Collected::Octets(all) if all.len() + octets.len() <= MOST_DATA_SET_OCTETS => {
                all.extend_from_slice(&octets);
            }
            _ => *collected = Collected::TooLong,
        }
        if !last {
            return Step::Wait;
        }
        match self.response.take() {
            Some((command, Collected::Octets(all))) => Self::finished(Response { command, data_set: Ok(Some(all)) }),
            Some((command, Collected::TooLong)) => {
                Self::finished(Response { command, data_set: Err(ElementError::TooLong) })
            }
            None => Step::Wait,
        }
    }

    fn finished(response: Response) -> Step {
        let command = &response.command;
        let status = command.status().unwrap_or(0xFFFF);
        match status_meaning(command.command_field(), status).kind {
            StatusKind::Pending => Step::Pending(response),
            _ => Step::Final(response),
        }
    }
}
