//! The pieces every object is written from, in the order the schema fixes: Slot*, Name, Description, VersionInfo,
//! Classification*, ExternalIdentifier*. Source: spec/xds.md section 7, rim.xsd.
//!
//! Tags whose text is constant go out as they are; only values are looked at. That is what makes an answer of hundreds
//! of entries cheap.

use std::fmt::Write as _;

use model::{Author, AvailabilityStatus, Code, ExtraSlot, HomeCommunityId, ObjectId, Text};
use xml::XmlWriter;

use crate::names::{object_type, status};

/// What is written: a submission leaves out what the registry assigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    Submission,
    /// A submission whose logical ids say what it updates.
    Update,
    Answer,
}

/// Ids for classifications and identifiers, which the model does not carry.
pub(crate) enum SubIds {
    /// `prefix` and a number: symbolic, unique in one submission.
    Symbolic { prefix: String, next: usize },
    /// UUIDs computed from the id of the object, so that the same classification has the same id in every answer.
    Derived { base: u128, next: u128 },
}

impl SubIds {
    /// For objects with these ids; the prefix is none that any of them begins with.
    pub(crate) fn symbolic<'i>(ids: impl Iterator<Item = &'i str> + Clone) -> Self {
        let mut prefix = String::from("sub");
        while ids.clone().any(|id| id.starts_with(&prefix)) {
            prefix.push('-');
        }
        SubIds::Symbolic { prefix, next: 0 }
    }

    pub(crate) fn derived() -> Self {
        SubIds::Derived { base: 0, next: 0 }
    }

    /// Begins the object with this id.
    pub(crate) fn begin(&mut self, id: &ObjectId) {
        if let SubIds::Derived { base, next } = self {
            // FNV-1a over 128 bits: no secret is in it, it only has to spread.
            *base = id.as_str().bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, byte| {
                (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
            });
            *next = 0;
        }
    }

    fn fill(&mut self, out: &mut String) {
        out.clear();
        match self {
            SubIds::Symbolic { prefix, next } => {
                *next += 1;
                out.push_str(prefix);
                // Writing to a String does not fail.
                let _ = write!(out, "{next}");
            }
            SubIds::Derived { base, next } => {
                *next += 1;
                let mut mixed = *base ^ next.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                mixed ^= mixed >> 65;
                mixed = mixed.wrapping_mul(0xda94_2042_e4dd_58b5_0fc9_4d25_6aa9_7b67);
                mixed ^= mixed >> 67;
                push_uuid(out, mixed);
            }
        }
    }
}

/// `urn:uuid:` of version 8 (RFC 9562: free use).
fn push_uuid(out: &mut String, bits: u128) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push_str("urn:uuid:");
    for place in 0..32 {
        if matches!(place, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        let digit = (bits >> (124 - 4 * place)) as usize & 15;
        let digit = match place {
            12 => 8,
            16 => 8 | (digit & 3),
            _ => digit,
        };
        out.push(char::from(DIGITS[digit]));
    }
}

/// Writes into `xml`, with a place for the id at hand.
pub(crate) struct ObjectWriter<'w> {
    pub(crate) xml: &'w mut XmlWriter,
    pub(crate) writing: Writing,
    pub(crate) ids: SubIds,
    scratch: String,
}

impl<'w> ObjectWriter<'w> {
    pub(crate) fn new(xml: &'w mut XmlWriter, writing: Writing, ids: SubIds) -> Self {
        ObjectWriter { xml, writing, ids, scratch: String::with_capacity(48) }
    }

    /// Opens an object with the attributes that all have.
    pub(crate) fn start(
        &mut self,
        name: &str,
        id: &ObjectId,
        logical_id: Option<&ObjectId>,
        home: Option<&HomeCommunityId>,
        object_type: &str,
        availability: AvailabilityStatus,
    ) {
        self.ids.begin(id);
        self.xml.start(name).attr("id", id.as_str());
        if self.writing != Writing::Submission {
            self.xml.attr_opt("lid", logical_id.map(ObjectId::as_str));
        }
        if let Some(home) = home {
            self.scratch.clear();
            let _ = write!(self.scratch, "{home}");
            self.xml.attr("home", &self.scratch);
        }
        self.xml.attr("objectType", object_type);
        if self.writing == Writing::Answer {
            self.xml.attr("status", status_urn(availability));
        }
    }

    /// A slot whose name is one of ours.
    pub(crate) fn slot(&mut self, name: &'static str, value: &str) {
        self.open_slot(name);
        self.value(value);
        self.close_slot();
    }

    pub(crate) fn slot_opt(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.slot(name, value);
        }
    }

    /// Nothing when there are no values.
    pub(crate) fn slot_of<'v>(&mut self, name: &'static str, values: impl Iterator<Item = &'v str>) {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        self.open_slot(name);
        for value in values {
            self.value(value);
        }
        self.close_slot();
    }

    fn open_slot(&mut self, name: &'static str) {
        self.xml.raw(b"<rim:Slot name=\"").raw(name.as_bytes()).raw(b"\"><rim:ValueList>");
    }

    fn value(&mut self, value: &str) {
        self.xml.raw(b"<rim:Value>").text(value).raw(b"</rim:Value>");
    }

    fn close_slot(&mut self) {
        self.xml.raw(b"</rim:ValueList></rim:Slot>");
    }

    /// Slots this system does not know, as they came.
    pub(crate) fn extra(&mut self, slots: &[ExtraSlot]) {
        for slot in slots {
            self.xml.start("rim:Slot").attr("name", &slot.name);
            self.xml.raw(b"<rim:ValueList>");
            for value in &slot.values {
                self.value(value);
            }
            self.xml.raw(b"</rim:ValueList>");
            self.xml.end();
        }
    }

    pub(crate) fn name(&mut self, text: &Text) {
        self.text("rim:Name", text);
    }

    pub(crate) fn description(&mut self, text: &Text) {
        self.text("rim:Description", text);
    }

    fn text(&mut self, element: &'static str, text: &Text) {
        if text.is_empty() {
            return;
        }
        self.xml.start(element);
        for string in &text.0 {
            self.xml.start("rim:LocalizedString");
            self.xml.attr_opt("xml:lang", string.lang.as_deref());
            self.xml.attr_opt("charset", string.charset.as_deref());
            self.xml.attr("value", &string.value).end();
        }
        self.xml.end();
    }

    pub(crate) fn version(&mut self, version: Option<u32>) {
        if self.writing == Writing::Answer
            && let Some(version) = version
        {
            self.scratch.clear();
            let _ = write!(self.scratch, "{version}");
            self.xml.start("rim:VersionInfo").attr("versionName", &self.scratch).end();
        }
    }

    pub(crate) fn code(&mut self, parent: &ObjectId, scheme: &'static str, code: &Code) {
        self.start_classification(parent);
        self.xml.attr("classificationScheme", scheme).attr("nodeRepresentation", &code.code);
        self.slot("codingScheme", &code.scheme);
        self.name(&code.display);
        self.xml.end();
    }

    pub(crate) fn codes(&mut self, parent: &ObjectId, scheme: &'static str, codes: &[Code]) {
        for code in codes {
            self.code(parent, scheme, code);
        }
    }

    /// The mark of a submission set or folder.
    pub(crate) fn node(&mut self, parent: &ObjectId, node: &'static str) {
        self.start_classification(parent);
        self.xml.attr("classificationNode", node).end();
    }

    pub(crate) fn authors(&mut self, parent: &ObjectId, scheme: &'static str, authors: &[Author]) {
        for author in authors {
            self.start_classification(parent);
            self.xml.attr("classificationScheme", scheme).attr("nodeRepresentation", "");
            self.slot_opt("authorPerson", author.person.as_ref().map(|p| p.as_str()));
            self.slot_of("authorInstitution", author.institutions.iter().map(|i| i.as_str()));
            self.slot_of("authorRole", author.roles.iter().map(String::as_str));
            self.slot_of("authorSpecialty", author.specialties.iter().map(String::as_str));
            self.slot_of("authorTelecommunication", author.telecommunications.iter().map(|t| t.as_str()));
            self.xml.end();
        }
    }

    fn start_classification(&mut self, parent: &ObjectId) {
        self.ids.fill(&mut self.scratch);
        self.xml.start("rim:Classification").attr("id", &self.scratch);
        self.xml.attr("objectType", object_type::CLASSIFICATION).attr("classifiedObject", parent.as_str());
    }

    /// `name` is what IHE wants to see beside the scheme, such as `XDSDocumentEntry.patientId`.
    pub(crate) fn identifier(&mut self, parent: &ObjectId, scheme: &'static str, name: &'static str, value: &str) {
        self.ids.fill(&mut self.scratch);
        self.xml.start("rim:ExternalIdentifier").attr("id", &self.scratch);
        self.xml.attr("objectType", object_type::EXTERNAL_IDENTIFIER).attr("registryObject", parent.as_str());
        self.xml.attr("identificationScheme", scheme).attr("value", value);
        self.xml.raw(b"<rim:Name><rim:LocalizedString value=\"").raw(name.as_bytes()).raw(b"\"/></rim:Name>");
        self.xml.end();
    }
}

pub(crate) fn status_urn(availability: AvailabilityStatus) -> &'static str {
    match availability {
        AvailabilityStatus::Approved => status::APPROVED,
        AvailabilityStatus::Deprecated => status::DEPRECATED,
    }
}
