//! Display names of modalities, for eventCodeList. PS3.16 CID 33, which is CID 29 (acquired) and CID 32 (derived).

/// Code and meaning, in code order.
const MODALITIES: &[(&str, &str)] = &[
    ("AR", "Autorefraction"),
    ("ASMT", "Content Assessment Result"),
    ("AU", "Basic Voice Audio"),
    ("BDUS", "Ultrasound Bone Densitometry"),
    ("BI", "Biomagnetic Imaging"),
    ("BMD", "Bone Mineral Densitometry"),
    ("CFM", "Confocal Microscopy"),
    ("CR", "Computed Radiography"),
    ("CT", "Computed Tomography"),
    ("CTPROTOCOL", "CT Protocol"),
    ("DG", "Diaphanography"),
    ("DMS", "Dermoscopy"),
    ("DOC", "Document"),
    ("DX", "Digital Radiography"),
    ("ECG", "Electrocardiography"),
    ("EEG", "Electroencephalography"),
    ("EMG", "Electromyography"),
    ("EOG", "Electrooculography"),
    ("EPS", "Cardiac Electrophysiology"),
    ("ES", "Endoscopy"),
    ("FID", "Spatial Fiducials"),
    ("GM", "General Microscopy"),
    ("HC", "Hard Copy"),
    ("HD", "Hemodynamic Waveform"),
    ("IO", "Intra-oral Radiography"),
    ("IOL", "Intraocular Lens Calculation"),
    ("IVOCT", "Intravascular Optical Coherence Tomography"),
    ("IVUS", "Intravascular Ultrasound"),
    ("KER", "Keratometry"),
    ("KO", "Key Object Selection"),
    ("LEN", "Lensometry"),
    ("LS", "Laser Scan"),
    ("M3D", "Model for 3D Manufacturing"),
    ("MG", "Mammography"),
    ("MR", "Magnetic Resonance"),
    ("NM", "Nuclear Medicine"),
    ("OAM", "Ophthalmic Axial Measurements"),
    ("OCT", "Optical Coherence Tomography"),
    ("OP", "Ophthalmic Photography"),
    ("OPM", "Ophthalmic Mapping"),
    ("OPT", "Ophthalmic Tomography"),
    ("OPTBSV", "Ophthalmic Tomography B-scan Volume Analysis"),
    ("OPTENF", "Ophthalmic Tomography En Face"),
    ("OPV", "Ophthalmic Visual Field"),
    ("OSS", "Optical Surface Scanner"),
    ("OT", "Other"),
    ("PA", "Photoacoustic"),
    ("PLAN", "Plan"),
    ("POS", "Position Sensor"),
    ("PR", "Presentation State"),
    ("PT", "Positron emission tomography"),
    ("PX", "Panoramic X-Ray"),
    ("REG", "Registration"),
    ("RESP", "Respiratory Waveform"),
    ("RF", "Radiofluoroscopy"),
    ("RG", "Radiographic imaging"),
    ("RTDOSE", "RT Dose"),
    ("RTIMAGE", "RT Image"),
    ("RTPLAN", "RT Plan"),
    ("RTRECORD", "RT Treatment Record"),
    ("RTSTRUCT", "RT Structure Set"),
    ("RWV", "Real World Value Map"),
    ("SEG", "Segmentation"),
    ("SM", "Slide Microscopy"),
    ("SMR", "Stereometric Relationship"),
    ("SR", "Structured Report Document"),
    ("SRF", "Subjective Refraction"),
    ("STAIN", "Automated Slide Stainer"),
    ("TEXTUREMAP", "Texture Map"),
    ("TG", "Thermography"),
    ("US", "Ultrasound"),
    ("VA", "Visual Acuity"),
    ("XA", "X-Ray Angiography"),
    ("XC", "External-camera Photography"),
];

/// The meaning of a value of (0008,0060); `None` for a term that CID 33 does not have.
pub fn modality_name(code: &str) -> Option<&'static str> {
    MODALITIES.binary_search_by(|(known, _)| known.cmp(&code)).ok().map(|at| MODALITIES[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_so_that_every_modality_is_found() {
        assert!(MODALITIES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(modality_name("CT"), Some("Computed Tomography"));
        assert_eq!(modality_name("KO"), Some("Key Object Selection"));
        assert_eq!(modality_name("ct"), None);
    }
}
