//! IHE transactions, one file each, both sides: a server side that turns a message into a call of the waist and its
//! result into an answer, and a client side that implements the waist over the wire. `edge` holds what all share.
//!
//! [`TRANSACTIONS`] is the one table: routes, audit, statements and checks are derived from it. What is not in the table
//! is not supported.

pub mod archive_delete;
pub mod c_store;
pub mod console;
pub mod document_metadata;
pub mod edge;
pub mod instance_delivery;
pub mod iti104_patient_identity_feed_fhir;
pub mod iti105_simplified_publish;
pub mod iti106_generate_metadata;
pub mod iti119_patient_demographics_match;
pub mod iti18_registry_stored_query;
pub mod iti41_provide_and_register_document_set;
pub mod iti42_register_document_set;
pub mod iti43_retrieve_document_set;
pub mod iti44_patient_identity_feed_v3;
pub mod iti57_update_document_set;
pub mod iti61_register_on_demand_document_entry;
pub mod iti62_remove_metadata;
pub mod iti65_provide_document_bundle;
pub mod iti66_find_document_lists;
pub mod iti67_find_document_references;
pub mod iti68_retrieve_document;
pub mod iti78_mobile_patient_demographics_query;
pub mod iti83_mobile_patient_identifier_cross_reference_query;
pub mod iti86_remove_documents;
pub mod iti8_patient_identity_feed;
pub mod manifest_check;
pub mod manifest_forms;
pub mod manifest_maker;
pub mod pacs_proxy;
pub mod portal;
pub mod rad107_wado_rs;
pub mod rad69_retrieve_imaging_document_set;
pub mod report_source;
pub mod stow_rs;

/// What a transaction is and how it is reached.
#[derive(Debug, PartialEq, Eq)]
pub struct Transaction {
    /// `ITI-18`, `RAD-107`.
    pub id: &'static str,
    pub name: &'static str,
    /// Where the text of the specification is.
    pub section: &'static str,
    pub binding: Binding,
    /// No default: a transaction that forgets it does not compile.
    pub access: Access,
}

/// How a transaction travels.
#[derive(Debug, PartialEq, Eq)]
pub enum Binding {
    /// POST on `path`, told apart by `wsa:Action`.
    Soap { path: &'static str, action: &'static str, response_action: &'static str, mtom: bool },
    /// `path` in the form of the router, parameters in braces.
    Http { method: &'static str, path: &'static str },
    /// A DIMSE service, such as C-STORE.
    Dimse { service: &'static str },
    /// HL7 v2 messages on the MLLP port, told apart by MSH-9: its first component and the second ones.
    Mllp { message: &'static str, events: &'static [&'static str] },
}

/// What a caller may do with it: the kind that a policy decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Query,
    Retrieve,
    Publish,
    /// Changing or removing what others published.
    Administer,
    Identity,
}

/// Everything this version speaks.
pub static TRANSACTIONS: &[&Transaction] = &[
    &c_store::TRANSACTION,
    &iti8_patient_identity_feed::TRANSACTION,
    &iti18_registry_stored_query::TRANSACTION,
    &iti18_registry_stored_query::MULTI_PATIENT,
    &iti41_provide_and_register_document_set::TRANSACTION,
    &iti41_provide_and_register_document_set::RAD_68,
    &iti42_register_document_set::TRANSACTION,
    &iti43_retrieve_document_set::TRANSACTION,
    &iti44_patient_identity_feed_v3::TRANSACTION,
    &iti44_patient_identity_feed_v3::REVISED,
    &iti44_patient_identity_feed_v3::MERGED,
    &iti57_update_document_set::TRANSACTION,
    &iti57_update_document_set::RESTRICTED,
    &iti61_register_on_demand_document_entry::TRANSACTION,
    &iti62_remove_metadata::TRANSACTION,
    &iti86_remove_documents::TRANSACTION,
    &iti65_provide_document_bundle::TRANSACTION,
    &iti66_find_document_lists::TRANSACTION,
    &iti67_find_document_references::TRANSACTION,
    &iti68_retrieve_document::TRANSACTION,
    &iti78_mobile_patient_demographics_query::TRANSACTION,
    &iti83_mobile_patient_identifier_cross_reference_query::TRANSACTION,
    &iti104_patient_identity_feed_fhir::TRANSACTION,
    &iti105_simplified_publish::TRANSACTION,
    &iti106_generate_metadata::TRANSACTION,
    &iti119_patient_demographics_match::TRANSACTION,
    &rad69_retrieve_imaging_document_set::TRANSACTION,
    &rad107_wado_rs::TRANSACTION,
    &stow_rs::TRANSACTION,
    &archive_delete::TRANSACTION,
    &pacs_proxy::triggers::mpps::TRANSACTION,
    &pacs_proxy::triggers::mpps::ENDED,
    &pacs_proxy::triggers::ian::TRANSACTION,
    &pacs_proxy::triggers::oru::TRANSACTION,
    &pacs_proxy::triggers::http::TRANSACTION,
];
