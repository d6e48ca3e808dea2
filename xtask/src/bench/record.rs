//! What a measurement found, as printed and as a section of docs/performance.md, and under which circumstances.

use std::fmt::{self, Write};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;

/// The page that holds the results.
pub const PAGE: &str = "docs/performance.md";

/// One statement: what was measured here and there, and whether the target is met.
#[derive(Debug)]
pub struct Row {
    pub what: String,
    pub manifold: String,
    /// Absent for an absolute bound.
    pub reference: Option<String>,
    /// The ratio, or the value that the target is about.
    pub figure: String,
    /// Absent when the row is there to understand the others.
    pub target: Option<Target>,
}

#[derive(Debug, Clone)]
pub struct Target {
    pub text: String,
    pub met: bool,
}

impl Row {
    /// A ratio that must be at least so much.
    pub fn at_least(what: &str, manifold: String, reference: String, ratio: f64, least: f64) -> Self {
        Self {
            what: what.to_owned(),
            manifold,
            reference: Some(reference),
            figure: format!("{ratio:.2}"),
            target: Some(Target { text: format!("at least {least}"), met: ratio >= least }),
        }
    }

    /// A ratio that must stay under so much.
    pub fn ratio_under(what: &str, manifold: String, reference: String, ratio: f64, most: f64) -> Self {
        let target = Target { text: format!("under {most}"), met: ratio < most };
        let (what, figure) = (what.to_owned(), format!("{ratio:.2}"));
        Self { what, manifold, reference: Some(reference), figure, target: Some(target) }
    }

    /// A value of our own that must stay under so much.
    pub fn under(what: &str, value: f64, unit: &str, most: f64) -> Self {
        let shown = format!("{} {unit}", short(value));
        let target = Target { text: format!("under {most} {unit}"), met: value < most };
        Self { what: what.to_owned(), manifold: shown.clone(), reference: None, figure: shown, target: Some(target) }
    }

    /// A fact beside the others.
    pub fn fact(what: &str, value: String) -> Self {
        Self { what: what.to_owned(), manifold: String::new(), reference: None, figure: value, target: None }
    }
}

/// Three digits that say something.
pub fn short(value: f64) -> String {
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$}")
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.figure)?;
        if let Some(reference) = &self.reference {
            write!(f, " ({} to {reference})", self.manifold)?;
        }
        match &self.target {
            Some(target) => write!(f, ", target {}: {}", target.text, if target.met { "met" } else { "MISSED" }),
            None => Ok(()),
        }
    }
}

/// When, what and where.
#[derive(Debug)]
pub struct Circumstances {
    date: String,
    commit: String,
    machine: String,
    /// Load of the last minute when the measurement began: other work makes every number worse.
    load: String,
    command: String,
}

impl Circumstances {
    /// Errors: git or date fails.
    pub fn now(root: &Path, name: &str) -> Result<Self> {
        let date = command::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?.trim().to_owned();
        let git = |args: &[&str]| command::output(Command::new("git").args(args).current_dir(root));
        let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
        let changes = git(&["status", "--porcelain", "--", ".", &format!(":!{PAGE}")])?;
        let changed = if changes.trim().is_empty() { "" } else { " with changes" };
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
        Ok(Self {
            date,
            commit: format!("{}{changed}", commit.trim()),
            machine: machine(),
            load,
            command: format!("cargo xtask bench {name}"),
        })
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let after_colon = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| after_colon(&text, "model name"));
    let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| after_colon(&text, "MemTotal"));
    let kib: f64 = memory.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0.0);
    let processor = processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{processor}, {cores} cores, {:.0} GiB memory", kib / (1024.0 * 1024.0))
}

impl fmt::Display for Circumstances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, commit, machine, load, command } = self;
        write!(f, "`{command}`, {date}, commit {commit}; {machine}; load {load} at the start")
    }
}

/// The marker that a section begins with.
pub fn opening(name: &str) -> String {
    format!("<!-- bench:{name} -->")
}

/// Replaces the measurement's section of the page.
///
/// Errors: the page or the section's markers are missing.
pub fn write(root: &Path, name: &str, circumstances: &Circumstances, rows: &[Row]) -> Result<()> {
    let page = root.join(PAGE);
    let text = fs::read_to_string(&page).with_context(|| format!("reading {PAGE}"))?;
    let updated = replace(&text, name, &section(circumstances, rows))?;
    fs::write(&page, updated).with_context(|| format!("writing {PAGE}"))
}

fn section(circumstances: &Circumstances, rows: &[Row]) -> String {
    let mut text = format!("{circumstances}\n\n");
    text.push_str("| what | manifold | reference | figure | target | met |\n|---|---|---|---|---|---|\n");
    for row in rows {
        let reference = row.reference.as_deref().unwrap_or("");
        let (target, met) = match &row.target {
            Some(target) => (target.text.as_str(), if target.met { "yes" } else { "no" }),
            None => ("", ""),
        };
        let _ = writeln!(text, "| {} | {} | {reference} | {} | {target} | {met} |", row.what, row.manifold, row.figure);
    }
    text
}

fn replace(text: &str, name: &str, content: &str) -> Result<String> {
    let (open, close) = (opening(name), format!("<!-- /bench:{name} -->"));
    let (before, rest) = text.split_once(&open).with_context(|| format!("{PAGE}: `{open}` is missing"))?;
    let (_, after) = rest.split_once(&close).with_context(|| format!("{PAGE}: `{close}` is missing"))?;
    Ok(format!("{before}{open}\n{}\n{close}{after}", content.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circumstances() -> Circumstances {
        Circumstances {
            date: "2026-01-02".to_owned(),
            commit: "abc".to_owned(),
            machine: "a processor, 2 cores, 8 GiB memory".to_owned(),
            load: "0.10".to_owned(),
            command: "cargo xtask bench x".to_owned(),
        }
    }

    #[test]
    fn a_section_names_its_circumstances_and_is_replaced_whole() {
        let rows = [
            Row::at_least("speed", "8 MB/s".into(), "10 MB/s".into(), 0.8, 0.7),
            Row::under("memory", 40.0, "MB", 32.0),
            Row::fact("fsync rate", "900/s".into()),
        ];
        let page = "a\n<!-- bench:x -->\nearlier\n<!-- /bench:x -->\nb\n";
        let updated = replace(page, "x", &section(&circumstances(), &rows)).unwrap();
        assert!(updated.starts_with("a\n<!-- bench:x -->\n`cargo xtask bench x`, 2026-01-02, commit abc"), "{updated}");
        assert!(updated.contains("| speed | 8 MB/s | 10 MB/s | 0.80 | at least 0.7 | yes |\n"), "{updated}");
        assert!(updated.contains("| memory | 40.0 MB |  | 40.0 MB | under 32 MB | no |\n"), "{updated}");
        assert!(updated.contains("| fsync rate |  |  | 900/s |  |  |\n"), "{updated}");
        assert!(updated.ends_with("<!-- /bench:x -->\nb\n") && !updated.contains("earlier"));
        assert_eq!(replace(&updated, "x", &section(&circumstances(), &rows)).unwrap(), updated);
        assert!(replace("nothing", "x", "").unwrap_err().to_string().contains("bench:x"));
    }

    #[test]
    fn a_row_says_both_numbers_and_whether_the_target_is_met() {
        let row = Row::at_least("of nginx", "8 MB/s".into(), "10 MB/s".into(), 0.8, 0.7);
        assert_eq!(row.to_string(), "of nginx: 0.80 (8 MB/s to 10 MB/s), target at least 0.7: met");
        let row = Row::ratio_under("p99", "3 ms".into(), "1 ms".into(), 3.0, 1.5);
        assert_eq!(row.to_string(), "p99: 3.00 (3 ms to 1 ms), target under 1.5: MISSED");
        assert_eq!(
            Row::under("first byte", 1.5, "ms", 10.0).to_string(),
            "first byte: 1.50 ms, target under 10 ms: met"
        );
    }
}
