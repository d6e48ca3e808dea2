//! Document titles of key object selections and what each makes of the object: a manifest, a rejection note or a key
//! object note. PS3.16 CID 7010; spec/dicom.md 2.2, spec/mcwg.md 4.3.

use model::{Code, schemes};

/// What the title of a key object selection makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TitleKind {
    /// 113030 or 113031: a manifest without descriptions.
    Manifest,
    /// 131560 or one of its trial codes: a manifest with the TID 1600 image library.
    DescribedManifest,
    /// 113032 or 113033: the whole study in other words; read as a manifest.
    StudyContent,
    /// 113034 or 113035: one acquisition only, so no inventory of a study.
    PartialContent,
    /// 113001, 113037, 113038 or 113039: its references are rejected instances (IOCM).
    Rejection,
    /// Any other title: the references are of interest to somebody.
    KeyObjects,
}

impl TitleKind {
    /// The kind of a title. A title in a scheme other than DCM is a key object note, except MADO's trial code.
    pub fn of(title: &Code) -> Self {
        if title.code == "MADOTEMP001" {
            return Self::DescribedManifest;
        }
        if title.scheme != schemes::DCM {
            return Self::KeyObjects;
        }
        match title.code.as_str() {
            "113030" | "113031" => Self::Manifest,
            // 131560 is the final code, ddd001 the one of the CP-2595 ballot that public samples carry.
            "131560" | "ddd001" => Self::DescribedManifest,
            "113032" | "113033" => Self::StudyContent,
            "113034" | "113035" => Self::PartialContent,
            "113001" | "113037" | "113038" | "113039" => Self::Rejection,
            _ => Self::KeyObjects,
        }
    }

    /// True if the object lists a whole study.
    pub fn is_manifest(self) -> bool {
        matches!(self, Self::Manifest | Self::DescribedManifest | Self::StudyContent)
    }
}

/// (113030, DCM, "Manifest"), which we write.
pub fn manifest() -> Code {
    Code::new("113030", schemes::DCM, "Manifest")
}

/// (131560, DCM, "Manifest with Description"), which promises an image library.
pub fn described_manifest() -> Code {
    Code::new("131560", schemes::DCM, "Manifest with Description")
}

/// (113000, DCM, "Of Interest").
pub fn of_interest() -> Code {
    Code::new("113000", schemes::DCM, "Of Interest")
}
