//! `cargo xtask check`: every step that must be green, in order, with its time, and one closing line that counts them.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use crate::{Ended, command, generated, peers, tidy};

struct Step {
    name: &'static str,
    what: &'static str,
    /// A step that makes no sense when this one failed.
    needs: Option<&'static str>,
    run: fn(&Workspace) -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "peers", what: "install what the tests talk to, if missing", needs: None, run: peers },
    Step { name: "fmt", what: "cargo fmt --check", needs: None, run: fmt },
    Step { name: "clippy", what: "cargo clippy, warnings are errors", needs: None, run: clippy },
    Step { name: "build", what: "cargo build of the whole workspace", needs: None, run: build },
    Step { name: "tests", what: "cargo test of the whole workspace, peers required", needs: Some("build"), run: tests },
    Step { name: "tidy", what: "files, crate table, invariants, conformance table", needs: None, run: tidy },
    Step { name: "generated", what: "generated sections are up to date", needs: Some("build"), run: generated },
    Step { name: "deny", what: "cargo deny check bans licenses sources", needs: Some("peers"), run: deny },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// Runs the steps that the arguments leave.
///
/// Errors: the workspace cannot be read, or system packages are missing; a failing step is not an error but `Failed`.
pub fn run(args: &[String]) -> Result<Ended> {
    let chosen = match choose(args) {
        Ok(Chosen::List) => {
            STEPS.iter().for_each(|step| println!("{:<10} {}", step.name, step.what));
            return Ok(Ended::Well);
        }
        Ok(Chosen::Steps(chosen)) => chosen,
        Err(error) => {
            eprintln!("error: {error}");
            return Ok(Ended::Unusable);
        }
    };
    let workspace = Workspace::load()?;
    let begin = Instant::now();
    let mut outcomes: Vec<(&Step, Outcome, Duration)> = Vec::new();
    for step in STEPS {
        let needed = outcomes.iter().find(|(earlier, ..)| Some(earlier.name) == step.needs);
        let start = Instant::now();
        let outcome = if !chosen.contains(&step.name) {
            Outcome::Skipped
        } else if let Some((earlier, Outcome::Failed, _)) = needed {
            println!("--- {}: not run, because {} failed", step.name, earlier.name);
            Outcome::Failed
        } else {
            println!("--- {}: {}", step.name, step.what);
            match (step.run)(&workspace) {
                Ok(()) => Outcome::Passed,
                Err(error) if error.is::<peers::MissingPackages>() => return Err(error),
                Err(error) => {
                    println!("{}: {error:#}", step.name);
                    Outcome::Failed
                }
            }
        };
        if outcome != Outcome::Skipped {
            println!("--- {}: {} in {}", step.name, word(outcome), seconds(start.elapsed()));
        }
        outcomes.push((step, outcome, start.elapsed()));
    }
    println!("\nsummary");
    for (step, outcome, took) in outcomes.iter().filter(|(_, outcome, _)| *outcome != Outcome::Skipped) {
        println!("  {:<10} {:<7} {:>9}", step.name, word(*outcome), seconds(*took));
    }
    println!("  {:<10} {:<7} {:>9}\n", "all", "", seconds(begin.elapsed()));
    let outcomes: Vec<Outcome> = outcomes.iter().map(|(_, outcome, _)| *outcome).collect();
    println!("{}", closing_line(&outcomes));
    Ok(if outcomes.contains(&Outcome::Failed) { Ended::Failed } else { Ended::Well })
}

#[derive(Debug, PartialEq, Eq)]
enum Chosen {
    List,
    Steps(Vec<&'static str>),
}

fn choose(args: &[String]) -> Result<Chosen> {
    let (mut only, mut skip) = (Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let list = match arg.as_str() {
            "--list" => return Ok(Chosen::List),
            "--only" => &mut only,
            "--skip" => &mut skip,
            _ => bail!("check knows --only STEP, --skip STEP and --list, not `{arg}`"),
        };
        let names = || STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(", ");
        match args.next().map(|name| (name, STEPS.iter().find(|step| step.name == name))) {
            Some((_, Some(step))) => list.push(step.name),
            Some((name, None)) => bail!("there is no step `{name}`; the steps are {}", names()),
            None => bail!("{arg} wants the name of a step: {}", names()),
        }
    }
    let names = STEPS.iter().map(|step| step.name);
    Ok(Chosen::Steps(names.filter(|name| (only.is_empty() || only.contains(name)) && !skip.contains(name)).collect()))
}

/// The line that says how it went in a form that machines read: `N passed, N failed`.
fn closing_line(outcomes: &[Outcome]) -> String {
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let (passed, failed, skipped) = (count(Outcome::Passed), count(Outcome::Failed), count(Outcome::Skipped));
    let skipped = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    format!("{passed} passed, {failed} failed{skipped}")
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "ok",
        Outcome::Failed => "FAILED",
        Outcome::Skipped => "skipped",
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn peers(workspace: &Workspace) -> Result<()> {
    peers::install(workspace, &[peers::Group::Check])
}

fn fmt(workspace: &Workspace) -> Result<()> {
    command::run(cargo(workspace).args(["fmt", "--all", "--check"]))
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let flags = ["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];
    command::run(cargo(workspace).args(flags))
}

fn build(workspace: &Workspace) -> Result<()> {
    command::run(cargo(workspace).args(["build", "--workspace", "--locked"]))
}

fn tests(workspace: &Workspace) -> Result<()> {
    let run = |arguments: &[&str]| {
        let mut cargo = cargo(workspace);
        // Here a missing peer is a failure; a plain `cargo test` says that it skips and why.
        cargo.env("MANIFOLD_PEERS", workspace.peers()).env("MANIFOLD_REQUIRE_PEERS", "1");
        command::run(cargo.args(["test", "--locked"]).args(arguments))
    };
    // A browser waits for pages as long as a person would; beside tests that load every core it waits in vain.
    let all = run(&["--workspace", "--no-fail-fast", "--", "--skip", "chromium_"]);
    let browser = run(&["--package", "manifold", "--test", "it", "--", "chromium_"]);
    all.and(browser)
}

fn tidy(workspace: &Workspace) -> Result<()> {
    match tidy::run(workspace)? {
        Ended::Well => Ok(()),
        _ => bail!("see the findings above"),
    }
}

fn generated(workspace: &Workspace) -> Result<()> {
    match generated::run(workspace, false)? {
        Ended::Well => Ok(()),
        _ => bail!("`cargo xtask generated --write` updates them"),
    }
}

fn deny(workspace: &Workspace) -> Result<()> {
    let mut deny = Command::new(peers::cargo_deny(workspace));
    command::run(deny.args(["--locked", "check", "bans", "licenses", "sources"]).current_dir(&workspace.root))
}

fn cargo(workspace: &Workspace) -> Command {
    let mut cargo = command::cargo();
    cargo.current_dir(&workspace.root);
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(args: &[&str]) -> Result<Chosen> {
        choose(&args.iter().map(|arg| arg.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn without_arguments_every_step_runs_in_order() {
        let all = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(chosen(&[]).unwrap(), Chosen::Steps(all));
    }

    #[test]
    fn steps_can_be_chosen_and_left_out() {
        assert_eq!(chosen(&["--only", "tidy", "--only", "fmt"]).unwrap(), Chosen::Steps(vec!["fmt", "tidy"]));
        let Chosen::Steps(left) = chosen(&["--skip", "peers"]).unwrap() else { panic!("steps") };
        assert_eq!(left.len(), STEPS.len() - 1);
        assert_eq!(chosen(&["--list"]).unwrap(), Chosen::List);
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        let error = chosen(&["--only", "format"]).unwrap_err().to_string();
        assert!(error.contains("`format`") && error.contains("fmt, clippy"), "{error}");
        assert!(chosen(&["--only"]).is_err());
        assert!(chosen(&["--fast"]).is_err());
    }

    #[test]
    fn the_closing_line_counts_steps() {
        use Outcome::*;
        assert_eq!(closing_line(&[Passed, Passed]), "2 passed, 0 failed");
        assert_eq!(closing_line(&[Passed, Failed, Skipped]), "1 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_step_needs_only_steps_before_it() {
        for (index, step) in STEPS.iter().enumerate() {
            if let Some(needed) = step.needs {
                assert!(STEPS[..index].iter().any(|earlier| earlier.name == needed), "{}", step.name);
            }
        }
    }
}
