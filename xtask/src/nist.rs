//! `cargo xtask nist`: the test that replays the NIST kit's plans, with its lines shown and its count as the last line.

use std::process::Stdio;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{Ended, command};

/// Runs the replay. `Failed` when a plan fails, also one that is known to; `Unusable` when the kit is not there.
///
/// Errors: cargo cannot be started.
pub fn run(workspace: &Workspace) -> Result<Ended> {
    let mut cargo = command::cargo();
    cargo.args(["test", "--package", "manifold", "--test", "it", "nist::", "--", "--nocapture"]);
    let output = cargo
        .current_dir(&workspace.root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo test")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let Some((before, counts)) = closing_line(&text) else {
        print!("{text}");
        return Ok(if output.status.success() { Ended::Unusable } else { Ended::Failed });
    };
    before.iter().filter(|line| !line.starts_with("running ")).for_each(|line| println!("{line}"));
    println!("{counts}");
    Ok(if counts.contains(" 0 failed") && output.status.success() { Ended::Well } else { Ended::Failed })
}

/// The line `N passed, N failed, N skipped` and what stands before it.
fn closing_line(text: &str) -> Option<(Vec<&str>, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let counts = |line: &&str| line.contains(" passed, ") && line.contains(" failed, ") && line.ends_with(" skipped");
    let at = lines.iter().position(counts)?;
    Some((lines[..at].to_vec(), lines[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_plans_is_told_from_the_count_of_tests() {
        let text = "running 1 test\npass 1/a\n\n1 passed, 0 failed, 2 skipped\n\ntest result: ok. 1 passed; 0 failed\n";
        let (before, counts) = closing_line(text).unwrap();
        assert_eq!((before[1], counts), ("pass 1/a", "1 passed, 0 failed, 2 skipped"));
        assert!(closing_line("test result: ok. 1 passed; 0 failed\n").is_none());
    }
}
