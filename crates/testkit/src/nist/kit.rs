//! Reading the folders of the test kit: which tests there are, their tags and their sections in order.
//! Source: spec xds.md section 28.

use super::tree::Tree;
use std::path::{Path, PathBuf};

/// The tests below a folder.
#[derive(Debug)]
pub struct Kit {
    folder: PathBuf,
}

/// One test: a folder with sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    pub name: String,
    /// `collections.txt`; several tags may stand in one line.
    pub tags: Vec<String>,
    /// `index.idx`, in the order in which they are run.
    pub sections: Vec<String>,
}

impl Kit {
    /// A kit in a folder, or `None` when the folder is not there.
    pub fn open(folder: &Path) -> Option<Kit> {
        folder.is_dir().then(|| Kit { folder: folder.to_owned() })
    }

    /// All tests, by name.
    pub fn tests(&self) -> Result<Vec<Test>, String> {
        let entries = std::fs::read_dir(&self.folder).map_err(|error| error.to_string())?;
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names.iter().map(|name| self.test(name)).collect()
    }

    /// One test. A test without an index has no sections.
    pub fn test(&self, name: &str) -> Result<Test, String> {
        let folder = self.folder.join(name);
        if !folder.is_dir() {
            return Err(format!("there is no test {name}"));
        }
        let words = |file: &str| -> Vec<String> {
            let text = std::fs::read(folder.join(file)).unwrap_or_default();
            String::from_utf8_lossy(&text).split_whitespace().map(str::to_owned).collect()
        };
        let mut sections: Vec<String> = Vec::new();
        for section in words("index.idx") {
            // The index of the load test 12345 repeats its sections; one round is the test.
            if !sections.contains(&section) {
                sections.push(section);
            }
        }
        Ok(Test { name: name.to_owned(), tags: words("collections.txt"), sections })
    }

    /// The plan of a section.
    pub fn plan(&self, test: &str, section: &str) -> Result<Tree, String> {
        Tree::parse(&self.file(test, section, "testplan.xml")?)
    }

    /// A file of a section.
    pub fn file(&self, test: &str, section: &str, name: &str) -> Result<Vec<u8>, String> {
        let path = self.folder.join(test).join(section).join(name);
        std::fs::read(&path).map_err(|error| format!("{test}/{section}/{name}: {error}"))
    }

    /// Whether a section has a file.
    pub fn has_file(&self, test: &str, section: &str, name: &str) -> bool {
        self.folder.join(test).join(section).join(name).is_file()
    }
}
