//! The study that is sent to each PACS, and a listener of ours that a C-MOVE sends to.

use super::peers::Pacs;
use bytes::Bytes;
use dicom::dimse::query::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};
use dicom::dimse::{
    AcceptedContext, AcceptorConfig, AssociationRequest, CommandSet, ProposedContext, Rejection, RequestorConfig,
    field, status,
};
use dicom::sop_classes::{STUDY_ROOT_FIND, STUDY_ROOT_MOVE};
use dicom::transfer_syntaxes::EXPLICIT_LE;
use dicom::{DataSet, VR, tags};
use net::{DimseClient, DimseServer, DimseService, DimseSession, listen_dimse};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub const SC: &str = "1.2.840.10008.5.1.4.1.1.7";
pub const STUDY: &str = "2.25.4100";
/// CT, 12 instances.
pub const CT_SERIES: &str = "2.25.4110";
/// Secondary capture, 1 instance.
pub const SC_SERIES: &str = "2.25.4120";
pub const CT_INSTANCES: usize = 12;

pub fn study() -> StudyInstanceUid {
    StudyInstanceUid::parse(STUDY).unwrap()
}

pub fn series(uid: &str) -> SeriesInstanceUid {
    SeriesInstanceUid::parse(uid).unwrap()
}

pub fn instance(number: usize) -> SopInstanceUid {
    SopInstanceUid::parse(&ct_uid(number)).unwrap()
}

pub fn ct_uid(number: usize) -> String {
    format!("{CT_SERIES}.{number}")
}

/// One slice of 64 x 64 pixels.
fn slice(class: &str, modality: &str, series: &str, series_number: usize, number: usize) -> DataSet {
    let mut set = DataSet::new();
    set.put_text(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192");
    set.put_text(tags::SOP_CLASS_UID, class);
    set.put_text(tags::SOP_INSTANCE_UID, &format!("{series}.{number}"));
    set.put_text(tags::STUDY_DATE, "20250603");
    set.put_text(tags::STUDY_TIME, "101530");
    set.put_text(tags::ACCESSION_NUMBER, "ACC-41");
    set.put_text(tags::MODALITY, modality);
    set.put_text(tags::REFERRING_PHYSICIAN_NAME, "Ärztin^Ada");
    set.put_text(tags::STUDY_DESCRIPTION, "CT Schädel");
    set.put_text(tags::SERIES_DESCRIPTION, "Dünne Schichten");
    set.put_text(tags::PATIENT_NAME, "Müller^Änne");
    set.put_text(tags::PATIENT_ID, "P-41");
    set.put_text(tags::PATIENT_BIRTH_DATE, "19610213");
    set.put_text(tags::PATIENT_SEX, "F");
    set.put_text(tags::STUDY_INSTANCE_UID, STUDY);
    set.put_text(tags::SERIES_INSTANCE_UID, series);
    set.put_text(tags::STUDY_ID, "41");
    set.put_text(tags::SERIES_NUMBER, &series_number.to_string());
    set.put_text(tags::INSTANCE_NUMBER, &number.to_string());
    set.put_u16(tags::SAMPLES_PER_PIXEL, 1);
    set.put_text(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    set.put_u16(tags::ROWS, 64);
    set.put_u16(tags::COLUMNS, 64);
    set.put_u16(tags::BITS_ALLOCATED, 16);
    set.put_u16(tags::BITS_STORED, 12);
    set.put_u16(tags::HIGH_BIT, 11);
    set.put_u16(tags::PIXEL_REPRESENTATION, 0);
    let pixels: Vec<u8> = (0..8192_usize).map(|at| (at * number % 251) as u8).collect();
    set.put_octets(tags::PIXEL_DATA, VR::OW, pixels);
    set
}

/// SOP instance UID to class and data set in Explicit VR Little Endian.
pub fn objects() -> BTreeMap<String, (&'static str, Vec<u8>)> {
    let slices = (1..=CT_INSTANCES).map(|number| (CT, slice(CT, "CT", CT_SERIES, 1, number)));
    let captures = std::iter::once((SC, slice(SC, "OT", SC_SERIES, 2, 1)));
    slices
        .chain(captures)
        .map(|(class, set)| (set.uid(tags::SOP_INSTANCE_UID).unwrap(), (class, set.encode_explicit_le())))
        .collect()
}

/// Connects with the contexts given.
pub fn connect(pacs: &Pacs, contexts: Vec<ProposedContext>) -> DimseClient {
    call(pacs, pacs.ae_title, contexts)
}

/// The same by another title of the PACS.
pub fn call(pacs: &Pacs, called: &str, contexts: Vec<ProposedContext>) -> DimseClient {
    let mut config = RequestorConfig::new("MANIFOLD", called, contexts);
    config.idle_timeout_ms = 20_000;
    DimseClient::connect(&pacs.address, config, Duration::from_secs(5)).unwrap()
}

pub fn find_and_move() -> Vec<ProposedContext> {
    vec![ProposedContext::service(STUDY_ROOT_FIND), ProposedContext::service(STUDY_ROOT_MOVE)]
}

pub fn to_get() -> Vec<ProposedContext> {
    ProposedContext::to_get([CT, SC], &[EXPLICIT_LE]).unwrap()
}

/// Sends the study.
pub fn send(pacs: &Pacs) {
    let contexts = ProposedContext::to_store([(CT, EXPLICIT_LE), (SC, EXPLICIT_LE)]).unwrap();
    let mut client = connect(pacs, contexts);
    for (uid, (class, octets)) in objects() {
        let context = client.context_for(class, EXPLICIT_LE).expect("the PACS takes CT and SC");
        let response = client.store(context, class, &uid, &mut octets.as_slice()).unwrap();
        assert_eq!(response.status(), Some(status::SUCCESS), "{uid}");
    }
    client.release().unwrap();
}

/// What came by C-MOVE: instance UID to octets; and by how many stores it was known to belong to a move of ours.
#[derive(Default)]
pub struct Received {
    pub objects: BTreeMap<String, Vec<u8>>,
    pub with_originator: usize,
}

/// A listener as a destination of C-MOVE.
pub struct Receiver {
    pub port: u16,
    pub received: Arc<Mutex<Received>>,
    // Dropped in this order: a listener lives on its runtime.
    _server: DimseServer,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let received = Arc::new(Mutex::new(Received::default()));
        let service = Arc::new(Storing { received: received.clone() });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let _entered = runtime.enter();
        let server = listen_dimse(listener, AcceptorConfig::default(), service, 16).unwrap();
        Self { port, received, _server: server, _runtime: runtime }
    }
}

struct Storing {
    received: Arc<Mutex<Received>>,
}

impl DimseService for Storing {
    fn open(self: Arc<Self>, _: &AssociationRequest, _: SocketAddr) -> Result<Box<dyn DimseSession>, Rejection> {
        Ok(Box::new(Session { received: self.received.clone(), request: None, octets: Vec::new() }))
    }
}

struct Session {
    received: Arc<Mutex<Received>>,
    request: Option<CommandSet>,
    octets: Vec<u8>,
}

impl DimseSession for Session {
    fn command(&mut self, _: &AcceptedContext, command: &CommandSet, has_data: bool) -> Option<CommandSet> {
        if command.command_field() == field::C_STORE_RQ && has_data {
            self.request = Some(command.clone());
            return None;
        }
        Some(CommandSet::response(command, status::SUCCESS, None, false))
    }

    fn data(&mut self, _: &AcceptedContext, octets: Bytes, last: bool) -> Option<CommandSet> {
        self.octets.extend_from_slice(&octets);
        if !last {
            return None;
        }
        let request = self.request.take()?;
        let mut received = self.received.lock().unwrap();
        received.with_originator += usize::from(request.move_originator().is_some());
        received.objects.insert(request.sop_instance_uid()?, std::mem::take(&mut self.octets));
        Some(CommandSet::response(&request, status::SUCCESS, None, false))
    }
}
