//! Tests of the XML reader and writer: what they mean, what they refuse, and that they agree with each other.

mod hostile;
mod reader;
mod roundtrip;
mod samples;
mod writer;
