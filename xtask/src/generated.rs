//! Generated sections of documents: text between `<!-- generated:NAME -->` and `<!-- /generated:NAME -->` that the
//! program itself prints, so that a list that code knows is never written by hand.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::Ended;
use crate::command;
use crate::workspace::Workspace;

/// What `manifold` ends with when it does not know a command.
const USAGE_ERROR: i32 = 2;

struct Section {
    file: &'static str,
    name: &'static str,
    /// Arguments of `manifold` that print the section.
    arguments: &'static [&'static str],
    /// Whether the command exists. Until it does the section is reported and left as it is.
    required: bool,
}

const SECTIONS: &[Section] =
    &[Section { file: "README.md", name: "transactions", arguments: &["transactions", "--markdown"], required: false }];

/// Compares every section with what the program prints; with `write`, updates those that differ.
///
/// Errors: the program does not build, a required command fails, or a file or a marker is missing.
pub fn run(workspace: &Workspace, write: bool) -> Result<Ended> {
    let build = ["build", "--quiet", "--locked", "-p", "manifold"];
    command::run(command::cargo().args(build).current_dir(&workspace.root))?;
    let mut ended = Ended::Well;
    for section in SECTIONS {
        let shown = format!("{}: section {}", section.file, section.name);
        let Some(printed) = print(workspace, section).with_context(|| shown.clone())? else {
            println!("{shown}: `manifold {}` does not exist yet; left as it is", section.arguments.join(" "));
            continue;
        };
        let file = workspace.root.join(section.file);
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", section.file))?;
        let updated = replace(&text, section.name, &printed).with_context(|| shown.clone())?;
        if updated == text {
            continue;
        }
        if write {
            fs::write(&file, updated).with_context(|| format!("writing {}", section.file))?;
            println!("{shown}: updated");
        } else {
            println!("{shown}: differs from what the program prints");
            ended = Ended::Failed;
        }
    }
    Ok(ended)
}

/// What the program prints for a section; nothing when it does not know the command and need not.
fn print(workspace: &Workspace, section: &Section) -> Result<Option<String>> {
    let mut manifold = Command::new(workspace.target.join("debug/manifold"));
    let manifold = manifold.args(section.arguments).current_dir(&workspace.root).stdin(Stdio::null());
    let output = manifold.output().with_context(|| format!("cannot start `{}`", command::describe(manifold)))?;
    let printed = String::from_utf8(output.stdout).context("the program printed something that is not UTF-8")?;
    let is_unknown =
        output.status.code() == Some(USAGE_ERROR) || (output.status.success() && printed.trim().is_empty());
    if is_unknown && !section.required {
        return Ok(None);
    }
    if !output.status.success() || is_unknown {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`manifold {}` ended with {}: {}", section.arguments.join(" "), output.status, complaint.trim());
    }
    Ok(Some(printed))
}

/// The text with the section's content replaced.
fn replace(text: &str, name: &str, content: &str) -> Result<String> {
    let (open, close) = (format!("<!-- generated:{name} -->"), format!("<!-- /generated:{name} -->"));
    let (before, rest) = text.split_once(&open).with_context(|| format!("`{open}` is missing"))?;
    let (_, after) = rest.split_once(&close).with_context(|| format!("`{close}` is missing after `{open}`"))?;
    Ok(format!("{before}{open}\n{}\n{close}{after}", content.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\n<!-- generated:t -->\nold\n<!-- /generated:t -->\nb\n";

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let updated = replace(TEXT, "t", "new\n").unwrap();
        assert_eq!(updated, "a\n<!-- generated:t -->\nnew\n<!-- /generated:t -->\nb\n");
        assert_eq!(replace(&updated, "t", "new").unwrap(), updated);
    }

    #[test]
    fn a_missing_marker_is_an_error_that_names_it() {
        assert!(replace(TEXT, "other", "x").unwrap_err().to_string().contains("generated:other"));
        assert!(replace("<!-- generated:t -->", "t", "x").unwrap_err().to_string().contains("/generated:t"));
    }
}
