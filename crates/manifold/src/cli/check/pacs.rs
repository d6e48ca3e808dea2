//! `manifold check dicom://`: what a PACS can do for a proxy, and the configuration that fits it. Source: design.md section 2.

use super::{Check, Finding, Outcome};
use crate::cli::connection::circumstances;
use crate::cli::stop::Stop;
use model::Dtm;
use std::fmt::Write;
use std::time::Duration;
use transactions::pacs_proxy::{PacsAddress, PacsQuirks, Survey, Verdict};

const DAY_SECONDS: i64 = 86_400;
/// Without an octet for so long, a PACS has not answered.
const IDLE: Duration = Duration::from_secs(60);

/// Asks it everything a proxy asks. Shape: what was found, and the section for it where a proxy can work with it.
pub(super) async fn survey(rest: &str, options: &Check) -> Result<(Vec<Finding>, Option<String>), Stop> {
    let (ae_title, host) = rest.trim_end_matches('/').split_once('@').unwrap_or_default();
    let address = PacsAddress {
        name: ae_title.to_owned(),
        address: host.to_owned(),
        ae_title: ae_title.to_owned(),
        calling_ae_title: options.calling_aet.clone(),
        connect_timeout: Duration::from_secs(options.timeout),
        idle_timeout: IDLE,
        quirks: PacsQuirks::default(),
        listener: None,
    };
    // A day more: the PACS's today may be another than ours.
    let now = circumstances().now_unix_micros().div_euclid(1_000_000);
    let day = |seconds: i64| Dtm::from_unix_seconds(seconds).as_str()[..8].to_owned();
    let (first, last) = (day(now - i64::from(options.days) * DAY_SECONDS), day(now + DAY_SECONDS));
    let asked = address.clone();
    let survey = tokio::task::spawn_blocking(move || Survey::of(&asked, &first, &last)).await;
    let survey = survey.map_err(|e| Stop::failed(format!("the check broke off: {e}")))?;
    let bad = survey.steps.iter().any(|step| matches!(step.verdict, Verdict::Bad | Verdict::Absent));
    let section = (!bad).then(|| section(&survey, &address));
    let findings = survey.steps.into_iter().map(|step| {
        let outcome = match step.verdict {
            Verdict::Good => Outcome::Good,
            Verdict::Borne => Outcome::Borne,
            Verdict::Absent => Outcome::Absent,
            Verdict::Bad => Outcome::Bad,
        };
        Finding { what: step.what, outcome, words: step.words }
    });
    Ok((findings.collect(), section))
}

fn section(survey: &Survey, pacs: &PacsAddress) -> String {
    let name: String = pacs.ae_title.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let name = if name.is_empty() { "pacs".to_owned() } else { name };
    let way = if survey.get {
        "retrieve = \"c-get\"".to_owned()
    } else {
        format!(
            "move_destination = {:?}   # the PACS must know this AE title with this node's address and port",
            pacs.calling_ae_title
        )
    };
    let mut out = String::new();
    let _ = write!(
        out,
        "[peers.{name}]\nkind = \"pacs\"\naddress = {:?}\nae_title = {:?}\n\n[actors.pacs_proxy]\npeer = {name:?}\n{way}\nquirks = {:?}\n",
        pacs.address, pacs.ae_title, survey.quirks,
    );
    out
}
