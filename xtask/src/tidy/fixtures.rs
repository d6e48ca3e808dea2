//! Rules about fixtures: each lies under `spec/`, `peer/` or `made/`, and an ORIGIN file in its folder or one above, up to
//! `fixtures/`, says in one line where it is from and under which licence.
//!
//! An ORIGIN line is a path relative to that ORIGIN file (`*` stands for anything), then white space or a colon, then the
//! source and licence. Lines that start with `#` are remarks.

use super::Tree;

const KINDS: &[&str] = &["spec", "peer", "made"];

struct Origin<'a> {
    file: &'a str,
    /// The folder of the ORIGIN file with `/` at the end.
    folder: &'a str,
    line: usize,
    pattern: &'a str,
    says: &'a str,
}

pub fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    let fixtures = || tree.files.iter().filter(|file| file.is_fixture());
    let (origins, fixtures): (Vec<_>, Vec<_>) = fixtures().partition(|file| file.path.ends_with("/ORIGIN"));
    let mut lines = Vec::new();
    for file in origins {
        lines.extend(origin_lines(&file.path, file.text.as_deref().unwrap_or_default()));
    }
    for origin in lines.iter().filter(|origin| origin.says.is_empty()) {
        findings.push(format!("{}:{}: says where from, and the licence", origin.file, origin.line));
    }
    let mut used = vec![false; lines.len()];
    for fixture in fixtures {
        let inside = fixture.path.split_once("/fixtures/").map_or("", |(_, inside)| inside);
        if !inside.split('/').any(|part| KINDS.contains(&part)) {
            findings.push(format!("{}: fixtures lie under spec/, peer/ or made/", fixture.path));
        }
        let mut has_origin = false;
        for (origin, used) in lines.iter().zip(&mut used) {
            let relative = fixture.path.strip_prefix(origin.folder);
            if relative.is_some_and(|path| matches(origin.pattern, path)) {
                has_origin = true;
                *used = true;
            }
        }
        if !has_origin {
            findings.push(format!("{}: no ORIGIN line says where this fixture is from", fixture.path));
        }
    }
    for (origin, _) in lines.iter().zip(used).filter(|(_, used)| !used) {
        findings.push(format!("{}:{}: `{}` is not there", origin.file, origin.line, origin.pattern));
    }
    findings
}

fn origin_lines<'a>(file: &'a str, text: &'a str) -> impl Iterator<Item = Origin<'a>> {
    let folder = file.strip_suffix("ORIGIN").unwrap_or(file);
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(move |(number, line)| {
        let (pattern, says) = line.split_once([' ', '\t', ':']).unwrap_or((line, ""));
        let says = says.trim_start_matches([' ', '\t', ':', '-', '|', '\u{2014}']).trim();
        Origin { file, folder, line: number, pattern: pattern.trim_start_matches("./").trim_matches('`'), says }
    })
}

/// Whether the pattern describes the whole path; `*` stands for any characters. A pattern that ends in `/` describes
/// everything in that folder.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some(folder) = pattern.strip_suffix('/') {
        return path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    }
    let Some((before, rest)) = pattern.split_once('*') else { return pattern == path };
    let Some(mut path) = path.strip_prefix(before) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = path.split_once(part) else { return false };
        path = after;
    }
    path.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: (&str, &str) = ("crates/x/fixtures/peer/a.xml", "x");

    #[test]
    fn a_fixture_with_an_origin_line_is_fine_wherever_the_origin_file_is() {
        for (file, line) in [
            ("crates/x/fixtures/ORIGIN", "peer/a.xml\ta registry, CC0"),
            ("crates/x/fixtures/ORIGIN", "# remark\n\npeer/*.xml: a registry, CC0"),
            ("crates/x/fixtures/ORIGIN", "peer/ a registry, CC0"),
            ("crates/x/fixtures/peer/ORIGIN", "a.xml a registry, CC0"),
        ] {
            assert_eq!(check(&Tree::of(&[FILE, (file, line)])), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn missing_empty_and_stale_origin_lines_are_found() {
        assert_eq!(check(&Tree::of(&[FILE])).len(), 1);
        assert_eq!(check(&Tree::of(&[FILE, ("crates/x/fixtures/ORIGIN", "peer/a.xml")])).len(), 1);
        let stale = check(&Tree::of(&[FILE, ("crates/x/fixtures/ORIGIN", "peer/a.xml CC0\npeer/b.xml CC0")]));
        assert_eq!(stale, ["crates/x/fixtures/ORIGIN:2: `peer/b.xml` is not there"]);
    }

    #[test]
    fn a_fixture_of_no_kind_is_found() {
        let tree = Tree::of(&[("crates/x/fixtures/a.xml", "x"), ("crates/x/fixtures/ORIGIN", "a.xml CC0")]);
        assert_eq!(check(&tree), ["crates/x/fixtures/a.xml: fixtures lie under spec/, peer/ or made/"]);
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        assert!(matches("a/*.xml", "a/b.xml"));
        assert!(matches("*/x*y", "a/xly"));
        assert!(!matches("a/*.xml", "b/b.xml"));
        assert!(!matches("*.xml", "a.json"));
    }
}
