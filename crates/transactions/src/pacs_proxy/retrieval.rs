//! Has the PACS send instances: by C-MOVE to this node's own listener, or by C-GET on the association that asks.
//! Source: spec/dicom.md section 22.4.

use super::{PacsAddress, PacsLine};
use crate::c_store::Incoming;
use crate::edge::dimse_status;
use actors::{BoxFuture, Cx, Fault, InstanceReceiver, PacsRetrieve, Wanted};
use bytes::Bytes;
use dicom::dimse::query::Retrieve;
use dicom::dimse::{ProposedContext, RetrieveOutcome, RetrieveResult, SubOperations, status};
use dicom::sop_classes::{STORAGE_CLASSES, STUDY_ROOT_MOVE};
use dicom::transfer_syntaxes::TRANSFER_SYNTAXES;
use model::SopClassUid;
use net::{IncomingObject, StoreSink};
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

/// How instances come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetrieveBy {
    /// To this AE title, which the PACS knows as the address of this node's listener.
    Move {
        destination: String,
    },
    Get,
}

/// Classes of what is wanted, as far as they are known: a C-GET has to propose them. May block.
pub type KnownClasses = dyn Fn(&Wanted) -> Vec<SopClassUid> + Send + Sync;

/// Retrievals from one PACS.
pub struct Retrieval {
    pub line: PacsLine,
    pub by: RetrieveBy,
    pub classes: Arc<KnownClasses>,
    /// Takes what a C-GET brings, once it is there.
    pub receiver: Arc<OnceLock<Arc<dyn InstanceReceiver>>>,
    /// Largest object, octets.
    pub instance_octets: u64,
}

impl PacsRetrieve for Retrieval {
    fn name(&self) -> &str {
        &self.line.address.name
    }

    fn retrieve<'a>(
        &'a self,
        wanted: &'a Wanted,
        cancel: Arc<AtomicBool>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<String, Fault>> {
        Box::pin(async move {
            let what = match &wanted.instance {
                Some(instance) => Retrieve::instances(&wanted.study, &wanted.series, std::slice::from_ref(instance)),
                None => Retrieve::series(&wanted.study, std::slice::from_ref(&wanted.series)),
            };
            let what = what.map_err(|e| self.line.address.silent(e.to_string()))?;
            match &self.by {
                RetrieveBy::Move { destination } => {
                    let destination = destination.clone();
                    self.line.run(move |address| by_move(address, &what, &destination, cancel)).await
                }
                RetrieveBy::Get => {
                    let missing = || self.line.address.silent("the node is not ready to receive".to_owned());
                    let receiver = self.receiver.get().cloned().ok_or_else(missing)?;
                    let (classes, wanted) = (self.classes.clone(), wanted.clone());
                    let sink = Sink { receiver, limit: self.instance_octets, cx: cx.clone(), incoming: None };
                    self.line.run(move |address| by_get(address, &what, &classes(&wanted), sink, &cancel)).await
                }
            }
        })
    }
}

fn by_move(
    address: &PacsAddress,
    what: &Retrieve,
    destination: &str,
    cancel: Arc<AtomicBool>,
) -> Result<String, Fault> {
    let mut client = address.connect(vec![ProposedContext::service(STUDY_ROOT_MOVE)])?;
    client.set_cancel_flag(cancel);
    let outcome = client.move_to(what, destination, &mut |_| ControlFlow::Continue(()));
    let outcome = outcome.map_err(|e| address.silent(e.to_string()))?;
    let _ = client.release();
    said(address, "C-MOVE", &outcome)
}

/// Storage classes of one association, beside the class of the C-GET itself.
const MOST_CLASSES: usize = 127;

/// One association where the classes are known; where they are not, as many as it takes to propose all: what was of no
/// proposed class comes with another.
fn by_get(
    address: &PacsAddress,
    what: &Retrieve,
    classes: &[SopClassUid],
    mut sink: Sink,
    cancel: &Arc<AtomicBool>,
) -> Result<String, Fault> {
    let mut proposed: Vec<&str> = classes.iter().map(SopClassUid::as_str).collect();
    proposed.sort_unstable();
    proposed.dedup();
    if proposed.is_empty() {
        proposed = STORAGE_CLASSES.iter().map(|class| class.uid).collect();
    }
    let syntaxes: Vec<&str> = TRANSFER_SYNTAXES.iter().map(|syntax| syntax.uid).collect();
    let mut words = Vec::new();
    let mut refusal = None;
    for classes in proposed.chunks(MOST_CLASSES) {
        let contexts = ProposedContext::to_get(classes.iter().copied(), &syntaxes)
            .map_err(|count| address.silent(format!("a C-GET cannot propose {count} SOP classes")))?;
        let mut client = address.connect(contexts)?;
        client.set_cancel_flag(cancel.clone());
        let outcome = client.get(what, &mut sink, &mut |_: &SubOperations| ControlFlow::Continue(()));
        let outcome = outcome.map_err(|e| address.silent(e.to_string()))?;
        let _ = client.release();
        match said(address, "C-GET", &outcome) {
            Ok(said) => words.push(said),
            // Some PACS refuse when they can send nothing on this association.
            Err(fault) => refusal = Some(fault),
        }
    }
    match refusal {
        Some(fault) if words.is_empty() => Err(fault),
        _ => Ok(words.join("; ")),
    }
}

fn said(address: &PacsAddress, service: &str, outcome: &RetrieveOutcome) -> Result<String, Fault> {
    let said = format!("{service} {outcome}");
    match outcome.result {
        RetrieveResult::Refused => Err(address.silent(said)),
        _ => Ok(said),
    }
}

/// Objects of a C-GET on their way to the receiver.
struct Sink {
    receiver: Arc<dyn InstanceReceiver>,
    limit: u64,
    cx: Cx,
    incoming: Option<Incoming>,
}

impl StoreSink for Sink {
    fn begin(&mut self, object: &IncomingObject) {
        let object = [object.sop_class.as_str(), &object.sop_instance, &object.transfer_syntax];
        self.incoming = Some(Incoming::begin(&*self.receiver, object, self.limit, &self.cx));
    }

    fn data(&mut self, octets: Bytes) {
        if let Some(incoming) = &mut self.incoming {
            incoming.write(&octets);
        }
    }

    fn end(&mut self) -> u16 {
        let Some(incoming) = self.incoming.take() else { return status::SUCCESS };
        let (objects, outcome) = incoming.finish(&self.cx);
        match outcome {
            Ok(_) => status::SUCCESS,
            Err(fault) => {
                let instance = objects.first().map_or("", String::as_str);
                tracing::warn!(request_id = self.cx.request_id, instance, %fault, "an object of a C-GET was refused");
                dimse_status::c_store(&fault)
            }
        }
    }
}
