//! What the domain knows of its flows as the plain values that pages are made from.

use actors::{
    FlowEvent, FlowEventKind, HeldInstance, Obstacle, ObstacleKind, PeerReport, PeerState, Progress, StudyFlow,
};
use model::Dtm;
use pages::console::facts::{Change, ChangeKind, HeldObject, PeerFacts, Reach, Reason, ReasonKind, Stage, StudyFacts};

pub(super) fn time(unix_micros: i64) -> Dtm {
    Dtm::from_unix_seconds(unix_micros.div_euclid(1_000_000))
}

pub(super) fn study(flow: StudyFlow) -> StudyFacts {
    let (stage, reason) = match flow.progress {
        Progress::Waiting { due_at } => (Stage::Waiting { due: due_at.map(time) }, None),
        Progress::UnderWay => (Stage::UnderWay, None),
        Progress::Retrying { obstacle, attempts, next_at } => {
            (Stage::Retrying { next: time(next_at), attempts }, Some(obstacle))
        }
        Progress::Failed { obstacle, attempts } => (Stage::Failed { attempts }, Some(obstacle)),
        Progress::Held { obstacle } => (Stage::Held, Some(obstacle)),
        Progress::Published { at, manifest } => {
            (Stage::Published { at: time(at), manifest: manifest.to_string() }, None)
        }
        Progress::Withdrawn { at } => (Stage::Withdrawn { at: time(at) }, None),
        Progress::Nothing => (Stage::Nothing, None),
    };
    StudyFacts {
        uid: flow.study.to_string(),
        accession: flow.accession,
        ae_title: flow.calling_ae,
        objects: flow.instances,
        size_octets: flow.size_octets,
        patient_id: flow.patient_id,
        patient_domain: flow.patient_issuer,
        first: time(flow.first_received_at),
        last: time(flow.last_received_at),
        stage,
        reason: reason.map(reason_of),
    }
}

fn reason_of(obstacle: Obstacle) -> Reason {
    let kind = match obstacle.kind {
        ObstacleKind::Held => ReasonKind::Held,
        ObstacleKind::Silent => ReasonKind::Silent,
        ObstacleKind::Refused => ReasonKind::Refused,
        ObstacleKind::UnknownPatient => ReasonKind::UnknownPatient,
        ObstacleKind::Full => ReasonKind::Full,
        ObstacleKind::Internal => ReasonKind::Internal,
        ObstacleKind::Other => ReasonKind::Other,
    };
    let Obstacle { party, code, words, since, .. } = obstacle;
    Reason { kind, party, code, words, since: time(since) }
}

pub(super) fn change(event: FlowEvent) -> Change {
    let kind = match event.kind {
        FlowEventKind::Published => ChangeKind::Published,
        FlowEventKind::Replaced => ChangeKind::Replaced,
        FlowEventKind::Withdrawn => ChangeKind::Withdrawn,
        FlowEventKind::Delayed => ChangeKind::Delayed,
        FlowEventKind::Failed => ChangeKind::Failed,
        FlowEventKind::Held => ChangeKind::Held,
        FlowEventKind::Retried => ChangeKind::Retried,
        FlowEventKind::PeerLost => ChangeKind::PeerLost,
        FlowEventKind::PeerBack => ChangeKind::PeerBack,
    };
    let FlowEvent { at, peer, who, words, study, .. } = event;
    Change { at: time(at), kind, study: study.map(|uid| uid.to_string()), peer, who, words }
}

pub(super) fn peer(report: PeerReport) -> PeerFacts {
    PeerFacts {
        name: report.name,
        address: report.address,
        reach: match report.state {
            PeerState::NotCalled => Reach::NotCalled,
            PeerState::Answers => Reach::Answers,
            PeerState::Silent { since } => Reach::Silent { since: time(since) },
        },
        last_success: report.last_success.map(time),
        last_error: report.last_error.map(|(at, words)| (time(at), words)),
    }
}

pub(super) fn held(instance: HeldInstance) -> HeldObject {
    HeldObject {
        study: instance.study.to_string(),
        instance: instance.instance.to_string(),
        ae_title: instance.calling_ae,
        reason: instance.reason,
    }
}
