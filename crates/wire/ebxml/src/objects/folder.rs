//! Folder as rim:RegistryPackage. Source: spec/xds.md 10.3.

use model::{Dtm, Folder};

use super::document_entry::limited;
use super::raw::RawObject;
use super::reader::Reader;
use super::writer::{ObjectWriter, Writing};
use crate::findings::{Findings, Reading};
use crate::names::{FOLDER_NODE, folder as scheme, object_type};

/// `None` when something is missing that a folder cannot be without; the findings say what.
pub(crate) fn read_folder(object: RawObject, findings: &mut Findings) -> Option<Folder> {
    let mut r = Reader::new(object, findings);
    if limited(&mut r) {
        return None;
    }
    r.use_nodes(&[FOLDER_NODE]);
    let id = r.id();
    let last_update_time = match r.reading() {
        Reading::Answer => r.parsed("lastUpdateTime", Dtm::parse),
        // The registry sets it; a submitted one is not even looked at (section 10.3).
        Reading::Submission | Reading::Update => {
            r.values("lastUpdateTime");
            None
        }
    };
    let code_list = r.code_list(scheme::CODE_LIST, "codeList");
    let patient_id = r.patient_id(scheme::PATIENT_ID);
    let unique_id = r.unique_id(scheme::UNIQUE_ID);
    let home_community_id = r.home();
    let logical_id = r.logical_id();
    let version = r.version();
    let availability_status = r.availability_status();
    let extra = r.extra();
    Some(Folder {
        id: id?,
        logical_id,
        version,
        availability_status,
        home_community_id,
        title: r.object.name,
        comments: r.object.description,
        code_list,
        patient_id: patient_id?,
        unique_id: unique_id?,
        last_update_time,
        extra,
    })
}

pub(crate) fn write_folder(w: &mut ObjectWriter, folder: &Folder) {
    let id = &folder.id;
    w.start(
        "rim:RegistryPackage",
        id,
        folder.logical_id.as_ref(),
        folder.home_community_id.as_ref(),
        object_type::REGISTRY_PACKAGE,
        folder.availability_status,
    );
    if w.writing == Writing::Answer {
        w.slot_opt("lastUpdateTime", folder.last_update_time.as_ref().map(Dtm::as_str));
    }
    w.extra(&folder.extra);
    w.name(&folder.title);
    w.description(&folder.comments);
    w.version(folder.version);
    w.node(id, FOLDER_NODE);
    w.codes(id, scheme::CODE_LIST, &folder.code_list);
    w.identifier(id, scheme::UNIQUE_ID, "XDSFolder.uniqueId", folder.unique_id.as_str());
    w.identifier(id, scheme::PATIENT_ID, "XDSFolder.patientId", &folder.patient_id.to_string());
    w.xml.end();
}
