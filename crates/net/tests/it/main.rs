//! Listening and dialling over real sockets on loopback.

mod dimse;
mod mllp;
mod query_retrieve;
mod tls;
