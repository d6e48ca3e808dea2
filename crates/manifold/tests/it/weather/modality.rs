//! A modality: one association over our own client, objects exactly as given, good or bad.

use super::objects::{CT, EXPLICIT_LE, Object};
use dicom::dimse::{CommandSet, ProposedContext, RequestorConfig};
use net::{DimseClient, NetError};
use std::time::Duration;

pub struct Modality {
    client: DimseClient,
    context: u8,
}

impl Modality {
    /// Opens an association as AE title CT1.
    pub fn connect(address: &str, called: &str) -> Result<Modality, NetError> {
        let mut contexts = ProposedContext::to_store([(CT, EXPLICIT_LE)]).expect("one context fits");
        contexts.push(ProposedContext::verification());
        Modality::connect_as("CT1", address, called, contexts)
    }

    /// The same as somebody else. `contexts` must hold CT images in Explicit VR Little Endian.
    pub fn connect_as(
        calling: &str,
        address: &str,
        called: &str,
        contexts: Vec<ProposedContext>,
    ) -> Result<Modality, NetError> {
        let config = RequestorConfig::new(calling, called, contexts);
        let client = DimseClient::connect(address, config, Duration::from_secs(5))?;
        let context = client.context_for(CT, EXPLICIT_LE).expect("the node takes CT images");
        Ok(Modality { client, context })
    }

    /// Sends an object. Shape: the whole response.
    pub fn send(&mut self, object: &Object) -> Result<CommandSet, NetError> {
        self.client.store(self.context, CT, &object.uid, &mut object.data_set.as_slice())
    }

    pub fn store(&mut self, object: &Object) -> Answer {
        let response = self.send(object).expect("an answer to C-STORE");
        Answer { status: response.status().expect("a status"), comment: response.error_comment().unwrap_or_default() }
    }

    /// Sends objects that must all be taken.
    pub fn store_all(&mut self, objects: &[Object]) {
        for object in objects {
            let answer = self.store(object);
            assert_eq!(answer.status, 0, "C-STORE of {}: {}", object.uid, answer.comment);
        }
    }

    pub fn echo(&mut self) -> u16 {
        self.client.echo().expect("an answer to C-ECHO")
    }

    pub fn release(self) {
        self.client.release().expect("a release");
    }
}

/// What a node answers to a C-STORE.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub comment: String,
}
