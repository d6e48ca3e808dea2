//! Tests of content types, multipart in any pieces, and transfer encodings.

mod content_type;
mod multipart;
mod split;
mod transfer;
