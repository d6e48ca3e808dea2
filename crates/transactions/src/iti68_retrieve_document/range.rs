//! One range of a document. Source: RFC 9110 section 14.

use actors::{ByteStream, Fault};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, header};

/// A single range that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// First and last octet.
    FromTo(u64, Option<u64>),
    Last(u64),
}

impl Range {
    /// `None` when there is none, when there are several (the whole is a legal answer), or when `If-Range` names
    /// another version.
    pub fn of(headers: &HeaderMap, etag: Option<&str>) -> Option<Range> {
        if let Some(condition) = headers.get(header::IF_RANGE)
            && condition.to_str().ok() != etag
        {
            return None;
        }
        let text = headers.get(header::RANGE)?.to_str().ok()?;
        let (first, last) = text.strip_prefix("bytes=")?.trim().split_once('-')?;
        match (first.trim(), last.trim()) {
            ("", last) => last.parse().ok().map(Range::Last),
            (first, "") => first.parse().ok().map(|first| Range::FromTo(first, None)),
            (first, last) => {
                let (first, last) = (first.parse().ok()?, last.parse().ok()?);
                (first <= last).then_some(Range::FromTo(first, Some(last)))
            }
        }
    }

    /// `None` when nothing of it exists.
    pub fn of_size(self, size: u64) -> Option<Part> {
        let (start, end) = match self {
            Range::FromTo(first, last) => (first, last.map_or(size, |last| last.saturating_add(1).min(size))),
            Range::Last(count) => (size.saturating_sub(count), size),
        };
        (start < end).then_some(Part { start, end })
    }
}

/// Octets `start` to `end`, the latter not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    start: u64,
    end: u64,
}

impl Part {
    pub fn whole(size: u64) -> Part {
        Part { start: 0, end: size }
    }

    pub fn len(self) -> u64 {
        self.end - self.start
    }

    pub fn content_range(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.start, self.end - 1)
    }

    /// These octets of a body that starts at its first one. A body that ends before breaks the answer off, so that
    /// nobody takes it for the whole.
    pub fn cut(self, body: ByteStream) -> ByteStream {
        let Part { start, end } = self;
        Box::pin(stream::unfold((Some(body), 0_u64), move |(body, mut at)| async move {
            let mut body = body?;
            while at < end {
                let mut piece = match body.next().await {
                    Some(Ok(piece)) => piece,
                    Some(Err(fault)) => return Some((Err(fault), (None, at))),
                    None => {
                        let what = format!("expected {end} octets of a document, got {at}");
                        let fault = Fault::InvalidContent { unique_id: "document".to_owned(), reason: what };
                        return Some((Err(fault), (None, at)));
                    }
                };
                let came = piece.len() as u64;
                let skip = start.saturating_sub(at).min(came);
                let keep = end.saturating_sub(at).min(came).saturating_sub(skip);
                at += came;
                if keep > 0 {
                    // Both are at most the piece's own length.
                    piece = piece.slice(skip as usize..(skip + keep) as usize);
                    return Some((Ok(piece), (Some(body), at)));
                }
            }
            None
        }))
    }
}
