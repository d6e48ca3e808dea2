//! `manifold config`: what a node's file says, before anything runs.

use super::output;
use super::stop::Stop;
use crate::config;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Explains configuration files
#[derive(Args, Debug)]
pub struct Configuration {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Subcommand, Debug)]
pub enum What {
    /// Explains a file in words: actors, addresses, peers, and what is missing
    #[command(after_help = "Example:\n  manifold config check north.toml")]
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Prints the values in effect, defaults and environment included, secrets hidden
    #[command(after_help = "Example:\n  manifold config show north.toml")]
    Show {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Prints the OpenAPI document that the node of this file serves at /fhir/openapi.json
    #[command(after_help = "Example:\n  manifold config openapi central.toml")]
    Openapi {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Works with value sets
    Codes {
        #[command(subcommand)]
        what: Codes,
    },
}

#[derive(Subcommand, Debug)]
pub enum Codes {
    /// Reads the value sets of a NIST toolkit environment (codes.xml) and writes them as codes.toml
    #[command(after_help = "Example:\n  manifold config codes import codes.xml --output codes.toml")]
    Import {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Where to write; absent means standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub fn run(options: Configuration) -> Result<(), Stop> {
    match options.what {
        What::Check { file } => check(&file),
        What::Show { file } => {
            let config = config::load(&file).map_err(Stop::failed)?;
            let value = toml::Value::try_from(&config)
                .map_err(|e| Stop::failed(format!("cannot print the configuration: {e}")))?;
            let text = toml::to_string_pretty(&hidden(value))
                .map_err(|e| Stop::failed(format!("cannot print the configuration: {e}")))?;
            output::print(&text)
        }
        What::Openapi { file } => {
            let config = config::load(&file).map_err(Stop::failed)?;
            output::print(&format!("{:#}\n", crate::node::openapi(&config)))
        }
        What::Codes { what: Codes::Import { file, output } } => import_codes(&file, output.as_deref()),
    }
}

fn import_codes(file: &Path, output: Option<&Path>) -> Result<(), Stop> {
    let shown = file.display();
    let octets = std::fs::read(file).map_err(|error| Stop::failed(format!("cannot read {shown}: {error}")))?;
    let imported = config::nist_codes::read(&octets).map_err(|error| Stop::failed(format!("{shown}: {error}")))?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let text = config::nist_codes::to_toml(&imported, &name);
    match output {
        None => output::print(&text),
        Some(path) => {
            let failed = |error| Stop::failed(format!("cannot write {}: {error}", path.display()));
            std::fs::write(path, &text).map_err(failed)?;
            let codes: usize = imported.lists.iter().map(|(_, codes)| codes.len()).sum();
            let lists = imported.lists.len();
            output::note(&format!("{codes} codes in {lists} lists written to {}", path.display()));
            Ok(())
        }
    }
}

fn check(file: &Path) -> Result<(), Stop> {
    let config = config::load(file).map_err(Stop::failed)?;
    // The files it refers to are part of it.
    let domain = &config.affinity_domain;
    let resolve = |path: &Option<PathBuf>| path.as_ref().map(|p| config.resolve(p));
    config::read_codes(resolve(&domain.codes).as_deref()).map_err(Stop::failed)?;
    config::read_regions(resolve(&domain.regions).as_deref()).map_err(Stop::failed)?;
    if let (Some(patients), Some(oid)) = (resolve(&domain.patients), &domain.patient_domain) {
        let oid = model::Oid::parse(oid).map_err(Stop::failed)?;
        config::read_patients(&patients, &oid).map_err(Stop::failed)?;
    }
    output::print(&config::explain(&config))
}

/// Values of keys that hold secrets, replaced. Paths to key files are no secrets.
fn hidden(value: toml::Value) -> toml::Value {
    const SECRET: [&str; 4] = ["password", "secret", "token", "passphrase"];
    match value {
        toml::Value::Table(table) => toml::Value::Table(
            table
                .into_iter()
                .map(|(key, value)| match &value {
                    toml::Value::String(_) if SECRET.iter().any(|s| key.contains(s)) => (key, "***".into()),
                    toml::Value::String(text) => {
                        let shown = without_credentials(text);
                        (key, toml::Value::String(shown))
                    }
                    _ => (key, hidden(value)),
                })
                .collect(),
        ),
        toml::Value::Array(values) => toml::Value::Array(values.into_iter().map(hidden).collect()),
        other => other,
    }
}

/// `postgres://user:***@host` for `postgres://user:password@host`.
fn without_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let Some(at) = rest[..end].rfind('@') else { return text.to_owned() };
    match rest[..at].split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***{}", &rest[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let value: toml::Value = toml::from_str(
            "a = 1\nurl = \"https://u:p@h.example/x\"\n[peers.x]\nclient_secret = \"s3\"\nkey = \"k.pem\"\n[[l]]\ntoken = \"t\"",
        )
        .unwrap();
        let shown = hidden(value).to_string();
        assert!(!shown.contains("s3") && !shown.contains(":p@") && !shown.contains("\"t\""), "{shown}");
        assert!(shown.contains("https://u:***@h.example/x") && shown.contains("k.pem"), "{shown}");
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        for text in ["https://h.example/a:b@c", "x", "/var/lib/manifold", "postgres://user@h/db"] {
            assert_eq!(without_credentials(text), text);
        }
    }
}
