//! Tools of others that tests start, and folders for their files.
//!
//! Tools are looked for under `MANIFOLD_PEERS` (`py/bin`) and on the path; a missing one skips the test unless
//! `MANIFOLD_REQUIRE_PEERS=1`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program, or a note that it is missing.
pub fn find(program: &str) -> Option<PathBuf> {
    let peers = std::env::var_os("MANIFOLD_PEERS").map(|peers| PathBuf::from(peers).join("py/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = peers
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(program))
        .find(|at| at.is_file());
    if found.is_none() {
        let required = std::env::var_os("MANIFOLD_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!required, "{program} is required but neither under MANIFOLD_PEERS nor on the path");
        eprintln!("skipped: {program} not found");
    }
    found
}

/// True if this Python can import a module; else a note that it cannot.
pub fn has_module(python: &Path, module: &str) -> bool {
    let import = format!("import {module}");
    if Command::new(python).args(["-c", &import]).output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    let required = std::env::var_os("MANIFOLD_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{module} is required but {} cannot import it", python.display());
    eprintln!("skipped: {module} not found");
    false
}

/// A folder of this test alone, removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
