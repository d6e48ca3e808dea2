//! Why an object has no picture.

/// Errors of rendering. Messages are for people and name attributes, never their patient's data.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The object is well-formed but nothing here can show it; says why.
    #[error("not renderable: {0}")]
    NotRenderable(String),
    /// There is no such frame.
    #[error("frame {asked} was asked for, the object has frames 1 to {frames}")]
    NoSuchFrame {
        /// The frame asked for.
        asked: u32,
        /// How many there are.
        frames: u32,
    },
    /// The request contradicts itself or is out of range; says which part.
    #[error("request cannot be met: {0}")]
    BadRequest(String),
    /// The image is larger than this node decodes.
    #[error("not renderable: the frame has {samples} samples, at most {limit} are decoded")]
    TooLarge {
        /// Samples of one frame.
        samples: u64,
        /// The limit.
        limit: u64,
    },
    /// The pixel data does not hold what the attributes say.
    #[error("pixel data is broken: {0}")]
    Broken(String),
    /// The bytes are no readable DICOM object.
    #[error(transparent)]
    Dicom(#[from] dicom::DecodeError),
    /// The file could not be read.
    #[error("cannot read the object: {0}")]
    Io(#[from] std::io::Error),
}

/// Shorthand for [`RenderError::NotRenderable`].
pub(crate) fn refuse<T>(why: impl Into<String>) -> Result<T, RenderError> {
    Err(RenderError::NotRenderable(why.into()))
}

/// Shorthand for [`RenderError::Broken`].
pub(crate) fn broken<T>(why: impl Into<String>) -> Result<T, RenderError> {
    Err(RenderError::Broken(why.into()))
}
