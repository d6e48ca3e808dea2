//! What a planned study is: who, where, when, which series, what the report says.

/// A coded concept: value, coding scheme designator, meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Code Value (0008,0100).
    pub value: &'static str,
    /// Coding Scheme Designator (0008,0102), for example `SCT`, `DCM`, `LN`.
    pub scheme: &'static str,
    /// Code Meaning (0008,0104).
    pub meaning: &'static str,
}

/// Shorthand for tables.
pub(crate) const fn code(value: &'static str, scheme: &'static str, meaning: &'static str) -> Code {
    Code { value, scheme, meaning }
}

/// The two hospitals of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hospital {
    /// `north`.
    North,
    /// `south`.
    South,
}

impl Hospital {
    /// The node name in the demo: `north` or `south`.
    pub fn as_str(self) -> &'static str {
        match self {
            Hospital::North => "north",
            Hospital::South => "south",
        }
    }

    /// Institution Name (0008,0080).
    pub fn institution(self) -> &'static str {
        match self {
            Hospital::North => "North Hospital",
            Hospital::South => "South Hospital",
        }
    }

    /// A postal line for the head of a report.
    pub fn address(self) -> &'static str {
        match self {
            Hospital::North => "1 Harbour Road, 1010 Northby",
            Hospital::South => "24 Mill Lane, 2020 Southfield",
        }
    }
}

/// Which part of a study to make: a study that grows arrives in two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What arrives first.
    First,
    /// What arrives later and makes the manifest be replaced; empty for most studies.
    Later,
    /// Everything.
    All,
}

/// What the radiologist wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportText {
    /// Document title, for example `CT of the chest with contrast`.
    pub title: String,
    /// LOINC document code of the report, for example 24627-2 `CT Chest`.
    pub code: Code,
    /// Why the examination was asked for.
    pub indication: String,
    /// How it was done.
    pub technique: String,
    /// Earlier examinations that were compared; may be empty.
    pub comparison: String,
    /// Findings, one paragraph each.
    pub findings: Vec<String>,
    /// Impression, one statement each.
    pub impression: Vec<String>,
    /// Reporting physician in PN form.
    pub author: &'static str,
    /// When it was signed, `YYYYMMDDHHMMSS` local time.
    pub signed_at: String,
}

impl ReportText {
    /// The whole report as plain text, for OBX segments and tests.
    pub fn plain(&self) -> String {
        let mut text = format!("{}\n\nIndication: {}\nTechnique: {}\n", self.title, self.indication, self.technique);
        if !self.comparison.is_empty() {
            text.push_str(&format!("Comparison: {}\n", self.comparison));
        }
        text.push_str("\nFindings\n");
        for paragraph in &self.findings {
            text.push_str(paragraph);
            text.push('\n');
        }
        text.push_str("\nImpression\n");
        for (index, line) in self.impression.iter().enumerate() {
            text.push_str(&format!("{}. {line}\n", index + 1));
        }
        text
    }
}

/// What the instances of a series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesKind {
    /// Axial CT of a body region.
    Ct {
        /// Region shown.
        region: Region,
        /// Rows and columns.
        size: u16,
    },
    /// MR, axial or sagittal.
    Mr {
        /// Region shown: head or spine.
        region: Region,
        /// Weighting.
        contrast: Contrast,
        /// Rows and columns.
        size: u16,
        /// Sagittal instead of axial.
        sagittal: bool,
    },
    /// A chest radiograph.
    Cr {
        /// Lateral instead of postero-anterior.
        lateral: bool,
        /// `MONOCHROME1` instead of `MONOCHROME2`.
        inverted: bool,
    },
    /// Echocardiography, a multi-frame loop of this many frames.
    Us {
        /// Frames per instance.
        frames: u16,
    },
    /// Mammography: right and left cranio-caudal, right and left medio-lateral oblique.
    Mg,
    /// A structured report with the text of the findings.
    Sr,
    /// A key image note that points at one image of the first series.
    KeyNote,
}

/// Body regions that have a phantom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// Thorax.
    Chest,
    /// Upper abdomen.
    Abdomen,
    /// Head.
    Head,
    /// Lumbar spine.
    Spine,
}

/// MR weightings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contrast {
    /// T1-weighted spin echo.
    T1,
    /// T2-weighted fast spin echo.
    T2,
    /// Fluid-attenuated inversion recovery.
    Flair,
    /// Diffusion-weighted, b = 1000.
    Dwi,
}

/// One series of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesPlan {
    /// Series Instance UID.
    pub uid: String,
    /// Series Number.
    pub number: u32,
    /// Series Description.
    pub description: String,
    /// Modality (0008,0060).
    pub modality: &'static str,
    /// What to make.
    pub kind: SeriesKind,
    /// Number of instances, `later` included.
    pub instances: u32,
    /// How many of them, the last ones, arrive later.
    pub later: u32,
}

/// One planned study: everything that its objects, its order and its report say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyPlan {
    /// Short name, unique among plans; every UID and every pixel depends on it.
    pub key: String,
    /// Where it was made.
    pub hospital: Hospital,
    /// AE title of the modality that sends it, for example `CT1`. Titles of the two hospitals differ.
    pub calling_ae: &'static str,
    /// Index into [`crate::PATIENTS`].
    pub patient: usize,
    /// Patient name written into the objects when it is not the registry's (stale demographics).
    pub name_in_objects: Option<&'static str>,
    /// Patient ID written into the objects when it is not the registry's: the hospital's own number.
    pub id_in_objects: Option<&'static str>,
    /// Study Instance UID.
    pub study_uid: String,
    /// Study date `YYYYMMDD`, local.
    pub date: &'static str,
    /// Study time `HHMMSS`, local.
    pub time: &'static str,
    /// Study Description.
    pub description: &'static str,
    /// Accession Number; unique within one hospital only, on purpose.
    pub accession: String,
    /// Placer order number.
    pub placer_order: String,
    /// Filler order number.
    pub filler_order: String,
    /// Requested Procedure ID.
    pub procedure_id: String,
    /// Procedure code.
    pub procedure: Code,
    /// Body Part Examined (0018,0015).
    pub body_part: &'static str,
    /// Anatomic region code of the same.
    pub region: Code,
    /// Main modality.
    pub modality: &'static str,
    /// Referring physician in PN form.
    pub referring: &'static str,
    /// The series.
    pub series: Vec<SeriesPlan>,
    /// The report; `None` when nobody has reported the study yet.
    pub report: Option<ReportText>,
}

impl StudyPlan {
    /// Instances in one part.
    pub fn instance_count(&self, part: Part) -> u32 {
        self.series
            .iter()
            .map(|series| match part {
                Part::First => series.instances.saturating_sub(series.later),
                Part::Later => series.later,
                Part::All => series.instances,
            })
            .sum()
    }

    /// Whether the study grows after its first publication.
    pub fn grows(&self) -> bool {
        self.series.iter().any(|series| series.later > 0)
    }

    /// Whether there is a report.
    pub fn has_report(&self) -> bool {
        self.report.is_some()
    }

    /// The patient as the registry knows the person; `None` when the index is out of range.
    pub fn person(&self) -> Option<&'static crate::Patient> {
        crate::PATIENTS.get(self.patient)
    }

    /// The patient name written into the objects.
    pub fn object_name(&self) -> &'static str {
        self.name_in_objects.or(self.person().map(|patient| patient.name)).unwrap_or("")
    }

    /// The Patient ID written into the objects.
    pub fn object_id(&self) -> &'static str {
        self.id_in_objects.or(self.person().map(|patient| patient.id)).unwrap_or("")
    }

    /// Offset from UTC at the study date, `+0100` or in summer `+0200`.
    pub fn utc_offset(&self) -> &'static str {
        // Both hospitals keep central European time; changing days near the end of March and October are not met here.
        match self.date.get(4..6) {
            Some("04" | "05" | "06" | "07" | "08" | "09" | "10") => "+0200",
            _ => "+0100",
        }
    }

    /// UID of one instance of a series (index from 0).
    pub fn instance_uid(&self, series: &SeriesPlan, index: u32) -> String {
        crate::uid(&format!("instance/{}/{}/{}", self.key, series.number, index))
    }
}
