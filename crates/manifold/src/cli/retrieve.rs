//! `manifold retrieve`: one document to a file, checked against its metadata. Source: ITI TF-2 3.43, MHD 2:3.68.

use super::connection::{Connection, Parties, Via};
use super::documents::{self, Passed};
use super::output::{self, Format};
use super::stop::Stop;
use clap::Args;
use model::{DocumentEntry, UniqueId};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Fetches one document and checks its hash and size against the registry.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  manifold retrieve 2.25.123456 -o report.xml --endpoints demo.json")]
pub struct Retrieve {
    /// uniqueId of the document, as `manifold query` lists it
    #[arg(value_name = "UNIQUE_ID")]
    pub unique_id: String,
    /// Where to write it; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Protocol to ask by; without it XDS where somebody answers it
    #[arg(long, value_enum)]
    pub via: Option<Via>,
    /// Form of the summary
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub connection: Connection,
}

pub async fn run(options: Retrieve) -> Result<(), Stop> {
    let unique_id = UniqueId::parse(&options.unique_id).map_err(Stop::usage)?;
    let parties = Parties::open(&options.connection)?;
    let entry = documents::entry(&parties, options.via, &unique_id).await?;
    let bar = output::progress(entry.size_octets.unwrap_or(0), "octets");
    let progress = |octets| bar.set_position(octets);
    if options.output == Path::new("-") {
        let mut out = std::io::stdout();
        let passed = documents::copy(&parties, options.via, &entry, &mut out, &progress).await?;
        return alarm(&unique_id, &passed.differences(&entry), None);
    }
    let part = beside(&options.output, "part");
    let failed = |e: std::io::Error| Stop::failed(format!("cannot write {}: {e}", part.display()));
    let mut file = File::create(&part).map_err(failed)?;
    let copied = documents::copy(&parties, options.via, &entry, &mut file, &progress).await;
    bar.finish_and_clear();
    let passed = match copied {
        Ok(passed) => passed,
        Err(stop) => {
            // What came is incomplete and of no use.
            let _ = std::fs::remove_file(&part);
            return Err(stop);
        }
    };
    file.flush().and_then(|()| file.sync_all()).map_err(failed)?;
    let differences = passed.differences(&entry);
    let target = if differences.is_empty() { options.output.clone() } else { beside(&options.output, "mismatch") };
    std::fs::rename(&part, &target).map_err(|e| Stop::failed(format!("cannot write {}: {e}", target.display())))?;
    alarm(&unique_id, &differences, Some(&target))?;
    match options.format {
        Format::Json => output::print_json(&summary(&entry, &target, &passed)),
        Format::Table => {
            if !is_verifiable(&entry) {
                output::note("the registry gives no hash or size, so the bytes could not be verified");
            }
            output::print(&format!(
                "{}: {} octets of {}, SHA-1 {}\n",
                target.display(),
                passed.size_octets,
                output::visible(&entry.mime_type),
                passed.sha1
            ))
        }
    }
}

fn summary(entry: &DocumentEntry, file: &Path, passed: &Passed) -> Value {
    json!({
        "unique_id": entry.unique_id.as_str(), "file": file, "size": passed.size_octets, "hash": passed.sha1.as_str(),
        "mime_type": entry.mime_type, "verified": is_verifiable(entry),
    })
}

/// True when the metadata says both what the bytes have to be.
fn is_verifiable(entry: &DocumentEntry) -> bool {
    entry.hash.is_some() && entry.size_octets.is_some()
}

fn alarm(unique_id: &UniqueId, differences: &[String], kept: Option<&Path>) -> Result<(), Stop> {
    if differences.is_empty() {
        return Ok(());
    }
    let kept = kept.map(|p| format!("; what came is kept as {}", p.display())).unwrap_or_default();
    Err(Stop::failed(format!(
        "ALARM: document {unique_id} is not what the registry describes: {}; do not use it and tell the operator of its repository{kept}",
        differences.join("; ")
    )))
}

/// `name.suffix` in the same folder.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_keeps_the_whole_name() {
        assert_eq!(beside(Path::new("a/b.xml"), "part"), Path::new("a/b.xml.part"));
        assert_eq!(beside(Path::new("x"), "part"), Path::new("x.part"));
    }

    #[test]
    fn what_is_printed_is_what_the_schema_says() {
        let entry = super::super::publish::sample_entry();
        let passed = Passed { sha1: model::Sha1Hash::from_bytes([7; 20]), size_octets: 3 };
        super::super::schemas::check_schema("retrieve", &summary(&entry, Path::new("f"), &passed));
        let stored = DocumentEntry { size_octets: Some(4), hash: Some(passed.sha1.clone()), ..entry };
        assert_eq!(passed.differences(&stored), ["the registry says 4 octets, 3 came"]);
    }

    #[test]
    fn a_mismatch_is_an_alarm_that_says_where_the_bytes_are() {
        let id = UniqueId::parse("2.25.1").unwrap();
        assert_eq!(alarm(&id, &[], None), Ok(()));
        let Err(Stop::Failed(text)) = alarm(&id, &["a".into()], Some(Path::new("f.mismatch"))) else { panic!() };
        assert!(text.starts_with("ALARM: document 2.25.1") && text.ends_with("f.mismatch"), "{text}");
    }
}
