//! The manifold command.
fn main() {}
