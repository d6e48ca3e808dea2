//! The shared sample files, when they are there.

use std::path::PathBuf;

use dicom::header::Header;
use dicom::scan::{Keep, Options, scan_slice};

/// A folder of `../shared/data`, or a note that it is missing.
pub fn folder(name: &str) -> Option<PathBuf> {
    let mut at = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    while at.pop() {
        if at.join("Cargo.lock").exists() {
            let found = at.join("../shared/data").join(name);
            if found.exists() {
                return Some(found);
            }
            break;
        }
    }
    eprintln!("skipped: ../shared/data/{name} not present");
    None
}

#[test]
fn every_sample_manifest_passes_the_scan_and_lists_its_references() {
    for name in ["dicom", "mado/hl7eu-kos", "mado/ihe-mado", "mado/drimbox"] {
        let Some(folder) = folder(name) else { continue };
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "dcm") {
                continue;
            }
            let octets = std::fs::read(&path).unwrap();
            let scan = scan_slice(&octets, &Options { keep: Keep::Everything, ..Options::default() });
            let scan = scan.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let header = Header::from_slice(&octets).unwrap();
            let keys = header.key_objects.clone().unwrap_or_else(|| panic!("{}", path.display()));
            assert!(!keys.referenced.is_empty(), "{}", path.display());
            assert!(!scan.data_set.is_empty());
            let whole = Header::from_scan(&scan);
            assert_eq!(whole, header, "{}", path.display());
        }
    }
}

#[test]
fn the_rejection_note_shows_title_and_modifier() {
    let Some(folder) = folder("dicom") else { return };
    let octets = std::fs::read(folder.join("kos-iocm-rejected-quality.dcm")).unwrap();
    let keys = Header::from_slice(&octets).unwrap().key_objects.unwrap();
    assert_eq!(keys.title.unwrap().value, "113001");
    assert_eq!(keys.modifiers[0].value, "111210");
    assert_eq!(keys.referenced.len(), 1);
}
