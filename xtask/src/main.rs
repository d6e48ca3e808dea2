//! `cargo xtask`: the project's own commands. This file reads the command line and dispatches; each command is one
//! module. See CONTRIBUTING.md for what they are for.

mod bench;
mod check;
mod command;
mod deep;
mod generated;
mod nist;
mod peers;
mod tidy;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  check [--only STEP]... [--skip STEP]... [--list]
                           everything that must be green: peers, format, lints, build, tests, tidy, generated, licences
  peers [--bench]          install what the tests talk to (with --bench: what only benchmarks need, too)
  nist                     replay the plans of the NIST XDS toolkit; one line each, the count of all as the last
  tidy                     the project's own rules about files, crates, tests and the conformance table
  generated [--write]      compare generated sections with what the program prints; --write updates them
  deep [JOB]... [--list] [--restart]
                           long runs, resumable; results go to docs/deep-runs.md
  bench [NAME]... [--small] [--program FILE] [--list]
                           measure beside reference programs; results go to docs/performance.md

exit codes: 0 done, 1 failed, 2 usage or system packages missing";

/// What a command ended in; the exit code follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything held.
    Well,
    /// Something that was checked does not hold.
    Failed,
    /// The command line was wrong, or the machine lacks something that only its owner can install.
    Unusable,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Failed) => ExitCode::from(1),
        Ok(Ended::Unusable) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: {error:#}");
            let missing = error.downcast_ref::<peers::MissingPackages>().is_some();
            ExitCode::from(if missing { 2 } else { 1 })
        }
    }
}

fn dispatch(args: &[String]) -> anyhow::Result<Ended> {
    let Some((command, rest)) = args.split_first() else {
        eprintln!("{USAGE}");
        return Ok(Ended::Unusable);
    };
    let flags = |known: &[&str]| match rest.iter().find(|arg| !known.contains(&arg.as_str())) {
        Some(unknown) => {
            eprintln!("error: {command} does not know `{unknown}`\n\n{USAGE}");
            false
        }
        None => true,
    };
    match command.as_str() {
        "check" => check::run(rest),
        "deep" => deep::run(rest),
        "bench" => bench::run(rest),
        "peers" if !flags(&["--bench"]) => Ok(Ended::Unusable),
        "peers" => {
            let groups: &[peers::Group] =
                if rest.is_empty() { &[peers::Group::Check] } else { &[peers::Group::Check, peers::Group::Bench] };
            peers::install(&Workspace::load()?, groups)?;
            Ok(Ended::Well)
        }
        "nist" if !flags(&[]) => Ok(Ended::Unusable),
        "nist" => nist::run(&Workspace::load()?),
        "tidy" if !flags(&[]) => Ok(Ended::Unusable),
        "tidy" => tidy::run(&Workspace::load()?),
        "generated" if !flags(&["--write"]) => Ok(Ended::Unusable),
        "generated" => generated::run(&Workspace::load()?, !rest.is_empty()),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(Ended::Well)
        }
        unknown => {
            eprintln!("error: there is no command `{unknown}`\n\n{USAGE}");
            Ok(Ended::Unusable)
        }
    }
}
