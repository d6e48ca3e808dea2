//! `manifold query`: the documents of a patient, over XDS or MHD. Source: design.md section 2, ITI TF-2 3.18, MHD 2:3.67.

use super::connection::{Connection, Parties, Via, circumstances};
use super::output::{self, Format};
use super::stop::Stop;
use super::wording;
use actors::{Found, SilentParty};
use clap::{Args, ValueEnum};
use model::{
    AvailabilityStatus, CodeTerm, DocumentEntry, DocumentQuery, Dtm, DtmRange, ReferenceId, ReferenceTerm, RegionMap,
    StudyInstanceUid, reference_types, schemes,
};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Class {
    Images,
    Reports,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatusWanted {
    /// What holds now.
    #[default]
    Current,
    /// What was replaced or withdrawn.
    Replaced,
    All,
}

/// Lists the documents of a patient: manifests of studies, and reports.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  manifold query --endpoints demo.json --patient P0001 --modality CT --from 2026-01-01"
)]
pub struct Query {
    /// Patient: ID of the endpoints file's domain, OID|ID, or ID^^^&OID&ISO
    #[arg(long, value_name = "ID")]
    pub patient: String,
    /// Only what belongs to this study
    #[arg(long, value_name = "UID")]
    pub study: Option<String>,
    /// Only what belongs to this accession number, of whatever issuer, or of one: ID^^^&OID&ISO
    #[arg(long, value_name = "ID")]
    pub accession: Option<String>,
    /// Only this modality, such as CT
    #[arg(long, value_name = "M")]
    pub modality: Option<String>,
    /// Only this region: a code of the ten coarse regions, its name, or a body part such as CHEST
    #[arg(long, value_name = "CODE")]
    pub region: Option<String>,
    /// Only studies from this day on (UTC): YYYY[-MM[-DD]]
    #[arg(long, value_name = "D")]
    pub from: Option<String>,
    /// Only studies up to this day, itself included (UTC): YYYY[-MM[-DD]]
    #[arg(long, value_name = "D")]
    pub to: Option<String>,
    /// Only images, or only reports
    #[arg(long, value_enum)]
    pub class: Option<Class>,
    /// Which versions
    #[arg(long, value_enum, default_value_t)]
    pub status: StatusWanted,
    /// Protocol to ask by; without it XDS where somebody answers it
    #[arg(long, value_enum)]
    pub via: Option<Via>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub connection: Connection,
}

pub async fn run(options: Query) -> Result<(), Stop> {
    let parties = Parties::open(&options.connection)?;
    let map = super::regions()?;
    let query = options.query(&parties, &map)?;
    let registry = parties.registry_via(options.via)?;
    let mut found = registry.find(&query, &circumstances()).await?;
    // Newest study first; what has no time goes last.
    found.items.sort_by_key(|e| std::cmp::Reverse(wording::time(e).map(Dtm::start)));
    match options.format {
        Format::Json => output::print_json(&found_json(&found, &map)),
        Format::Table => {
            if !found.items.is_empty() {
                output::print(&table(&found.items, &map))?;
            }
            tell_silent(&found.silent);
            if found.items.is_empty() {
                output::note(if found.is_complete() {
                    "no document matches; everybody who was asked has answered"
                } else {
                    "no document matches among those who answered"
                });
            }
            Ok(())
        }
    }
}

/// Says who has not answered: nothing found is not nothing there.
pub fn tell_silent(silent: &[SilentParty]) {
    for party in silent {
        output::note(&format!("{}: {}; documents there may exist", party.name, party.fault));
    }
}

impl Query {
    fn query(&self, parties: &Parties, map: &RegionMap) -> Result<DocumentQuery, Stop> {
        let mut query = DocumentQuery::of_patient(parties.patient_id(&self.patient)?);
        query.statuses = match self.status {
            StatusWanted::Current => vec![AvailabilityStatus::Approved],
            StatusWanted::Replaced => vec![AvailabilityStatus::Deprecated],
            StatusWanted::All => vec![AvailabilityStatus::Approved, AvailabilityStatus::Deprecated],
        };
        if let Some(uid) = &self.study {
            query.reference_ids.push(vec![study_term(uid)?]);
        }
        if let Some(text) = &self.accession {
            query.reference_ids.push(vec![accession_term(text)?]);
        }
        if let Some(modality) = &self.modality {
            query.event_code_list.push(vec![CodeTerm::of(modality.trim().to_uppercase(), schemes::DCM)]);
        }
        if let Some(text) = &self.region {
            query.event_code_list.push(region_terms(text, map)?);
        }
        query.service_start_time = period(self.from.as_deref(), self.to.as_deref())?;
        if let Some(class) = self.class {
            let code = match class {
                Class::Images => "IMAGES",
                Class::Reports => "REPORTS",
            };
            query.class_codes.push(CodeTerm::of(code, schemes::IHE_CLASS));
        }
        Ok(query)
    }
}

pub fn study_term(uid: &str) -> Result<ReferenceTerm, Stop> {
    let uid = StudyInstanceUid::parse(uid).map_err(Stop::usage)?;
    Ok(ReferenceTerm::Exact(ReferenceId::study(&uid)))
}

fn accession_term(text: &str) -> Result<ReferenceTerm, Stop> {
    let kind = reference_types::ACCESSION;
    if text.contains('^') {
        let reference = ReferenceId::parse(&format!("{text}^{kind}")).map_err(Stop::usage)?;
        return Ok(ReferenceTerm::Exact(reference));
    }
    if text.trim().is_empty() {
        return Err(Stop::usage("--accession is empty"));
    }
    Ok(ReferenceTerm::Parts { id: Some(text.trim().to_owned()), authority: None, kind: Some(kind.to_owned()) })
}

/// All codes that mean the region somebody named by code, by name or by body part.
fn region_terms(text: &str, map: &RegionMap) -> Result<Vec<CodeTerm>, Stop> {
    let text = text.trim();
    let coarse = RegionMap::coarse();
    let named: Vec<String> = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        vec![text.to_owned()]
    } else if let Some(region) = coarse.iter().find(|c| c.label().eq_ignore_ascii_case(text)) {
        vec![region.code.clone()]
    } else {
        map.regions([], [text], []).into_iter().map(|c| c.code).collect()
    };
    if named.is_empty() {
        let names: Vec<String> = coarse.iter().map(|c| format!("{} {}", c.code, c.label())).collect();
        return Err(Stop::usage(format!("`{text}` is no region known here; the regions are {}", names.join(", "))));
    }
    let mut codes: Vec<String> = named.iter().flat_map(|code| map.same_region(code)).collect();
    codes.sort();
    codes.dedup();
    Ok(codes.into_iter().map(|code| CodeTerm::of(code, schemes::SNOMED_CT)).collect())
}

/// From the first second of `from` to the last of `to`.
fn period(from: Option<&str>, to: Option<&str>) -> Result<DtmRange, Stop> {
    let day = |text: &str| {
        let digits = text.replace('-', "");
        let date = Dtm::parse(&digits).ok().filter(|d| d.as_str().len() <= 8 && d.as_str() >= "1970");
        date.ok_or_else(|| {
            Stop::usage(format!("`{text}` is no date since 1970 of the form YYYY-MM-DD, YYYY-MM or YYYY"))
        })
    };
    let from = from.map(day).transpose()?;
    let to = to.map(day).transpose()?;
    if let (Some(from), Some(to)) = (&from, &to)
        && from.start() > to.end()
    {
        return Err(Stop::usage("--from lies after --to"));
    }
    // The range is half-open, so it ends with the first second that no longer belongs to `to`.
    let after = |date: Dtm| {
        let last = Dtm::parse(&format!("{:014}", date.end())).map_or(0, |d| d.unix_seconds());
        Dtm::from_unix_seconds(last + 1).start()
    };
    Ok(DtmRange { from: from.map(|d| d.start()), to: to.map(after) })
}

fn table(entries: &[DocumentEntry], map: &RegionMap) -> String {
    let head = ["date", "what", "modality", "region", "institution", "status", "uniqueId"];
    output::table(
        head,
        entries.iter().map(|e| {
            [
                wording::time(e).map(wording::readable_time).unwrap_or_default(),
                wording::what(e),
                wording::modality_codes(e),
                wording::labels(&wording::regions(e, map)),
                wording::institution(e),
                wording::status(e).to_owned(),
                e.unique_id.to_string(),
            ]
        }),
    )
}

fn found_json(found: &Found<DocumentEntry>, map: &RegionMap) -> Value {
    let silent: Vec<Value> =
        found.silent.iter().map(|p| json!({ "name": p.name, "reason": p.fault.to_string() })).collect();
    json!({
        "complete": found.is_complete(),
        "silent": silent,
        "documents": found.items.iter().map(|e| wording::entry_json(e, map)).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_covers_both_its_days() {
        let range = period(Some("2026-01"), Some("2026-03-12")).unwrap();
        assert_eq!((range.from, range.to), (Some(20260101000000), Some(20260313000000)));
        let range = period(None, Some("2025")).unwrap();
        assert_eq!((range.from, range.to), (None, Some(20260101000000)));
        assert!(period(None, None).unwrap().is_open());
        for (from, to) in [("2026-13-01", "2026"), ("2026-03-02", "2026-03-01"), ("202603121200", "2027"), ("", "2027")]
        {
            assert!(matches!(period(Some(from), Some(to)), Err(Stop::Usage(_))), "{from} {to}");
        }
    }

    #[test]
    fn what_is_printed_is_what_the_schema_says() {
        let fault = actors::Fault::PeerUnavailable { peer: "west".into(), reason: "is down".into() };
        let mut found = Found::all(vec![super::super::publish::sample_entry()]);
        found.silent.push(SilentParty { name: "west".into(), fault });
        let value = found_json(&found, &super::super::regions().unwrap());
        super::super::schemas::check_schema("query", &value);
        assert_eq!((&value["complete"], &value["documents"][0]["class"]), (&json!(false), &json!("reports")));
    }

    #[test]
    fn a_region_is_known_by_code_by_name_and_by_body_part() {
        let map = super::super::regions().unwrap();
        for text in ["67734004", "upper trunk", "chest"] {
            let terms = region_terms(text, &map).unwrap();
            assert!(terms.contains(&CodeTerm::of("67734004", schemes::SNOMED_CT)), "{text}: {terms:?}");
        }
        let Err(Stop::Usage(text)) = region_terms("nowhere", &map) else { panic!("expected a usage error") };
        assert!(text.contains("67734004 Upper trunk"), "{text}");
    }

    #[test]
    fn an_accession_number_is_asked_for_with_or_without_its_issuer() {
        assert_eq!(
            accession_term("3002").unwrap(),
            ReferenceTerm::Parts {
                id: Some("3002".into()),
                authority: None,
                kind: Some(reference_types::ACCESSION.into())
            }
        );
        let ReferenceTerm::Exact(reference) = accession_term("3002^^^&2.999.1.2.3&ISO").unwrap() else { panic!() };
        assert_eq!(reference.to_string(), "3002^^^&2.999.1.2.3&ISO^urn:ihe:iti:xds:2013:accession");
        assert!(accession_term(" ").is_err());
    }
}
