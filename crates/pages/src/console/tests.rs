//! The console's pages from plain values: what they say in each language, and that they are well-formed.

use super::facts::*;
use super::*;
use crate::testing::{dtm, well_formed};
use crate::{Texts, TimeZone};

fn study(n: u32, stage: Stage, reason: Option<Reason>) -> StudyFacts {
    StudyFacts {
        uid: format!("2.25.{n}"),
        accession: (n % 2 == 1).then(|| format!("A{n}<")),
        ae_title: "CT1".into(),
        objects: u64::from(n),
        size_octets: 2048,
        patient_id: "P0001".into(),
        patient_domain: "2.999.7".into(),
        first: dtm("20260320093000"),
        last: dtm("20260320094000"),
        stage,
        reason,
    }
}

fn reason(kind: ReasonKind) -> Reason {
    let (party, code) = (Some("central".into()), Some("XDSRegistryMetadataError".into()));
    Reason { kind, party, code, words: "connection refused & more".into(), since: dtm("20260319235900") }
}

fn stuck() -> Vec<StudyFacts> {
    let kinds = [
        ReasonKind::Held,
        ReasonKind::Silent,
        ReasonKind::Refused,
        ReasonKind::UnknownPatient,
        ReasonKind::Full,
        ReasonKind::Internal,
        ReasonKind::Other,
    ];
    let stage = |n: usize| match n % 3 {
        0 => Stage::Held,
        1 => Stage::Retrying { next: dtm("20260320101600"), attempts: 4 },
        _ => Stage::Failed { attempts: 3 },
    };
    kinds.into_iter().enumerate().map(|(n, kind)| study(n as u32 + 1, stage(n), Some(reason(kind)))).collect()
}

fn changes() -> Vec<Change> {
    let kinds = [
        ChangeKind::Published,
        ChangeKind::Replaced,
        ChangeKind::Withdrawn,
        ChangeKind::Delayed,
        ChangeKind::Failed,
        ChangeKind::Held,
        ChangeKind::Retried,
        ChangeKind::PeerLost,
        ChangeKind::PeerBack,
        ChangeKind::PeerBack,
    ];
    let change = |kind| Change {
        at: dtm("20260320101000"),
        kind,
        study: Some("2.25.1".into()),
        peer: Some("central".into()),
        who: None,
        words: Some("why".into()),
    };
    kinds.into_iter().map(change).collect()
}

fn peers() -> Vec<PeerFacts> {
    let peer = |name: &str, reach| PeerFacts {
        name: name.into(),
        address: "http://127.0.0.1:18000".into(),
        reach,
        last_success: Some(dtm("20260320101400")),
        last_error: Some((dtm("20260320101300"), "cannot reach it".into())),
    };
    vec![
        peer("central", Reach::Silent { since: dtm("20260320101200") }),
        peer("south", Reach::Answers),
        PeerFacts { last_success: None, ..peer("east", Reach::NotCalled) },
    ]
}

fn input() -> ConsoleInput {
    ConsoleInput {
        waiting: 2,
        stuck: 7,
        settled: 3,
        stuck_studies: stuck(),
        held_objects: vec![HeldObject {
            study: "2.25.1".into(),
            instance: "2.25.1.1".into(),
            ae_title: "CT1".into(),
            reason: "no Patient ID".into(),
        }],
        peers: peers(),
        changes: changes(),
        hour: Hour {
            received: [3; MINUTES],
            published: [0; MINUTES],
            failed: [1; MINUTES],
            answered: [9; MINUTES],
            started: dtm("20260320100500"),
        },
        studies: [
            Stage::Waiting { due: Some(dtm("20260320103000")) },
            Stage::Waiting { due: None },
            Stage::UnderWay,
            Stage::Published { at: dtm("20260320101000"), manifest: "2.25.9".into() },
            Stage::Withdrawn { at: dtm("20250320101000") },
            Stage::Nothing,
        ]
        .into_iter()
        .enumerate()
        .map(|(n, stage)| study(n as u32 + 20, stage, None))
        .chain(stuck())
        .collect(),
        more: true,
        is_later_page: true,
        text: "CT1\"".into(),
        shown: Shown::Waiting,
        first_study: FirstStudy::NoSource,
        documents: 12,
        said: Some("It is being tried.".into()),
    }
}

fn empty(first_study: FirstStudy) -> ConsoleInput {
    ConsoleInput {
        waiting: 0,
        stuck: 0,
        settled: 0,
        stuck_studies: vec![],
        held_objects: vec![],
        peers: vec![],
        changes: vec![],
        studies: vec![],
        more: false,
        is_later_page: false,
        text: String::new(),
        shown: Shown::All,
        first_study,
        documents: 0,
        hour: Hour { answered: [0; MINUTES], ..input().hour },
        said: None,
    }
}

fn made(input: &ConsoleInput, tag: &str) -> ConsolePage {
    let (texts, now) = (Texts::of(tag).unwrap(), dtm("20260320101500"));
    let here = "/console?q=CT1%22&stage=waiting".to_owned();
    let frame = Frame { texts, base: CONSOLE.into(), patient: String::new(), node: "north".into(), here };
    ConsolePage::of(input, frame, &Reader { texts, zone: TimeZone::UTC, now })
}

fn page(page: &impl Template) -> String {
    let html = page.render().unwrap();
    well_formed(html.strip_prefix("<!DOCTYPE html>").unwrap());
    // A key that has no text would be shown itself.
    let keys = html.split("console.").skip(1).filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
    assert_eq!(keys.count(), 0, "{html}");
    assert!(html.len() < 60 * 1024);
    let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let distinct: std::collections::HashSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), distinct.len(), "{ids:?}");
    html
}

#[test]
fn the_page_answers_its_four_questions_in_every_language() {
    for (tag, headline) in [
        ("en", "7 studies are stuck, 1 peer is down"),
        ("de", "7 Studien stecken fest, 1 Gegenstelle ist gestört"),
        ("fr", "7 études sont bloquées, 1 correspondant est en panne"),
    ] {
        let html = page(&made(&input(), tag));
        assert!(html.contains(headline), "{tag}");
        assert!(!html.contains("P0001"), "the list shows no patient");
    }
    let html = page(&made(&input(), "en"));
    for expected in [
        "central does not answer: <span lang=\"en\">connection refused &#38; more</span>",
        "Given up",
        "until somebody acts",
        "next attempt at 10:16 UTC",
        "stuck since 19 Mar, 23:59 UTC, 4 attempts",
        "Accession A1&#60;",
        "action=\"/console/study/2.25.2/retry\"",
        "has not answered since 10:12 UTC",
        "not called since this node started",
        "since this node started at 10:05 UTC",
        "published at 10:30 UTC unless more comes",
        "at 20 March 2025, 10:10 UTC",
        "central answers again",
        "Tried again by somebody",
        "href=\"/console?q=CT1%22&#38;stage=waiting&#38;before=2.25.7#studies\"",
        "value=\"CT1&#34;\"",
        "1 object is stored and not published",
        "It is being tried.",
    ] {
        assert!(html.contains(expected), "no {expected} in {html}");
    }
}

#[test]
fn as_much_as_is_shown_makes_no_long_page() {
    let uid = |n: u32| format!("2.25.{}", 300_000_000_000_000_000_000_000_000_000_000_000_000_u128 + u128::from(n));
    let long = |n: u32| StudyFacts { uid: uid(n), accession: Some("A".repeat(16)), ..stuck()[1].clone() };
    let words = Some("x".repeat(200));
    let change = |n: u32| Change { study: Some(uid(n)), words: words.clone(), ..changes()[3].clone() };
    // As many of each as the console shows.
    let studies: Vec<StudyFacts> = (0..15).map(long).collect();
    let (stuck_studies, changes) = ((0..20).map(long).collect(), (0..15).map(change).collect());
    page(&made(&ConsoleInput { stuck_studies, studies, changes, ..input() }, "de"));
}

#[test]
fn what_is_empty_teaches_the_next_step() {
    let command = "storescu -aec NORTH 127.0.0.1 18011 image.dcm";
    let html = page(&made(&empty(FirstStudy::Send(command.into())), "en"));
    for expected in
        ["Nothing has come yet", command, "[peers.central]", "Nothing is stuck.", "Nothing has happened yet."]
    {
        assert!(html.contains(expected), "no {expected}");
    }
    let html = page(&made(&ConsoleInput { documents: 12, ..empty(FirstStudy::NoSource) }, "en"));
    assert!(html.contains("[actors.imaging_document_source]") && html.contains("has 12 documents"));
    assert!(page(&made(&empty(FirstStudy::Observe), "en")).contains("window_days"));
    let html = page(&made(&ConsoleInput { text: "nobody".into(), ..empty(FirstStudy::NoSource) }, "en"));
    assert!(html.contains("No study matches") && !html.contains("[actors."));
    let html = page(&made(&ConsoleInput { settled: 1, ..empty(FirstStudy::NoSource) }, "en"));
    assert!(html.contains("Everything is flowing"));
}

#[test]
fn a_studys_page_has_its_patient_its_code_and_its_past() {
    let texts = Texts::default();
    let now = dtm("20260320101500");
    let here = "/console/study/2.25.3".to_owned();
    let frame = Frame { texts, base: CONSOLE.into(), patient: String::new(), node: "north".into(), here };
    let reader = Reader { texts, zone: TimeZone::UTC, now };
    let html = page(&ConsoleStudyPage::of(&stuck()[2], input().held_objects, &changes(), frame.clone(), &reader));
    for expected in
        ["P0001 (2.999.7)", "XDSRegistryMetadataError", "Manifest replaced", "2.25.1.1", "/console/study/2.25.3/retry"]
    {
        assert!(html.contains(expected), "no {expected}");
    }
    let published = study(4, Stage::Published { at: dtm("20260320101000"), manifest: "2.25.99".into() }, None);
    let html = page(&ConsoleStudyPage::of(&published, vec![], &[], frame, &reader));
    assert!(html.contains("2.25.99") && html.contains("Nothing is known of its past.") && !html.contains("/retry"));
}
