//! Whole-system tests: the real `manifold` binary on loopback, met by other people's programs (`interop`) and by bad
//! weather (`weather`).

mod interop;
mod network;
mod nist;
mod weather;
