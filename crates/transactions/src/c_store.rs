//! C-STORE and C-ECHO as SCP: objects stream to disk, are scanned within bounds, and answered when durable.
//! Source: PS3.4 B.2, PS3.7 9.1; spec/dicom.md sections 22.2 and 24.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::dimse_status;
use crate::instance_delivery::PixelFormat;
use crate::{Access, Binding, Transaction};
use actors::{Accepted, Caller, Cx, Fault, IncomingInstance, InstanceReceiver, ReceivedInstance, short_id};
use bytes::Bytes;
use dicom::dimse::{AcceptedContext, AssociationRequest, CommandSet, MOST_DATA_SET_OCTETS, Rejection, field, status};
use dicom::part10;
use dicom::scan::{Keep, Options, scan_reader};
use model::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid};
use net::{DimseService, DimseSession};
use std::net::SocketAddr;
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "DIMSE",
    name: "C-STORE of the storage classes, C-ECHO",
    section: "PS3.4 B, PS3.4 A",
    binding: Binding::Dimse { service: "C-STORE" },
    access: Access::Publish,
};

/// A service of notifications on the same port: what comes as N-CREATE or N-SET of one SOP class.
pub trait Notified: Send + Sync {
    fn sop_class(&self) -> &'static str;

    /// Answers one message; `data_set` is empty where none came. Blocks. What success says is durable.
    fn respond(&self, request: &CommandSet, data_set: &[u8], transfer_syntax: &str, cx: &Cx) -> CommandSet;
}

/// Receives instances for the node's archive, or those that its proxy has asked for.
pub struct Service {
    pub receiver: Arc<dyn InstanceReceiver>,
    /// AE titles that may store; empty: any.
    pub callers: Vec<String>,
    pub notified: Vec<Arc<dyn Notified>>,
    /// AE titles that may notify, beside those that may store.
    pub notifiers: Vec<String>,
    pub edge: Edge,
    /// Largest object, octets.
    pub instance_octets: u64,
}

impl DimseService for Service {
    fn open(
        self: Arc<Self>,
        request: &AssociationRequest,
        peer: SocketAddr,
    ) -> Result<Box<dyn DimseSession>, Rejection> {
        if request.calling_ae_title.trim().is_empty() {
            return Err(Rejection::CallingAeTitle);
        }
        let title = request.calling_ae_title.trim();
        let may_store = self.callers.is_empty() || self.callers.iter().any(|caller| caller == title);
        if !may_store && !self.notifiers.iter().any(|notifier| notifier == title) {
            tracing::warn!(calling = request.calling_ae_title, %peer, "an association of an unknown AE title was refused");
            return Err(Rejection::CallingAeTitle);
        }
        let identifiers = self.edge.identifiers.clone();
        let cx = Cx {
            caller: Caller { name: request.calling_ae_title.clone(), address: Some(peer.ip()) },
            purpose_of_use: None,
            request_id: short_id(&identifiers.uuid()),
            traceparent: None,
            clock: self.edge.clock.clone(),
            identifiers,
            began_unix_micros: self.edge.clock.now_unix_micros(),
        };
        tracing::debug!(request_id = cx.request_id, calling = request.calling_ae_title, %peer, "association opened");
        Ok(Box::new(Session { service: self, cx, may_store, receiving: Receiving::Nothing }))
    }
}

struct Session {
    service: Arc<Service>,
    cx: Cx,
    may_store: bool,
    receiving: Receiving,
}

/// What a data set belongs to: the request that announced it.
enum Receiving {
    Nothing,
    Object { request: CommandSet, incoming: Incoming },
    Notification { request: CommandSet, service: Arc<dyn Notified>, data_set: Vec<u8>, too_large: bool },
}

/// An object on its way in. A failure is kept until the data set has passed, and answered then.
pub(crate) struct Incoming {
    sop_class: String,
    sop_instance: String,
    transfer_syntax: String,
    octets: u64,
    limit: u64,
    instance: Result<Box<dyn IncomingInstance>, Fault>,
}

impl Incoming {
    /// `object`: SOP class, SOP instance and transfer syntax as announced; at most `limit` octets of data set.
    pub(crate) fn begin(receiver: &dyn InstanceReceiver, object: [&str; 3], limit: u64, cx: &Cx) -> Self {
        let [sop_class, sop_instance, transfer_syntax] = object.map(str::to_owned);
        // Without the calling AE title: the same object sent by another modality is the same object.
        let meta = part10::file_meta(&sop_class, &sop_instance, &transfer_syntax, None);
        let instance = receiver.begin(cx).and_then(|mut instance| instance.write(&meta).map(|()| instance));
        Incoming { sop_class, sop_instance, transfer_syntax, octets: 0, limit, instance }
    }

    pub(crate) fn write(&mut self, octets: &[u8]) {
        self.octets += octets.len() as u64;
        if self.octets > self.limit && self.instance.is_ok() {
            let limit = self.limit;
            self.instance = Err(Fault::OutOfResources(format!("an object may have at most {limit} octets")));
        }
        if let Ok(instance) = &mut self.instance
            && let Err(fault) = instance.write(octets)
        {
            self.instance = Err(fault);
        }
    }

    /// The object is whole. Shape: what it is about, and what became of it.
    pub(crate) fn finish(self, cx: &Cx) -> (Vec<String>, Result<Accepted, Fault>) {
        let sop_instance = self.sop_instance.clone();
        let (place, outcome) = self.finish_in(None, cx);
        (std::iter::once(sop_instance).chain(place.map(|(study, _)| study)).collect(), outcome)
    }

    /// The same of an object that has to belong to a study. Shape: its study and series, if it names both.
    pub(crate) fn finish_in(self, study: Option<&str>, cx: &Cx) -> (Option<(String, String)>, Result<Accepted, Fault>) {
        let Incoming { sop_class, sop_instance, transfer_syntax, octets, limit: _, instance } = self;
        let mut place = None;
        let outcome = instance.and_then(|instance| {
            let invalid = |reason: String| Fault::InvalidInstance { instance: sop_instance.clone(), reason };
            if octets == 0 {
                return Err(invalid("the data set is empty".to_owned()));
            }
            let received = inspect(&*instance, &sop_class, &sop_instance, &transfer_syntax, cx)?;
            let own = received.study.as_ref().map(ToString::to_string);
            if let Some(study) = study.filter(|study| own.as_deref() != Some(*study)) {
                let own = own.unwrap_or_default();
                return Err(invalid(format!("is of study `{own}` by (0020,000D), it was sent to study `{study}`")));
            }
            place = own.zip(received.series.as_ref().map(ToString::to_string));
            instance.keep(received, cx)
        });
        (place, outcome)
    }
}

impl DimseSession for Session {
    fn command(&mut self, context: &AcceptedContext, command: &CommandSet, has_data: bool) -> Option<CommandSet> {
        // The association is old, the message is not.
        self.cx.began_unix_micros = self.cx.now_unix_micros();
        match command.command_field() {
            field::C_ECHO_RQ => Some(CommandSet::response(command, status::SUCCESS, None, false)),
            field::C_STORE_RQ if !self.may_store => {
                let comment = "this AE title may notify here, not store";
                Some(CommandSet::response(command, status::NOT_AUTHORIZED, Some(comment), false))
            }
            field::C_STORE_RQ if has_data => {
                self.receiving = self.begin(context, command);
                None
            }
            field::C_STORE_RQ => {
                Some(CommandSet::response(command, 0xa900, Some("C-STORE came without a data set"), false))
            }
            field::N_CREATE_RQ | field::N_SET_RQ => {
                let service = self.service.notified.iter().find(|s| s.sop_class() == context.abstract_syntax);
                let Some(service) = service.cloned() else {
                    return Some(CommandSet::response(command, status::SOP_CLASS_NOT_SUPPORTED, None, false));
                };
                if !has_data {
                    return Some(service.respond(command, &[], &context.transfer_syntax, &self.cx));
                }
                let (request, data_set) = (command.clone(), Vec::new());
                self.receiving = Receiving::Notification { request, service, data_set, too_large: false };
                None
            }
            _ if command.is_response() => None,
            // PS3.7 C.5.6: no such operation.
            _ => {
                let comment = "this operation is not served here";
                Some(CommandSet::response(command, status::UNRECOGNIZED_OPERATION, Some(comment), false))
            }
        }
    }

    fn data(&mut self, context: &AcceptedContext, octets: Bytes, last: bool) -> Option<CommandSet> {
        match &mut self.receiving {
            Receiving::Nothing => return None,
            Receiving::Object { incoming, .. } => incoming.write(&octets),
            Receiving::Notification { data_set, too_large, .. } => {
                *too_large |= data_set.len() + octets.len() > MOST_DATA_SET_OCTETS;
                if !*too_large {
                    data_set.extend_from_slice(&octets);
                }
            }
        }
        if !last {
            return None;
        }
        match std::mem::replace(&mut self.receiving, Receiving::Nothing) {
            Receiving::Nothing => None,
            Receiving::Object { request, incoming } => Some(self.finish(&request, incoming)),
            Receiving::Notification { request, too_large: true, .. } => {
                let comment = "the data set is too large";
                Some(CommandSet::response(&request, status::PROCESSING_FAILURE, Some(comment), false))
            }
            Receiving::Notification { request, service, data_set, .. } => {
                Some(service.respond(&request, &data_set, &context.transfer_syntax, &self.cx))
            }
        }
    }
}

impl Session {
    fn begin(&mut self, context: &AcceptedContext, command: &CommandSet) -> Receiving {
        let sop_class = command.sop_class_uid().unwrap_or_default();
        let sop_instance = command.sop_instance_uid().unwrap_or_default();
        let (receiver, limit) = (&*self.service.receiver, self.service.instance_octets);
        let object = [sop_class.as_str(), &sop_instance, &context.transfer_syntax];
        Receiving::Object { request: command.clone(), incoming: Incoming::begin(receiver, object, limit, &self.cx) }
    }

    fn finish(&self, request: &CommandSet, incoming: Incoming) -> CommandSet {
        let (objects, outcome) = incoming.finish(&self.cx);
        let sop_instance = objects.first().cloned().unwrap_or_default();
        let (code, comment) = match &outcome {
            Ok(Accepted::Stored | Accepted::AlreadyThere) => (status::SUCCESS, None),
            Ok(Accepted::Held(reason)) => {
                tracing::warn!(request_id = self.cx.request_id, instance = sop_instance, reason, "instance held");
                (dimse_status::held(reason), Some(reason.clone()))
            }
            Err(fault) => {
                tracing::warn!(request_id = self.cx.request_id, instance = sop_instance, ?fault, "instance refused");
                (dimse_status::c_store(fault), Some(dimse_status::comment(fault)))
            }
        };
        let outcome = match outcome {
            Ok(_) => Outcome::Success,
            Err(fault) => Outcome::MinorFailure(format!("{fault:?}")),
        };
        self.service.edge.audit(&TRANSACTION, outcome, Facts { patient: None, objects, query: None }, &self.cx);
        CommandSet::response(request, code, comment.as_deref(), false)
    }
}

/// The bounded look at everything that came, before any other code sees it.
fn inspect(
    incoming: &dyn IncomingInstance,
    sop_class: &str,
    sop_instance: &str,
    transfer_syntax: &str,
    cx: &Cx,
) -> Result<ReceivedInstance, Fault> {
    let invalid = |reason: String| Fault::InvalidInstance { instance: sop_instance.to_owned(), reason };
    let mut file = incoming.read_back()?;
    let options = Options { keep: Keep::Tags(dicom::header::HEADER_TAGS), ..Options::default() };
    let scan = scan_reader(&mut file, &options).map_err(|e| invalid(e.culprit_first()))?;
    let header = dicom::Header::from_scan(&scan);
    if header.sop_instance_uid != dicom::uid::trim(sop_instance) {
        return Err(invalid(format!(
            "the data set holds SOP Instance UID (0008,0018) `{}`, announced was `{sop_instance}`",
            header.sop_instance_uid
        )));
    }
    if header.sop_class_uid != dicom::uid::trim(sop_class) {
        return Err(invalid(format!(
            "the data set holds SOP Class UID (0008,0016) `{}`, announced was `{sop_class}`",
            header.sop_class_uid
        )));
    }
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let study = optional(&header.study_instance_uid).map(|uid| StudyInstanceUid::parse(&uid)).transpose();
    let series = optional(&header.series_instance_uid).map(|uid| SeriesInstanceUid::parse(&uid)).transpose();
    Ok(ReceivedInstance {
        study: study.map_err(|e| invalid(e.to_string()))?,
        series: series.map_err(|e| invalid(e.to_string()))?,
        instance: SopInstanceUid::parse(sop_instance).map_err(|e| invalid(e.to_string()))?,
        sop_class: SopClassUid::parse(sop_class).map_err(|e| invalid(e.to_string()))?,
        transfer_syntax: TransferSyntaxUid::parse(transfer_syntax).map_err(|e| invalid(e.to_string()))?,
        patient_id: header.patient.id.clone().unwrap_or_default(),
        patient_issuer: header.patient.issuer.oid().unwrap_or_default().to_owned(),
        accession: header.accession_number.clone().unwrap_or_default(),
        calling_ae: cx.caller.name.clone(),
        header: PixelFormat::of(&header).encode(),
    })
}
