//! HL7 version 2: MLLP frames, messages in ER7, their acknowledgements, and patients in ADT messages, to and from the
//! model. Sources: spec/reports.md sections 2 to 4, spec/xds.md section 20; HL7 v2.3.1 to v2.8 chapter 2, ITI TF-2
//! Appendix C.
//!
//! - [`mllp`] cuts a stream of octets into messages and puts messages into frames.
//! - [`Message`] reads any message: segments, fields, repetitions, components, escapes, character sets.
//! - [`Writer`] writes one; [`Ack`] is what answers one.
//! - [`adt`] is the patient identity feed (ITI-8).
//!
//! Nothing here matches a patient, routes a report or asks for the time.
#![forbid(unsafe_code)]

mod ack;
pub mod adt;
mod charset;
mod escape;
mod message;
pub mod mllp;
mod writer;

pub use ack::{Ack, AckCode, Answer, AnswerError, ErrorDetail, Location, Severity, condition};
pub use charset::{Charset, CharsetFlaw};
pub use message::{Component, DecodeError, Delimiters, Field, Header, Message, Segment};
pub use writer::Writer;
