//! Which plans are a registry's and a repository's, which are left out with what reason, and the closing line.

use super::kit::Test;
use super::runner::Ran;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Tests that the tags leave out although others build on them or a repository is meant.
const UNTAGGED: [(&str, &str); 14] = [
    ("12344", "PR.b"),
    ("12346", "SQ.b"),
    ("12374", "SQ.b"),
    ("12361", "reg_mpq"),
    ("15817", "R.b"),
    ("20002", "reg_mu"),
    ("20003", "reg_mu"),
    ("20004", "reg_mu"),
    ("20005", "reg_mu"),
    ("20006", "reg_mu"),
    ("PnrXop", "PR.b"),
    ("PnrNoXop", "PR.b"),
    ("RMDInit1", "rep_rd"),
    ("RMDInit2", "rep_rd"),
];

/// Tags of the two actors, the narrower ones first.
const TAGS: [&str; 16] = [
    "reg_xua",
    "rep_xua",
    "reg_mu",
    "reg_rmu",
    "reg_rmd_rm",
    "reg_rm",
    "rep_rd",
    "reg_od",
    "reg_mpq",
    "reg_xadpid",
    "SQ.b",
    "R.b",
    "PR.b",
    "Ret.b",
    "reg",
    "rep",
];

/// Tags of a third actor that the kit runs at the same addresses: the X-Service Provider, who checks assertions (ITI-40).
/// Its plans are listed with their reasons, and are not counted as those of registry and repository.
const ASSERTIONS: [&str; 2] = ["reg_xua", "rep_xua"];

/// The tag under which a test counts, or `None` when it is a test of another actor.
pub fn group(test: &Test) -> Option<&'static str> {
    let untagged = UNTAGGED.iter().find(|(name, _)| *name == test.name).map(|(_, tag)| *tag);
    untagged.or_else(|| TAGS.into_iter().find(|tag| test.tags.iter().any(|own| own == tag)))
}

/// A list of plans with reasons: `TEST/SECTION | reason | section of the specification`, `*` for every section.
#[derive(Debug, Default)]
pub struct List {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    test: String,
    section: String,
    reason: String,
}

impl List {
    /// Reads a list; lines that begin with `#` are remarks.
    /// Errors: a line without the three parts.
    pub fn parse(text: &str) -> Result<List, String> {
        let mut list = List::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let parts: Vec<&str> = line.split('|').map(str::trim).collect();
            let plan = parts[0].split_once('/');
            let ([_, reason, source], Some((test, section))) = (&parts[..], plan) else {
                return Err(format!("expected `TEST/SECTION | reason | source`, got `{line}`"));
            };
            if reason.is_empty() || source.is_empty() {
                return Err(format!("expected a reason and its source, got `{line}`"));
            }
            let reason = format!("{reason} ({source})");
            list.lines.push(Line { test: test.to_owned(), section: section.to_owned(), reason });
        }
        Ok(list)
    }

    /// Why a plan is in the list.
    pub fn reason(&self, test: &str, section: &str) -> Option<&str> {
        let line = self.lines.iter().find(|l| l.test == test && (l.section == "*" || l.section == section));
        line.map(|line| line.reason.as_str())
    }

    /// Lines that name no plan of these tests: the kit changed, or a name is misspelt.
    pub fn unknown(&self, tests: &[Test]) -> Vec<String> {
        let known = |line: &&Line| {
            let sections = tests.iter().filter(|test| test.name == line.test).flat_map(|test| &test.sections);
            !sections.into_iter().any(|section| line.section == "*" || line.section == *section)
        };
        self.lines.iter().filter(known).map(|line| format!("{}/{}", line.test, line.section)).collect()
    }
}

/// What came of every plan of the two actors.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// Group, plan, verdict: in the order of the kit.
    plans: Vec<(&'static str, String, Verdict)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed(String),
    Skipped(String),
}

impl Verdicts {
    /// Puts together what ran and what was left out.
    pub fn of(tests: &[Test], ran: &[Ran], skipped: &List) -> Verdicts {
        let mut plans = Vec::new();
        for (test, group) in tests.iter().filter_map(|test| Some((test, group(test)?))) {
            for section in &test.sections {
                let outcome = ran.iter().find(|ran| ran.test == test.name && ran.section == *section);
                let verdict = match (outcome, skipped.reason(&test.name, section)) {
                    (_, Some(reason)) => Verdict::Skipped(reason.to_owned()),
                    (Some(Ran { outcome: Ok(()), .. }), None) => Verdict::Passed,
                    (Some(Ran { outcome: Err(reason), .. }), None) => Verdict::Failed(reason.clone()),
                    (None, None) => Verdict::Failed("it was not run".to_owned()),
                };
                plans.push((group, format!("{}/{section}", test.name), verdict));
            }
        }
        Verdicts { plans }
    }

    /// Plans that failed, with what was expected and what came.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.plans.iter().filter_map(|(_, plan, verdict)| match verdict {
            Verdict::Failed(reason) => Some((plan.as_str(), reason.as_str())),
            _ => None,
        })
    }

    /// Plans that passed.
    pub fn passed(&self) -> impl Iterator<Item = &str> {
        self.plans.iter().filter(|(_, _, verdict)| *verdict == Verdict::Passed).map(|(_, plan, _)| plan.as_str())
    }

    /// How many plans of registry and repository are left out, and how many there are.
    pub fn left_out(&self) -> (usize, usize) {
        let counted = || self.plans.iter().filter(|(group, _, _)| !ASSERTIONS.contains(group));
        (counted().filter(|(_, _, verdict)| matches!(verdict, Verdict::Skipped(_))).count(), counted().count())
    }

    /// One line per plan, a table by tag, and the closing line `N passed, N failed, N skipped`.
    pub fn report(&self) -> String {
        let mut out = String::new();
        for (_, plan, verdict) in &self.plans {
            let (word, reason) = match verdict {
                Verdict::Passed => ("pass", ""),
                Verdict::Failed(reason) => ("FAIL", reason.as_str()),
                Verdict::Skipped(reason) => ("skip", reason.as_str()),
            };
            let _ = writeln!(out, "{word} {plan}{}{reason}", if reason.is_empty() { "" } else { "  " });
        }
        let mut by_tag: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        let mut all = [0; 3];
        let mut of_another = 0;
        for (group, _, verdict) in &self.plans {
            let column = match verdict {
                Verdict::Passed => 0,
                Verdict::Failed(_) => 1,
                Verdict::Skipped(_) => 2,
            };
            by_tag.entry(group).or_default()[column] += 1;
            if *verdict != Verdict::Passed && ASSERTIONS.contains(group) {
                of_another += 1;
            } else {
                all[column] += 1;
            }
        }
        let _ = writeln!(out, "\n{:<12}{:>8}{:>8}{:>8}", "tag", "passed", "failed", "skipped");
        for (tag, [passed, failed, skipped]) in by_tag {
            let _ = writeln!(out, "{tag:<12}{passed:>8}{failed:>8}{skipped:>8}");
        }
        if of_another > 0 {
            let tags = ASSERTIONS.join(", ");
            let _ = writeln!(out, "\n{of_another} plans of the X-Service Provider ({tags}) are not counted below");
        }
        let [passed, failed, skipped] = all;
        let _ = writeln!(out, "\n{passed} passed, {failed} failed, {skipped} skipped");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str, tags: &[&str], sections: &[&str]) -> Test {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Test { name: name.to_owned(), tags: own(tags), sections: own(sections) }
    }

    #[test]
    fn plans_of_other_actors_do_not_count_and_every_other_is_told_once() {
        let tests = [test("1", &["R.b", "reg"], &["a", "b", "c"]), test("2", &["rg(xca)"], &["a"])];
        let ran = |section: &str, outcome| Ran { test: "1".into(), section: section.into(), outcome };
        let skipped = List::parse("# remark\n\n1/c | does not apply | xds.md 1\n").unwrap();
        let verdicts = Verdicts::of(&tests, &[ran("a", Ok(())), ran("b", Err("why".into()))], &skipped);
        let report = verdicts.report();
        assert!(report.starts_with("pass 1/a\nFAIL 1/b  why\nskip 1/c  does not apply (xds.md 1)\n"), "{report}");
        assert!(report.ends_with("\n1 passed, 1 failed, 1 skipped\n"), "{report}");
        assert_eq!(verdicts.failed().collect::<Vec<_>>(), [("1/b", "why")]);
    }

    #[test]
    fn a_list_wants_reasons_and_plans_that_exist() {
        assert!(List::parse("1/a").is_err() && List::parse("1/a | | x").is_err() && List::parse("1 | b | c").is_err());
        let list = List::parse("1/* | all | x\n1/z | one | x").unwrap();
        assert_eq!(list.reason("1", "z"), Some("all (x)"));
        assert_eq!(list.unknown(&[test("1", &[], &["a"])]), ["1/z"]);
    }
}
