//! Whether two manifests say the same: a fingerprint of everything but the identity and time of the KOS itself.
//! spec/dicom.md section 6 (study content identical: no submission).

use model::{Code, Manifest, ManifestInstance, ManifestSeries, PatientId, Sex};

/// The fingerprint of a manifest's content: equal for two manifests of the same study that need no new submission.
///
/// Shape: 128 bits, the same for any order of series and instances; instance UID, series UID and content time of the KOS
/// do not count, the flavour does. It finds changes; it does not withstand somebody who looks for two equal ones.
/// Source: spec/dicom.md section 6.
pub fn content_fingerprint(manifest: &Manifest) -> u128 {
    let m = manifest;
    let mut hash = Fingerprint::new();
    hash.text(match m.flavour {
        model::ManifestFlavour::Mcwg => "mcwg",
        model::ManifestFlavour::Xdsi => "xdsi",
        model::ManifestFlavour::Mado => "mado",
    });
    hash.text(m.study.as_str());
    hash.text(m.own_study.as_str());
    hash.ids(m.patient_id.as_slice());
    hash.text(&m.patient_id_text);
    hash.ids(&m.other_patient_ids);
    hash.text(&m.patient_name.to_dicom());
    for text in [&m.birth_date, &m.study_date, &m.study_time, &m.study_description, &m.study_id, &m.referring_physician]
    {
        hash.optional(text.as_deref());
    }
    hash.optional(m.sex.map(Sex::code));
    hash.count(m.orders.len());
    for order in &m.orders {
        hash.text(&order.accession_number);
        hash.optional(order.accession_issuer.as_ref().map(|oid| oid.as_str()));
        hash.text(&order.placer_order_number);
        hash.optional(order.placer_issuer.as_ref().map(|oid| oid.as_str()));
    }
    hash.codes(&m.procedures);
    hash.codes(&m.regions);
    hash.text(&m.manufacturer);
    hash.optional(m.institution.as_ref().map(|xon| xon.as_str()));
    hash.optional(m.timezone.as_deref());
    hash.optional(m.display_uri.as_deref());
    let mut series: Vec<&ManifestSeries> = m.series.iter().collect();
    series.sort_by(|a, b| a.uid.cmp(&b.uid));
    hash.count(series.len());
    for series in series {
        hash.series(series);
        // Only what the flavour writes counts: the other manifests say the same without it.
        if m.flavour == model::ManifestFlavour::Mado {
            hash.codes(series.region.as_slice());
            hash.codes(series.laterality.as_slice());
        }
    }
    hash.0
}

/// FNV-1a with 128 bits; every field is preceded by its length, so that none runs into the next.
struct Fingerprint(u128);

impl Fingerprint {
    fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn octets(&mut self, octets: &[u8]) {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        for octet in octets {
            self.0 = (self.0 ^ u128::from(*octet)).wrapping_mul(PRIME);
        }
    }

    fn count(&mut self, count: usize) {
        self.octets(&(count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.octets(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.octets(&[u8::from(text.is_some())]);
        self.text(text.unwrap_or(""));
    }

    fn code(&mut self, code: &Code) {
        self.text(&code.code);
        self.text(&code.scheme);
        self.optional(code.display.value());
    }

    fn codes(&mut self, codes: &[Code]) {
        self.count(codes.len());
        codes.iter().for_each(|code| self.code(code));
    }

    fn ids(&mut self, ids: &[PatientId]) {
        self.count(ids.len());
        for id in ids {
            self.text(&id.id);
            self.text(id.domain.as_str());
        }
    }

    fn series(&mut self, series: &ManifestSeries) {
        self.text(series.uid.as_str());
        for text in [&series.modality, &series.description, &series.number, &series.date, &series.time] {
            self.optional(text.as_deref());
        }
        self.optional(series.retrieve_location_uid.as_ref().map(|uid| uid.as_str()));
        self.optional(series.retrieve_url.as_deref());
        self.optional(series.retrieve_ae_title.as_deref());
        let mut instances: Vec<&ManifestInstance> = series.instances.iter().collect();
        instances.sort_by(|a, b| (&a.sop_class, &a.sop_instance).cmp(&(&b.sop_class, &b.sop_instance)));
        self.count(instances.len());
        for instance in instances {
            self.text(instance.sop_class.as_str());
            self.text(instance.sop_instance.as_str());
            self.optional(instance.instance_number.as_deref());
            self.count(instance.number_of_frames.unwrap_or(0) as usize);
            self.count(instance.significant.len());
            for flag in &instance.significant {
                self.text(flag.note_series.as_str());
                self.text(flag.note.as_str());
                self.code(&flag.title);
            }
            self.octets(&[u8::from(instance.key_object_note.is_some())]);
            if let Some(note) = &instance.key_object_note {
                self.code(&note.title);
                self.optional(note.description.as_deref());
            }
        }
    }
}
