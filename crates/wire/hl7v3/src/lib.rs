//! hl7v3
