//! The manifold command.
mod config;
fn main() {}
