//! `cargo xtask deep`: runs that take hours. A job is a command repeated in rounds; after each round its state is saved
//! under the target folder, so that an interrupted run goes on where it was, as long as the commit is the same. The last
//! result of each job, with date and commit, is a row of docs/deep-runs.md.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::Ended;
use crate::command;
use crate::workspace::Workspace;

struct Job {
    name: &'static str,
    what: &'static str,
    /// Arguments of cargo.
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    rounds: u32,
}

const JOBS: &[Job] = &[
    Job {
        name: "kills",
        what: "a node killed 1000 times in the middle of its work loses nothing that it acknowledged",
        arguments: &[
            "test",
            "--release",
            "--locked",
            "-p",
            "manifold",
            "--test",
            "it",
            "kill",
            "--",
            "--include-ignored",
        ],
        environment: &[("MANIFOLD_KILLS", "50")],
        rounds: 20,
    },
    Job {
        name: "decoders",
        what: "properties of every codec, 100000 cases each, other seeds every round",
        arguments: &[
            "test",
            "--release",
            "--locked",
            "-p",
            "xml",
            "-p",
            "mime",
            "-p",
            "soap",
            "-p",
            "ebxml",
            "-p",
            "fhir",
            "-p",
            "dicom",
            "-p",
            "hl7v3",
            "-p",
            "atna",
            "--",
            "--include-ignored",
        ],
        environment: &[("PROPTEST_CASES", "10000")],
        rounds: 10,
    },
    Job {
        name: "fuzz",
        what: "ten million mutated messages for each decoder behind SOAP, and every bomb refused in 100 ms",
        arguments: &[
            "test",
            "--release",
            "--locked",
            "-p",
            "transactions",
            "--test",
            "fuzz",
            "--",
            "--skip",
            "fhir_targets",
            "--skip",
            "dimse_targets",
            "--skip",
            "pixel_targets",
        ],
        environment: &[("MANIFOLD_FUZZ_RUNS", "1000000"), ("MANIFOLD_TIMED", "1")],
        rounds: 10,
    },
    Job {
        name: "fuzz-dimse",
        what: "ten million mutated commands, answers, notifications and streams of octets for what reads DIMSE",
        arguments: &["test", "--release", "--locked", "-p", "transactions", "--test", "fuzz", "--", "dimse_targets"],
        environment: &[("MANIFOLD_FUZZ_RUNS", "1000000")],
        rounds: 10,
    },
    Job {
        name: "fuzz-fhir",
        what: "ten million mutated search strings and resources, JSON and XML, for the decoders behind FHIR",
        arguments: &["test", "--release", "--locked", "-p", "transactions", "--test", "fuzz", "--", "fhir_targets"],
        environment: &[("MANIFOLD_FUZZ_RUNS", "1000000")],
        rounds: 10,
    },
    Job {
        name: "fuzz-pixels",
        what: "ten million mutated JPEG-LS streams",
        arguments: &["test", "--release", "--locked", "-p", "transactions", "--test", "fuzz", "--", "pixel_targets"],
        environment: &[("MANIFOLD_FUZZ_RUNS", "1000000")],
        rounds: 10,
    },
    Job {
        name: "fuzz-web",
        what: "ten million mutated Accept headers, addresses, multipart bodies and data sets for the decoders behind DICOMweb",
        arguments: &["test", "--release", "--locked", "-p", "transactions", "--test", "fuzz", "--", "web_targets"],
        environment: &[("MANIFOLD_FUZZ_RUNS", "1000000")],
        rounds: 10,
    },
    Job {
        name: "large",
        what: "an instance of 2 GiB and a study of 100,000 instances, in and out, with bounded memory",
        arguments: &["test", "--release", "--locked", "-p", "manifold", "--test", "it", "--", "weather::large"],
        environment: &[("MANIFOLD_LARGE_OCTETS", "2147483648"), ("MANIFOLD_LARGE_INSTANCES", "100000")],
        rounds: 1,
    },
    Job {
        name: "doors",
        what: "a hundred thousand random operations through the XDS and the FHIR door leave one truth",
        arguments: &["test", "--release", "--locked", "-p", "manifold", "--test", "it", "two_doors"],
        environment: &[("MANIFOLD_DOOR_OPERATIONS", "10000")],
        rounds: 10,
    },
];

const RESULTS: &str = "docs/deep-runs.md";
const HEAD: &str = "\
# Long runs

The last result of each job of `cargo xtask deep`, written by that command.

| job | date | commit | rounds | result | what holds |
|---|---|---|---|---|---|
";

/// Runs the named jobs, or all.
///
/// Errors: git, cargo or a file fails. A job that does not hold is not an error but `Failed`.
pub fn run(args: &[String]) -> Result<Ended> {
    let (flags, names): (Vec<&String>, Vec<&String>) = args.iter().partition(|arg| arg.starts_with("--"));
    if flags.iter().any(|flag| *flag == "--list") {
        JOBS.iter().for_each(|job| println!("{:<10} {} rounds: {}", job.name, job.rounds, job.what));
        return Ok(Ended::Well);
    }
    let known = |name: &str| JOBS.iter().any(|job| job.name == name);
    if let Some(unknown) = flags.iter().find(|flag| **flag != "--restart").or(names.iter().find(|name| !known(name))) {
        eprintln!("error: there is no job or flag `{unknown}`; `cargo xtask deep --list` shows the jobs");
        return Ok(Ended::Unusable);
    }
    let workspace = Workspace::load()?;
    let commit = commit(&workspace.root)?;
    let mut ended = Ended::Well;
    for job in JOBS.iter().filter(|job| names.is_empty() || names.iter().any(|name| *name == job.name)) {
        let state = State::of(&workspace, job);
        let done = if flags.is_empty() { state.rounds_done(&commit) } else { 0 };
        let result = run_job(&workspace, job, &state, &commit, done)?;
        let row = Row { job: job.name, date: today()?, commit: &commit, rounds: result.rounds, result: &result.text };
        record(&workspace.root.join(RESULTS), &row, job.what)?;
        println!("{}: {}", job.name, result.text);
        state.forget()?;
        if !result.held {
            ended = Ended::Failed;
        }
    }
    Ok(ended)
}

struct JobResult {
    held: bool,
    rounds: u32,
    text: String,
}

fn run_job(workspace: &Workspace, job: &Job, state: &State, commit: &str, done: u32) -> Result<JobResult> {
    for round in done + 1..=job.rounds {
        println!("--- {} round {round} of {}", job.name, job.rounds);
        let start = Instant::now();
        let mut cargo = command::cargo();
        cargo.args(job.arguments).envs(job.environment.iter().copied()).current_dir(&workspace.root);
        let (succeeded, tests) = run_counting_tests(&mut cargo)?;
        let failure = match (succeeded, tests) {
            (false, _) => Some(format!("failed in round {round}")),
            // A filter that matches nothing is green for cargo; for us it would be a promise without a test.
            (true, 0) => Some("failed: no test ran".to_owned()),
            (true, _) => None,
        };
        if let Some(text) = failure {
            return Ok(JobResult { held: false, rounds: round, text });
        }
        println!("--- {} round {round}: ok, {tests} tests in {} s", job.name, start.elapsed().as_secs());
        state.save(commit, round)?;
    }
    Ok(JobResult { held: true, rounds: job.rounds, text: "ok".to_owned() })
}

/// Runs with output shown; gives back whether it succeeded and how many tests it says passed.
fn run_counting_tests(command: &mut Command) -> Result<(bool, u64)> {
    let shown = command::describe(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{shown}`"))?;
    let mut tests = 0;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.with_context(|| format!("reading what `{shown}` prints"))?;
            tests += tests_passed(&line);
            println!("{line}");
        }
    }
    Ok((child.wait().with_context(|| format!("waiting for `{shown}`"))?.success(), tests))
}

/// `test result: ok. 12 passed; 0 failed; ...`
fn tests_passed(line: &str) -> u64 {
    let count = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")?.1.split_once(" passed"));
    count.and_then(|(count, _)| count.parse().ok()).unwrap_or(0)
}

/// How far a job came, in one line: commit and rounds.
struct State {
    file: PathBuf,
}

impl State {
    fn of(workspace: &Workspace, job: &Job) -> Self {
        Self { file: workspace.target.join("deep").join(job.name) }
    }

    fn rounds_done(&self, commit: &str) -> u32 {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        // A run on uncommitted changes says nothing about the next one: it starts at the beginning.
        let same = text.trim().split_once(' ').filter(|(at, _)| *at == commit && !commit.ends_with("-changed"));
        same.and_then(|(_, rounds)| rounds.parse().ok()).unwrap_or(0)
    }

    fn save(&self, commit: &str, rounds: u32) -> Result<()> {
        let folder = self.file.parent().context("the state has a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        let beside = self.file.with_extension("new");
        fs::write(&beside, format!("{commit} {rounds}\n")).with_context(|| format!("writing {}", beside.display()))?;
        fs::rename(&beside, &self.file).with_context(|| format!("writing {}", self.file.display()))
    }

    fn forget(&self) -> Result<()> {
        if self.file.exists() {
            fs::remove_file(&self.file).with_context(|| format!("removing {}", self.file.display()))?;
        }
        Ok(())
    }
}

struct Row<'a> {
    job: &'a str,
    date: String,
    commit: &'a str,
    rounds: u32,
    result: &'a str,
}

fn record(file: &Path, row: &Row, what: &str) -> Result<()> {
    let text = fs::read_to_string(file).unwrap_or_else(|_| HEAD.to_owned());
    fs::write(file, with_row(&text, row, what)).with_context(|| format!("writing {}", file.display()))
}

/// The document with this job's row replaced, or added at the end.
fn with_row(text: &str, row: &Row, what: &str) -> String {
    let Row { job, date, commit, rounds, result } = row;
    let start = format!("| {job} |");
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(&start)).collect();
    let line = format!("{start} {date} | {commit} | {rounds} | {result} | {what} |");
    lines.push(&line);
    lines.join("\n") + "\n"
}

/// The short commit; `-changed` follows when the sources differ from it. The results file itself does not count.
fn commit(root: &Path) -> Result<String> {
    let git = |args: &[&str]| command::output(Command::new("git").args(args).current_dir(root));
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--", ".", &format!(":!{RESULTS}")])?;
    Ok(format!("{}{}", commit.trim(), if changes.trim().is_empty() { "" } else { "-changed" }))
}

fn today() -> Result<String> {
    Ok(command::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(job: &'a str, result: &'a str) -> Row<'a> {
        Row { job, date: "2026-01-02".to_owned(), commit: "abc", rounds: 3, result }
    }

    #[test]
    fn a_run_goes_on_at_the_same_commit_only() {
        let folder = tempfile::tempdir().unwrap();
        let state = State { file: folder.path().join("deep/kills") };
        assert_eq!(state.rounds_done("abc"), 0);
        state.save("abc", 7).unwrap();
        assert_eq!(state.rounds_done("abc"), 7);
        assert_eq!(state.rounds_done("def"), 0);
        state.save("abc-changed", 7).unwrap();
        assert_eq!(state.rounds_done("abc-changed"), 0);
        state.forget().unwrap();
        assert_eq!(state.rounds_done("abc"), 0);
    }

    #[test]
    fn each_job_keeps_one_row_with_its_last_result() {
        let once = with_row(HEAD, &row("kills", "failed in round 2"), "w");
        let twice = with_row(&with_row(&once, &row("decoders", "ok"), "w"), &row("kills", "ok"), "w");
        assert!(twice.starts_with(HEAD));
        assert_eq!(twice.matches("| kills |").count(), 1);
        assert!(twice.contains("| kills | 2026-01-02 | abc | 3 | ok | w |\n"), "{twice}");
    }

    #[test]
    fn tests_are_counted_over_all_binaries_of_a_run() {
        let script = "echo 'test result: ok. 2 passed; 0 failed'; echo 'test result: ok. 3 passed; 0 failed'; exit 1";
        assert_eq!(run_counting_tests(Command::new("sh").args(["-c", script])).unwrap(), (false, 5));
    }

    #[test]
    fn a_run_that_tested_nothing_counts_nothing() {
        assert_eq!(tests_passed("test result: ok. 12 passed; 0 failed; 1 ignored"), 12);
        assert_eq!(tests_passed("test result: ok. 0 passed; 0 failed; 1 ignored"), 0);
        assert_eq!(tests_passed("test result: FAILED. 2 passed; 1 failed"), 2);
        assert_eq!(tests_passed("12 passed"), 0);
    }
}
