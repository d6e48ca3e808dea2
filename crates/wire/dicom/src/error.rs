//! What can be wrong with DICOM bytes: where it is, which rule it breaks and the value that came.

use std::fmt;

/// Errors of reading a DICOM file or data set. Messages name tags, offsets and lengths, never values of attributes.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are no DICOM file at all.
    #[error("not a DICOM file: {0}")]
    NotDicom(String),
    /// The file meta group does not say how the data set is encoded.
    #[error("file meta group lacks a transfer syntax (0002,0010)")]
    NoTransferSyntax,
    /// The transfer syntax is one whose data set encoding is not known or not readable here.
    #[error("transfer syntax {0} cannot be read here")]
    UnreadableTransferSyntax(String),
    /// A rule of the encoding is broken at one place.
    #[error("{path} at offset {offset}: {problem}")]
    Structure {
        /// Tags from the outermost sequence to the element, items counted from 1.
        path: String,
        /// Octets from the start of the file, or of the inflated data set.
        offset: u64,
        /// The rule and the value.
        problem: Problem,
    },
    /// A deflated data set does not inflate.
    #[error("deflated data set is broken after {0} octets")]
    Deflate(u64),
    /// The bytes could not be read.
    #[error("cannot read: {0}")]
    Io(#[from] std::io::Error),
}

impl DecodeError {
    /// The same with the innermost element and its rule first, for answers that are cut to 64 characters.
    pub fn culprit_first(&self) -> String {
        match self {
            DecodeError::Structure { path, offset, problem } => {
                let element = path.rsplit('.').next().unwrap_or(path);
                format!("{element}: {problem} (offset {offset} of the file, {path})")
            }
            other => other.to_string(),
        }
    }
}

/// The rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A value would reach beyond what holds it.
    #[error("length {declared} is more than the {left} octets left")]
    Beyond {
        /// The declared length.
        declared: u64,
        /// What is left of the item, sequence or file.
        left: u64,
    },
    /// The bytes end within a header or before a delimiter.
    #[error("data ends {0}")]
    Truncated(&'static str),
    /// Sequences are nested too deep.
    #[error("sequences are nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// There are too many elements.
    #[error("more than {limit} elements")]
    TooManyElements {
        /// The limit.
        limit: u64,
    },
    /// There are too many fragments.
    #[error("more than {limit} fragments")]
    TooManyFragments {
        /// The limit.
        limit: usize,
    },
    /// A value to be kept is too long.
    #[error("value of {length} octets, at most {limit} are kept")]
    TooLong {
        /// The length.
        length: u64,
        /// The limit.
        limit: u64,
    },
    /// The inflated data set is too long.
    #[error("deflated data set grows beyond {limit} octets")]
    InflatedTooLong {
        /// The limit.
        limit: u64,
    },
    /// Something else than an item or a delimiter stands in a sequence.
    #[error("expected an item or a sequence delimiter, got {0}")]
    NotAnItem(TagText),
    /// A delimiter or item tag stands where an element should be.
    #[error("unexpected {0}")]
    Unexpected(TagText),
    /// A VR that cannot have an undefined length has one.
    #[error("undefined length is not allowed here")]
    UndefinedLength,
}

/// A tag as `(gggg,eeee)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TagText(pub dicom_core::Tag);

impl fmt::Display for TagText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:04X},{:04X})", self.0.0, self.0.1)
    }
}

impl fmt::Debug for TagText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
