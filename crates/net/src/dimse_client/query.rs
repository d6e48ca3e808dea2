//! C-FIND in the study root, answers as they come. PS3.4 C.4.1; spec/dicom.md 22.3.

use super::{Cancellation, DimseClient};
use crate::NetError;
use dicom::dimse::query::{Found, Match, Query};
use dicom::dimse::{CommandSet, ElementError, FindOutcome, Operation, Step, status};
use dicom::sop_classes::STUDY_ROOT_FIND;
use std::ops::ControlFlow;

impl DimseClient {
    /// Asks, and tells each answer as it comes; `Break` cancels the query, after which nothing more is told.
    ///
    /// Shape: an answer that cannot be used is an error value in its place and does not end the query.
    /// Errors: the peer does not offer the service, breaks the protocol, is silent too long, or does not end a query that
    /// was cancelled. A refusal by status is no error but an outcome.
    /// Source: PS3.4 C.4.1.
    pub fn find<M: Match>(
        &mut self,
        query: &Query<M>,
        each: &mut dyn FnMut(Result<Found<M>, ElementError>) -> ControlFlow<()>,
    ) -> Result<FindOutcome, NetError> {
        self.step = format!("C-FIND at {} level", query.level().as_str());
        let (context, syntax) = self.service_context(STUDY_ROOT_FIND, "C-FIND in the study root")?;
        let id = self.next_id();
        let mut operation = Operation::new(id, context);
        let mut cancellation = Cancellation::of(self);
        self.send_message(context, &CommandSet::find_request(id, STUDY_ROOT_FIND), &query.encode(&syntax))?;
        let (mut answers, mut keys_not_supported) = (0, false);
        loop {
            cancellation.look(self, &operation)?;
            match self.advance(&mut operation)? {
                Some(Step::Pending(response)) => {
                    answers += 1;
                    keys_not_supported |= response.command.status() == Some(status::PENDING_WITHOUT_OPTIONAL_KEYS);
                    if cancellation.is_wished() {
                        continue;
                    }
                    let answer = match response.data_set {
                        Ok(Some(octets)) => query.decode(&octets, &syntax),
                        Ok(None) => Err(ElementError::NoDataSet),
                        Err(error) => Err(error),
                    };
                    if each(answer).is_break() {
                        cancellation.wish();
                    }
                }
                Some(Step::Final(response)) => {
                    let cancelled = cancellation.is_wished();
                    return Ok(FindOutcome::of(&response.command, answers, keys_not_supported, cancelled));
                }
                _ => {}
            }
        }
    }
}
