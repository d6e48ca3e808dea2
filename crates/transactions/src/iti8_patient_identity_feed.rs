//! ITI-8 Patient Identity Feed. ITI TF-2 3.8; spec/xds.md section 20.
//!
//! Deviation: A28 and A31 are taken as well, like A04 and A08, because systems of hospitals send them for persons who are
//! not there.

use crate::edge::Edge;
use crate::edge::audit::{Action, Facts, Outcome};
use crate::edge::hl7_ack;
use crate::edge::mllp_server::MllpTransaction;
use crate::{Access, Binding, Transaction};
use actors::{BoxFuture, Cx, Fault, Found, Identity, PatientNews, Refusal, short_id};
use hl7v2::adt::{self, AdtFeed, Envelope, Event, Identifier};
use hl7v2::condition::{self, Condition};
use hl7v2::{Ack, AckCode, CharsetFlaw, Location, Message};
use model::{Oid, Patient, PatientId};
use net::MllpClient;
use std::sync::Arc;

pub static TRANSACTION: Transaction = Transaction {
    id: "ITI-8",
    name: "Patient Identity Feed",
    section: "ITI TF-2 3.8",
    binding: Binding::Mllp { message: "ADT", events: &["A01", "A04", "A05", "A08", "A28", "A31", "A40"] },
    access: Access::Identity,
};

/// Answers a source of patient identity.
pub struct Server {
    pub identity: Arc<dyn Identity>,
    /// The domain whose identifiers are kept.
    pub domain: Oid,
    /// CX-4.1 of senders that name the domain without its OID.
    pub namespace: Option<String>,
    pub edge: Edge,
}

/// What is wrong with a message: where, which condition, which rule.
type Wrong = (Location, Condition, String);

impl Server {
    fn domain_of(&self, namespace: &str) -> Option<Oid> {
        (self.namespace.as_deref() == Some(namespace) && !namespace.is_empty()).then(|| self.domain.clone())
    }

    fn decode(message: &Message) -> Result<AdtFeed, Wrong> {
        let charset = Location::field("MSH", 18);
        match message.charset_flaw() {
            Some(CharsetFlaw::Unknown(name)) => {
                let rule = format!("must name the character set of the message as HL7 table 0211 does; got {name}");
                return Err((charset, condition::TABLE_VALUE, rule));
            }
            Some(CharsetFlaw::DoesNotFit(name)) => {
                let rule = format!("must name the character set of the message; got {name}, which its octets are not");
                return Err((charset, condition::DATA_TYPE, rule));
            }
            // Nearly every name in it can be read right; a feed that says nothing is better than none.
            Some(CharsetFlaw::Unstated) | None => {}
        }
        AdtFeed::decode(message).map_err(|error| (error.location, error.condition, error.rule))
    }

    fn patient(&self, feed: &AdtFeed) -> Result<Patient, Wrong> {
        let place = Location::field("PID", 3);
        feed.patient(&self.domain, &|name| self.domain_of(name)).ok_or_else(|| self.foreign(place, &feed.identifiers))
    }

    /// The one identifier of our domain at a place of a merge, where several would be several patients.
    fn only(&self, identifiers: &[Identifier], place: Location) -> Result<PatientId, Wrong> {
        let mut ours: Vec<PatientId> = identifiers.iter().filter_map(|id| id.resolve(&|n| self.domain_of(n))).collect();
        ours.retain(|id| id.domain == self.domain);
        ours.dedup();
        match (ours.pop(), ours.len()) {
            (Some(id), 0) => Ok(id),
            (Some(_), others) => {
                let rule = format!("must have one identifier of {} in a merge; got {}", self.domain, others + 1);
                Err((place, condition::DUPLICATE_KEY, rule))
            }
            (None, _) => Err(self.foreign(place, identifiers)),
        }
    }

    fn foreign(&self, place: Location, identifiers: &[Identifier]) -> Wrong {
        let mut came: Vec<String> =
            identifiers.iter().take(5).map(|id| id.authority().chars().take(80).collect()).collect();
        came.dedup();
        let rule =
            format!("must have an identifier of {}, the domain of this registry; got {}", self.domain, came.join(", "));
        (place, condition::UNKNOWN_KEY, rule)
    }

    async fn take(
        &self,
        message: &Message,
        records: &mut Vec<(Action, Facts)>,
        cx: &Cx,
    ) -> Result<Result<(), Refusal>, Wrong> {
        let feed = Self::decode(message)?;
        let patient = self.patient(&feed)?;
        let about = |action, id: &PatientId| (action, Facts { patient: Some(id.clone()), ..Facts::default() });
        let news = match feed.event {
            Event::Add => PatientNews::Added,
            Event::Revise => PatientNews::Revised,
            Event::Merge => {
                self.only(&feed.identifiers, Location::field("PID", 3))?;
                let subsumed = self.only(&feed.subsumed, Location::field("MRG", 1))?;
                *records = vec![about(Action::Update, &patient.id), about(Action::Delete, &subsumed)];
                return Ok(self.identity.merge(&patient, &subsumed, cx).await);
            }
        };
        let action = if news == PatientNews::Added { Action::Create } else { Action::Update };
        *records = vec![about(action, &patient.id)];
        Ok(self.identity.feed(&patient, news, cx).await)
    }
}

impl MllpTransaction for Server {
    fn transaction(&self) -> &'static Transaction {
        &TRANSACTION
    }

    fn respond<'a>(&'a self, message: &'a Message, cx: &'a Cx) -> BoxFuture<'a, Ack> {
        Box::pin(async move {
            let first = match Event::of_trigger(&message.header().trigger) {
                Some(Event::Revise | Event::Merge) => Action::Update,
                Some(Event::Add) | None => Action::Create,
            };
            let mut records = vec![(first, Facts::default())];
            let (outcome, ack) = match self.take(message, &mut records, cx).await {
                Ok(Ok(())) => (Outcome::Success, Ack::accept()),
                Ok(Err(refusal)) => (Outcome::of::<()>(&Err(refusal.clone())), hl7_ack::refusal(&refusal)),
                Err((location, condition, rule)) => (
                    Outcome::MinorFailure(format!("{location} {rule}")),
                    hl7_ack::error(AckCode::Error, location, condition, &rule),
                ),
            };
            for (action, facts) in records {
                self.edge.audit_action(&TRANSACTION, action, outcome.clone(), facts, cx);
            }
            ack
        })
    }
}

/// Feeds a peer.
#[derive(Clone)]
pub struct Client {
    /// The peer in messages to people.
    pub name: String,
    pub mllp: MllpClient,
    /// MSH-4: this node.
    pub facility: String,
}

impl Client {
    async fn exchange(&self, encode: impl FnOnce(&Envelope<'_>) -> Vec<u8>, cx: &Cx) -> Result<(), Refusal> {
        let (control_id, now) = (short_id(&cx.identifiers.uuid()), cx.now());
        let message = encode(&Envelope {
            sending_application: "manifold",
            sending_facility: &self.facility,
            receiving_application: "",
            receiving_facility: &self.name,
            control_id: &control_id,
            now: &now,
        });
        let unavailable = |reason: String| Fault::PeerUnavailable { peer: self.name.clone(), reason };
        let answer = self.mllp.exchange(&message).await.map_err(|e| unavailable(e.to_string()))?;
        let answer = Ack::decode(&answer).map_err(|e| unavailable(format!("sent a bad answer: {e}")))?;
        if answer.control_id != control_id {
            return Err(unavailable("answered another message than the one it was sent".to_owned()).into());
        }
        if answer.code == AckCode::Accept {
            return Ok(());
        }
        let context = if answer.texts.is_empty() { "no reason was given".to_owned() } else { answer.texts.join("; ") };
        Err(Fault::Remote {
            peer: self.name.clone(),
            code: answer.code.code().to_owned(),
            context,
            location: None,
            transient: answer.code == AckCode::Reject,
        }
        .into())
    }
}

impl Identity for Client {
    fn feed<'a>(&'a self, patient: &'a Patient, news: PatientNews, cx: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>> {
        let event = match news {
            PatientNews::Added => Event::Add,
            PatientNews::Revised => Event::Revise,
        };
        Box::pin(self.exchange(move |envelope| adt::encode_patient(patient, event, envelope), cx))
    }

    fn merge<'a>(
        &'a self,
        survivor: &'a Patient,
        subsumed: &'a PatientId,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(self.exchange(move |envelope| adt::encode_merge(survivor, subsumed, envelope), cx))
    }

    fn find<'a>(&'a self, _: &'a PatientId, _: &'a Cx) -> BoxFuture<'a, Result<Option<Patient>, Refusal>> {
        Box::pin(async { Err(Fault::Unsupported("reading a patient over ITI-8".to_owned()).into()) })
    }

    fn search<'a>(&'a self, _: &'a str, _: usize, _: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>> {
        Box::pin(async { Err(Fault::Unsupported("searching patients over ITI-8".to_owned()).into()) })
    }
}
