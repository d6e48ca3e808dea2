//! Coarse anatomical regions: the value set of about ten, and the editable map from body part and procedure code to
//! them. Source: spec/mcwg.md 3.5, IHE value set 1.3.6.1.4.1.19376.1.1.86.1.

use crate::{Code, schemes};

/// One line of the map: any of these body parts, fine codes or procedure codes means these regions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionRule {
    /// Body Part Examined (0018,0015), compared upper-case.
    pub body_parts: Vec<String>,
    /// Codes of Anatomic Region Sequence (0008,2218) or of procedures; the scheme is not compared.
    pub codes: Vec<String>,
    pub regions: Vec<Code>,
}

/// The map and the equivalences: codes that other deployments use for one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionMap {
    pub rules: Vec<RegionRule>,
    /// Other code (any scheme) to our code.
    pub equivalents: Vec<(String, Code)>,
}

impl RegionMap {
    /// The regions of a study, each once: anatomic region codes first, then body parts, then procedure codes.
    /// Empty when nothing is known: a region is never invented.
    pub fn regions<'a>(
        &self,
        anatomic_codes: impl IntoIterator<Item = &'a Code>,
        body_parts: impl IntoIterator<Item = &'a str>,
        procedures: impl IntoIterator<Item = &'a Code>,
    ) -> Vec<Code> {
        let mut out: Vec<Code> = Vec::new();
        let mut add = |codes: &[Code]| {
            for code in codes {
                if !out.iter().any(|c| c.means(code)) {
                    out.push(code.clone());
                }
            }
        };
        for code in anatomic_codes {
            match self.normalise(code) {
                Some(region) => add(&[region]),
                None => self.rules.iter().filter(|r| r.codes.contains(&code.code)).for_each(|r| add(&r.regions)),
            }
        }
        for part in body_parts {
            let part = part.trim().to_ascii_uppercase();
            self.rules.iter().filter(|r| r.body_parts.contains(&part)).for_each(|r| add(&r.regions));
        }
        if out.is_empty() {
            let mut add = |codes: &[Code]| {
                for code in codes {
                    if !out.iter().any(|c| c.means(code)) {
                        out.push(code.clone());
                    }
                }
            };
            for code in procedures {
                self.rules.iter().filter(|r| r.codes.contains(&code.code)).for_each(|r| add(&r.regions));
            }
        }
        out
    }

    /// Our code for `code`, when it is one of the coarse set or an equivalent of one.
    pub fn normalise(&self, code: &Code) -> Option<Code> {
        let own = Self::coarse().into_iter().find(|c| c.code == code.code);
        own.or_else(|| self.equivalents.iter().find(|(other, _)| *other == code.code).map(|(_, ours)| ours.clone()))
    }

    /// True when `code` is a region rather than a modality or a procedure.
    pub fn is_region(&self, code: &Code) -> bool {
        code.scheme != schemes::DCM && self.normalise(code).is_some()
    }

    /// All codes that mean the same region as `code`, itself included: what a query has to look for.
    pub fn same_region(&self, code: &str) -> Vec<String> {
        let asked = Code::new(code, schemes::SNOMED_CT, "");
        let mut out = vec![code.to_owned()];
        if let Some(ours) = self.normalise(&asked) {
            out.push(ours.code.clone());
            out.extend(self.equivalents.iter().filter(|(_, c)| c.code == ours.code).map(|(other, _)| other.clone()));
        }
        out.sort();
        out.dedup();
        out
    }

    /// The ten codes of the IHE value set.
    pub fn coarse() -> Vec<Code> {
        [
            ("63337009", "Lower trunk"),
            ("67734004", "Upper trunk"),
            ("53120007", "Upper limb"),
            ("61685007", "Lower limb"),
            ("38266002", "Entire body"),
            ("774007", "Head and neck"),
            ("1141981001", "Vertebral column"),
            ("113257007", "Cardiovascular system"),
            ("80891009", "Heart"),
            ("76752008", "Breast"),
        ]
        .map(|(code, display)| Code::new(code, schemes::SNOMED_CT, display))
        .to_vec()
    }
}
