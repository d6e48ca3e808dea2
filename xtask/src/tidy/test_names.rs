//! The names of all tests in the tree, so that documents can only promise what a test guards.

use std::collections::BTreeSet;

use super::Tree;
use crate::workspace::Workspace;

/// Every test function: its crate and its name.
#[derive(Debug, Default)]
pub struct TestNames {
    names: BTreeSet<(String, String)>,
}

impl TestNames {
    pub fn of(tree: &Tree, workspace: &Workspace) -> Self {
        let mut names = BTreeSet::new();
        for (file, text) in tree.texts().filter(|(file, _)| file.has_extension(&["rs"])) {
            let package = workspace.package_of(&file.path).map_or("", |package| package.name.as_str());
            names.extend(test_functions(text).into_iter().map(|name| (package.to_owned(), name.to_owned())));
        }
        Self { names }
    }

    /// `name`, or `crate::name` where two crates have a test of the same name.
    pub fn contains(&self, reference: &str) -> bool {
        let (package, name) = match reference.split_once("::") {
            Some((package, path)) => (Some(package), path.rsplit("::").next().unwrap_or(path)),
            None => (None, reference),
        };
        self.names.iter().any(|(its, test)| test == name && package.is_none_or(|package| package == its))
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    #[cfg(test)]
    pub fn from_names(names: &[(&str, &str)]) -> Self {
        Self { names: names.iter().map(|(package, name)| (package.to_string(), name.to_string())).collect() }
    }
}

fn test_functions(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if is_test && !line.starts_with('#') && !line.starts_with("//") && !line.is_empty() {
            // The first code line after the attributes is the function's head.
            let head = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
            found.extend(head.map(|(name, _)| name.trim()));
            is_test = false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_functions_are_found_behind_every_kind_of_attribute() {
        let text = "
            #[test]
            fn one() {}
            #[tokio::test(flavor = \"multi_thread\")]
            // a reason
            #[ignore = \"long\"]
            async fn two() {}
            fn no_test() {}
            proptest! {
                #[test]
                fn three(x in 0..3) {}
            }";
        assert_eq!(test_functions(text), ["one", "two", "three"]);
    }

    #[test]
    fn a_reference_may_name_the_crate() {
        let names = TestNames::from_names(&[("store", "loses_nothing")]);
        assert!(names.contains("loses_nothing"));
        assert!(names.contains("store::loses_nothing"));
        assert!(names.contains("store::kill::loses_nothing"));
        assert!(!names.contains("actors::loses_nothing"));
        assert!(!names.contains("loses"));
    }
}
