//! The workspace as cargo sees it: where it is, where it builds to, which crates it has and what they depend on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// The workspace that this command belongs to.
#[derive(Debug)]
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo builds to; peers, tools and the state of long runs live there too.
    pub target: PathBuf,
    /// The workspace's own crates.
    pub packages: Vec<Package>,
}

/// One crate of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder relative to the workspace, with `/`.
    pub folder: String,
    /// Our crates that its code or build script uses.
    pub uses: BTreeSet<String>,
    /// Our crates that only its tests use.
    pub tests_use: BTreeSet<String>,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// Errors: cargo fails, which it does when a manifest is broken.
    pub fn load() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let text = command::output(
            command::cargo().args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]).arg(manifest),
        )?;
        Self::from_metadata(&text)
    }

    /// Reads what `cargo metadata --no-deps` printed.
    pub fn from_metadata(text: &str) -> Result<Self> {
        let metadata: Value = serde_json::from_str(text).context("cargo metadata is not JSON")?;
        let root = PathBuf::from(string(&metadata, "workspace_root")?);
        let packages = array(&metadata, "packages")?;
        let packages = packages.iter().map(|package| read_package(package, &root)).collect::<Result<_>>()?;
        Ok(Self { target: PathBuf::from(string(&metadata, "target_directory")?), root, packages })
    }

    /// Where the peers of the interoperability tests are installed: `py` (a venv), `npm` (`node_modules` inside) and
    /// `ipf` (`classes` and `lib`).
    pub fn peers(&self) -> PathBuf {
        self.target.join("peers")
    }

    /// Where the check installs programs of its own.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The crate that a file belongs to, by its path relative to the workspace.
    pub fn package_of(&self, file: &str) -> Option<&Package> {
        self.packages
            .iter()
            .filter(|package| file.strip_prefix(&package.folder).is_some_and(|rest| rest.starts_with('/')))
            .max_by_key(|package| package.folder.len())
    }
}

fn read_package(package: &Value, root: &Path) -> Result<Package> {
    let name = string(package, "name")?.to_owned();
    let manifest = Path::new(string(package, "manifest_path")?);
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok());
    let folder = folder.with_context(|| format!("{name} lies outside the workspace"))?;
    let folder = folder.to_string_lossy().replace('\\', "/");
    let (mut uses, mut tests_use) = (BTreeSet::new(), BTreeSet::new());
    for dependency in array(package, "dependencies")? {
        // Only our own crates are given by path.
        if dependency["path"].is_string() {
            let list = if dependency["kind"] == "dev" { &mut tests_use } else { &mut uses };
            list.insert(string(dependency, "name")?.to_owned());
        }
    }
    Ok(Package { name, folder, uses, tests_use })
}

fn string<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("cargo metadata has no text `{key}`"))
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("cargo metadata has no list `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_crates_are_told_from_others_and_test_edges_from_real_ones() {
        let workspace = Workspace::from_metadata(
            r#"{"workspace_root":"/w","target_directory":"/t","packages":[
                {"name":"store","manifest_path":"/w/crates/store/Cargo.toml","dependencies":[
                    {"name":"model","kind":null,"path":"/w/crates/model"},
                    {"name":"testkit","kind":"dev","path":"/w/crates/testkit"},
                    {"name":"serde","kind":null}]}]}"#,
        )
        .unwrap();
        let store = &workspace.packages[0];
        assert_eq!(store.folder, "crates/store");
        assert_eq!(store.uses.iter().collect::<Vec<_>>(), ["model"]);
        assert_eq!(store.tests_use.iter().collect::<Vec<_>>(), ["testkit"]);
        assert_eq!(workspace.package_of("crates/store/src/lib.rs"), Some(store));
        assert_eq!(workspace.package_of("crates/storefront/src/lib.rs"), None);
    }
}
