//! npm `fhir` as a second opinion on FHIR XML: what it makes of our XML is our JSON, and what we make of its XML too.

use super::peers::{self, Peer};
use serde_json::Value;
use std::path::{Path, PathBuf};

#[test]
fn npm_fhir_reads_our_xml_as_the_same_resources_and_we_read_its_xml() {
    if !peers::present(&[Peer::NpmFhir, Peer::Program("node")]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut names = Vec::new();
    for (number, file) in resources().into_iter().enumerate() {
        let bytes = std::fs::read(&file).expect("a resource");
        let xml = fhir::xml::to_xml(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = format!("{number:04}");
        std::fs::write(folder.path().join(format!("{name}.json")), &bytes).expect("written");
        std::fs::write(folder.path().join(format!("{name}.xml")), xml).expect("written");
        names.push((name, file));
    }
    assert!(names.len() >= 5, "{} resources", names.len());
    let mut command = std::process::Command::new(peers::path(Peer::Program("node")));
    command.arg(peers::tests("peers/fhir_xml.mjs")).arg(folder.path()).env("MANIFOLD_PEERS", peers::npm());
    peers::succeed(command);
    let read = |name: &str, ending: &str| std::fs::read(folder.path().join(format!("{name}.{ending}"))).expect("made");
    let json = |bytes: &[u8]| -> Value { without_markup(serde_json::from_slice(bytes).expect("JSON")) };
    let mut different = Vec::new();
    for (name, file) in &names {
        let ours = json(&read(name, "json"));
        if json(&read(name, "theirs.json")) != ours {
            different.push(format!("{}: their JSON of our XML", file.display()));
        }
        match fhir::xml::to_json(&read(name, "theirs.xml")) {
            Ok(back) if json(&back) == ours => {}
            Ok(_) => different.push(format!("{}: our JSON of their XML", file.display())),
            Err(error) => different.push(format!("{}: their XML: {error}", file.display())),
        }
    }
    assert!(different.is_empty(), "{} of {}:\n{}", different.len(), names.len(), different.join("\n"));
}

/// npm `fhir` leaves blanks out of narratives and writes their tags anew: only the letters and digits are compared.
fn without_markup(json: Value) -> Value {
    match json {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| match value {
                Value::String(div) if name == "div" => (name, Value::String(letters(&div))),
                value => (name, without_markup(value)),
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(without_markup).collect(),
        other => other,
    }
}

fn letters(div: &str) -> String {
    let texts = div.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    let text: String = texts.collect();
    let text = text.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "").replace("&quot;", "");
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The fixtures of the codec, and the published examples where they are.
fn resources() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/fhir/fixtures");
    let mut files =
        [peers::files(&fixtures.join("spec"), "json"), peers::files(&fixtures.join("made"), "json")].concat();
    for guide in ["mhd-4.2.3/example", "pixm-3.1.0/example", "pdqm-3.2.0/example"] {
        let folder = peers::shared("data/fhir").join(guide);
        if folder.exists() {
            files.extend(peers::files(&folder, "json"));
        }
    }
    files
}
