//! Tests of the HL7 version 2 codec.

mod ack;
mod adt;
mod frames;
mod hostile;
mod messages;
mod support;
