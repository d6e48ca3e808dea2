//! Manifest: what a study consists of and where its instances can be fetched; the union of the MCWG, XDS-I.b and MADO
//! flavours. Source: spec/mcwg.md section 4, spec/dicom.md sections 2-10, RAD TF-3 (KOS), MADO 6.X.2.

use crate::{
    Code, Dtm, Invalid, Oid, PatientId, PersonName, RetrieveLocationUid, SeriesInstanceUid, Sex, SopClassUid,
    SopInstanceUid, StudyInstanceUid, Xon,
};
use std::fmt;

/// How a manifest is written; readers accept all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestFlavour {
    /// Title 113030, descriptive attributes in the evidence items, series-level Retrieve URL.
    Mcwg,
    /// Title 113030, plain evidence.
    Xdsi,
    /// Title 131560 and the TID 1600 image library.
    Mado,
}

/// One request behind the study: an accession number and, when known, the placer's order number, with their issuers.
/// Debug hides the numbers.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Order {
    pub accession_number: String,
    pub accession_issuer: Option<Oid>,
    pub placer_order_number: String,
    pub placer_issuer: Option<Oid>,
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Order(accession of {:?}, order of {:?})", self.accession_issuer, self.placer_issuer)
    }
}

/// A key object note that flags an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignificantImage {
    pub note_series: SeriesInstanceUid,
    pub note: SopInstanceUid,
    /// Title of the note, CID 7010 (113000 "Of Interest" and others).
    pub title: Code,
}

/// What a key object note in the study says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyObjectNote {
    pub title: Code,
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestInstance {
    pub sop_class: SopClassUid,
    pub sop_instance: SopInstanceUid,
    /// IS as written in the instance.
    pub instance_number: Option<String>,
    /// Absent for single-frame instances.
    pub number_of_frames: Option<u32>,
    pub significant: Vec<SignificantImage>,
    pub key_object_note: Option<KeyObjectNote>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestSeries {
    pub uid: SeriesInstanceUid,
    /// (0008,0060); absent when the manifest does not say.
    pub modality: Option<String>,
    pub description: Option<String>,
    pub number: Option<String>,
    /// Series date and time as written (`YYYYMMDD`, `HHMMSS`), local to [`Manifest::timezone`].
    pub date: Option<String>,
    pub time: Option<String>,
    /// Region of the body, finer than [`Manifest::regions`]; without a code where the source has only a text.
    pub region: Option<Code>,
    /// CID 244.
    pub laterality: Option<Code>,
    pub retrieve_location_uid: Option<RetrieveLocationUid>,
    /// As written: series-level URL (MCWG) or base URI (MADO); [`ManifestSeries::wado_base`] reads both.
    pub retrieve_url: Option<String>,
    /// Only meaningful inside one hospital; never used to fetch.
    pub retrieve_ae_title: Option<String>,
    pub instances: Vec<ManifestInstance>,
}

impl ManifestSeries {
    /// The WADO-RS base of this series: what stands before `/studies/`, or the whole URI without a trailing slash.
    /// Source: spec/mcwg.md 4.5.
    pub fn wado_base(&self) -> Option<&str> {
        let url = self.retrieve_url.as_deref()?;
        Some(match url.rfind("/studies/") {
            Some(at) => &url[..at],
            None => url.trim_end_matches('/'),
        })
    }
}

/// The manifest of exactly one study. Times are local to `timezone`. Debug hides the patient.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest {
    pub flavour: ManifestFlavour,
    /// The KOS instance itself; equals the document's uniqueId.
    pub sop_instance: SopInstanceUid,
    /// The KOS's own series.
    pub series_instance: SeriesInstanceUid,
    pub study: StudyInstanceUid,
    /// The study the KOS object itself carries: normally `study`; some sources differ (field case B-024).
    pub own_study: StudyInstanceUid,
    pub patient_id: Option<PatientId>,
    /// Patient ID as written when its issuer is unknown.
    pub patient_id_text: String,
    pub other_patient_ids: Vec<PatientId>,
    pub patient_name: PersonName,
    pub birth_date: Option<String>,
    pub sex: Option<Sex>,
    /// `YYYYMMDD` and `HHMMSS[.f]` as written.
    pub study_date: Option<String>,
    pub study_time: Option<String>,
    pub study_description: Option<String>,
    pub study_id: Option<String>,
    pub referring_physician: Option<String>,
    pub orders: Vec<Order>,
    /// (0008,1032), and TID 2010 row 4b.
    pub procedures: Vec<Code>,
    /// Coarse anatomical regions; part of the tree in MADO, of the registry metadata in every flavour.
    pub regions: Vec<Code>,
    pub manufacturer: String,
    pub institution: Option<Xon>,
    pub content_date: String,
    pub content_time: String,
    /// (0008,0201), `&ZZXX` such as `+0100`; absent means UTC is assumed.
    pub timezone: Option<String>,
    /// (0040,E012).
    pub display_uri: Option<String>,
    pub series: Vec<ManifestSeries>,
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("flavour", &self.flavour)
            .field("sop_instance", &self.sop_instance)
            .field("study", &self.study)
            .field("own_study", &self.own_study)
            .field("orders", &self.orders)
            .field("procedures", &self.procedures)
            .field("regions", &self.regions)
            .field("series", &self.series)
            .finish_non_exhaustive()
    }
}

impl Manifest {
    pub fn instance_count(&self) -> usize {
        self.series.iter().map(|s| s.instances.len()).sum()
    }

    pub fn instances(&self) -> impl Iterator<Item = (&ManifestSeries, &ManifestInstance)> {
        self.series.iter().flat_map(|s| s.instances.iter().map(move |i| (s, i)))
    }

    pub fn lists(&self, instance: &SopInstanceUid) -> bool {
        self.instances().any(|(_, i)| i.sop_instance == *instance)
    }

    /// Distinct series modalities in order of appearance, KO, PR and SR only when there is nothing else.
    /// Source: spec/dicom.md section 9.
    pub fn acquisition_modalities(&self) -> Vec<&str> {
        const NOT_ACQUIRED: [&str; 12] =
            ["KO", "PR", "SR", "SEG", "REG", "DOC", "PLAN", "RWV", "FID", "RTSTRUCT", "RTPLAN", "RTDOSE"];
        let mut all: Vec<&str> = Vec::new();
        for modality in self.series.iter().filter_map(|s| s.modality.as_deref()) {
            if !modality.is_empty() && !all.contains(&modality) {
                all.push(modality);
            }
        }
        let acquired: Vec<&str> = all.iter().copied().filter(|m| !NOT_ACQUIRED.contains(m)).collect();
        if acquired.is_empty() { all } else { acquired }
    }

    /// What every manifest must meet whoever wrote it: all findings.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        if self.series.is_empty() {
            found.push(Invalid::new("CurrentRequestedProcedureEvidenceSequence", "must list at least one series", ""));
        }
        let mut seen = std::collections::HashSet::new();
        let mut seen_series = std::collections::HashSet::new();
        for series in &self.series {
            if !seen_series.insert(&series.uid) {
                found.push(Invalid::new("SeriesInstanceUID", "must be listed once", series.uid.as_str()));
            }
            if series.instances.is_empty() {
                found.push(Invalid::new("ReferencedSOPSequence", "must not be empty", series.uid.as_str()));
            }
            if series.uid == self.series_instance {
                let rule = "of the manifest must differ from the series it lists";
                found.push(Invalid::new("SeriesInstanceUID", rule, series.uid.as_str()));
            }
            for instance in &series.instances {
                if !seen.insert(&instance.sop_instance) {
                    let rule = "must be listed once";
                    found.push(Invalid::new("ReferencedSOPInstanceUID", rule, instance.sop_instance.as_str()));
                }
                if instance.sop_instance == self.sop_instance {
                    let rule = "of the manifest must not be listed in itself";
                    found.push(Invalid::new("ReferencedSOPInstanceUID", rule, instance.sop_instance.as_str()));
                }
            }
        }
        found
    }

    /// Start of the study as UTC metadata: date and time shifted by the timezone; day precision when there is no time.
    pub fn study_start(&self) -> Option<Dtm> {
        utc(self.study_date.as_deref()?, self.study_time.as_deref(), self.timezone.as_deref())
    }

    pub fn content_time_utc(&self) -> Option<Dtm> {
        utc(&self.content_date, Some(&self.content_time), self.timezone.as_deref())
    }
}

/// DICOM DA and TM with an optional offset `&ZZXX`, as DTM in UTC. A date without time, or with a time or an offset that
/// cannot be read, stays a date.
pub(crate) fn utc(date: &str, time: Option<&str>, offset: Option<&str>) -> Option<Dtm> {
    let date: String = date.chars().filter(char::is_ascii_digit).take(8).collect();
    let day = Dtm::parse(&date).ok().filter(|_| date.len() == 8)?;
    let digits: String = time.unwrap_or("").chars().take_while(char::is_ascii_digit).take(6).collect();
    let mut digits = digits[..digits.len() & !1].to_owned();
    if digits.is_empty() {
        return Some(day);
    }
    // TM has a leap second (PS3.5 6.2), DTM has none.
    if digits.len() == 6 && digits.ends_with("60") {
        digits.replace_range(4.., "59");
    }
    let Ok(local) = Dtm::parse(&format!("{date}{digits}")) else { return Some(day) };
    let Some(seconds) = offset.map_or(Some(0), offset_seconds) else { return Some(day) };
    let text = Dtm::from_unix_seconds(local.unix_seconds() - seconds);
    Dtm::parse(&text.as_str()[..8 + digits.len()]).ok()
}

fn offset_seconds(text: &str) -> Option<i64> {
    let (sign, digits) = match text.trim().split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i64 = digits[..2].parse().ok()?;
    let minutes: i64 = digits[2..].parse().ok()?;
    Some(sign * (hours * 3600 + minutes * 60))
}
