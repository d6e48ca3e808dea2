//! Real messages of the field: all are read, and read as the parser below reads them.

use std::path::{Path, PathBuf};

use xml::{Document, Limits};

/// The shared data folder beside the workspace, if this checkout has one.
fn shared() -> Option<PathBuf> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = crate_folder.ancestors().map(|up| up.join("../shared/data/xds")).find(|folder| folder.is_dir());
    if folder.is_none() {
        eprintln!("skipped: ../shared/data/xds not present");
    }
    folder
}

fn xml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            xml_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "xml" || end == "xsd" || end == "wsdl") {
            found.push(path);
        }
    }
}

#[test]
fn every_sample_is_read_and_means_the_same_to_the_parser_below() {
    let Some(folder) = shared() else { return };
    let mut files = Vec::new();
    xml_files(&folder, &mut files);
    assert!(files.len() > 200, "only {} files", files.len());
    let mut read = 0;
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let document = match Document::parse(&bytes, Limits::default()) {
            Ok(document) => document,
            // Some schemas carry a DTD, which no message may.
            Err(error) if error.what.contains("DTD") => continue,
            Err(error) => panic!("{}: {error}", file.display()),
        };
        read += 1;
        let other = uppsala::parse_bytes(&bytes).unwrap();
        let other_root = other.document_element().unwrap();
        assert_eq!(document.root().text(), other.text_content_deep(other_root), "{}", file.display());
        let elements = other.descendants(other_root).into_iter().filter(|&id| other.element(id).is_some()).count();
        assert_eq!(document.root().descendants().count() - 1, elements, "{}", file.display());
        let again = Document::parse(document.root().to_xml().as_bytes(), Limits::default()).unwrap();
        assert_eq!(again.root().text(), document.root().text());
    }
    assert!(read > 200, "only {read} read");
}
