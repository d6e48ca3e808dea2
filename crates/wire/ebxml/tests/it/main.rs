//! Integration tests of `ebxml`: golden files, peers' messages, refusals, random values, the schemas, the shared samples.

mod answers;
mod golden;
mod peers;
mod queries;
mod random;
mod refusals;
mod samples;
mod schema;
mod support;
mod values;
