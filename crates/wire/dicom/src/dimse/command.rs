//! Command sets: group 0000 in Implicit VR Little Endian. PS3.7 section 9.3 and Annex E.

use dicom_core::{Tag, VR};

use crate::dataset::{self, DataSet};
use crate::error::DecodeError;
use crate::scan::Limits;
use crate::transfer_syntaxes::Encoding;

/// Values of (0000,0100) Command Field. Source: PS3.7 Table E.1-1.
pub mod field {
    #![allow(missing_docs)]
    pub const C_STORE_RQ: u16 = 0x0001;
    pub const C_STORE_RSP: u16 = 0x8001;
    pub const C_GET_RQ: u16 = 0x0010;
    pub const C_GET_RSP: u16 = 0x8010;
    pub const C_FIND_RQ: u16 = 0x0020;
    pub const C_FIND_RSP: u16 = 0x8020;
    pub const C_MOVE_RQ: u16 = 0x0021;
    pub const C_MOVE_RSP: u16 = 0x8021;
    pub const C_ECHO_RQ: u16 = 0x0030;
    pub const C_ECHO_RSP: u16 = 0x8030;
    pub const C_CANCEL_RQ: u16 = 0x0FFF;
    pub const N_EVENT_REPORT_RQ: u16 = 0x0100;
    pub const N_EVENT_REPORT_RSP: u16 = 0x8100;
    pub const N_GET_RQ: u16 = 0x0110;
    pub const N_GET_RSP: u16 = 0x8110;
    pub const N_SET_RQ: u16 = 0x0120;
    pub const N_SET_RSP: u16 = 0x8120;
    pub const N_ACTION_RQ: u16 = 0x0130;
    pub const N_ACTION_RSP: u16 = 0x8130;
    pub const N_CREATE_RQ: u16 = 0x0140;
    pub const N_CREATE_RSP: u16 = 0x8140;
}

/// Values of (0000,0900) Status. Source: PS3.7 Annex C, PS3.4 B.2.3, C.4.
pub mod status {
    #![allow(missing_docs)]
    pub const SUCCESS: u16 = 0x0000;
    pub const PENDING: u16 = 0xFF00;
    pub const PENDING_WITHOUT_OPTIONAL_KEYS: u16 = 0xFF01;
    pub const CANCEL: u16 = 0xFE00;
    pub const OUT_OF_RESOURCES: u16 = 0xA700;
    pub const DATA_SET_DOES_NOT_MATCH: u16 = 0xA900;
    pub const CANNOT_UNDERSTAND: u16 = 0xC000;
    pub const MOVE_DESTINATION_UNKNOWN: u16 = 0xA801;
    pub const SOP_CLASS_NOT_SUPPORTED: u16 = 0x0122;
    pub const NOT_AUTHORIZED: u16 = 0x0124;
    pub const UNRECOGNIZED_OPERATION: u16 = 0x0211;
    pub const PROCESSING_FAILURE: u16 = 0x0110;
    pub const COERCION: u16 = 0xB000;
    pub const SUB_OPERATIONS_FAILED: u16 = 0xB000;
}

const GROUP_LENGTH: Tag = Tag(0x0000, 0x0000);
const AFFECTED_SOP_CLASS_UID: Tag = Tag(0x0000, 0x0002);
const REQUESTED_SOP_CLASS_UID: Tag = Tag(0x0000, 0x0003);
const COMMAND_FIELD: Tag = Tag(0x0000, 0x0100);
const MESSAGE_ID: Tag = Tag(0x0000, 0x0110);
const MESSAGE_ID_RESPONDED: Tag = Tag(0x0000, 0x0120);
const MOVE_DESTINATION: Tag = Tag(0x0000, 0x0600);
const PRIORITY: Tag = Tag(0x0000, 0x0700);
const DATA_SET_TYPE: Tag = Tag(0x0000, 0x0800);
const STATUS: Tag = Tag(0x0000, 0x0900);
const OFFENDING_ELEMENT: Tag = Tag(0x0000, 0x0901);
const ERROR_COMMENT: Tag = Tag(0x0000, 0x0902);
const AFFECTED_SOP_INSTANCE_UID: Tag = Tag(0x0000, 0x1000);
const REQUESTED_SOP_INSTANCE_UID: Tag = Tag(0x0000, 0x1001);
const MOVE_ORIGINATOR_TITLE: Tag = Tag(0x0000, 0x1030);
const MOVE_ORIGINATOR_MESSAGE_ID: Tag = Tag(0x0000, 0x1031);

const NO_DATA_SET: u16 = 0x0101;
const WITH_DATA_SET: u16 = 0x0000;

/// One command: its elements, read by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSet {
    elements: DataSet,
}

impl CommandSet {
    /// Reads a command set.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let limits = Limits { depth: 0, elements: 256, ..Limits::default() };
        Ok(Self { elements: dataset::decode_with(octets, Encoding::IMPLICIT_LE, limits)? })
    }

    /// Writes the command set with its group length.
    pub fn encode(&self) -> Vec<u8> {
        let mut elements = self.elements.clone();
        elements.remove(GROUP_LENGTH);
        let body = elements.encode_implicit_le();
        let mut head = DataSet::new();
        head.put_u32(GROUP_LENGTH, body.len() as u32);
        let mut out = head.encode_implicit_le();
        out.extend_from_slice(&body);
        out
    }

    /// The elements.
    pub fn elements(&self) -> &DataSet {
        &self.elements
    }

    /// The elements, to add what no constructor knows.
    pub fn elements_mut(&mut self) -> &mut DataSet {
        &mut self.elements
    }

    /// (0000,0100), one of `field`; 0 if absent.
    pub fn command_field(&self) -> u16 {
        self.elements.u16(COMMAND_FIELD).unwrap_or(0)
    }

    /// True for responses.
    pub fn is_response(&self) -> bool {
        self.command_field() & 0x8000 != 0
    }

    /// (0000,0110).
    pub fn message_id(&self) -> u16 {
        self.elements.u16(MESSAGE_ID).unwrap_or(0)
    }

    /// (0000,0120).
    pub fn message_id_responded(&self) -> Option<u16> {
        self.elements.u16(MESSAGE_ID_RESPONDED)
    }

    /// (0000,0900).
    pub fn status(&self) -> Option<u16> {
        self.elements.u16(STATUS)
    }

    /// (0000,0902).
    pub fn error_comment(&self) -> Option<String> {
        self.elements.text(ERROR_COMMENT)
    }

    /// (0000,0901): the elements that a peer took offence at; none in most responses.
    pub fn offending_elements(&self) -> Vec<Tag> {
        let octets = self.elements.octets(OFFENDING_ELEMENT).unwrap_or_default();
        let tag = |four: &[u8]| Tag(u16::from_le_bytes([four[0], four[1]]), u16::from_le_bytes([four[2], four[3]]));
        octets.chunks_exact(4).map(tag).collect()
    }

    /// (0000,0800): true if a data set follows.
    pub fn has_data_set(&self) -> bool {
        self.elements.u16(DATA_SET_TYPE).is_some_and(|kind| kind != NO_DATA_SET)
    }

    /// (0000,0002), else (0000,0003).
    pub fn sop_class_uid(&self) -> Option<String> {
        self.elements.uid(AFFECTED_SOP_CLASS_UID).or_else(|| self.elements.uid(REQUESTED_SOP_CLASS_UID))
    }

    /// (0000,1000), else (0000,1001).
    pub fn sop_instance_uid(&self) -> Option<String> {
        self.elements.uid(AFFECTED_SOP_INSTANCE_UID).or_else(|| self.elements.uid(REQUESTED_SOP_INSTANCE_UID))
    }

    /// (0000,0600) of a C-MOVE request.
    pub fn move_destination(&self) -> Option<String> {
        self.elements.text(MOVE_DESTINATION)
    }

    /// (0000,1030) and (0000,1031) of a C-STORE sub-operation, when the peer says them.
    pub fn move_originator(&self) -> Option<(String, u16)> {
        Some((self.elements.text(MOVE_ORIGINATOR_TITLE)?, self.elements.u16(MOVE_ORIGINATOR_MESSAGE_ID)?))
    }

    /// (0000,1020) to (0000,1023): remaining, completed, failed and warning sub-operations; `None` where not said.
    pub fn sub_operations(&self) -> [Option<u16>; 4] {
        [0x1020, 0x1021, 0x1022, 0x1023].map(|element| self.elements.u16(Tag(0x0000, element)))
    }

    fn new(command: u16, class: &str, data: bool) -> Self {
        let mut elements = DataSet::new();
        elements.put_octets(AFFECTED_SOP_CLASS_UID, VR::UI, class);
        elements.put_u16(COMMAND_FIELD, command);
        elements.put_u16(DATA_SET_TYPE, if data { WITH_DATA_SET } else { NO_DATA_SET });
        Self { elements }
    }

    pub(super) fn request(command: u16, message_id: u16, class: &str, data: bool) -> Self {
        let mut set = Self::new(command, class, data);
        set.elements.put_u16(MESSAGE_ID, message_id);
        set
    }

    /// C-ECHO-RQ.
    pub fn echo_request(message_id: u16) -> Self {
        Self::request(field::C_ECHO_RQ, message_id, crate::sop_classes::VERIFICATION, false)
    }

    /// C-STORE-RQ at medium priority.
    pub fn store_request(message_id: u16, sop_class_uid: &str, sop_instance_uid: &str) -> Self {
        let mut set = Self::request(field::C_STORE_RQ, message_id, sop_class_uid, true);
        set.elements.put_u16(PRIORITY, 0);
        set.elements.put_octets(AFFECTED_SOP_INSTANCE_UID, VR::UI, sop_instance_uid);
        set
    }

    /// C-FIND-RQ for the information model of the class; the identifier follows as data set.
    pub fn find_request(message_id: u16, sop_class_uid: &str) -> Self {
        let mut set = Self::request(field::C_FIND_RQ, message_id, sop_class_uid, true);
        set.elements.put_u16(PRIORITY, 0);
        set
    }

    /// C-MOVE-RQ; the identifier follows as data set.
    pub fn move_request(message_id: u16, sop_class_uid: &str, destination: &str) -> Self {
        let mut set = Self::request(field::C_MOVE_RQ, message_id, sop_class_uid, true);
        set.elements.put_u16(PRIORITY, 0);
        set.elements.put_octets(MOVE_DESTINATION, VR::AE, destination);
        set
    }

    /// C-GET-RQ; the identifier follows as data set.
    pub fn get_request(message_id: u16, sop_class_uid: &str) -> Self {
        let mut set = Self::request(field::C_GET_RQ, message_id, sop_class_uid, true);
        set.elements.put_u16(PRIORITY, 0);
        set
    }

    /// C-CANCEL-RQ of a find, move or get.
    pub fn cancel_request(message_id: u16) -> Self {
        let mut set = Self::new(field::C_CANCEL_RQ, "", false);
        set.elements.remove(AFFECTED_SOP_CLASS_UID);
        set.elements.put_u16(MESSAGE_ID_RESPONDED, message_id);
        set
    }

    /// The response to a request, with what it must repeat. `data` says whether a data set follows.
    ///
    /// An error comment is cut to the 64 characters of its VR (B-064) and kept to printable ASCII.
    pub fn response(request: &Self, status: u16, comment: Option<&str>, data: bool) -> Self {
        let class = request.sop_class_uid().unwrap_or_default();
        let mut set = Self::new(request.command_field() | 0x8000, &class, data);
        if class.is_empty() {
            set.elements.remove(AFFECTED_SOP_CLASS_UID);
        }
        set.elements.put_u16(MESSAGE_ID_RESPONDED, request.message_id());
        set.elements.put_u16(STATUS, status);
        if let Some(instance) = request.sop_instance_uid() {
            set.elements.put_octets(AFFECTED_SOP_INSTANCE_UID, VR::UI, instance);
        }
        set.repeat_type_of(request);
        if let Some(comment) = comment.filter(|comment| !comment.is_empty()) {
            let cut: String = comment
                .chars()
                .take(64)
                .map(|c| if (c.is_ascii_graphic() || c == ' ') && c != '\\' { c } else { '?' })
                .collect();
            set.elements.put_octets(ERROR_COMMENT, VR::LO, cut);
        }
        set
    }
}
