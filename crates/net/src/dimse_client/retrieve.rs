//! C-MOVE and C-GET in the study root. PS3.4 C.4.2, C.4.3; spec/dicom.md 22.4.

use super::{Cancellation, DimseClient, READ_OBJECT_OCTETS};
use crate::NetError;
use bytes::Bytes;
use dicom::dimse::query::Retrieve;
use dicom::dimse::{CommandSet, Operation, RetrieveOutcome, Step, SubOperations};
use dicom::sop_classes::{STUDY_ROOT_GET, STUDY_ROOT_MOVE};
use std::ops::ControlFlow;

/// An object that a peer stores during a C-GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingObject {
    /// (0000,0002).
    pub sop_class: String,
    /// (0000,1000). Neither is checked: what the object says of itself decides.
    pub sop_instance: String,
    /// The transfer syntax of the data set that follows, without file meta information.
    pub transfer_syntax: String,
}

/// Where the objects of a C-GET go. A call may block: nothing more is read from the peer meanwhile. An object that
/// begins and does not end is incomplete.
pub trait StoreSink {
    /// An object begins.
    fn begin(&mut self, object: &IncomingObject);
    /// A piece of it.
    fn data(&mut self, octets: Bytes);
    /// It is complete. Shape: the status to answer with, 0000 when it is kept.
    fn end(&mut self) -> u16;
}

impl DimseClient {
    /// Has the peer send objects to `destination`, an AE title that it knows the address of.
    ///
    /// Shape: `progress` gets the counters of each pending response, which some peers never send; `Break` cancels.
    /// Errors: as `find`. A refusal by status is no error but an outcome.
    /// Source: PS3.4 C.4.2.
    pub fn move_to(
        &mut self,
        what: &Retrieve,
        destination: &str,
        progress: &mut dyn FnMut(&SubOperations) -> ControlFlow<()>,
    ) -> Result<RetrieveOutcome, NetError> {
        self.step = format!("C-MOVE at {} level to {destination}", what.level().as_str());
        let (context, syntax) = self.service_context(STUDY_ROOT_MOVE, "C-MOVE in the study root")?;
        let id = self.next_id();
        let request = CommandSet::move_request(id, STUDY_ROOT_MOVE, destination);
        self.send_message(context, &request, &what.encode(&syntax))?;
        let (mut operation, mut cancellation) = (Operation::new(id, context), Cancellation::of(self));
        let mut last = SubOperations::default();
        loop {
            cancellation.look(self, &operation)?;
            match self.advance(&mut operation)? {
                Some(Step::Pending(response)) => {
                    last = SubOperations::of(&response.command);
                    if !cancellation.is_wished() && progress(&last).is_break() {
                        cancellation.wish();
                    }
                }
                Some(Step::Final(response)) => {
                    return Ok(RetrieveOutcome::of(&response, &syntax, last, None, cancellation.is_wished()));
                }
                _ => {}
            }
        }
    }

    /// Fetches objects on this association. The contexts of [`ProposedContext::to_get`](dicom::dimse::ProposedContext)
    /// say which classes can come.
    ///
    /// Shape: `sink` gets object after object, those under way when the retrieval is cancelled included.
    /// Errors: as `find`; an object that had begun is then incomplete.
    /// Source: PS3.4 C.4.3.
    pub fn get(
        &mut self,
        what: &Retrieve,
        sink: &mut dyn StoreSink,
        progress: &mut dyn FnMut(&SubOperations) -> ControlFlow<()>,
    ) -> Result<RetrieveOutcome, NetError> {
        self.step = format!("C-GET at {} level", what.level().as_str());
        let (context, syntax) = self.service_context(STUDY_ROOT_GET, "C-GET in the study root")?;
        let id = self.next_id();
        self.send_message(context, &CommandSet::get_request(id, STUDY_ROOT_GET), &what.encode(&syntax))?;
        let (mut operation, mut cancellation) = (Operation::with_stores(id, context), Cancellation::of(self));
        self.read_octets = READ_OBJECT_OCTETS;
        let mut last = SubOperations::default();
        let mut arrived = 0;
        loop {
            cancellation.look(self, &operation)?;
            match self.advance(&mut operation)? {
                Some(Step::StoreBegins { context, request }) => sink.begin(&self.incoming(context, &request)),
                Some(Step::StoreData { octets, end }) => {
                    if !octets.is_empty() {
                        sink.data(octets);
                    }
                    if let Some((context, request)) = end {
                        arrived += 1;
                        let status = sink.end();
                        self.send_command(context, &CommandSet::response(&request, status, None, false))?;
                    }
                }
                Some(Step::Pending(response)) => {
                    last = SubOperations::of(&response.command);
                    if !cancellation.is_wished() && progress(&last).is_break() {
                        cancellation.wish();
                    }
                }
                Some(Step::Final(response)) => {
                    let cancelled = cancellation.is_wished();
                    return Ok(RetrieveOutcome::of(&response, &syntax, last, Some(arrived), cancelled));
                }
                _ => {}
            }
        }
    }

    fn incoming(&self, context: u8, request: &CommandSet) -> IncomingObject {
        let agreed = self.association.context(context);
        IncomingObject {
            sop_class: request.sop_class_uid().unwrap_or_default(),
            sop_instance: request.sop_instance_uid().unwrap_or_default(),
            transfer_syntax: agreed.map(|context| context.transfer_syntax.clone()).unwrap_or_default(),
        }
    }
}
