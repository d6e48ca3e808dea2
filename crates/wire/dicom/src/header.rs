//! The attributes an index, a manifest or a DocumentEntry is made from, read without touching pixel data.
//! PS3.3 C.7 (patient, study, series, equipment), C.7.6 (image), C.17.6 (key object selection).

use std::fmt;
use std::io::{Read, Seek};

use crate::DecodeError;
use crate::dataset::{DataSet, Value};
use crate::scan::{Keep, Limits, Options, Scan, scan_data_set_slice, scan_reader, scan_slice};
use crate::{Tag, VR, uid};

/// A code of a code sequence item. Source: PS3.3 Table 8.8-1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Code {
    /// (0008,0100), else (0008,0119) Long Code Value or (0008,0120) URN Code Value.
    pub value: String,
    /// (0008,0102) Coding Scheme Designator.
    pub scheme: String,
    /// (0008,0104) Code Meaning.
    pub meaning: String,
}

/// Who issued an identifier. Source: PS3.3 Table 10-17 (Hierarchic Designator Macro), (0010,0021), (0010,0024).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// (0040,0031) Local Namespace Entity ID, or (0010,0021) for a patient.
    pub namespace: Option<String>,
    /// (0040,0032) Universal Entity ID, usually an OID.
    pub universal_id: Option<String>,
    /// (0040,0033) Universal Entity ID Type, usually `ISO`.
    pub universal_id_type: Option<String>,
}

impl Issuer {
    /// True if nothing is known.
    pub fn is_empty(&self) -> bool {
        self.namespace.is_none() && self.universal_id.is_none()
    }

    /// The universal id if it is an OID: typed `ISO`, or untyped and looking like one.
    pub fn oid(&self) -> Option<&str> {
        let id = self.universal_id.as_deref()?;
        let typed = self.universal_id_type.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case("ISO"));
        (typed && uid::check(id).is_ok()).then_some(id)
    }

    fn read(item: &DataSet) -> Self {
        Self {
            namespace: item.text(Tag(0x0040, 0x0031)),
            // Two guides misprint the group as 0010; both are read (dicom.md section 2, tag trap).
            universal_id: item.text(Tag(0x0040, 0x0032)).or_else(|| item.text(Tag(0x0010, 0x0032))),
            universal_id_type: item.text(Tag(0x0040, 0x0033)).or_else(|| item.text(Tag(0x0010, 0x0033))),
        }
    }

    pub(crate) fn of(set: &DataSet, sequence: Tag) -> Self {
        set.item(sequence).map(Self::read).unwrap_or_default()
    }
}

/// One item of (0040,0275) Request Attributes Sequence or (0040,A370) Referenced Request Sequence.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// (0008,0050) Accession Number.
    pub accession_number: Option<String>,
    /// (0008,0051).
    pub accession_issuer: Issuer,
    /// (0040,2016) Placer Order Number / Imaging Service Request.
    pub placer_order_number: Option<String>,
    /// (0040,0026).
    pub placer_issuer: Issuer,
    /// (0040,2017) Filler Order Number / Imaging Service Request.
    pub filler_order_number: Option<String>,
    /// (0040,0027).
    pub filler_issuer: Issuer,
    /// (0040,1001) Requested Procedure ID.
    pub requested_procedure_id: Option<String>,
    /// (0032,1060) Requested Procedure Description.
    pub requested_procedure_description: Option<String>,
    /// (0032,1064) Requested Procedure Code Sequence.
    pub requested_procedure_codes: Vec<Code>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mask = |there: bool| if there { "***" } else { "-" };
        f.debug_struct("Request")
            .field("accession_number", &mask(self.accession_number.is_some()))
            .field("placer_order_number", &mask(self.placer_order_number.is_some()))
            .field("requested_procedure_codes", &self.requested_procedure_codes)
            .finish_non_exhaustive()
    }
}

/// An instance that a key object selection refers to in (0040,A375).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferencedInstance {
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// SOP Class UID.
    pub sop_class_uid: String,
    /// SOP Instance UID.
    pub sop_instance_uid: String,
}

/// What a key object selection says. Source: PS3.3 C.17.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyObjects {
    /// (0040,A043) the document title.
    pub title: Option<Code>,
    /// Document title modifiers (113011, DCM).
    pub modifiers: Vec<Code>,
    /// Every instance of the evidence sequence.
    pub referenced: Vec<ReferencedInstance>,
}

/// Patient and request identification. `Debug` says only what is there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Patient {
    /// (0010,0020) Patient ID.
    pub id: Option<String>,
    /// (0010,0021) and (0010,0024).
    pub issuer: Issuer,
    /// (0010,0010) Patient's Name as written: component groups by `=`, components by `^`.
    pub name: Option<String>,
    /// (0010,0030) `YYYYMMDD`.
    pub birth_date: Option<String>,
    /// (0010,0040).
    pub sex: Option<String>,
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mask = |there: bool| if there { "***" } else { "-" };
        f.debug_struct("Patient")
            .field("id", &mask(self.id.is_some()))
            .field("issuer", &self.issuer)
            .field("name", &mask(self.name.is_some()))
            .field("birth_date", &mask(self.birth_date.is_some()))
            .field("sex", &mask(self.sex.is_some()))
            .finish()
    }
}

/// What one instance says about itself. Text is decoded, padding taken off; absent and empty are the same.
///
/// Units: dates `YYYYMMDD`, times `HHMMSS.FFFFFF` as written, timezone `+HHMM`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Transfer syntax of the file.
    pub transfer_syntax_uid: String,
    /// (0008,0016).
    pub sop_class_uid: String,
    /// (0008,0018).
    pub sop_instance_uid: String,
    /// (0020,000D).
    pub study_instance_uid: String,
    /// (0020,000E).
    pub series_instance_uid: String,
    /// Who.
    pub patient: Patient,
    /// (0008,0020).
    pub study_date: Option<String>,
    /// (0008,0030).
    pub study_time: Option<String>,
    /// (0020,0010).
    pub study_id: Option<String>,
    /// (0008,1030).
    pub study_description: Option<String>,
    /// (0008,0050).
    pub accession_number: Option<String>,
    /// (0008,0051).
    pub accession_issuer: Issuer,
    /// (0008,0090).
    pub referring_physician_name: Option<String>,
    /// (0008,1032) performed procedure codes.
    pub procedure_codes: Vec<Code>,
    /// (0032,1064) at the top level.
    pub requested_procedure_codes: Vec<Code>,
    /// (0032,1060) at the top level.
    pub requested_procedure_description: Option<String>,
    /// (0040,2016) at the top level.
    pub placer_order_number: Option<String>,
    /// (0040,0026) at the top level.
    pub placer_issuer: Issuer,
    /// (0040,2017) at the top level.
    pub filler_order_number: Option<String>,
    /// (0040,0275) items, or (0040,A370) items of a structured report or key object selection.
    pub requests: Vec<Request>,
    /// (0008,0060).
    pub modality: Option<String>,
    /// (0020,0011).
    pub series_number: Option<i64>,
    /// (0008,103E).
    pub series_description: Option<String>,
    /// (0008,0021).
    pub series_date: Option<String>,
    /// (0008,0031).
    pub series_time: Option<String>,
    /// (0018,0015).
    pub body_part_examined: Option<String>,
    /// (0020,0060), else (0020,0062).
    pub laterality: Option<String>,
    /// (0008,2218).
    pub anatomic_regions: Vec<Code>,
    /// (0018,1030).
    pub protocol_name: Option<String>,
    /// (0020,0013).
    pub instance_number: Option<i64>,
    /// (0008,0012), (0008,0013).
    pub instance_creation: Option<(String, String)>,
    /// (0008,0023).
    pub content_date: Option<String>,
    /// (0008,0033).
    pub content_time: Option<String>,
    /// (0008,0022), else the date of (0008,002A).
    pub acquisition_date: Option<String>,
    /// (0008,0032).
    pub acquisition_time: Option<String>,
    /// (0008,0008).
    pub image_type: Vec<String>,
    /// (0028,0008); 1 if there are pixels and it is absent.
    pub number_of_frames: Option<u32>,
    /// (0028,0010).
    pub rows: Option<u16>,
    /// (0028,0011).
    pub columns: Option<u16>,
    /// (0028,0002).
    pub samples_per_pixel: Option<u16>,
    /// (0028,0100).
    pub bits_allocated: Option<u16>,
    /// (0028,0101).
    pub bits_stored: Option<u16>,
    /// (0028,0004).
    pub photometric_interpretation: Option<String>,
    /// (0008,0080).
    pub institution_name: Option<String>,
    /// (0008,1010).
    pub station_name: Option<String>,
    /// (0008,0070).
    pub manufacturer: Option<String>,
    /// (0008,1090).
    pub manufacturer_model_name: Option<String>,
    /// (0008,0201).
    pub timezone_offset: Option<String>,
    /// (0042,0010) title of an encapsulated document.
    pub document_title: Option<String>,
    /// (0040,A493) `VERIFIED` or `UNVERIFIED`.
    pub verification_flag: Option<String>,
    /// (0040,A491) `COMPLETE` or `PARTIAL`.
    pub completion_flag: Option<String>,
    /// (0040,A043) of a structured report; of a key object selection see `key_objects`.
    pub concept_name: Option<Code>,
    /// Only for key object selections.
    pub key_objects: Option<KeyObjects>,
    /// The defined term the text was read as, when the declaration was misspelt, unknown or wrong (B-023).
    pub character_set_assumed: Option<&'static str>,
}

/// The top-level elements a header is made from, in tag order.
pub const HEADER_TAGS: &[Tag] = &[
    Tag(0x0008, 0x0005),
    Tag(0x0008, 0x0008),
    Tag(0x0008, 0x0012),
    Tag(0x0008, 0x0013),
    Tag(0x0008, 0x0016),
    Tag(0x0008, 0x0018),
    Tag(0x0008, 0x0020),
    Tag(0x0008, 0x0021),
    Tag(0x0008, 0x0022),
    Tag(0x0008, 0x0023),
    Tag(0x0008, 0x002A),
    Tag(0x0008, 0x0030),
    Tag(0x0008, 0x0031),
    Tag(0x0008, 0x0032),
    Tag(0x0008, 0x0033),
    Tag(0x0008, 0x0050),
    Tag(0x0008, 0x0051),
    Tag(0x0008, 0x0060),
    Tag(0x0008, 0x0070),
    Tag(0x0008, 0x0080),
    Tag(0x0008, 0x0090),
    Tag(0x0008, 0x0201),
    Tag(0x0008, 0x1010),
    Tag(0x0008, 0x1030),
    Tag(0x0008, 0x1032),
    Tag(0x0008, 0x103E),
    Tag(0x0008, 0x1090),
    Tag(0x0008, 0x2218),
    Tag(0x0010, 0x0010),
    Tag(0x0010, 0x0020),
    Tag(0x0010, 0x0021),
    Tag(0x0010, 0x0024),
    Tag(0x0010, 0x0030),
    Tag(0x0010, 0x0040),
    Tag(0x0018, 0x0015),
    Tag(0x0018, 0x1030),
    Tag(0x0020, 0x000D),
    Tag(0x0020, 0x000E),
    Tag(0x0020, 0x0010),
    Tag(0x0020, 0x0011),
    Tag(0x0020, 0x0013),
    Tag(0x0020, 0x0060),
    Tag(0x0020, 0x0062),
    Tag(0x0028, 0x0002),
    Tag(0x0028, 0x0004),
    Tag(0x0028, 0x0008),
    Tag(0x0028, 0x0010),
    Tag(0x0028, 0x0011),
    Tag(0x0028, 0x0100),
    Tag(0x0028, 0x0101),
    Tag(0x0032, 0x1060),
    Tag(0x0032, 0x1064),
    Tag(0x0040, 0x0026),
    Tag(0x0040, 0x0027),
    Tag(0x0040, 0x0275),
    Tag(0x0040, 0x2016),
    Tag(0x0040, 0x2017),
    Tag(0x0040, 0xA043),
    Tag(0x0040, 0xA370),
    Tag(0x0040, 0xA491),
    Tag(0x0040, 0xA493),
    Tag(0x0042, 0x0010),
];

/// The same with what key object selections add: evidence and content tree.
const KEY_OBJECT_TAGS: &[Tag] = &[Tag(0x0040, 0xA375), Tag(0x0040, 0xA730)];

impl Header {
    /// Reads the header of a DICOM file, stopping before pixel data: usually one read of 16 KiB.
    ///
    /// Errors: `DecodeError`; a file that is cut after its header passes, only a full scan tells.
    pub fn read<R: Read + Seek>(mut reader: R) -> Result<Self, DecodeError> {
        let header = Self::from_scan(&scan_reader(&mut reader, &options(HEADER_TAGS))?);
        if header.sop_class_uid == crate::sop_classes::KEY_OBJECT_SELECTION {
            let scan = scan_reader(&mut reader, &options(KEY_OBJECT_TAGS))?;
            return Ok(header.with_key_objects(&scan.data_set));
        }
        Ok(header)
    }

    /// Reads the header of a DICOM file in memory; the slice may end anywhere within pixel data.
    pub fn from_slice(octets: &[u8]) -> Result<Self, DecodeError> {
        let header = Self::from_scan(&scan_slice(octets, &options(HEADER_TAGS))?);
        if header.sop_class_uid == crate::sop_classes::KEY_OBJECT_SELECTION {
            let scan = scan_slice(octets, &options(KEY_OBJECT_TAGS))?;
            return Ok(header.with_key_objects(&scan.data_set));
        }
        Ok(header)
    }

    /// Reads the header of a bare data set in memory.
    pub fn from_data_set_slice(octets: &[u8], transfer_syntax_uid: &str) -> Result<Self, DecodeError> {
        let scan = scan_data_set_slice(octets, transfer_syntax_uid, &options(HEADER_TAGS))?;
        let header = Self::from_scan(&scan);
        if header.sop_class_uid == crate::sop_classes::KEY_OBJECT_SELECTION {
            let scan = scan_data_set_slice(octets, transfer_syntax_uid, &options(KEY_OBJECT_TAGS))?;
            return Ok(header.with_key_objects(&scan.data_set));
        }
        Ok(header)
    }

    /// The header from a scan that kept `HEADER_TAGS` or everything.
    pub fn from_scan(scan: &Scan) -> Self {
        let mut header = Self::from_data_set(&scan.data_set);
        header.transfer_syntax_uid = scan.transfer_syntax_uid().to_owned();
        header.sop_class_uid = scan.sop_class_uid().unwrap_or_default();
        header.sop_instance_uid = scan.sop_instance_uid().unwrap_or_default();
        header
    }

    /// The header from a data set in memory.
    pub fn from_data_set(set: &DataSet) -> Self {
        let text = |group, element| set.text(Tag(group, element));
        let rows = set.u16(Tag(0x0028, 0x0010));
        let mut issuer = Issuer::of(set, Tag(0x0010, 0x0024));
        issuer.namespace = text(0x0010, 0x0021).or(issuer.namespace);
        let requests = set.items(Tag(0x0040, 0x0275)).iter().chain(set.items(Tag(0x0040, 0xA370)));
        let mut header = Self {
            transfer_syntax_uid: String::new(),
            sop_class_uid: set.uid(Tag(0x0008, 0x0016)).unwrap_or_default(),
            sop_instance_uid: set.uid(Tag(0x0008, 0x0018)).unwrap_or_default(),
            study_instance_uid: set.uid(Tag(0x0020, 0x000D)).unwrap_or_default(),
            series_instance_uid: set.uid(Tag(0x0020, 0x000E)).unwrap_or_default(),
            patient: Patient {
                id: text(0x0010, 0x0020),
                issuer,
                name: text(0x0010, 0x0010),
                birth_date: text(0x0010, 0x0030),
                sex: text(0x0010, 0x0040),
            },
            study_date: text(0x0008, 0x0020),
            study_time: text(0x0008, 0x0030),
            study_id: text(0x0020, 0x0010),
            study_description: text(0x0008, 0x1030),
            accession_number: text(0x0008, 0x0050),
            accession_issuer: Issuer::of(set, Tag(0x0008, 0x0051)),
            referring_physician_name: text(0x0008, 0x0090),
            procedure_codes: codes(set, Tag(0x0008, 0x1032)),
            requested_procedure_codes: codes(set, Tag(0x0032, 0x1064)),
            requested_procedure_description: text(0x0032, 0x1060),
            placer_order_number: text(0x0040, 0x2016),
            placer_issuer: Issuer::of(set, Tag(0x0040, 0x0026)),
            filler_order_number: text(0x0040, 0x2017),
            requests: requests.map(request).collect(),
            modality: text(0x0008, 0x0060),
            series_number: set.integer(Tag(0x0020, 0x0011)),
            series_description: text(0x0008, 0x103E),
            series_date: text(0x0008, 0x0021),
            series_time: text(0x0008, 0x0031),
            body_part_examined: text(0x0018, 0x0015),
            laterality: text(0x0020, 0x0060).or_else(|| text(0x0020, 0x0062)),
            anatomic_regions: codes(set, Tag(0x0008, 0x2218)),
            protocol_name: text(0x0018, 0x1030),
            instance_number: set.integer(Tag(0x0020, 0x0013)),
            instance_creation: text(0x0008, 0x0012).map(|date| (date, text(0x0008, 0x0013).unwrap_or_default())),
            content_date: text(0x0008, 0x0023),
            content_time: text(0x0008, 0x0033),
            acquisition_date: text(0x0008, 0x0022)
                .or_else(|| text(0x0008, 0x002A).and_then(|moment| moment.get(..8).map(str::to_owned))),
            acquisition_time: text(0x0008, 0x0032),
            image_type: set.texts(Tag(0x0008, 0x0008)),
            number_of_frames: set
                .integer(Tag(0x0028, 0x0008))
                .and_then(|frames| u32::try_from(frames).ok())
                .or_else(|| rows.map(|_| 1)),
            rows,
            columns: set.u16(Tag(0x0028, 0x0011)),
            samples_per_pixel: set.u16(Tag(0x0028, 0x0002)),
            bits_allocated: set.u16(Tag(0x0028, 0x0100)),
            bits_stored: set.u16(Tag(0x0028, 0x0101)),
            photometric_interpretation: text(0x0028, 0x0004),
            institution_name: text(0x0008, 0x0080),
            station_name: text(0x0008, 0x1010),
            manufacturer: text(0x0008, 0x0070),
            manufacturer_model_name: text(0x0008, 0x1090),
            timezone_offset: text(0x0008, 0x0201),
            document_title: text(0x0042, 0x0010),
            verification_flag: text(0x0040, 0xA493),
            completion_flag: text(0x0040, 0xA491),
            concept_name: codes(set, Tag(0x0040, 0xA043)).into_iter().next(),
            key_objects: None,
            character_set_assumed: assumed(set),
        };
        if header.sop_class_uid == crate::sop_classes::KEY_OBJECT_SELECTION {
            header = header.with_key_objects(set);
        }
        header
    }

    fn with_key_objects(mut self, set: &DataSet) -> Self {
        let title = self.concept_name.clone();
        let modifiers = set
            .items(Tag(0x0040, 0xA730))
            .iter()
            .filter(|item| codes(item, Tag(0x0040, 0xA043)).iter().any(|name| name.value == "113011"))
            .flat_map(|item| codes(item, Tag(0x0040, 0xA168)))
            .collect();
        let mut referenced = Vec::new();
        for study in set.items(Tag(0x0040, 0xA375)) {
            let study_uid = study.uid(Tag(0x0020, 0x000D)).unwrap_or_default();
            for series in study.items(Tag(0x0008, 0x1115)) {
                let series_uid = series.uid(Tag(0x0020, 0x000E)).unwrap_or_default();
                for instance in series.items(Tag(0x0008, 0x1199)) {
                    referenced.push(ReferencedInstance {
                        study_instance_uid: study_uid.clone(),
                        series_instance_uid: series_uid.clone(),
                        sop_class_uid: instance.uid(Tag(0x0008, 0x1150)).unwrap_or_default(),
                        sop_instance_uid: instance.uid(Tag(0x0008, 0x1155)).unwrap_or_default(),
                    });
                }
            }
        }
        self.key_objects = Some(KeyObjects { title, modifiers, referenced });
        self
    }
}

fn options(tags: &'static [Tag]) -> Options<'static> {
    Options { limits: Limits::default(), keep: Keep::Tags(tags), header_only: true }
}

/// The character set that was assumed for the data set, if it was not simply the declared one.
fn assumed(set: &DataSet) -> Option<&'static str> {
    let charset = set.charset();
    let corrected = set.elements().iter().find_map(|element| match &element.value {
        Value::Octets(octets) if matches!(element.vr, VR::PN | VR::LO | VR::SH | VR::ST | VR::LT) => {
            charset.correction(octets)
        }
        _ => None,
    });
    corrected.or_else(|| charset.is_assumed().then(|| charset.term()))
}

/// The codes of a code sequence; items without any code value are left out.
pub fn codes(set: &DataSet, sequence: Tag) -> Vec<Code> {
    set.items(sequence).iter().filter_map(code).collect()
}

/// The code of one item. Source: PS3.3 Table 8.8-1.
pub fn code(item: &DataSet) -> Option<Code> {
    let value = item
        .text(Tag(0x0008, 0x0100))
        .or_else(|| item.text(Tag(0x0008, 0x0119)))
        .or_else(|| item.text(Tag(0x0008, 0x0120)))?;
    Some(Code {
        value,
        scheme: item.text(Tag(0x0008, 0x0102)).unwrap_or_default(),
        meaning: item.text(Tag(0x0008, 0x0104)).unwrap_or_default(),
    })
}

/// Reads one item of a request sequence.
pub fn request(item: &DataSet) -> Request {
    Request {
        accession_number: item.text(Tag(0x0008, 0x0050)),
        accession_issuer: Issuer::of(item, Tag(0x0008, 0x0051)),
        placer_order_number: item.text(Tag(0x0040, 0x2016)),
        placer_issuer: Issuer::of(item, Tag(0x0040, 0x0026)),
        filler_order_number: item.text(Tag(0x0040, 0x2017)),
        filler_issuer: Issuer::of(item, Tag(0x0040, 0x0027)),
        requested_procedure_id: item.text(Tag(0x0040, 0x1001)),
        requested_procedure_description: item.text(Tag(0x0032, 0x1060)),
        requested_procedure_codes: codes(item, Tag(0x0032, 0x1064)),
    }
}

impl fmt::Debug for Header {
    /// Identifiers of objects and technique only; patients, requests and free text are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("transfer_syntax_uid", &self.transfer_syntax_uid)
            .field("sop_class_uid", &self.sop_class_uid)
            .field("sop_instance_uid", &self.sop_instance_uid)
            .field("study_instance_uid", &self.study_instance_uid)
            .field("series_instance_uid", &self.series_instance_uid)
            .field("patient", &self.patient)
            .field("modality", &self.modality)
            .field("number_of_frames", &self.number_of_frames)
            .field("rows", &self.rows)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}
