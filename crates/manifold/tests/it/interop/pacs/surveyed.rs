//! `manifold check dicom://` finds what a PACS does otherwise than the standard says, and writes the configuration for it.

use super::servers::{self, objects, send};
use crate::network::MANIFOLD;
use serde_json::Value;
use std::process::Command;

/// What the check says: whether it ended well, its findings, and the section it wrote.
struct Checked {
    good: bool,
    findings: Vec<(String, String, String)>,
    section: Option<toml::Table>,
}

fn check(title: &str, address: &str, days: &str) -> Checked {
    let output = Command::new(MANIFOLD)
        .args(["check", &format!("dicom://{title}@{address}"), "--days", days, "--format", "json"])
        .args(["--calling-aet", "NORTHPROXY"])
        .output()
        .expect("manifold runs");
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{title}: {e}: {}", String::from_utf8_lossy(&output.stderr)));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let checks = answer["checks"].as_array().expect("checks");
    let findings = checks.iter().map(|one| (text(&one["check"]), text(&one["outcome"]), text(&one["explanation"])));
    let section = answer.get("configuration").map(|section| text(section).parse().expect("TOML"));
    Checked { good: output.status.success(), findings: findings.collect(), section }
}

impl Checked {
    fn quirks(&self) -> Vec<&str> {
        let section = self.section.as_ref().expect("a section");
        let quirks = section["actors"]["pacs_proxy"]["quirks"].as_array().expect("quirks");
        quirks.iter().map(|quirk| quirk.as_str().expect("a quirk")).collect()
    }

    fn says(&self, outcome: &str, words: &str) -> bool {
        self.findings.iter().any(|(_, came, said)| came == outcome && said.contains(words))
    }
}

#[test]
fn check_finds_what_a_nasty_pacs_does_and_writes_the_quirks_for_it() {
    let table: [(&str, &[&str], &str, &str); 11] = [
        ("GOOD", &[], "ok", "it counts what it lists"),
        ("TWO_SERIES", &[], "ok", "C-FIND, C-MOVE"),
        ("ONE", &["one-association"], "borne", "does not bear a second one"),
        ("PICKY", &["without 0008,1032"], "borne", "without (0008,1032)"),
        ("LATIN1", &[], "borne", "character-set ISO_IR 100"),
        ("NO_CLASS", &[], "borne", "SOP class"),
        ("ZERO", &["no-counts"], "borne", "(0020,1208) is 0 although there is something"),
        ("LEVEL", &[], "borne", "names another level"),
        ("DATES", &[], "borne", "date with separators"),
        ("IMAGELESS", &[], "borne", "learnt by retrieving it"),
        ("BARE", &[], "borne", "asked for and not in the answers: (0008,0030)"),
    ];
    let mut titles: Vec<&str> = table.iter().map(|row| row.0).collect();
    titles.extend(["A700", "BROKEN", "ABORT_FIND"]);
    let Some(nasty) = servers::nasty(&titles) else { return };
    for (title, quirks, outcome, words) in table {
        let checked = check(title, &nasty.addresses[title], "3");
        assert!(checked.good, "{title}: {:#?}", checked.findings);
        assert_eq!(checked.quirks(), quirks, "{title}: {:#?}", checked.findings);
        assert!(checked.says(outcome, words), "{title}: {:#?}", checked.findings);
        let section = checked.section.expect("a section");
        assert_eq!(section["actors"]["pacs_proxy"]["move_destination"].as_str(), Some("NORTHPROXY"), "{title}");
    }
    for (title, words) in [("A700", "A700"), ("BROKEN", "cannot be read"), ("ABORT_FIND", "abort")] {
        let checked = check(title, &nasty.addresses[title], "3");
        assert!(!checked.good && checked.section.is_none(), "{title}: {:#?}", checked.findings);
        assert!(
            checked.findings.iter().any(|(_, o, w)| o == "failed" && w.to_lowercase().contains(&words.to_lowercase())),
            "{title}: {:#?}",
            checked.findings
        );
    }
}

#[test]
fn check_finds_orthanc_and_dcmqrscp_usable() {
    for pacs in [servers::orthanc(1), servers::dcmqrscp(1)].into_iter().flatten() {
        let mut plans = synth::seed_studies();
        plans.sort_by_key(|plan| plan.instance_count(synth::Part::All));
        send(&pacs, &objects(&plans[0]));
        let checked = check(pacs.ae_title, &pacs.address, "4000");
        assert!(checked.good, "{}: {:#?}", pacs.ae_title, checked.findings);
        assert!(checked.says("ok", "C-FIND, C-MOVE, C-GET"), "{}: {:#?}", pacs.ae_title, checked.findings);
        let quirks = checked.quirks();
        assert!(quirks.iter().all(|quirk| *quirk == "no-counts"), "{}: {quirks:?}", pacs.ae_title);
        println!("{}: {:#?}", pacs.ae_title, checked.findings);
    }
}
