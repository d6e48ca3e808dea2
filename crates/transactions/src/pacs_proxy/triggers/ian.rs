//! RAD-49 Instance Availability Notification, as the PACS sends it: the study is looked at. What it says of availability is
//! not believed either way, the look tells. Source: RAD TF-2 4.49; PS3.4 Annex R; spec/dicom.md section 22.5.

use super::answer;
use crate::c_store::Notified;
use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::{Access, Binding, Transaction};
use actors::{Cx, PacsObserver};
use dicom::dimse::instance_availability::AvailabilityNotification;
use dicom::dimse::query::Availability;
use dicom::dimse::{CommandSet, field, status};
use dicom::sop_classes::INSTANCE_AVAILABILITY;
use model::StudyInstanceUid;
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "RAD-49",
    name: "Instance Availability Notification",
    section: "RAD TF-2 4.49",
    binding: Binding::Dimse { service: "N-CREATE" },
    access: Access::Publish,
};

/// Takes notifications.
pub struct Server {
    pub observer: Arc<PacsObserver>,
    pub edge: Edge,
}

impl Server {
    fn take(&self, data_set: &[u8], syntax: &str, objects: &mut Vec<String>, cx: &Cx) -> Result<(), (u16, String)> {
        let said = AvailabilityNotification::decode(data_set, syntax);
        let said = said.map_err(|e| (status::CANNOT_UNDERSTAND, e.to_string()))?;
        let study = StudyInstanceUid::parse(&said.study).map_err(|e| (status::CANNOT_UNDERSTAND, e.to_string()))?;
        objects.push(study.to_string());
        let instances = said.series.iter().flat_map(|series| &series.instances);
        let unavailable = instances.clone().filter(|i| i.availability == Availability::Unavailable).count();
        let all = instances.count();
        tracing::info!(request_id = cx.request_id, %study, instances = all, unavailable, "availability notified");
        self.observer.ask(&study, cx).map_err(|fault| (status::PROCESSING_FAILURE, fault.to_string()))
    }
}

impl Notified for Server {
    fn sop_class(&self) -> &'static str {
        INSTANCE_AVAILABILITY
    }

    fn respond(&self, request: &CommandSet, data_set: &[u8], transfer_syntax: &str, cx: &Cx) -> CommandSet {
        let mut objects = Vec::new();
        let outcome = if request.command_field() == field::N_CREATE_RQ {
            self.take(data_set, transfer_syntax, &mut objects, cx)
        } else {
            Err((status::UNRECOGNIZED_OPERATION, "an availability notification is an N-CREATE".to_owned()))
        };
        let audited = match &outcome {
            Ok(()) => Outcome::Success,
            Err((_, reason)) => Outcome::MinorFailure(reason.clone()),
        };
        self.edge.audit(&TRANSACTION, audited, Facts { objects, ..Facts::default() }, cx);
        answer(request, &outcome)
    }
}
