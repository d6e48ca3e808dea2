//! Every deviation of every published key object selection: place, rule and value, pinned in one file. The values are UIDs
//! and terms; a value that may identify somebody is never in a finding. spec/mcwg.md section 7, spec/dicom.md section 10.

use std::fmt::Write as _;
use std::path::PathBuf;

use dicom::kos::check;

use super::samples::{binary, sample};

const FILES: [&str; 13] = [
    "dicom/ihe-mado-kos-a.dcm",
    "dicom/ihe-mado-kos-b.dcm",
    "dicom/kos-iocm-rejected-quality.dcm",
    "dicom/kos-xdsi-ct-sr.dcm",
    "dicom/kos-xdsi-grown-replacement.dcm",
    "dicom/nist-ids-1002-kos.dcm",
    "dicom/nist-ids-dept001-a-kos.dcm",
    "mado/drimbox/kos.dcm",
    "mado/hl7eu-kos/1.2.826.0.1.3680043.2.1043.693076.0.66982.83.3.1.dcm",
    "mado/hl7eu-kos/GK17285-KOS.dcm",
    "mado/ihe-mado/MADO_KOS_A.dcm",
    "mado/ihe-mado/MADO_KOS_B.dcm",
    "mado/ihe-mado/mado-kos-1.2.250.1.59.40211.22756022.2.1.101-binary.json",
];

#[test]
fn each_deviation_of_each_published_manifest_is_found_and_no_other() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/made/findings-of-samples.txt");
    let mut all = String::new();
    let files = FILES.into_iter().chain(["mado/ihe-mado/mado-kos-1.2.250.1.59.40211.22756022.2.1.102-binary.json"]);
    for name in files {
        let octets = if name.ends_with(".json") { binary(name) } else { sample(name) };
        // Without the samples there is nothing to compare; `sample` has said so.
        let Some(octets) = octets else { return };
        let mut lines = format!("{name}\n");
        for finding in check(&octets) {
            writeln!(lines, "  {finding}").unwrap();
        }
        all.push_str(&lines);
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &all).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let (found, expected): (Vec<&str>, Vec<&str>) = (all.lines().collect(), golden.lines().collect());
    assert_eq!(found, expected, "{} differs; UPDATE_GOLDEN=1 rewrites it", path.display());
}
