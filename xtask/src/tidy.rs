//! `cargo xtask tidy`: the project's own rules, those that neither the compiler nor clippy knows. Each rule is a function
//! from the tree to findings; a finding names the file, the line where there is one, and what to do.

mod architecture;
mod conformance;
mod fixtures;
mod sources;
mod test_names;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{Ended, command};

use test_names::TestNames;

/// The files that are, or would be, in the repository.
#[derive(Debug, Default)]
pub struct Tree {
    files: Vec<TreeFile>,
}

#[derive(Debug)]
struct TreeFile {
    /// Relative to the workspace, with `/`.
    path: String,
    size_octets: u64,
    /// What is in it; absent when that is not text.
    text: Option<String>,
}

impl TreeFile {
    /// Fixtures are other people's bytes, or must look like them: rules about our writing do not apply.
    fn is_fixture(&self) -> bool {
        self.path.contains("/fixtures/")
    }

    fn has_extension(&self, extensions: &[&str]) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }
}

impl Tree {
    /// Reads what git tracks and what it would track.
    fn read(root: &Path) -> Result<Self> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]).current_dir(root);
        let mut tree = Self::default();
        for path in command::output(&mut git)?.split_terminator('\0') {
            let file = root.join(path);
            // A file that is deleted but not yet committed is still listed; a link has no content of its own.
            let Ok(metadata) = fs::symlink_metadata(&file) else { continue };
            if metadata.is_file() {
                let bytes = fs::read(&file).with_context(|| format!("reading {path}"))?;
                tree.add(path, bytes);
            }
        }
        Ok(tree)
    }

    fn add(&mut self, path: &str, bytes: Vec<u8>) {
        let size_octets = bytes.len() as u64;
        let text = Some(bytes).filter(|bytes| !bytes.contains(&0)).and_then(|bytes| String::from_utf8(bytes).ok());
        self.files.push(TreeFile { path: path.to_owned(), size_octets, text });
    }

    /// The text of one file.
    fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path)?.text.as_deref()
    }

    /// Our own texts: path and content of everything that is text and no fixture.
    fn texts(&self) -> impl Iterator<Item = (&TreeFile, &str)> {
        self.files.iter().filter(|file| !file.is_fixture()).filter_map(|file| Some((file, file.text.as_deref()?)))
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        files.iter().for_each(|(path, text)| tree.add(path, text.as_bytes().to_vec()));
        tree
    }
}

/// Applies every rule and prints the findings.
///
/// Errors: git or a file cannot be read.
pub fn run(workspace: &Workspace) -> Result<Ended> {
    let tree = Tree::read(&workspace.root)?;
    let tests = TestNames::of(&tree, workspace);
    let mut findings = Vec::new();
    findings.extend(sources::check(&tree));
    findings.extend(fixtures::check(&tree));
    findings.extend(architecture::check(&tree, workspace, &tests));
    findings.extend(conformance::check(&tree, &tests));
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} files, {} tests, {} findings", tree.files.len(), tests.len(), findings.len());
    Ok(if findings.is_empty() { Ended::Well } else { Ended::Failed })
}

/// The cells of a table row of a Markdown document, trimmed; absent for any other line and for the line under the head.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
    let is_rule = cells.iter().all(|cell| !cell.is_empty() && cell.chars().all(|c| c == '-' || c == ':'));
    (!is_rule).then_some(cells)
}

/// What stands between backticks.
fn backticked(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_row_is_split_into_cells_and_the_rule_under_the_head_is_not_a_row() {
        assert_eq!(cells("| a | `b`, `c` |"), Some(vec!["a", "`b`, `c`"]));
        assert_eq!(cells("|---|:--|"), None);
        assert_eq!(cells("text"), None);
        assert_eq!(backticked("`b`, `c` and d"), ["b", "c"]);
    }

    #[test]
    fn fixtures_are_recognised_at_any_depth() {
        let tree = Tree::of(&[("crates/wire/xml/fixtures/peer/a.xml", "x"), ("crates/wire/xml/src/lib.rs", "x")]);
        let ours: Vec<_> = tree.texts().map(|(file, _)| file.path.as_str()).collect();
        assert_eq!(ours, ["crates/wire/xml/src/lib.rs"]);
    }
}
