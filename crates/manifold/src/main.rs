//! The manifold program: configuration to roles to a running node, and the command line.

mod cli;
mod config;
mod demo;
mod node;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
