//! Rules about single files: what every source file opens with, words and paths that do not belong, names that say
//! nothing, sizes, and the lints that every crate inherits.

use super::{Tree, TreeFile};

const LARGEST_OCTETS: u64 = 1024 * 1024;

/// Kinds of files that a person writes as code.
const CODE: &[&str] = &["rs", "toml", "js", "mjs", "css", "html", "py", "sh"];

// Written in two parts, so that this file does not find itself.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unim", "plemented!("),
    concat!("db", "g!("),
];
const MACHINE_PATHS: &[&str] =
    &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Names that fit anything and therefore collect everything.
const EMPTY_NAMES: &[&str] = &["common", "util", "utils", "helper", "helpers", "manager", "service", "misc"];

pub fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.size_octets > LARGEST_OCTETS) {
        findings.push(format!("{}: {} octets; no file is over {LARGEST_OCTETS}", file.path, file.size_octets));
    }
    for (file, text) in tree.texts() {
        if file.has_extension(&["rs"]) {
            findings.extend(opening(file, text));
            findings.extend(name(file));
        }
        for (index, line) in text.lines().enumerate() {
            let unfinished = UNFINISHED.iter().filter(|_| file.has_extension(CODE)).find(|word| has_word(line, word));
            if let Some(word) = unfinished {
                findings.push(format!("{}:{}: `{word}`: finish it, or write an issue", file.path, index + 1));
            }
            if let Some(path) = MACHINE_PATHS.iter().find(|path| has_word(line, path)) {
                findings.push(format!("{}:{}: `{path}...` is a path of one machine", file.path, index + 1));
            }
        }
        if file.path.ends_with("/Cargo.toml") && !text.contains("[lints]\nworkspace = true") {
            findings.push(format!("{}: `[lints] workspace = true` is missing", file.path));
        }
        if file.path.ends_with("package-lock.json") && text.contains("\"resolved\":") {
            findings.push(format!("{}: names a registry; npm has --omit-lockfile-registry-resolved", file.path));
        }
    }
    findings
}

fn opening(file: &TreeFile, text: &str) -> Option<String> {
    let says_something = text.strip_prefix("//!").is_some_and(|rest| rest.starts_with(' '));
    (!says_something).then(|| format!("{}:1: opens with `//!` and what lives here", file.path))
}

fn name(file: &TreeFile) -> Option<String> {
    let parts = file.path.trim_end_matches(".rs").split('/');
    let empty = parts.into_iter().find(|part| EMPTY_NAMES.contains(part))?;
    Some(format!("{}: `{empty}` says nothing about what lives there", file.path))
}

/// Whether `word` stands in the line and nothing that could be part of a longer word or path is directly before it.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
        let ends_open = word.ends_with(|c: char| !c.is_alphanumeric());
        !is_word(before) && (ends_open || !is_word(after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)]))
    }

    #[test]
    fn a_source_file_opens_with_what_lives_in_it() {
        assert!(findings("a/src/lib.rs", "//! The model.\n").is_empty());
        assert_eq!(findings("a/src/lib.rs", "use x;\n").len(), 1);
        assert_eq!(findings("a/src/lib.rs", "//!\n").len(), 1);
        assert_eq!(findings("a/src/lib.rs", "").len(), 1);
    }

    #[test]
    fn unfinished_work_is_found_in_code_and_not_inside_words() {
        for word in UNFINISHED {
            assert_eq!(findings("a/b.py", &format!("x = 1 # {word} later")).len(), 1, "{word}");
        }
        assert!(findings("a/b.py", concat!("M", "ETO", "DOS = 1")).is_empty());
        assert!(findings("a/fixtures/peer/b.py", UNFINISHED[0]).is_empty());
        assert!(findings("a/b.md", UNFINISHED[0]).is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_found_and_url_paths_are_not() {
        for path in MACHINE_PATHS {
            assert_eq!(findings("a/b.md", &format!("see {path}notes")).len(), 1, "{path}");
            assert!(findings("a/b.md", &format!("https://north.example{path}notes")).is_empty(), "{path}");
        }
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        assert_eq!(findings("crates/x/src/util.rs", "//! X.\n").len(), 1);
        assert_eq!(findings("crates/x/src/common/mod.rs", "//! X.\n").len(), 1);
        assert!(findings("crates/x/src/utility_pole.rs", "//! X.\n").is_empty());
    }

    #[test]
    fn large_files_missing_lints_and_registry_names_are_found() {
        assert_eq!(findings("a.bin", &"x".repeat(LARGEST_OCTETS as usize + 1)).len(), 1);
        assert_eq!(findings("crates/x/Cargo.toml", "[package]\n").len(), 1);
        assert!(findings("crates/x/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n").is_empty());
        assert_eq!(findings("x/package-lock.json", "{\"resolved\": \"x\"}").len(), 1);
    }
}
