//! Key object selections: built, written, read, checked, and what real tools say of them.

mod build;
mod check;
mod decode;
mod encode;
mod entry;
mod findings;
mod library;
mod make;
mod peers;
mod round_trip;
mod samples;
