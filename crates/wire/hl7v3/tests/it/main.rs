//! Tests of the HL7 v3 codec from outside: schemas, samples of others, goldens, properties.

mod entry;
mod feed;
mod hostile;
mod read;
mod support;
mod written;
