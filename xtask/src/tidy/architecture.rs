//! Rules about ARCHITECTURE.md: it stays short, its table of crates agrees with what cargo knows, and every `Invariant:`
//! line names a test that guards it.
//!
//! The table stands between `<!-- crates -->` and `<!-- /crates -->`: crate, folder, and the crates that it may use.
//! Using fewer is fine. Tests may use `testkit` and `synth` as well.

use std::collections::{BTreeMap, BTreeSet};

use super::test_names::TestNames;
use super::{Tree, backticked, cells};
use crate::workspace::{Package, Workspace};

const FILE: &str = "ARCHITECTURE.md";
const MOST_LINES: usize = 200;
/// What stands in the table for a crate that may use every other but those made for development.
const EVERYTHING: &str = "everything";
const DEVELOPMENT: &[&str] = &["testkit", "xtask"];
/// Tests of any crate may use it.
const FOR_TESTS: [&str; 2] = ["testkit", "synth"];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    folder: String,
    may_use: BTreeSet<String>,
}

pub fn check(tree: &Tree, workspace: &Workspace, tests: &TestNames) -> Vec<String> {
    let Some(text) = tree.text(FILE) else { return vec![format!("{FILE}: is missing")] };
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        findings.push(format!("{FILE}: {lines} lines; at most {MOST_LINES} are read"));
    }
    findings.extend(invariants(text, tests));
    match table(text) {
        Ok(table) => findings.extend(compare(&table, &workspace.packages)),
        Err(finding) => findings.push(finding),
    }
    findings
}

/// An invariant is a paragraph: it goes on to the next empty line.
fn invariants(text: &str, tests: &TestNames) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut findings = Vec::new();
    for (index, _) in lines.iter().enumerate().filter(|(_, line)| line.trim().starts_with("Invariant:")) {
        let mut paragraph = lines[index..].iter().take_while(|line| !line.trim().is_empty());
        if !paragraph.any(|line| backticked(line).into_iter().any(|name| tests.contains(name))) {
            findings.push(format!("{FILE}:{}: this invariant names no test that exists", index + 1));
        }
    }
    findings
}

fn table(text: &str) -> Result<BTreeMap<String, Row>, String> {
    let section = text.split_once("<!-- crates -->").and_then(|(_, rest)| rest.split_once("<!-- /crates -->"));
    let Some((section, _)) = section else {
        return Err(format!("{FILE}: the table of crates between `<!-- crates -->` and `<!-- /crates -->` is missing"));
    };
    let rows: Vec<Vec<&str>> = section.lines().filter_map(cells).filter(|row| row[0].starts_with('`')).collect();
    let names: BTreeSet<String> = rows.iter().flat_map(|row| backticked(row[0])).map(str::to_owned).collect();
    let mut table = BTreeMap::new();
    for row in rows {
        let (Some(name), [_, folder, uses, ..]) = (backticked(row[0]).first().copied(), row.as_slice()) else {
            return Err(format!("{FILE}: the row of {} wants crate, folder and what it may use", row[0]));
        };
        let may_use = if *uses == EVERYTHING {
            names.iter().filter(|other| *other != name && !DEVELOPMENT.contains(&other.as_str())).cloned().collect()
        } else {
            backticked(uses).into_iter().map(str::to_owned).collect()
        };
        table.insert(name.to_owned(), Row { folder: folder.trim_matches('`').to_owned(), may_use });
    }
    Ok(table)
}

fn compare(table: &BTreeMap<String, Row>, packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut found = |text: String| findings.push(format!("{FILE}: {text}"));
    for (name, row) in table {
        match packages.iter().find(|package| package.name == *name) {
            None => found(format!("`{name}` is in the table and not in the workspace")),
            Some(package) if package.folder != row.folder => {
                found(format!("`{name}` is in {}, not in {}", package.folder, row.folder));
            }
            Some(_) => {}
        }
        for used in row.may_use.iter().filter(|used| !table.contains_key(*used)) {
            found(format!("`{name}` may use `{used}`, which has no row"));
        }
    }
    if let Some(circle) = circle(table) {
        found(format!("the table allows a circle: {}", circle.join(" -> ")));
    }
    for package in packages {
        let Some(row) = table.get(&package.name) else {
            found(format!("`{}` ({}) has no row in the table of crates", package.name, package.folder));
            continue;
        };
        for used in package.uses.difference(&row.may_use) {
            found(format!("`{}` uses `{used}`, which its row does not allow", package.name));
        }
        for used in package.tests_use.difference(&row.may_use).filter(|used| !FOR_TESTS.contains(&used.as_str())) {
            found(format!("the tests of `{}` use `{used}`, which its row does not allow", package.name));
        }
    }
    findings
}

/// A way from some crate along allowed edges back to itself.
fn circle(table: &BTreeMap<String, Row>) -> Option<Vec<String>> {
    fn walk<'a>(table: &'a BTreeMap<String, Row>, way: &mut Vec<&'a str>, done: &mut BTreeSet<&'a str>) -> bool {
        let Some((name, row)) = way.last().and_then(|name| table.get_key_value(*name)) else { return false };
        for used in &row.may_use {
            let closed = way.contains(&used.as_str());
            if !closed && done.contains(used.as_str()) {
                continue;
            }
            way.push(used);
            if closed || walk(table, way, done) {
                return true;
            }
            way.pop();
        }
        done.insert(name);
        false
    }
    let mut done = BTreeSet::new();
    for name in table.keys() {
        let mut way = vec![name.as_str()];
        if walk(table, &mut way, &mut done) {
            let start = way.iter().position(|step| Some(step) == way.last()).unwrap_or(0);
            return Some(way[start..].iter().map(|step| step.to_string()).collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
<!-- crates -->
| crate | folder | may use |
|---|---|---|
| `model` | crates/model | nothing |
| `store` | crates/store | `model` |
| `manifold` | crates/manifold | everything |
| `testkit` | crates/testkit | `model` |
<!-- /crates -->
";

    fn package(name: &str, uses: &[&str], tests_use: &[&str]) -> Package {
        let set = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        Package { name: name.into(), folder: format!("crates/{name}"), uses: set(uses), tests_use: set(tests_use) }
    }

    fn workspace() -> Vec<Package> {
        vec![
            package("model", &[], &["testkit"]),
            package("store", &["model"], &["testkit"]),
            package("manifold", &["model", "store"], &["testkit"]),
            package("testkit", &[], &[]),
        ]
    }

    fn findings(change: impl FnOnce(&mut Vec<Package>)) -> Vec<String> {
        let mut packages = workspace();
        change(&mut packages);
        compare(&table(TEXT).unwrap(), &packages)
    }

    #[test]
    fn a_workspace_that_keeps_to_the_table_or_uses_less_is_fine() {
        assert_eq!(findings(|_| {}), Vec::<String>::new());
        assert_eq!(findings(|packages| packages[2].uses.clear()), Vec::<String>::new());
    }

    #[test]
    fn an_edge_that_the_table_does_not_allow_is_a_finding() {
        let reversed = findings(|packages| packages[0] = package("model", &["store"], &[]));
        assert_eq!(reversed, ["ARCHITECTURE.md: `model` uses `store`, which its row does not allow"]);
        assert_eq!(findings(|packages| packages[1] = package("store", &["manifold"], &[])).len(), 1);
        assert_eq!(findings(|packages| packages[1] = package("store", &[], &["manifold"])).len(), 1);
        assert_eq!(findings(|packages| packages[2] = package("manifold", &["testkit"], &[])).len(), 1);
    }

    #[test]
    fn a_crate_that_is_gone_new_or_moved_is_a_finding() {
        assert_eq!(findings(|packages| drop(packages.remove(1))).len(), 1);
        assert_eq!(findings(|packages| packages.push(package("viewer", &[], &[]))).len(), 1);
        assert_eq!(findings(|packages| packages[0].folder = "crates/other".into()).len(), 1);
    }

    #[test]
    fn a_circle_in_the_table_is_a_finding() {
        let text = TEXT.replace("crates/model | nothing", "crates/model | `store`");
        let circle = circle(&table(&text).unwrap()).unwrap();
        assert_eq!(circle.first(), circle.last());
        assert_eq!(circle.len(), 3);
    }

    #[test]
    fn an_invariant_without_a_guard_is_a_finding() {
        let tests = TestNames::from_names(&[("store", "loses_nothing")]);
        assert!(invariants("Invariant: nothing is lost (`loses_nothing`).", &tests).is_empty());
        assert_eq!(invariants("Invariant: nothing is lost (`gone`).", &tests).len(), 1);
        assert_eq!(invariants("Invariant: nothing is lost.", &tests).len(), 1);
        assert!(invariants("Invariant: nothing\nis lost\n(`loses_nothing`).", &tests).is_empty());
        assert_eq!(invariants("Invariant: nothing is lost.\n\n`loses_nothing`", &tests).len(), 1);
    }
}
