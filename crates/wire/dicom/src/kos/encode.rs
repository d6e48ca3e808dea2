//! Manifest to bytes: every flavour as a PS3.10 file in Explicit VR Little Endian, UTF-8.
//! spec/dicom.md sections 2 to 5, spec/mcwg.md 4.1 to 4.6 and 5; PS3.3 A.35.4, PS3.16 TID 2010.

use std::collections::HashSet;

use model::{
    Code, Manifest, ManifestFlavour, ManifestInstance, ManifestSeries, Oid, Order, PatientId, Sex, Xon, escape,
};

use super::coding::Designators;
use super::titles;
use super::writer::Writer;
use super::{DISPLAY_URI, KOS_SERIES_NUMBER};
use crate::sop_classes::{KEY_OBJECT_SELECTION, ReferenceType, reference_type};
use crate::transfer_syntaxes::EXPLICIT_LE;
use crate::values::{is_date, is_offset, is_time};
use crate::{VR, part10, tags};

/// Most instances one manifest can list: as many as can be read again. Source: spec/dicom.md section 10.
pub const MOST_INSTANCES: usize = 200_000;

/// The same with an image library, which names every instance a third time and describes it.
pub const MOST_DESCRIBED_INSTANCES: usize = 50_000;

/// Why a manifest cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Nothing to list: such a study is withdrawn, never published (P12).
    #[error("a manifest must list at least one instance, this one lists none")]
    Empty,
    /// More than [`MOST_INSTANCES`], or [`MOST_DESCRIBED_INSTANCES`].
    #[error("a manifest of this flavour can list at most {most} instances, this one lists {listed}")]
    TooMany {
        /// Instances of the manifest.
        listed: usize,
        /// What its flavour allows.
        most: usize,
    },
    /// Content date or time is not a date or time of DICOM.
    #[error("content date and time must be YYYYMMDD and HHMMSS[.f]")]
    ContentTime,
}

/// Writes a manifest.
///
/// Shape: preamble, file meta group, data set; the same manifest gives the same octets. `Xdsi` has no descriptions; only
/// `Mado` has regions and laterality, and it describes series and instances twice, in the evidence and in the image library,
/// so that readers of either kind find it. Descriptive text is cut to what its VR holds; identifiers never are.
/// Errors: see [`EncodeError`].
/// Source: spec/dicom.md section 5, spec/mcwg.md 4.2.
pub fn encode(manifest: &Manifest) -> Result<Vec<u8>, EncodeError> {
    let most = match manifest.flavour {
        ManifestFlavour::Mcwg | ManifestFlavour::Xdsi => MOST_INSTANCES,
        ManifestFlavour::Mado => MOST_DESCRIBED_INSTANCES,
    };
    match manifest.instance_count() {
        0 => return Err(EncodeError::Empty),
        listed if listed > most => return Err(EncodeError::TooMany { listed, most }),
        _ => {}
    }
    if !is_date(&manifest.content_date) || !is_time(&manifest.content_time) {
        return Err(EncodeError::ContentTime);
    }
    let mut file = part10::file_meta(KEY_OBJECT_SELECTION, manifest.sop_instance.as_str(), EXPLICIT_LE, None);
    file.reserve(2048 + manifest.instance_count() * 512);
    let described = manifest.flavour != ManifestFlavour::Xdsi;
    let encoder = Encoder { manifest, described, designators: Designators::of(manifest) };
    let mut writer = Writer::after(file);
    encoder.general(&mut writer);
    encoder.patient(&mut writer);
    encoder.document(&mut writer);
    encoder.evidence(&mut writer);
    encoder.content(&mut writer);
    Ok(writer.into_octets())
}

pub(super) struct Encoder<'a> {
    pub(super) manifest: &'a Manifest,
    /// The evidence describes series and instances.
    described: bool,
    pub(super) designators: Designators,
}

impl Encoder<'_> {
    /// Group 0008: character set, instance, study, series and equipment.
    fn general(&self, w: &mut Writer) {
        let m = self.manifest;
        w.line(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192", 16);
        w.line(tags::INSTANCE_CREATION_DATE, VR::DA, &m.content_date, 8);
        w.line(tags::INSTANCE_CREATION_TIME, VR::TM, &m.content_time, 16);
        w.uid(tags::SOP_CLASS_UID, KEY_OBJECT_SELECTION);
        w.uid(tags::SOP_INSTANCE_UID, m.sop_instance.as_str());
        w.line(tags::STUDY_DATE, VR::DA, date(m.study_date.as_deref()), 8);
        w.line(tags::CONTENT_DATE, VR::DA, &m.content_date, 8);
        w.line(tags::STUDY_TIME, VR::TM, time(m.study_time.as_deref()), 16);
        w.line(tags::CONTENT_TIME, VR::TM, &m.content_time, 16);
        self.accession(w);
        w.line(tags::MODALITY, VR::CS, "KO", 16);
        w.line(tags::MANUFACTURER, VR::LO, &m.manufacturer, 64);
        if let Some(name) = m.institution.as_ref().and_then(institution) {
            w.line(tags::INSTITUTION_NAME, VR::LO, &name, 64);
        }
        w.line(tags::REFERRING_PHYSICIAN_NAME, VR::PN, m.referring_physician.as_deref().unwrap_or(""), 64 * 3);
        self.designators.write_identification(w);
        if let Some(offset) = m.timezone.as_deref().filter(|offset| is_offset(offset)) {
            w.line(tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, offset, 16);
        }
        if let Some(description) = non_empty(m.study_description.as_deref()) {
            w.line(tags::STUDY_DESCRIPTION, VR::LO, description, 64);
        }
        let procedures: Vec<&Code> = valued(&m.procedures).collect();
        if !procedures.is_empty() {
            self.designators.write_codes(w, tags::PROCEDURE_CODE_SEQUENCE, procedures);
        }
        w.sequence(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, |_| {});
    }

    /// (0008,0050) and its issuer: always empty as MCWG wants it; in XDS-I.b and MADO the number if there is just one.
    /// Source: spec/mcwg.md 4.4.
    fn accession(&self, w: &mut Writer) {
        let mut numbers: Vec<(&str, Option<&Oid>)> = Vec::new();
        for order in &self.manifest.orders {
            let number = (order.accession_number.as_str(), order.accession_issuer.as_ref());
            if !number.0.is_empty() && !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        match numbers[..] {
            [(number, issuer)] if self.manifest.flavour != ManifestFlavour::Mcwg => {
                w.identifier(tags::ACCESSION_NUMBER, VR::SH, number);
                write_issuer(w, tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE, issuer);
            }
            _ => w.empty(tags::ACCESSION_NUMBER, VR::SH),
        }
    }

    fn patient(&self, w: &mut Writer) {
        let m = self.manifest;
        let id = m.patient_id.as_ref().map_or(m.patient_id_text.as_str(), |id| id.id.as_str());
        w.line(tags::PATIENT_NAME, VR::PN, &m.patient_name.to_dicom(), 64);
        w.identifier(tags::PATIENT_ID, VR::LO, id);
        write_issuer(w, tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE, m.patient_id.as_ref().map(|id| &id.domain));
        w.line(tags::PATIENT_BIRTH_DATE, VR::DA, date(m.birth_date.as_deref()), 8);
        // (0010,0040) has no term for unknown; it is left empty then.
        let sex = m.sex.filter(|sex| *sex != Sex::Unknown).map_or("", Sex::code);
        w.line(tags::PATIENT_SEX, VR::CS, sex, 16);
        let others: Vec<&PatientId> =
            m.other_patient_ids.iter().filter(|id| m.patient_id.as_ref() != Some(id)).collect();
        if !others.is_empty() || (self.described && m.patient_id.is_some()) {
            w.sequence(tags::OTHER_PATIENT_I_DS_SEQUENCE, |w| {
                for id in m.patient_id.iter().chain(others) {
                    w.item(|w| {
                        w.identifier(tags::PATIENT_ID, VR::LO, &id.id);
                        w.line(tags::TYPE_OF_PATIENT_ID, VR::CS, "TEXT", 16);
                        write_issuer(w, tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE, Some(&id.domain));
                    });
                }
            });
        }
    }

    /// Group 0020 and the head of the content tree up to the requests.
    fn document(&self, w: &mut Writer) {
        let m = self.manifest;
        w.uid(tags::STUDY_INSTANCE_UID, m.own_study.as_str());
        w.uid(tags::SERIES_INSTANCE_UID, m.series_instance.as_str());
        w.line(tags::STUDY_ID, VR::SH, m.study_id.as_deref().unwrap_or(""), 16);
        w.line(tags::SERIES_NUMBER, VR::IS, &series_number(m).to_string(), 12);
        w.line(tags::INSTANCE_NUMBER, VR::IS, "1", 12);
        w.line(tags::VALUE_TYPE, VR::CS, "CONTAINER", 16);
        let title = match m.flavour {
            ManifestFlavour::Mcwg | ManifestFlavour::Xdsi => titles::manifest(),
            ManifestFlavour::Mado => titles::described_manifest(),
        };
        self.designators.write_codes(w, tags::CONCEPT_NAME_CODE_SEQUENCE, [&title]);
        w.line(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE", 16);
        if !m.orders.is_empty() {
            w.sequence(tags::REFERENCED_REQUEST_SEQUENCE, |w| {
                for order in &m.orders {
                    w.item(|w| write_request(w, m, order));
                }
            });
        }
    }

    fn evidence(&self, w: &mut Writer) {
        let m = self.manifest;
        w.sequence(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, |w| {
            w.item(|w| {
                w.sequence(tags::REFERENCED_SERIES_SEQUENCE, |w| {
                    for series in m.series.iter().filter(|series| !series.instances.is_empty()) {
                        w.item(|w| self.series(w, series));
                    }
                });
                w.uid(tags::STUDY_INSTANCE_UID, m.study.as_str());
                if let Some(uri) = non_empty(m.display_uri.as_deref()).filter(|_| self.described) {
                    w.identifier(DISPLAY_URI, VR::UR, uri);
                }
            });
        });
    }

    fn series(&self, w: &mut Writer, series: &ManifestSeries) {
        if self.described {
            w.line(tags::SERIES_DATE, VR::DA, date(series.date.as_deref()), 8);
            w.line(tags::SERIES_TIME, VR::TM, time(series.time.as_deref()), 16);
        }
        if let Some(title) = non_empty(series.retrieve_ae_title.as_deref()) {
            w.line(tags::RETRIEVE_AE_TITLE, VR::AE, title, 16);
        }
        if self.described {
            if let Some(modality) = non_empty(series.modality.as_deref()) {
                w.line(tags::MODALITY, VR::CS, modality, 16);
            }
            w.line(tags::SERIES_DESCRIPTION, VR::LO, series.description.as_deref().unwrap_or(""), 64);
        }
        if let Some(base) = series.wado_base().filter(|base| !base.is_empty()) {
            let url = match self.manifest.flavour {
                ManifestFlavour::Mcwg => series_url(base, self.manifest.study.as_str(), series.uid.as_str()),
                ManifestFlavour::Xdsi | ManifestFlavour::Mado => base.to_owned(),
            };
            w.identifier(tags::RETRIEVE_URL, VR::UR, &url);
        }
        w.sequence(tags::REFERENCED_SOP_SEQUENCE, |w| {
            for instance in &series.instances {
                w.item(|w| self.instance(w, instance));
            }
        });
        w.uid(tags::SERIES_INSTANCE_UID, series.uid.as_str());
        if let Some(number) = non_empty(series.number.as_deref()).filter(|number| self.described && is_integer(number))
        {
            w.line(tags::SERIES_NUMBER, VR::IS, number, 12);
        }
        if let Some(location) = &series.retrieve_location_uid {
            w.uid(tags::RETRIEVE_LOCATION_UID, location.as_str());
        }
    }

    fn instance(&self, w: &mut Writer, instance: &ManifestInstance) {
        write_reference(w, instance);
        if !self.described {
            return;
        }
        if !instance.significant.is_empty() {
            self.significant(w, instance);
        }
        let number = instance.instance_number.as_deref().filter(|number| is_integer(number)).unwrap_or("");
        w.line(tags::INSTANCE_NUMBER, VR::IS, number, 12);
        if let Some(frames) = instance.number_of_frames {
            w.line(tags::NUMBER_OF_FRAMES, VR::IS, &frames.to_string(), 12);
        }
        if let Some(note) = &instance.key_object_note {
            w.sequence(tags::CONTENT_SEQUENCE, |w| {
                if let Some(text) = non_empty(note.description.as_deref()) {
                    w.item(|w| w.paragraph(tags::TEXT_VALUE, text));
                }
            });
        }
    }

    /// Related Series Sequence: the notes that flag this instance. Source: spec/mcwg.md 4.6.
    fn significant(&self, w: &mut Writer, instance: &ManifestInstance) {
        let mut written: HashSet<&str> = HashSet::new();
        w.sequence(tags::RELATED_SERIES_SEQUENCE, |w| {
            for flag in &instance.significant {
                if !written.insert(flag.note_series.as_str()) {
                    continue;
                }
                w.item(|w| {
                    w.sequence(tags::REFERENCED_SOP_SEQUENCE, |w| {
                        for flag in instance.significant.iter().filter(|other| other.note_series == flag.note_series) {
                            w.item(|w| {
                                w.uid(tags::REFERENCED_SOP_CLASS_UID, KEY_OBJECT_SELECTION);
                                w.uid(tags::REFERENCED_SOP_INSTANCE_UID, flag.note.as_str());
                                let purpose = tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE;
                                self.designators.write_codes(w, purpose, [&flag.title]);
                            });
                        }
                    });
                    w.uid(tags::SERIES_INSTANCE_UID, flag.note_series.as_str());
                });
            }
        });
    }

    /// Template and content tree: every instance of the evidence once, flat, then the library. Source: TID 2010.
    fn content(&self, w: &mut Writer) {
        w.sequence(tags::CONTENT_TEMPLATE_SEQUENCE, |w| {
            w.item(|w| {
                w.line(tags::MAPPING_RESOURCE, VR::CS, "DCMR", 16);
                w.line(tags::TEMPLATE_IDENTIFIER, VR::CS, "2010", 16);
            });
        });
        let described = self.manifest.flavour == ManifestFlavour::Mado;
        w.sequence(tags::CONTENT_SEQUENCE, |w| {
            if described {
                self.procedures(w);
            }
            for (_, instance) in self.manifest.instances() {
                w.item(|w| write_listed(w, instance));
            }
            if described {
                self.library(w);
            }
        });
    }
}

/// The head of a content item that refers to an instance; what describes it may follow.
pub(super) fn write_listed(w: &mut Writer, instance: &ManifestInstance) {
    w.sequence(tags::REFERENCED_SOP_SEQUENCE, |w| w.item(|w| write_reference(w, instance)));
    w.line(tags::RELATIONSHIP_TYPE, VR::CS, "CONTAINS", 16);
    w.line(tags::VALUE_TYPE, VR::CS, value_type(instance.sop_class.as_str()), 16);
}

/// IMAGE, WAVEFORM or COMPOSITE by class.
///
/// Deviation: DCMTK 3.6.7 does not know these classes and then refuses the whole document for an IMAGE or WAVEFORM of
/// theirs; COMPOSITE is taken by every reader (spec/dicom.md section 3).
fn value_type(sop_class: &str) -> &'static str {
    const YOUNG: [&str; 7] = [
        "1.2.840.10008.5.1.4.1.1.6.3",
        "1.2.840.10008.5.1.4.1.1.77.1.8",
        "1.2.840.10008.5.1.4.1.1.77.1.9",
        "1.2.840.10008.5.1.4.1.1.9.1",
        "1.2.840.10008.5.1.4.1.1.9.1.4",
        "1.2.840.10008.5.1.4.1.1.481.23",
        "1.2.840.10008.5.1.4.1.1.481.24",
    ];
    match YOUNG.contains(&sop_class) {
        true => ReferenceType::Composite.as_str(),
        false => reference_type(sop_class).as_str(),
    }
}

fn write_reference(w: &mut Writer, instance: &ManifestInstance) {
    w.uid(tags::REFERENCED_SOP_CLASS_UID, instance.sop_class.as_str());
    w.uid(tags::REFERENCED_SOP_INSTANCE_UID, instance.sop_instance.as_str());
}

/// One request: the type 2 attributes are there, empty where nothing is known. Source: PS3.3 C.17.6.2.1.
fn write_request(w: &mut Writer, manifest: &Manifest, order: &Order) {
    w.identifier(tags::ACCESSION_NUMBER, VR::SH, &order.accession_number);
    write_issuer(w, tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE, order.accession_issuer.as_ref());
    w.sequence(tags::REFERENCED_STUDY_SEQUENCE, |_| {});
    w.uid(tags::STUDY_INSTANCE_UID, manifest.study.as_str());
    w.empty(tags::REQUESTED_PROCEDURE_DESCRIPTION, VR::LO);
    w.sequence(tags::REQUESTED_PROCEDURE_CODE_SEQUENCE, |_| {});
    write_issuer(w, tags::ORDER_PLACER_IDENTIFIER_SEQUENCE, order.placer_issuer.as_ref());
    w.empty(tags::REQUESTED_PROCEDURE_ID, VR::SH);
    w.identifier(tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST, VR::LO, &order.placer_order_number);
    w.empty(tags::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST, VR::LO);
}

/// An issuer sequence with one OID; nothing when the issuer is unknown. The entity macro is (0040,0032)/(0040,0033): the
/// MADO and Xt-EHR texts misprint its group.
fn write_issuer(w: &mut Writer, tag: crate::Tag, issuer: Option<&Oid>) {
    if let Some(oid) = issuer {
        w.sequence(tag, |w| {
            w.item(|w| {
                w.paragraph(tags::UNIVERSAL_ENTITY_ID, oid.as_str());
                w.line(tags::UNIVERSAL_ENTITY_ID_TYPE, VR::CS, "ISO", 16);
            });
        });
    }
}

/// `{base}/studies/{study}/series/{series}`. Source: spec/mcwg.md 4.5.
pub(super) fn series_url(base: &str, study: &str, series: &str) -> String {
    format!("{}/studies/{study}/series/{series}", base.trim_end_matches('/'))
}

/// 59, or the next number that no listed series has. Source: spec/mcwg.md 4.1.
fn series_number(manifest: &Manifest) -> u64 {
    let taken: HashSet<u64> = manifest.series.iter().filter_map(|s| s.number.as_deref()?.trim().parse().ok()).collect();
    (KOS_SERIES_NUMBER..).find(|number| !taken.contains(number)).unwrap_or(KOS_SERIES_NUMBER)
}

/// XON in the 64 characters of (0008,0080): only the name is shortened. When not even one character of it fits beside the
/// identifier, the name stands alone, because a cut OID would name somebody else. Source: spec/mcwg.md U-11.
fn institution(xon: &Xon) -> Option<String> {
    const LIMIT: usize = 64;
    let name: String = xon.name().chars().map(|c| if c == '^' || c.is_control() { ' ' } else { c }).collect();
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    let rest = xon.as_str().split_once('^').map_or("", |(_, rest)| rest).trim_end_matches('^');
    // A backslash would separate values: such an identifier cannot be written here.
    let rest_length = rest.chars().count() + 1;
    if rest.is_empty() || rest.contains('\\') || rest_length >= LIMIT {
        return Some(name.to_owned());
    }
    let short: String = name.chars().take(LIMIT - rest_length).collect();
    Some(format!("{}^{rest}", short.trim_end()))
}

/// The reverse of [`institution`]: a plain name or an XON whose name may hold HL7 separators.
pub(super) fn read_institution(text: &str) -> Option<Xon> {
    let (name, rest) = text.split_once('^').map_or((text, None), |(name, rest)| (name, Some(rest)));
    let name = escape(name.trim());
    let whole = rest.and_then(|rest| Xon::parse(&format!("{name}^{rest}")).ok());
    whole.or_else(|| Xon::parse(&name).ok())
}

/// Codes that have a value: a text alone, as FHIR allows it, is no code of DICOM.
pub(super) fn valued(codes: &[Code]) -> impl Iterator<Item = &Code> {
    codes.iter().filter(|code| !code.code.is_empty())
}

pub(super) fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

pub(super) fn date(text: Option<&str>) -> &str {
    text.filter(|text| is_date(text)).unwrap_or("")
}

pub(super) fn time(text: Option<&str>) -> &str {
    text.filter(|text| is_time(text)).unwrap_or("")
}

/// IS: a whole number in 12 characters.
pub(super) fn is_integer(text: &str) -> bool {
    text.len() <= 12 && text.trim().parse::<i32>().is_ok()
}
