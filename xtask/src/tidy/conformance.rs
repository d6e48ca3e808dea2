//! Rules about docs/conformance.md: every requirement of the MCWG recommendation, and every pitfall of XDS and FHIR that
//! others fell into, has one row, in order, with a state; what is called done or partial names tests that exist.

use super::test_names::TestNames;
use super::{Tree, backticked, cells};

const FILE: &str = "docs/conformance.md";

/// A table: what the ids of its rows begin with, how many rows it has, and what they are.
struct Table {
    prefix: &'static str,
    rows: usize,
    what: &'static str,
}

const TABLES: [Table; 3] = [
    Table { prefix: "R-", rows: 97, what: "requirements" },
    Table { prefix: "P-", rows: 48, what: "pitfalls" },
    Table { prefix: "F-", rows: 49, what: "pitfalls of FHIR" },
];

pub fn check(tree: &Tree, tests: &TestNames) -> Vec<String> {
    match tree.text(FILE) {
        Some(text) => TABLES.iter().flat_map(|table| check_table(table, text, tests)).collect(),
        None => vec![format!("{FILE}: is missing")],
    }
}

fn check_table(table: &Table, text: &str, tests: &TestNames) -> Vec<String> {
    let mut findings = Vec::new();
    let mut expected = 1;
    for (index, line) in text.lines().enumerate() {
        let Some(row) = cells(line).filter(|row| row[0].starts_with(table.prefix)) else { continue };
        let at = format!("{FILE}:{}: {}", index + 1, row[0]);
        if row[0] != table.id(expected) {
            findings.push(format!("{at} stands where {} is expected", table.id(expected)));
        }
        expected = row[0][table.prefix.len()..].parse::<usize>().unwrap_or(expected) + 1;
        let [_, _, state, proof] = row.as_slice() else {
            findings.push(format!("{at} wants four cells: id, text, state, test or area"));
            continue;
        };
        let named = backticked(proof);
        match *state {
            "done" | "partial" if named.is_empty() => findings.push(format!("{at} is {state} and names no test")),
            "done" | "partial" => {
                let gone = named.iter().filter(|name| !tests.contains(name));
                findings.extend(gone.map(|name| format!("{at} names the test `{name}`, which does not exist")));
            }
            "planned" | "not applicable" if proof.is_empty() => {
                findings.push(format!("{at} is {state} and says neither where nor why"));
            }
            "planned" | "not applicable" => {}
            other => findings.push(format!("{at} is `{other}`; states are done, partial, planned, not applicable")),
        }
    }
    if expected != table.rows + 1 {
        let (next, rows, what) = (table.id(expected), table.rows, table.what);
        findings.push(format!("{FILE}: ends before {next}; there are {rows} {what}"));
    }
    findings
}

impl Table {
    fn id(&self, number: usize) -> String {
        format!("{}{number:02}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(change: impl Fn(usize) -> Option<String>) -> String {
        let row =
            |number| change(number).unwrap_or_else(|| format!("| {} | x | planned | portal |\n", TABLES[0].id(number)));
        (1..=TABLES[0].rows).map(row).collect()
    }

    fn findings(number: usize, row: &str) -> Vec<String> {
        let tests = TestNames::from_names(&[("store", "loses_nothing")]);
        check_table(&TABLES[0], &document(|at| (at == number).then(|| row.to_owned())), &tests)
    }

    #[test]
    fn every_requirement_has_a_row_in_order() {
        assert!(findings(0, "").is_empty());
        assert_eq!(findings(5, "").len(), 1);
        assert_eq!(findings(97, "").len(), 1);
        assert_eq!(findings(5, "| R-05 | x | planned | y |\n| R-05 | x | planned | y |\n").len(), 1);
    }

    #[test]
    fn what_is_done_or_partial_names_a_test_that_exists() {
        assert!(findings(5, "| R-05 | x | done | `loses_nothing` |\n").is_empty());
        assert!(findings(5, "| R-05 | x | partial | `store::loses_nothing`; images later |\n").is_empty());
        assert_eq!(findings(5, "| R-05 | x | done | `gone` |\n").len(), 1);
        assert_eq!(findings(5, "| R-05 | x | done | later |\n").len(), 1);
    }

    #[test]
    fn other_states_and_reasonless_rows_are_found() {
        assert_eq!(findings(5, "| R-05 | x | almost | `loses_nothing` |\n").len(), 1);
        assert_eq!(findings(5, "| R-05 | x | planned | |\n").len(), 1);
        assert_eq!(findings(5, "| R-05 | x | planned |\n").len(), 1);
    }

    #[test]
    fn a_table_minds_its_own_rows_only() {
        let row = |prefix: &str, number| format!("| {prefix}-{number:02} | x | planned | gateways |\n");
        let pitfalls: String = (1..=48).map(|n| row("P", n)).chain((1..=49).map(|n| row("F", n))).collect();
        let text = document(|_| None) + &pitfalls;
        let tests = TestNames::from_names(&[]);
        assert!(TABLES.iter().all(|table| check_table(table, &text, &tests).is_empty()));
        let short = text.replace("| P-48 | x | planned | gateways |\n", "");
        assert_eq!(
            check_table(&TABLES[1], &short, &tests),
            ["docs/conformance.md: ends before P-48; there are 48 pitfalls"]
        );
        assert!(check_table(&TABLES[0], &short, &tests).is_empty());
    }
}
