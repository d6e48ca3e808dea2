//! Which files a folder of DICOM objects holds.

use super::super::stop::Stop;
use dicom::Header;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// More files than anybody publishes at once.
const MOST_FILES: usize = 1_000_000;
const DIRECTORY_CLASS: &str = "1.2.840.10008.1.3.10";

/// A file that may be a DICOM object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub path: PathBuf,
    /// Named itself, not found in a folder: then it must be one.
    pub named: bool,
}

/// The files given, and those below the folders given, in order of their names.
///
/// Errors: a path that is not there or cannot be read.
pub fn collect(paths: &[PathBuf]) -> Result<Vec<Candidate>, Stop> {
    let mut found = Vec::new();
    for path in paths {
        let failed = |e: std::io::Error| Stop::failed(format!("cannot read {}: {e}", path.display()));
        if std::fs::metadata(path).map_err(failed)?.is_dir() {
            walk(path, &mut found)?;
        } else {
            found.push(Candidate { path: path.clone(), named: true });
        }
    }
    Ok(found)
}

fn walk(root: &Path, found: &mut Vec<Candidate>) -> Result<(), Stop> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |e: std::io::Error| Stop::failed(format!("cannot read {}: {e}", folder.display()));
        let mut entries = std::fs::read_dir(&folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        entries.sort_by_key(|entry| entry.file_name());
        let mut below = Vec::new();
        for entry in entries {
            // Links to folders are not followed: they may lead round in a circle.
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                below.push(entry.path());
            } else if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) {
                found.push(Candidate { path: entry.path(), named: false });
            }
            if found.len() > MOST_FILES {
                return Err(Stop::usage(format!("{} holds more than {MOST_FILES} files", root.display())));
            }
        }
        folders.extend(below.into_iter().rev());
    }
    Ok(())
}

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub enum NotSendable {
    /// No DICOM file at all, or the index of a medium.
    Other,
    /// A DICOM file that cannot be used.
    Broken(String),
}

impl std::fmt::Display for NotSendable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotSendable::Other => f.write_str("it is no DICOM object"),
            NotSendable::Broken(reason) => f.write_str(reason),
        }
    }
}

/// The header of a DICOM object.
pub fn header(path: &Path) -> Result<Header, NotSendable> {
    let broken = |e: std::io::Error| NotSendable::Broken(format!("it cannot be read: {e}"));
    let mut file = File::open(path).map_err(broken)?;
    let mut start = Vec::new();
    file.by_ref().take(132).read_to_end(&mut start).map_err(broken)?;
    if start.get(128..132) != Some(b"DICM") {
        return Err(NotSendable::Other);
    }
    let header = Header::read(&mut file).map_err(|e| NotSendable::Broken(e.to_string()))?;
    if header.sop_class_uid == DIRECTORY_CLASS {
        return Err(NotSendable::Other);
    }
    for (uid, what) in [
        (&header.sop_class_uid, "SOP Class UID"),
        (&header.sop_instance_uid, "SOP Instance UID"),
        (&header.study_instance_uid, "Study Instance UID"),
        (&header.series_instance_uid, "Series Instance UID"),
    ] {
        if uid.is_empty() {
            return Err(NotSendable::Broken(format!("it has no {what}")));
        }
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_walked_in_order_and_links_to_folders_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("b/c")).unwrap();
        for name in ["b/2", "b/c/3", "a"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(dir.path(), dir.path().join("b/round")).unwrap();
        let found = collect(&[dir.path().to_owned(), dir.path().join("a")]).unwrap();
        let names: Vec<_> =
            found.iter().map(|f| (f.path.strip_prefix(dir.path()).unwrap().to_str().unwrap(), f.named)).collect();
        assert_eq!(names, [("a", false), ("b/2", false), ("b/c/3", false), ("a", true)]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let Err(Stop::Failed(text)) = collect(&["/does/not/exist".into()]) else { panic!() };
        assert!(text.starts_with("cannot read /does/not/exist"), "{text}");
    }

    #[test]
    fn a_text_is_no_dicom_object_and_a_cut_one_is_broken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "text").unwrap();
        assert_eq!(header(&path).err(), Some(NotSendable::Other));
        let mut cut = vec![0; 128];
        cut.extend_from_slice(b"DICM");
        std::fs::write(&path, cut).unwrap();
        assert!(matches!(header(&path).err(), Some(NotSendable::Broken(_))));
    }
}
