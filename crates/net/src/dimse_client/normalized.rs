//! N-ACTION, N-EVENT-REPORT, N-CREATE and N-SET as requestor. PS3.7 section 10.1; spec/dicom.md 22.5.

use super::DimseClient;
use crate::NetError;
use dicom::DataSet;
use dicom::dimse::{CommandSet, Operation, StatusMeaning, Step, status_meaning};
use dicom::transfer_syntaxes::IMPLICIT_LE;

/// The response to a request of a normalized service.
#[derive(Debug)]
pub struct NormalizedAnswer {
    /// What the status says.
    pub status: StatusMeaning,
    /// The whole command.
    pub command: CommandSet,
    /// The data set, if one came, in `transfer_syntax`.
    pub data_set: Option<Vec<u8>>,
    /// The transfer syntax of the context.
    pub transfer_syntax: String,
}

impl DimseClient {
    /// Requests an action, such as the commitment of stored instances.
    pub fn n_action(
        &mut self,
        sop_class: &str,
        sop_instance: &str,
        action_type: u16,
        data_set: &DataSet,
    ) -> Result<NormalizedAnswer, NetError> {
        self.normalized("N-ACTION", sop_class, data_set, |id| {
            CommandSet::action_request(id, sop_class, sop_instance, action_type, true)
        })
    }

    /// Reports an event. On an association of its own it needs the provider's role
    /// ([`ProposedContext::provider`](dicom::dimse::ProposedContext::provider)).
    pub fn n_event_report(
        &mut self,
        sop_class: &str,
        sop_instance: &str,
        event_type: u16,
        data_set: &DataSet,
    ) -> Result<NormalizedAnswer, NetError> {
        self.normalized("N-EVENT-REPORT", sop_class, data_set, |id| {
            CommandSet::event_report_request(id, sop_class, sop_instance, event_type, true)
        })
    }

    /// Creates an instance, such as a notification or a procedure step.
    pub fn n_create(
        &mut self,
        sop_class: &str,
        sop_instance: &str,
        data_set: &DataSet,
    ) -> Result<NormalizedAnswer, NetError> {
        self.normalized("N-CREATE", sop_class, data_set, |id| {
            CommandSet::create_request(id, sop_class, Some(sop_instance))
        })
    }

    /// Changes an instance.
    pub fn n_set(
        &mut self,
        sop_class: &str,
        sop_instance: &str,
        data_set: &DataSet,
    ) -> Result<NormalizedAnswer, NetError> {
        self.normalized("N-SET", sop_class, data_set, |id| CommandSet::set_request(id, sop_class, sop_instance))
    }

    /// Errors: the peer does not offer the class, breaks the protocol or is silent too long.
    fn normalized(
        &mut self,
        step: &str,
        sop_class: &str,
        data_set: &DataSet,
        request: impl FnOnce(u16) -> CommandSet,
    ) -> Result<NormalizedAnswer, NetError> {
        self.step = step.into();
        let (context, transfer_syntax) = self.service_context(sop_class, step)?;
        let octets =
            if transfer_syntax == IMPLICIT_LE { data_set.encode_implicit_le() } else { data_set.encode_explicit_le() };
        let id = self.next_id();
        self.send_message(context, &request(id), &octets)?;
        let mut operation = Operation::new(id, context);
        loop {
            if let Some(Step::Pending(response) | Step::Final(response)) = self.advance(&mut operation)? {
                let command = response.command;
                let status = status_meaning(command.command_field(), command.status().unwrap_or(0xffff));
                let data_set = response.data_set.map_err(|e| self.broken(e.to_string()))?;
                return Ok(NormalizedAnswer { status, command, data_set, transfer_syntax });
            }
        }
    }
}
