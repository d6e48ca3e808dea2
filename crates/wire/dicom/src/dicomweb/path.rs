//! Resource paths below the DICOMweb base: `studies/{}`, `.../series/{}`, `.../instances/{}`. PS3.18 10.4.1.

use crate::uid::{self, UidError};

/// What a retrieval names. UIDs are checked, so that they may name files and rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Study Instance UID.
    pub study: String,
    /// Series Instance UID, of a series of that study only (B-007).
    pub series: Option<String>,
    /// SOP Instance UID.
    pub instance: Option<String>,
}

/// Why a path names nothing. The reason is fit for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// 400: a UID is none.
    #[error("{level} UID: {reason}")]
    Uid {
        /// Study, series or instance.
        level: &'static str,
        /// The rule.
        reason: UidError,
    },
    /// 400: a percent escape that is none, or text that is not UTF-8.
    #[error("path: percent-encoding is broken")]
    Encoding,
    /// 404: a resource of the standard that is not offered here.
    #[error("resource type {0} is not offered")]
    NotOffered(&'static str),
    /// 404: not a resource.
    #[error("expected /studies/{{study}}[/series/{{series}}[/instances/{{instance}}]]")]
    NotAResource,
}

impl PathError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Uid { .. } | Self::Encoding => 400,
            Self::NotOffered(_) | Self::NotAResource => 404,
        }
    }
}

impl Target {
    /// Reads a path below the base, as it stands in the request line; percent escapes are decoded once.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = path.split('/');
        if segments.next() != Some("studies") {
            return Err(PathError::NotAResource);
        }
        let Some(study) = segments.next() else { return Err(PathError::NotOffered("search")) };
        let study = uid_segment("study", Some(study))?;
        let mut target = Self { study, series: None, instance: None };
        match segments.next() {
            None => return Ok(target),
            Some("series") => {}
            Some(other) => return Err(resource(other)),
        }
        target.series = Some(uid_segment("series", segments.next())?);
        match segments.next() {
            None => return Ok(target),
            Some("instances") => {}
            Some(other) => return Err(resource(other)),
        }
        target.instance = Some(uid_segment("instance", segments.next())?);
        match segments.next() {
            None => Ok(target),
            Some(other) => Err(resource(other)),
        }
    }

    /// The path below the base, with a leading slash.
    pub fn path(&self) -> String {
        let mut path = format!("/studies/{}", self.study);
        if let Some(series) = &self.series {
            path.push_str("/series/");
            path.push_str(series);
            if let Some(instance) = &self.instance {
                path.push_str("/instances/");
                path.push_str(instance);
            }
        }
        path
    }
}

fn resource(segment: &str) -> PathError {
    for known in ["metadata", "bulkdata", "pixeldata", "frames", "rendered", "thumbnail", "renderedmpr", "rendered3d"] {
        if segment == known {
            return PathError::NotOffered(known);
        }
    }
    match segment {
        // A search: QIDO-RS, or a UID that is missing.
        "series" | "instances" => PathError::NotOffered("search"),
        _ => PathError::NotAResource,
    }
}

fn uid_segment(level: &'static str, segment: Option<&str>) -> Result<String, PathError> {
    let segment = decode(segment.unwrap_or_default())?;
    uid::check(&segment).map_err(|reason| PathError::Uid { level, reason })?;
    Ok(segment)
}

fn decode(segment: &str) -> Result<String, PathError> {
    if !segment.contains('%') {
        return Ok(segment.to_owned());
    }
    let mut out = Vec::with_capacity(segment.len());
    let mut octets = segment.bytes();
    while let Some(octet) = octets.next() {
        if octet != b'%' {
            out.push(octet);
            continue;
        }
        let mut digit = || octets.next().and_then(|c| char::from(c).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
            _ => return Err(PathError::Encoding),
        }
    }
    String::from_utf8(out).map_err(|_| PathError::Encoding)
}
