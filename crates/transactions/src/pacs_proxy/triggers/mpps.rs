//! RAD-6 and RAD-7, a modality's procedure step: it begins by N-CREATE and ends by N-SET; then its studies are looked at, or
//! are not published when the modality says that the wrong worklist entry had been chosen.
//! Source: RAD TF-2 4.6, 4.7; PS3.4 Annex F.7; spec/dicom.md sections 22.5, 22.6.

use super::answer;
use crate::c_store::Notified;
use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::{Access, Binding, Transaction};
use actors::{Cx, Fault, PacsObserver, StepEnd};
use dicom::dimse::procedure_step::{ProcedureStep, StepStatus};
use dicom::dimse::{CommandSet, field, status};
use dicom::sop_classes::MPPS;
use model::StudyInstanceUid;
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "RAD-6",
    name: "Modality Procedure Step In Progress",
    section: "RAD TF-2 4.6",
    binding: Binding::Dimse { service: "N-CREATE" },
    access: Access::Publish,
};

pub static ENDED: Transaction = Transaction {
    id: "RAD-7",
    name: "Modality Procedure Step Completed/Discontinued",
    section: "RAD TF-2 4.7",
    binding: Binding::Dimse { service: "N-SET" },
    access: Access::Publish,
};

/// PS3.7 C.5: the instance is there already; it is not there.
const DUPLICATE_INSTANCE: u16 = 0x0111;
const NO_SUCH_INSTANCE: u16 = 0x0112;

/// Takes procedure steps.
pub struct Server {
    pub observer: Arc<PacsObserver>,
    pub edge: Edge,
}

fn failed(fault: Fault) -> (u16, String) {
    (status::PROCESSING_FAILURE, fault.to_string())
}

impl Server {
    fn begins(
        &self,
        step: &str,
        said: &ProcedureStep,
        objects: &mut Vec<String>,
        cx: &Cx,
    ) -> Result<(), (u16, String)> {
        let named = said.scheduled.iter().filter_map(|scheduled| scheduled.study.as_deref());
        let studies: Vec<StudyInstanceUid> = named.filter_map(|uid| StudyInstanceUid::parse(uid).ok()).collect();
        objects.extend(studies.iter().map(ToString::to_string));
        if studies.is_empty() {
            return Err((status::CANNOT_UNDERSTAND, "no Study Instance UID in (0040,0270)".to_owned()));
        }
        match self.observer.step_begins(step, &studies, cx).map_err(failed)? {
            true => Ok(()),
            false => Err((DUPLICATE_INSTANCE, "this procedure step has begun already".to_owned())),
        }
    }

    fn goes_on(
        &self,
        step: &str,
        said: &ProcedureStep,
        objects: &mut Vec<String>,
        cx: &Cx,
    ) -> Result<(), (u16, String)> {
        let end = match said.status {
            Some(StepStatus::Completed) => StepEnd::Completed,
            Some(StepStatus::Discontinued) if said.is_wrong_worklist_entry() => StepEnd::WrongWorklistEntry,
            Some(StepStatus::Discontinued) => StepEnd::Discontinued,
            // An intermediate state, which says nothing of the images.
            Some(StepStatus::InProgress) | None => return Ok(()),
        };
        let studies = self.observer.step_ends(step, end, cx).map_err(failed)?;
        let studies = studies.ok_or((NO_SUCH_INSTANCE, "this procedure step has not begun".to_owned()))?;
        if end == StepEnd::WrongWorklistEntry {
            let studies: Vec<&str> = studies.iter().map(StudyInstanceUid::as_str).collect();
            let studies = studies.join(" ");
            tracing::warn!(request_id = cx.request_id, studies, "the wrong worklist entry was chosen: not published");
        }
        objects.extend(studies.iter().map(ToString::to_string));
        Ok(())
    }
}

impl Notified for Server {
    fn sop_class(&self) -> &'static str {
        MPPS
    }

    fn respond(&self, request: &CommandSet, data_set: &[u8], transfer_syntax: &str, cx: &Cx) -> CommandSet {
        let begins = request.command_field() == field::N_CREATE_RQ;
        let mut objects = Vec::new();
        let read = || {
            let missing = (status::CANNOT_UNDERSTAND, "the procedure step has no SOP Instance UID".to_owned());
            let step = request.sop_instance_uid().filter(|uid| !uid.is_empty()).ok_or(missing)?;
            let said = ProcedureStep::decode(data_set, transfer_syntax);
            Ok((step, said.map_err(|e| (status::CANNOT_UNDERSTAND, e.to_string()))?))
        };
        let outcome = read().and_then(|(step, said)| match begins {
            true => self.begins(&step, &said, &mut objects, cx),
            false => self.goes_on(&step, &said, &mut objects, cx),
        });
        let audited = match &outcome {
            Ok(()) => Outcome::Success,
            Err((_, reason)) => Outcome::MinorFailure(reason.clone()),
        };
        let transaction = if begins { &TRANSACTION } else { &ENDED };
        self.edge.audit(transaction, audited, Facts { objects, ..Facts::default() }, cx);
        answer(request, &outcome)
    }
}
