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

/// What of the named objects is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The objects themselves.
    Instances,
    /// Their attributes, `/metadata`.
    Metadata,
    /// One element of an instance, `/bulkdata/{tag}`: group and element.
    Bulkdata(u16, u16),
    /// Frames of an instance, counted from 1, `/frames/{list}`.
    Frames(Vec<u32>),
    /// Pictures, `/rendered`, of frames where some are named.
    Rendered(Vec<u32>),
    /// One small picture, `/thumbnail`.
    Thumbnail(Vec<u32>),
}

impl Resource {
    /// The name it has in a path, and by which it is switched off.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Metadata => "metadata",
            Self::Bulkdata(..) => "bulkdata",
            Self::Frames(_) => "frames",
            Self::Rendered(_) => "rendered",
            Self::Thumbnail(_) => "thumbnail",
        }
    }
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
    /// 400: a list of frames that is none.
    #[error("frames: must be numbers from 1, separated by commas, at most {MOST_FRAMES}")]
    Frames,
    /// 400: a tag that is none.
    #[error("bulkdata: must be followed by a tag of eight hexadecimal digits")]
    Tag,
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
            Self::Uid { .. } | Self::Encoding | Self::Frames | Self::Tag => 400,
            Self::NotOffered(_) | Self::NotAResource => 404,
        }
    }
}

/// Most frames of one request.
const MOST_FRAMES: usize = 1000;

impl Target {
    /// Reads a path with what is wanted of the objects.
    ///
    /// Errors: see [`PathError`]; frames and elements are those of one instance.
    pub fn parse_resource(path: &str) -> Result<(Self, Resource), PathError> {
        let trimmed = path.trim_matches('/');
        let segments: Vec<&str> = trimmed.split('/').collect();
        let at = segments
            .iter()
            .position(|segment| matches!(*segment, "metadata" | "bulkdata" | "frames" | "rendered" | "thumbnail"));
        let Some(at) = at else { return Ok((Self::parse(path)?, Resource::Instances)) };
        let target = Self::parse(&segments[..at].join("/"))?;
        let resource = match (&segments[at..], target.instance.is_some()) {
            (["metadata"], _) => Resource::Metadata,
            (["rendered"], _) => Resource::Rendered(Vec::new()),
            (["thumbnail"], _) => Resource::Thumbnail(Vec::new()),
            (["bulkdata", tag], true) => element(tag)?,
            (["frames", list], true) => Resource::Frames(frames(list)?),
            (["frames", list, "rendered"], true) => Resource::Rendered(frames(list)?),
            (["frames", list, "thumbnail"], true) => Resource::Thumbnail(frames(list)?),
            _ => return Err(PathError::NotAResource),
        };
        Ok((target, resource))
    }

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

fn frames(list: &str) -> Result<Vec<u32>, PathError> {
    let list = decode(list)?;
    let numbers: Option<Vec<u32>> =
        list.split(',').map(|text| text.trim().parse().ok().filter(|number| *number > 0)).collect();
    numbers.filter(|numbers| numbers.len() <= MOST_FRAMES).ok_or(PathError::Frames)
}

fn element(tag: &str) -> Result<Resource, PathError> {
    let digits = tag.len() == 8 && tag.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u32::from_str_radix(tag, 16).ok().filter(|_| digits).ok_or(PathError::Tag)?;
    Ok(Resource::Bulkdata((number >> 16) as u16, number as u16))
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
