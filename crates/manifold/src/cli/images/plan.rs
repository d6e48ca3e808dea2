//! Which instances, from where: manifests grouped by WADO-RS base and series.

use super::super::stop::Stop;
use model::{Manifest, RetrieveLocationUid, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};
use std::collections::HashSet;

/// One series at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesPlan {
    /// WADO-RS base, without a slash at the end.
    pub base: String,
    pub study: StudyInstanceUid,
    pub series: SeriesInstanceUid,
    pub instances: Vec<SopInstanceUid>,
    /// Retrieve Location UID: RepositoryUniqueId of RAD-69.
    pub location: Option<RetrieveLocationUid>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Series of one place lie together.
    pub series: Vec<SeriesPlan>,
}

impl Plan {
    /// Every listed instance once, from the base of its series or from `base`.
    ///
    /// Errors: a series that is not listed; one that names no place.
    pub fn of(manifests: &[Manifest], only: Option<&SeriesInstanceUid>, base: Option<&str>) -> Result<Self, Stop> {
        let mut seen = HashSet::new();
        let mut series: Vec<SeriesPlan> = Vec::new();
        for manifest in manifests {
            for listed in manifest.series.iter().filter(|s| only.is_none_or(|only| s.uid == *only)) {
                let base = base.or_else(|| listed.wado_base()).map(|base| base.trim_end_matches('/')).ok_or_else(|| {
                    Stop::failed(format!(
                        "the manifest does not say where series {} can be fetched; give its WADO-RS base by --wado URL",
                        listed.uid
                    ))
                })?;
                if !(base.starts_with("http://") || base.starts_with("https://")) {
                    return Err(Stop::failed(format!(
                        "series {} is said to be at `{base}`, which is no http address; give its WADO-RS base by --wado URL",
                        listed.uid
                    )));
                }
                let uids = listed.instances.iter().map(|i| &i.sop_instance);
                let instances: Vec<_> = uids.filter(|uid| seen.insert((*uid).clone())).cloned().collect();
                if instances.is_empty() {
                    continue;
                }
                series.push(SeriesPlan {
                    base: base.to_owned(),
                    study: manifest.study.clone(),
                    series: listed.uid.clone(),
                    instances,
                    location: listed.retrieve_location_uid.clone(),
                });
            }
        }
        if series.is_empty() {
            return Err(Stop::failed(match only {
                Some(only) => {
                    format!("the manifest does not list series {only}; `manifold manifest show` lists what it has")
                }
                None => "the manifest lists no instance".to_owned(),
            }));
        }
        series.sort_by(|a, b| a.base.cmp(&b.base));
        Ok(Plan { series })
    }

    pub fn instance_count(&self) -> usize {
        self.series.iter().map(|s| s.instances.len()).sum()
    }

    pub fn instances(&self) -> impl Iterator<Item = (&SeriesInstanceUid, &SopInstanceUid)> {
        self.series.iter().flat_map(|s| s.instances.iter().map(move |i| (&s.series, i)))
    }

    pub fn studies(&self) -> Vec<&str> {
        let mut studies: Vec<&str> = self.series.iter().map(|s| s.study.as_str()).collect();
        studies.sort_unstable();
        studies.dedup();
        studies
    }
}
