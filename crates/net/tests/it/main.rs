//! Listening and dialling over real sockets on loopback.

mod dimse;
mod mllp;
mod tls;
