//! `manifold transactions`: what this version speaks, from the one table that routes and audit come from too.

use super::output::{self, Format};
use super::stop::Stop;
use ::transactions::{Access, Binding, TRANSACTIONS, Transaction};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write;

/// Lists the IHE transactions that this version speaks.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  manifold transactions --format json")]
pub struct Transactions {
    /// As the table of README.md
    #[arg(long, conflicts_with = "format")]
    pub markdown: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn run(options: Transactions) -> Result<(), Stop> {
    if options.markdown {
        return output::print(&markdown(TRANSACTIONS));
    }
    match options.format {
        Format::Json => output::print_json(&list()),
        Format::Table => output::print(&output::table(
            ["id", "name", "binding", "section"],
            once_each(TRANSACTIONS).map(|t| [t.id.to_owned(), t.name.to_owned(), binding(t), t.section.to_owned()]),
        )),
    }
}

fn binding(transaction: &Transaction) -> String {
    match &transaction.binding {
        Binding::Soap { path, mtom: true, .. } => format!("SOAP with MTOM, {path}"),
        Binding::Soap { path, .. } => format!("SOAP, {path}"),
        Binding::Http { method, path } => format!("{method} {path}"),
        Binding::Dimse { service } => format!("DIMSE {service}"),
        Binding::Mllp { message, events } => format!("MLLP {message}^{}", events.join(" ")),
    }
}

fn access(access: Access) -> &'static str {
    match access {
        Access::Query => "query",
        Access::Retrieve => "retrieve",
        Access::Publish => "publish",
        Access::Administer => "administer",
        Access::Identity => "identity",
    }
}

fn list() -> Value {
    json!({ "transactions": TRANSACTIONS.iter().map(|t| value(t)).collect::<Vec<_>>() })
}

fn value(transaction: &Transaction) -> Value {
    let binding = match &transaction.binding {
        Binding::Soap { path, action, response_action, mtom } => {
            json!({ "kind": "soap", "path": path, "action": action, "response_action": response_action, "mtom": mtom })
        }
        Binding::Http { method, path } => json!({ "kind": "http", "method": method, "path": path }),
        Binding::Dimse { service } => json!({ "kind": "dimse", "service": service }),
        Binding::Mllp { message, events } => json!({ "kind": "mllp", "message": message, "events": events }),
    };
    json!({
        "id": transaction.id, "name": transaction.name, "section": transaction.section,
        "access": access(transaction.access), "binding": binding,
    })
}

/// Transactions as people count them: several messages of one, at one address, are one line.
fn once_each<'a>(transactions: &'a [&'a Transaction]) -> impl Iterator<Item = &'a Transaction> {
    let same = |a: &Transaction, b: &Transaction| a.id == b.id && binding(a) == binding(b);
    transactions
        .iter()
        .enumerate()
        .filter(move |(at, t)| !transactions[..*at].iter().any(|earlier| same(earlier, t)))
        .map(|(_, t)| *t)
}

fn markdown(transactions: &[&Transaction]) -> String {
    // A bar would end the cell.
    let cell = |text: &str| text.replace('|', "\\|");
    let mut out = String::from("| transaction | name | binding | specification |\n|---|---|---|---|\n");
    for t in once_each(transactions) {
        let _ = writeln!(out, "| {} | {} | `{}` | {} |", cell(t.id), cell(t.name), cell(&binding(t)), cell(t.section));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_transaction_once() {
        let text = markdown(TRANSACTIONS);
        assert!(text.contains("| ITI-18 | Registry Stored Query | `SOAP, /xds/registry` | ITI TF-2 3.18 |"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let mut distinct = lines.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(lines.len(), distinct.len(), "{text}");
        assert!(TRANSACTIONS.iter().all(|t| text.contains(&format!("| {} |", t.id))), "{text}");
    }

    #[test]
    fn json_tells_bindings_apart() {
        crate::cli::schemas::check_schema("transactions", &list());
        let dimse = TRANSACTIONS.iter().find(|t| matches!(t.binding, Binding::Dimse { .. })).unwrap();
        assert_eq!(value(dimse)["binding"]["kind"], "dimse");
    }
}
