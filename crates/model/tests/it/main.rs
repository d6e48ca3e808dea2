//! The model from outside: values read and print alike, queries mean what the standard says, rules name the field that
//! broke them, and nothing prints a patient.

mod debug;
mod hl7;
mod identifiers;
mod like;
mod manifests;
mod patients;
mod queries;
mod references;
mod regions;
mod samples;
mod submissions;
mod times;
mod value_sets;
