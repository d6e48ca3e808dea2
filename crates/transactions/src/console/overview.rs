//! The pages: everything at a glance, and one study.

use super::problems::{Kind, Trouble};
use super::{Console, VIEW_STUDY, facts};
use crate::edge::audit::{Facts, Outcome};
use crate::edge::pages::Asked;
use actors::{Fault, FlowQuery, StudyStage};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use model::{Oid, PatientId, StudyInstanceUid};
use pages::console::facts::{ConsoleInput, Hour, PeerFacts, Reach, Shown};
use pages::console::{CONSOLE, ConsolePage, ConsoleStudyPage, study_href};
use std::sync::Arc;

/// Lines of each list: together they make a page of less than 60 KB, whatever is in them.
const MOST_STUCK: usize = 10;
const MOST_ALSO: usize = 10;
const MOST_CHANGES: usize = 15;
const MOST_STUDIES: usize = 15;

pub(super) async fn overview(State(console): State<Arc<Console>>, request: Request) -> Response {
    let asked = console.asked(&request.into_parts().0);
    match console.overview_page(&asked).await {
        Ok(page) => console.page(StatusCode::OK, &asked, &page),
        Err(trouble) => console.trouble(&asked, CONSOLE, trouble),
    }
}

pub(super) async fn study(
    State(console): State<Arc<Console>>,
    Path(study): Path<String>,
    request: Request,
) -> Response {
    let asked = console.asked(&request.into_parts().0);
    match console.study_page(&study, &asked).await {
        Ok(page) => console.page(StatusCode::OK, &asked, &page),
        Err(trouble) => console.trouble(&asked, CONSOLE, trouble),
    }
}

pub(super) async fn nothing_here(State(console): State<Arc<Console>>, request: Request) -> Response {
    let asked = console.asked(&request.into_parts().0);
    console.trouble(&asked, CONSOLE, Trouble::of(Kind::NoPage, ""))
}

/// The UID of an address. Errors: `NoStudy`, because no study has a name that is none.
pub(super) fn uid(text: &str) -> Result<StudyInstanceUid, Trouble> {
    let shown: String = text.chars().take(64).collect();
    StudyInstanceUid::parse(text).map_err(|_| Trouble::of(Kind::NoStudy, shown))
}

impl Console {
    async fn overview_page(&self, asked: &Asked) -> Result<ConsolePage, Trouble> {
        let bad = |what: &str| Trouble::of(Kind::BadRequest, what);
        let text: String = asked.parameter("q").unwrap_or("").trim().chars().take(128).collect();
        let stage = asked.parameter("stage").unwrap_or("");
        let shown = Shown::of(stage).ok_or_else(|| bad("stage"))?;
        let before = asked.parameter("before").map(StudyInstanceUid::parse).transpose().map_err(|_| bad("before"))?;
        let also = asked.parameter("also").unwrap_or("").split(',').filter(|uid| !uid.is_empty()).take(MOST_ALSO);
        let also = also.map(StudyInstanceUid::parse).collect::<Result<_, _>>().map_err(|_| bad("also"))?;
        let is_later_page = before.is_some();
        let query = FlowQuery {
            text: text.clone(),
            stage: match shown {
                Shown::All => None,
                Shown::Waiting => Some(StudyStage::Waiting),
                Shown::Stuck => Some(StudyStage::Stuck),
                Shown::Settled => Some(StudyStage::Settled),
            },
            before,
            limit: MOST_STUDIES,
        };
        let cx = &asked.cx;
        let list = self.operations.studies(query, cx).await?;
        let seen = self.operations.overview(MOST_STUCK, also, MOST_CHANGES, cx).await?;
        let throughput = seen.throughput;
        let input = ConsoleInput {
            waiting: seen.stages.waiting,
            stuck: seen.stages.stuck,
            settled: seen.stages.settled,
            stuck_studies: seen.stuck.into_iter().map(facts::study).collect(),
            held_objects: seen.held_instances.into_iter().map(facts::held).collect(),
            peers: self.peers(asked).await?,
            changes: seen.events.into_iter().map(facts::change).collect(),
            hour: Hour {
                received: throughput.received,
                published: throughput.published,
                failed: throughput.failed,
                answered: throughput.answered,
                started: facts::time(throughput.started_at),
            },
            studies: list.studies.into_iter().map(facts::study).collect(),
            more: list.more,
            is_later_page,
            text,
            shown,
            first_study: self.first_study.clone(),
            documents: seen.counts.entries,
            said: asked.parameter("done").and_then(|done| said(done, asked)),
        };
        Ok(ConsolePage::of(&input, self.frame(asked, CONSOLE), &asked.reader))
    }

    async fn peers(&self, asked: &Asked) -> Result<Vec<PeerFacts>, Trouble> {
        let report = |(name, address): &(String, String)| facts::peer(self.operations.journal.peer(name, address));
        let mut peers: Vec<PeerFacts> = self.peers.iter().map(report).collect();
        if let (Some(name), Some(observer)) = (&self.pacs, &self.operations.pacs)
            && let Some(peer) = peers.iter_mut().find(|peer| peer.name == *name)
        {
            let failed = |_| Fault::Internal { log_id: asked.cx.request_id.clone() };
            let sync = observer.sync().await.map_err(failed)?;
            // An association says that it is there, a poll that it answers what is asked.
            peer.last_success = sync.polled_at.map(facts::time);
            if let (Some(fault), Reach::Answers) = (sync.fault, &peer.reach) {
                peer.reach = Reach::Refuses;
                peer.last_error = Some((asked.reader.now.clone(), fault.to_string()));
            }
        }
        Ok(peers)
    }

    async fn study_page(&self, study: &str, asked: &Asked) -> Result<ConsoleStudyPage, Trouble> {
        let uid = uid(study)?;
        let record = self.operations.study(&uid, &asked.cx).await?;
        let record = record.ok_or_else(|| Trouble::of(Kind::NoStudy, uid.as_str()))?;
        let flow = &record.flow;
        let patient = Oid::parse(&flow.patient_issuer).ok().filter(|_| !flow.patient_id.is_empty());
        let patient = patient.map(|domain| PatientId::new(flow.patient_id.clone(), domain));
        // The script asks again every two seconds for who has opened the page once; what it gets names no patient.
        let is_live = asked.parameter("live").is_some();
        if !is_live {
            let audited = Facts { patient, objects: vec![uid.to_string()], query: None };
            self.edge.audit(&VIEW_STUDY, Outcome::Success, audited, &asked.cx);
        }
        let held = record.held_instances.into_iter().map(facts::held).collect();
        let history: Vec<_> = record.history.into_iter().map(facts::change).collect();
        let frame = self.frame(asked, &study_href(uid.as_str()));
        let mut study = facts::study(record.flow);
        if is_live {
            study.patient_id.clear();
        }
        Ok(ConsoleStudyPage::of(&study, held, &history, frame, &asked.reader))
    }
}

/// What became of a command, as the address tells it after a 303.
fn said(done: &str, asked: &Asked) -> Option<String> {
    let texts = asked.texts;
    match done {
        "now" => Some(texts.say("console.retried").to_owned()),
        "under_way" => Some(texts.say("console.retried.under_way").to_owned()),
        number => Some(all(number.parse().ok()?, asked)),
    }
}

/// So many are tried again.
pub(super) fn all(count: usize, asked: &Asked) -> String {
    match count {
        0 => asked.texts.say("console.retried.none").to_owned(),
        count => asked.texts.count("console.retried.all", count),
    }
}
