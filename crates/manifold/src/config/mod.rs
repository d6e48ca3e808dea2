//! Configuration: one TOML file is one node. Unknown keys are errors that name the nearest valid key; environment
//! variables `MANIFOLD__SECTION__KEY` override. Source: docs/configuration.md.

mod explain;
mod keys;
mod lists;
pub mod nist_codes;
mod pacs_proxy;
#[cfg(test)]
mod tests;

pub use explain::explain;
pub use keys::*;
pub use lists::{
    checked_code, default_codes_toml, default_regions_toml, read_codes, read_patients, read_regions, recipient_defaults,
};
pub use pacs_proxy::{Images, PacsProxy, Trigger};

use std::path::{Path, PathBuf};

/// A configuration that cannot be used, in words for the person who wrote it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {file}: {reason}")]
    Read { file: String, reason: String },
    #[error("{file}: {reason}")]
    Syntax { file: String, reason: String },
    #[error("{file}: unknown key `{key}`{}", nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    UnknownKey { file: String, key: String, nearest: Option<String> },
    #[error("{file}: {key} is not available in this version")]
    NotAvailable { file: String, key: String },
    #[error("{file}: {key} {rule}")]
    Invalid { file: String, key: String, rule: String },
}

/// Reads a node's file and everything it refers to by relative path.
///
/// Errors: unreadable file, TOML syntax, unknown key, a key of a later version, a value that breaks a rule.
pub fn load(path: &Path) -> Result<NodeConfig, ConfigError> {
    let file = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|e| ConfigError::Read { file: file.clone(), reason: e.to_string() })?;
    let overrides = std::env::vars().filter(|(name, _)| name.starts_with("MANIFOLD__"));
    let mut config = parse(&text, overrides, &file)?;
    config.base = path.parent().map(Path::to_path_buf).unwrap_or_default();
    Ok(config)
}

/// [`load`] from text; `overrides` are environment variables with the prefix `MANIFOLD__`.
pub fn parse(
    text: &str,
    overrides: impl IntoIterator<Item = (String, String)>,
    file: &str,
) -> Result<NodeConfig, ConfigError> {
    let syntax = |reason: String| ConfigError::Syntax { file: file.to_owned(), reason };
    let mut table: toml::Table = text.parse().map_err(|e: toml::de::Error| syntax(e.to_string().trim().to_owned()))?;
    for (name, value) in overrides {
        set_override(&mut table, &name, &value).map_err(|rule| ConfigError::Invalid {
            file: file.to_owned(),
            key: name.clone(),
            rule,
        })?;
    }
    for key in LATER_KEYS {
        if contains(&table, key) {
            return Err(ConfigError::NotAvailable { file: file.to_owned(), key: (*key).to_owned() });
        }
    }
    let config: NodeConfig = table.try_into().map_err(|e: toml::de::Error| unknown_or_invalid(file, &e))?;
    config.validate().map_err(|(key, rule)| ConfigError::Invalid { file: file.to_owned(), key, rule })?;
    Ok(config)
}

/// Sections and actors that the contract names and later versions bring.
const LATER_KEYS: &[&str] = &[
    "security",
    "audit",
    "store",
    "actors.initiating_gateway",
    "actors.responding_gateway",
    "actors.health_data_locator",
    "actors.image_display",
    "actors.wia_facade",
];

fn contains(table: &toml::Table, dotted: &str) -> bool {
    match dotted.split_once('.') {
        Some((first, rest)) => table.get(first).and_then(|v| v.as_table()).is_some_and(|t| contains(t, rest)),
        None => table.contains_key(dotted),
    }
}

// The value is read as TOML where it is TOML (numbers, booleans, lists) and as a string otherwise.
fn set_override(table: &mut toml::Table, name: &str, value: &str) -> Result<(), String> {
    let keys: Vec<String> = name.split("__").skip(1).map(str::to_lowercase).collect();
    let Some((last, sections)) = keys.split_last() else { return Err("names no key".into()) };
    if keys.iter().any(String::is_empty) {
        return Err("must have the form MANIFOLD__SECTION__KEY".into());
    }
    let mut at = table;
    for section in sections {
        let entry = at.entry(section.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = entry.as_table_mut().ok_or_else(|| format!("overrides `{section}`, which is no section"))?;
    }
    let parsed = format!("v = {value}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("v"));
    at.insert(last.clone(), parsed.unwrap_or_else(|| toml::Value::String(value.to_owned())));
    Ok(())
}

fn unknown_or_invalid(file: &str, error: &toml::de::Error) -> ConfigError {
    let message = error.message().to_owned();
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field")
        && let Some(key) = quoted.next()
    {
        let nearest = quoted.min_by_key(|candidate| distance(key, candidate)).map(str::to_owned);
        return ConfigError::UnknownKey { file: file.to_owned(), key: key.to_owned(), nearest };
    }
    ConfigError::Syntax { file: file.to_owned(), reason: error.to_string().trim().to_owned() }
}

/// Edit distance, for suggestions.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl NodeConfig {
    /// A path of the file, relative to the file's own folder.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        if path.is_absolute() { path.to_path_buf() } else { self.base.join(path) }
    }
}
