//! Commands of the normalized services: N-EVENT-REPORT, N-GET, N-SET, N-ACTION, N-CREATE. PS3.7 section 10.3.

use dicom_core::{Tag, VR};

use super::command::{CommandSet, field};

const REQUESTED_SOP_CLASS_UID: Tag = Tag(0x0000, 0x0003);
const AFFECTED_SOP_CLASS_UID: Tag = Tag(0x0000, 0x0002);
const AFFECTED_SOP_INSTANCE_UID: Tag = Tag(0x0000, 0x1000);
const REQUESTED_SOP_INSTANCE_UID: Tag = Tag(0x0000, 0x1001);
const EVENT_TYPE_ID: Tag = Tag(0x0000, 0x1002);
const ATTRIBUTE_IDENTIFIER_LIST: Tag = Tag(0x0000, 0x1005);
const ACTION_TYPE_ID: Tag = Tag(0x0000, 0x1008);

impl CommandSet {
    /// N-CREATE-RQ; the attributes follow as data set. Without an instance UID the peer gives one.
    pub fn create_request(message_id: u16, sop_class_uid: &str, sop_instance_uid: Option<&str>) -> Self {
        let mut set = Self::request(field::N_CREATE_RQ, message_id, sop_class_uid, true);
        if let Some(instance) = sop_instance_uid {
            set.elements_mut().put_octets(AFFECTED_SOP_INSTANCE_UID, VR::UI, instance);
        }
        set
    }

    /// N-SET-RQ; the changes follow as data set.
    pub fn set_request(message_id: u16, sop_class_uid: &str, sop_instance_uid: &str) -> Self {
        Self::on_instance(field::N_SET_RQ, message_id, sop_class_uid, sop_instance_uid, true)
    }

    /// N-GET-RQ for these attributes, or for all when none is named.
    pub fn get_attributes_request(
        message_id: u16,
        sop_class_uid: &str,
        sop_instance_uid: &str,
        attributes: &[Tag],
    ) -> Self {
        let mut set = Self::on_instance(field::N_GET_RQ, message_id, sop_class_uid, sop_instance_uid, false);
        if !attributes.is_empty() {
            let octets: Vec<u8> =
                attributes.iter().flat_map(|tag| [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat()).collect();
            set.elements_mut().put_octets(ATTRIBUTE_IDENTIFIER_LIST, VR::AT, octets);
        }
        set
    }

    /// N-ACTION-RQ; `data` says whether a data set follows.
    pub fn action_request(
        message_id: u16,
        sop_class_uid: &str,
        sop_instance_uid: &str,
        action_type: u16,
        data: bool,
    ) -> Self {
        let mut set = Self::on_instance(field::N_ACTION_RQ, message_id, sop_class_uid, sop_instance_uid, data);
        set.elements_mut().put_u16(ACTION_TYPE_ID, action_type);
        set
    }

    /// N-EVENT-REPORT-RQ; `data` says whether a data set follows.
    pub fn event_report_request(
        message_id: u16,
        sop_class_uid: &str,
        sop_instance_uid: &str,
        event_type: u16,
        data: bool,
    ) -> Self {
        let mut set = Self::request(field::N_EVENT_REPORT_RQ, message_id, sop_class_uid, data);
        set.elements_mut().put_octets(AFFECTED_SOP_INSTANCE_UID, VR::UI, sop_instance_uid);
        set.elements_mut().put_u16(EVENT_TYPE_ID, event_type);
        set
    }

    /// A request that names its object as requested, not as affected.
    fn on_instance(command: u16, message_id: u16, class: &str, instance: &str, data: bool) -> Self {
        let mut set = Self::request(command, message_id, class, data);
        set.elements_mut().remove(AFFECTED_SOP_CLASS_UID);
        set.elements_mut().put_octets(REQUESTED_SOP_CLASS_UID, VR::UI, class);
        set.elements_mut().put_octets(REQUESTED_SOP_INSTANCE_UID, VR::UI, instance);
        set
    }

    /// (0000,1002), in a request and its response.
    pub fn event_type(&self) -> Option<u16> {
        self.elements().u16(EVENT_TYPE_ID)
    }

    /// (0000,1008), in a request and its response.
    pub fn action_type(&self) -> Option<u16> {
        self.elements().u16(ACTION_TYPE_ID)
    }

    /// (0000,1005) of an N-GET; none asks for all.
    pub fn attribute_list(&self) -> Vec<Tag> {
        let octets = self.elements().octets(ATTRIBUTE_IDENTIFIER_LIST).unwrap_or_default();
        let tag = |four: &[u8]| Tag(u16::from_le_bytes([four[0], four[1]]), u16::from_le_bytes([four[2], four[3]]));
        octets.chunks_exact(4).map(tag).collect()
    }

    /// What a response repeats of its request beside class and instance. Source: PS3.7 10.1.1.1.4, 10.1.4.1.7.
    pub(super) fn repeat_type_of(&mut self, request: &Self) {
        for element in [EVENT_TYPE_ID, ACTION_TYPE_ID] {
            if let Some(number) = request.elements().u16(element) {
                self.elements_mut().put_u16(element, number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dimse::status;
    use crate::sop_classes::{MPPS, STORAGE_COMMITMENT};
    use crate::tags;

    #[test]
    fn every_request_and_its_response_read_back() {
        let attributes = [tags::PERFORMED_PROCEDURE_STEP_STATUS, tags::MODALITY];
        for (request, command, action, event) in [
            (CommandSet::create_request(1, MPPS, Some("2.25.9")), field::N_CREATE_RQ, None, None),
            (CommandSet::set_request(2, MPPS, "2.25.9"), field::N_SET_RQ, None, None),
            (CommandSet::get_attributes_request(3, MPPS, "2.25.9", &attributes), field::N_GET_RQ, None, None),
            (CommandSet::action_request(4, MPPS, "2.25.9", 1, true), field::N_ACTION_RQ, Some(1), None),
            (CommandSet::event_report_request(5, MPPS, "2.25.9", 2, true), field::N_EVENT_REPORT_RQ, None, Some(2)),
        ] {
            let back = CommandSet::decode(&request.encode()).unwrap();
            assert_eq!((back.command_field(), back.sop_class_uid().as_deref()), (command, Some(MPPS)));
            assert_eq!(back.sop_instance_uid().as_deref(), Some("2.25.9"));
            assert_eq!((back.action_type(), back.event_type()), (action, event));
            assert_eq!(back.has_data_set(), command != field::N_GET_RQ);
            let response = CommandSet::response(&back, status::SUCCESS, None, false);
            let response = CommandSet::decode(&response.encode()).unwrap();
            assert_eq!(response.command_field(), command | 0x8000);
            assert_eq!(response.message_id_responded(), Some(back.message_id()));
            assert_eq!((response.action_type(), response.event_type()), (action, event));
            // A response speaks of the affected object whatever the request called it (PS3.7 Table 10.1-1 ff.).
            assert_eq!(response.elements().uid(AFFECTED_SOP_INSTANCE_UID).as_deref(), Some("2.25.9"));
        }
        let asked = CommandSet::get_attributes_request(3, MPPS, "2.25.9", &attributes);
        assert_eq!(CommandSet::decode(&asked.encode()).unwrap().attribute_list(), attributes);
        assert!(CommandSet::create_request(1, MPPS, None).sop_instance_uid().is_none());
    }

    #[test]
    fn an_action_of_a_real_modality_reads() {
        // N-ACTION-RQ as PS3.7 Table 10.3-13 lays it out, octet by octet, implicit little endian.
        let mut octets = Vec::new();
        let mut put = |element: u16, value: &[u8]| {
            octets.extend_from_slice(&[0, 0]);
            octets.extend_from_slice(&element.to_le_bytes());
            octets.extend_from_slice(&(value.len() as u32).to_le_bytes());
            octets.extend_from_slice(value);
        };
        put(0x0003, b"1.2.840.10008.1.20.1");
        put(0x0100, &[0x30, 0x01]);
        put(0x0110, &[7, 0]);
        put(0x0800, &[2, 0]);
        put(0x1001, b"1.2.840.10008.1.20.1.1");
        put(0x1008, &[1, 0]);
        let command = CommandSet::decode(&octets).unwrap();
        assert_eq!((command.command_field(), command.message_id()), (field::N_ACTION_RQ, 7));
        assert_eq!(command.sop_class_uid().as_deref(), Some(STORAGE_COMMITMENT));
        assert_eq!(command.action_type(), Some(1));
        assert!(command.has_data_set());
    }
}
