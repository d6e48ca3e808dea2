//! The words of the invented reports: one text per kind of study, with the comparison that the seed's priors allow.

use crate::plan::{Code, ReportText, StudyPlan, code};

struct Words {
    title: &'static str,
    code: Code,
    indication: &'static str,
    technique: &'static str,
    comparison: &'static str,
    findings: &'static [&'static str],
    impression: &'static [&'static str],
}

/// The report of one plan.
pub(crate) fn write(plan: &StudyPlan) -> ReportText {
    let words = words(plan);
    let hour: u32 = plan.time.get(..2).and_then(|text| text.parse().ok()).unwrap_or(8);
    ReportText {
        title: words.title.to_string(),
        code: words.code,
        indication: words.indication.to_string(),
        technique: words.technique.to_string(),
        comparison: words.comparison.to_string(),
        findings: words.findings.iter().map(|text| text.to_string()).collect(),
        impression: words.impression.iter().map(|text| text.to_string()).collect(),
        author: match plan.hospital {
            crate::Hospital::North => "LINDQVIST^Märta^^Dr.",
            crate::Hospital::South => "FERRARI^Chiara^^Dr.",
        },
        signed_at: format!("{}{:02}{}", plan.date, (hour + 2).min(23), plan.time.get(2..).unwrap_or("0000")),
    }
}

const CT_CHEST: Code = code("24627-2", "LN", "CT Chest");
const CT_ABDOMEN: Code = code("41806-1", "LN", "CT Abdomen");
const CT_HEAD: Code = code("24725-4", "LN", "CT Head");
const MR_BRAIN: Code = code("24590-2", "LN", "MR Brain");
const MR_LUMBAR: Code = code("24968-0", "LN", "MR Lumbar spine");
const XR_CHEST: Code = code("36643-5", "LN", "XR Chest 2 Views");
const US_HEART: Code = code("42148-7", "LN", "US Heart");
const MG_BOTH: Code = code("24606-6", "LN", "MG Breast Screening");

fn words(plan: &StudyPlan) -> Words {
    match (plan.modality, plan.body_part, plan.patient, plan.date) {
        ("CT", "CHEST", 0, "20260312") => Words {
            title: "CT of the chest",
            code: CT_CHEST,
            indication: "Follow-up of a nodule in the right lung seen in 2023; new opacity on the radiograph of 2 February 2026.",
            technique: "Multi-slice CT of the chest without contrast, axial reconstructions of 7 mm, soft tissue kernel.",
            comparison: "CT of the chest of 7 November 2023 (South Hospital); radiographs of 18 May 2021 and 2 February 2026.",
            findings: &[
                "Lungs: a well-defined solid nodule of 14 mm lies in the right lower lobe; it measured 9 mm in 2023. No calcification and no fat inside it. No further nodule. No consolidation and no pleural effusion.",
                "Mediastinum: no enlarged lymph node. The heart is of normal size, without pericardial effusion. The aorta is of normal calibre.",
                "Bones and upper abdomen: no suspicious bone lesion. The parts of the liver and spleen that are shown are unremarkable.",
            ],
            impression: &[
                "Growing solid nodule in the right lower lobe, now 14 mm (9 mm in November 2023): suspicious.",
                "Presentation at the chest conference and PET-CT are recommended.",
            ],
        },
        ("CT", "CHEST", 0, _) => Words {
            title: "CT of the chest",
            code: CT_CHEST,
            indication: "Cough for eight weeks, former smoker.",
            technique: "Multi-slice CT of the chest without contrast, axial reconstructions of 12 mm.",
            comparison: "Radiographs of 18 May 2021 (North Hospital).",
            findings: &[
                "Lungs: a solid nodule of 9 mm in the right lower lobe. No consolidation, no effusion.",
                "Mediastinum: no enlarged lymph node; heart and great vessels are normal.",
                "Bones: slight degenerative changes of the thoracic spine.",
            ],
            impression: &[
                "Solid nodule of 9 mm in the right lower lobe, of unknown nature.",
                "Control by CT after three to six months is recommended.",
            ],
        },
        ("CT", "CHEST", ..) => Words {
            title: "CT of the chest, low dose",
            code: CT_CHEST,
            indication: "Breathlessness on exertion.",
            technique: "Low-dose CT of the chest without contrast.",
            comparison: "None available.",
            findings: &[
                "Lungs: clear, without nodule or consolidation. No pleural effusion. The airways are patent.",
                "Heart and mediastinum: heart of normal size; no enlarged lymph node.",
                "Bones: mild osteopenia; no fracture of a vertebral body.",
            ],
            impression: &["No finding in the lungs that explains the complaint."],
        },
        ("CT", "ABDOMEN", 1, "20260120") => Words {
            title: "CT of the abdomen with contrast",
            code: CT_ABDOMEN,
            indication: "Follow-up of a liver lesion; raised liver enzymes.",
            technique: "CT of the abdomen in the portal venous phase after 100 ml of iodinated contrast medium, reconstructions of 8 mm.",
            comparison: "CT of the abdomen of 14 September 2022 (South Hospital).",
            findings: &[
                "Liver: of normal size with a smooth surface. The round hypodense lesion in the right lobe measures 22 mm, as before, with fluid attenuation. No new lesion. Bile ducts not dilated.",
                "Spleen, pancreas, adrenal glands: unremarkable.",
                "Kidneys: symmetric enhancement; no stone, no dilatation.",
                "Vessels and lymph nodes: aorta and vena cava of normal calibre; no enlarged lymph node. No free fluid.",
            ],
            impression: &[
                "Unchanged simple cyst of the right liver lobe, 22 mm.",
                "No cause for the raised enzymes on CT.",
            ],
        },
        ("CT", "ABDOMEN", ..) => Words {
            title: "CT of the abdomen with contrast",
            code: CT_ABDOMEN,
            indication: "Upper abdominal pain on the right side.",
            technique: "CT of the abdomen in the portal venous phase, reconstructions of 10 mm.",
            comparison: "None available.",
            findings: &[
                "Liver: a round hypodense lesion of 22 mm in the right lobe, of fluid attenuation; otherwise homogeneous. Gallbladder without wall thickening.",
                "Spleen, pancreas and kidneys: unremarkable.",
                "No free fluid, no free air, no enlarged lymph node.",
            ],
            impression: &["Simple liver cyst of 22 mm.", "No acute finding."],
        },
        ("CT", "HEAD", ..) => Words {
            title: "CT of the head",
            code: CT_HEAD,
            indication: "Sudden weakness of the left arm and facial droop, onset 02:10.",
            technique: "Multi-slice CT of the head without contrast.",
            comparison: "None available.",
            findings: &[
                "Brain: ill-defined hypodense area in the territory of the right middle cerebral artery with loss of the grey-white border. No haemorrhage. No shift of the midline.",
                "Ventricles and cisterns: of normal width for the age.",
                "Skull and sinuses: no fracture; sinuses are clear.",
            ],
            impression: &[
                "Early ischaemia in the territory of the right middle cerebral artery.",
                "No intracranial haemorrhage. Result given by telephone to the stroke team at 03:31.",
            ],
        },
        ("MR", "HEAD", ..) => Words {
            title: "MR of the head",
            code: MR_BRAIN,
            indication: "Stroke two days ago; extent of the infarct.",
            technique: "T1, T2, FLAIR and diffusion-weighted axial series, without contrast.",
            comparison: "CT of the head of 14 February 2026.",
            findings: &[
                "An area of restricted diffusion of 38 x 26 mm lies in the territory of the right middle cerebral artery, bright on FLAIR and T2. No haemorrhagic transformation.",
                "Ventricles of normal width. A few small white-matter hyperintensities of microangiopathic type.",
            ],
            impression: &["Subacute infarct of the right middle cerebral artery territory, without haemorrhage."],
        },
        ("MR", "LSPINE", ..) => Words {
            title: "MR of the lumbar spine",
            code: MR_LUMBAR,
            indication: "Low back pain with radiation into the left leg for six weeks.",
            technique: "T1 and T2 sagittal series, T2 axial series where listed, without contrast.",
            comparison: "None available.",
            findings: &[
                "Alignment: normal lordosis, vertebral bodies of normal height and signal.",
                "L5/S1: loss of signal and height of the disc with a broad-based protrusion that touches the left S1 root. The remaining discs are well hydrated.",
                "The conus ends at L1. The spinal canal is of normal width.",
            ],
            impression: &["Disc protrusion L5/S1 with contact to the left S1 root."],
        },
        ("CR", _, 0, "20260202") => Words {
            title: "Radiographs of the chest, two views",
            code: XR_CHEST,
            indication: "Fever and cough for five days.",
            technique: "Postero-anterior and lateral radiographs, standing.",
            comparison: "Radiographs of 18 May 2021; CT of the chest of 7 November 2023.",
            findings: &[
                "A round opacity of about 15 mm projects over the right lower zone. Otherwise the lungs are clear. The costophrenic angles are free.",
                "Heart and mediastinum are of normal size and shape.",
            ],
            impression: &[
                "Round opacity in the right lower zone, probably the nodule known from 2023, appears larger. CT is recommended.",
                "No pneumonia.",
            ],
        },
        ("CR", ..) => Words {
            title: "Radiographs of the chest, two views",
            code: XR_CHEST,
            indication: "Cough; question of pneumonia.",
            technique: "Postero-anterior and lateral radiographs, standing.",
            comparison: "None available.",
            findings: &[
                "The lungs are clear and well expanded. The costophrenic angles are free.",
                "Heart and mediastinum are of normal size and shape. The bony thorax is intact.",
            ],
            impression: &["No sign of pneumonia or congestion."],
        },
        ("US", ..) => Words {
            title: "Transthoracic echocardiography",
            code: US_HEART,
            indication: "Palpitations; left ventricular function.",
            technique: "Transthoracic echocardiography, apical four chamber view.",
            comparison: "None available.",
            findings: &[
                "Left ventricle of normal size, wall thickness 9 mm. Ejection fraction 62 % (visual). No regional wall motion abnormality.",
                "Atria of normal size. Mitral and tricuspid valves open freely. No pericardial effusion.",
            ],
            impression: &["Normal left ventricular function."],
        },
        _ => Words {
            title: "Screening mammography, both sides",
            code: MG_BOTH,
            indication: "Screening.",
            technique: "Digital mammography, cranio-caudal and medio-lateral oblique views of both sides.",
            comparison: if plan.date == "20260310" { "Mammography of 5 March 2024." } else { "None available." },
            findings: &[
                "Scattered areas of fibroglandular density (ACR b). A few scattered round calcifications of benign type on the left.",
                "No mass, no architectural distortion, no suspicious calcification. Skin and nipples are unremarkable.",
            ],
            impression: &["No sign of malignancy on either side (BI-RADS 2).", "Next screening in two years."],
        },
    }
}
