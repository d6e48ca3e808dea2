//! C-STORE and C-ECHO as SCP: objects stream to disk, are scanned within bounds, and answered when durable.
//! Source: PS3.4 B.2, PS3.7 9.1; spec/dicom.md sections 22.2 and 24.

use crate::edge::Edge;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::dimse_status;
use crate::instance_delivery::PixelFormat;
use crate::{Access, Binding, Transaction};
use actors::{Accepted, Caller, Cx, Fault, ImagingArchive, InstanceWriter, ReceivedInstance, short_id};
use bytes::Bytes;
use dicom::dimse::{AcceptedContext, AssociationRequest, CommandSet, Rejection, field, status};
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

/// Receives instances for the node's archive.
pub struct Service {
    pub archive: ImagingArchive,
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
        Ok(Box::new(Session { service: self, cx, receiving: None }))
    }
}

struct Session {
    service: Arc<Service>,
    cx: Cx,
    receiving: Option<Receiving>,
}

/// An object on its way in. A failure is kept until the data set has passed, and answered then.
struct Receiving {
    request: CommandSet,
    sop_class: String,
    sop_instance: String,
    transfer_syntax: String,
    octets: u64,
    writer: Result<InstanceWriter, Fault>,
}

impl DimseSession for Session {
    fn command(&mut self, context: &AcceptedContext, command: &CommandSet, has_data: bool) -> Option<CommandSet> {
        match command.command_field() {
            field::C_ECHO_RQ => Some(CommandSet::response(command, status::SUCCESS, None, false)),
            field::C_STORE_RQ if has_data => {
                self.receiving = Some(self.begin(context, command));
                None
            }
            field::C_STORE_RQ => {
                Some(CommandSet::response(command, 0xa900, Some("C-STORE came without a data set"), false))
            }
            _ if command.is_response() => None,
            // PS3.7 C.5.6: no such operation.
            _ => Some(CommandSet::response(command, 0x0211, Some("only C-STORE and C-ECHO are served"), false)),
        }
    }

    fn data(&mut self, _: &AcceptedContext, octets: Bytes, last: bool) -> Option<CommandSet> {
        let receiving = self.receiving.as_mut()?;
        receiving.octets += octets.len() as u64;
        if receiving.octets > self.service.instance_octets && receiving.writer.is_ok() {
            let limit = self.service.instance_octets;
            receiving.writer = Err(Fault::OutOfResources(format!("an object may have at most {limit} octets")));
        }
        if let Ok(writer) = &mut receiving.writer
            && let Err(error) = writer.write(&octets)
        {
            tracing::error!(request_id = self.cx.request_id, %error, "cannot write a received object");
            receiving.writer = Err(Fault::OutOfResources(error.to_string()));
        }
        if !last {
            return None;
        }
        let receiving = self.receiving.take()?;
        Some(self.finish(receiving))
    }
}

impl Session {
    fn begin(&mut self, context: &AcceptedContext, command: &CommandSet) -> Receiving {
        let sop_class = command.sop_class_uid().unwrap_or_default();
        let sop_instance = command.sop_instance_uid().unwrap_or_default();
        let transfer_syntax = context.transfer_syntax.clone();
        // Without the calling AE title: the same object sent by another modality is the same object.
        let meta = part10::file_meta(&sop_class, &sop_instance, &transfer_syntax, None);
        // The association is old, the object is not.
        self.cx.began_unix_micros = self.cx.now_unix_micros();
        let writer = self.service.archive.receive(&self.cx).and_then(|mut writer| {
            writer.write(&meta).map_err(|e| Fault::OutOfResources(e.to_string()))?;
            Ok(writer)
        });
        Receiving { request: command.clone(), sop_class, sop_instance, transfer_syntax, octets: 0, writer }
    }

    fn finish(&self, receiving: Receiving) -> CommandSet {
        let Receiving { request, sop_class, sop_instance, transfer_syntax, octets, writer } = receiving;
        let mut objects = vec![sop_instance.clone()];
        let outcome = writer.and_then(|writer| {
            if octets == 0 {
                let reason = "the data set is empty".to_owned();
                return Err(Fault::InvalidInstance { instance: sop_instance.clone(), reason });
            }
            let received = self.inspect(&writer, &sop_class, &sop_instance, &transfer_syntax)?;
            objects.extend(received.study.as_ref().map(ToString::to_string));
            self.service.archive.accept(writer, received, &self.cx)
        });
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
        CommandSet::response(&request, code, comment.as_deref(), false)
    }

    /// The bounded look at everything that came, before any other code sees it.
    fn inspect(
        &self,
        writer: &InstanceWriter,
        sop_class: &str,
        sop_instance: &str,
        transfer_syntax: &str,
    ) -> Result<ReceivedInstance, Fault> {
        let invalid = |reason: String| Fault::InvalidInstance { instance: sop_instance.to_owned(), reason };
        let mut file = writer.read_back().map_err(|e| Fault::OutOfResources(e.to_string()))?;
        let options = Options { keep: Keep::Tags(dicom::header::HEADER_TAGS), ..Options::default() };
        let scan = scan_reader(&mut file, &options).map_err(|e| invalid(e.culprit_first()))?;
        let header = dicom::Header::from_scan(&scan);
        if header.sop_instance_uid != dicom::uid::trim(sop_instance) {
            return Err(invalid(format!(
                "the data set holds SOP Instance UID (0008,0018) `{}`, the command announced `{sop_instance}`",
                header.sop_instance_uid
            )));
        }
        if header.sop_class_uid != dicom::uid::trim(sop_class) {
            return Err(invalid(format!(
                "the data set holds SOP Class UID (0008,0016) `{}`, the command announced `{sop_class}`",
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
            calling_ae: self.cx.caller.name.clone(),
            header: PixelFormat::of(&header).encode(),
        })
    }
}
