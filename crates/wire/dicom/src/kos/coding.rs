//! Coding schemes between DICOM designators and the OIDs of the model, and the code sequence macro.
//! PS3.16 Table 8-1, PS3.3 8.8 (code sequence macro), PS3.3 C.12.1 (Coding Scheme Identification Sequence).

use model::{Code, Manifest, ManifestFlavour, Oid, Text, schemes};

use super::writer::Writer;
use crate::{DataSet, VR, tags};

/// Designator and OID; the first line of an OID is the one we write. Source: PS3.16 Table 8-1.
const KNOWN: &[(&str, &str)] = &[
    ("DCM", schemes::DCM),
    ("SCT", schemes::SNOMED_CT),
    ("SRT", schemes::SNOMED_CT),
    ("SNM3", "2.16.840.1.113883.6.51"),
    ("LN", schemes::LOINC),
    ("UCUM", "2.16.840.1.113883.6.8"),
    ("RADLEX", "2.16.840.1.113883.6.256"),
    ("C4", "2.16.840.1.113883.6.12"),
    ("I10", "2.16.840.1.113883.6.3"),
    ("FMA", "2.16.840.1.113883.6.119"),
    ("UMLS", "2.16.840.1.113883.6.86"),
    ("NCIt", "2.16.840.1.113883.3.26.1.1"),
    ("HPC", "2.16.840.1.113883.6.14"),
    ("ISO639_2", "2.16.840.1.113883.6.100"),
    ("DCMUID", schemes::DICOM_UID_REGISTRY),
];

/// The OID of a designator of PS3.16, else the designator itself.
pub fn scheme_of(designator: &str) -> &str {
    KNOWN.iter().find(|(known, _)| *known == designator).map_or(designator, |(_, oid)| *oid)
}

/// Designators for the OIDs of one manifest that PS3.16 does not name.
#[derive(Debug, Default)]
pub(super) struct Designators {
    private: Vec<(String, String)>,
}

impl Designators {
    /// Collects the schemes of every code the manifest writes.
    pub(super) fn of(manifest: &Manifest) -> Self {
        let mut found = Self::default();
        let flags = manifest.instances().flat_map(|(_, instance)| instance.significant.iter().map(|flag| &flag.title));
        let notes = manifest.instances().filter_map(|(_, instance)| Some(&instance.key_object_note.as_ref()?.title));
        let series = manifest.series.iter().flat_map(|series| series.region.iter().chain(&series.laterality));
        let library = manifest.regions.iter().chain(notes).chain(series);
        // Only the codes that are written need a designator.
        let library = library.filter(|_| manifest.flavour == ManifestFlavour::Mado);
        for code in manifest.procedures.iter().chain(flags).chain(library) {
            let known = KNOWN.iter().any(|(_, oid)| *oid == code.scheme);
            if !known && Oid::parse(&code.scheme).is_ok() && !found.private.iter().any(|(_, oid)| *oid == code.scheme) {
                let designator = format!("99MANIFOLD{}", found.private.len() + 1);
                found.private.push((designator, code.scheme.clone()));
            }
        }
        found
    }

    fn designator<'a>(&'a self, scheme: &'a str) -> &'a str {
        let known = KNOWN.iter().find(|(_, oid)| *oid == scheme).map(|(designator, _)| *designator);
        let private = || self.private.iter().find(|(_, oid)| oid == scheme).map(|(designator, _)| designator.as_str());
        known.or_else(private).unwrap_or(scheme)
    }

    /// (0008,0110), when a private designator is in use.
    pub(super) fn write_identification(&self, writer: &mut Writer) {
        if self.private.is_empty() {
            return;
        }
        writer.sequence(tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE, |writer| {
            for (designator, oid) in &self.private {
                writer.item(|writer| {
                    writer.line(tags::CODING_SCHEME_DESIGNATOR, VR::SH, designator, 16);
                    writer.uid(tags::CODING_SCHEME_UID, oid);
                });
            }
        });
    }

    /// A code sequence with the given codes.
    pub(super) fn write_codes<'a>(
        &self,
        writer: &mut Writer,
        tag: crate::Tag,
        codes: impl IntoIterator<Item = &'a Code>,
    ) {
        writer.sequence(tag, |writer| {
            for code in codes {
                writer.item(|writer| self.write_code(writer, code));
            }
        });
    }

    fn write_code(&self, writer: &mut Writer, code: &Code) {
        let long = code.code.chars().count() > 16;
        if !long {
            writer.identifier(tags::CODE_VALUE, VR::SH, &code.code);
        }
        writer.line(tags::CODING_SCHEME_DESIGNATOR, VR::SH, self.designator(&code.scheme), 16);
        // Code Meaning is type 1.
        let meaning = code.display.value().filter(|text| !text.trim().is_empty()).unwrap_or(&code.code);
        writer.line(tags::CODE_MEANING, VR::LO, meaning, 64);
        if long {
            writer.identifier(tags::LONG_CODE_VALUE, VR::UC, &code.code);
        }
    }
}

/// Reads codes, resolving designators through the table of PS3.16 and (0008,0110) of the object.
pub(super) struct CodeReader {
    own: Vec<(String, String)>,
}

impl CodeReader {
    pub(super) fn of(root: &DataSet) -> Self {
        let own = root
            .items(tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE)
            .iter()
            .filter_map(|item| Some((item.text(tags::CODING_SCHEME_DESIGNATOR)?, item.uid(tags::CODING_SCHEME_UID)?)))
            .filter(|(_, oid)| Oid::parse(oid).is_ok())
            .collect();
        Self { own }
    }

    /// The code of one item. Code, scheme or display may be empty: peers leave each of them out.
    pub(super) fn code(&self, item: &DataSet) -> Code {
        let code =
            [tags::CODE_VALUE, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE].into_iter().find_map(|tag| item.text(tag));
        let designator = item.text(tags::CODING_SCHEME_DESIGNATOR).unwrap_or_default();
        let own = self.own.iter().find(|(own, _)| *own == designator).map(|(_, oid)| oid.as_str());
        let scheme = own.unwrap_or_else(|| scheme_of(&designator)).to_owned();
        let display = item.text(tags::CODE_MEANING).map(Text::plain).unwrap_or_default();
        Code { code: code.unwrap_or_default(), scheme, display }
    }

    /// The code of the first item of a code sequence.
    pub(super) fn first(&self, set: &DataSet, tag: crate::Tag) -> Option<Code> {
        set.item(tag).map(|item| self.code(item))
    }
}
