//! ITI-44 Patient Identity Feed HL7 V3. ITI TF-2 3.44; spec/xds.md section 20.

use crate::edge::Edge;
use crate::edge::audit::{Action, Facts, Outcome};
use crate::edge::operation_outcome::diagnostics;
use crate::edge::soap_client::SoapPeer;
use crate::edge::soap_server::{SoapReply, SoapRequest, SoapTransaction};
use crate::{Access, Binding, Transaction};
use actors::{BoxFuture, Cx, Fault, Found, Identity, PatientNews, Refusal};
use hl7v3::InstanceId;
use hl7v3::prpa::{self, AckCode, AckDetail, DetailKind, PatientFeed, Transmission, Trigger};
use model::{Invalid, Oid, Patient, PatientId};
use std::sync::Arc;

const RESPONSE: &str = "urn:hl7-org:v3:MCCI_IN000002UV01";

/// A patient that is new: PRPA_IN201301UV02.
pub static TRANSACTION: Transaction = transaction("urn:hl7-org:v3:PRPA_IN201301UV02");
/// A patient whose data changed: PRPA_IN201302UV02.
pub static REVISED: Transaction = transaction("urn:hl7-org:v3:PRPA_IN201302UV02");
/// Duplicates resolved: PRPA_IN201304UV02.
pub static MERGED: Transaction = transaction("urn:hl7-org:v3:PRPA_IN201304UV02");

const fn transaction(action: &'static str) -> Transaction {
    Transaction {
        id: "ITI-44",
        name: "Patient Identity Feed HL7 V3",
        section: "ITI TF-2 3.44",
        binding: Binding::Soap { path: "/xds/registry", action, response_action: RESPONSE, mtom: false },
        access: Access::Identity,
    }
}

/// Answers a source of patient identity, for one of the three messages.
pub struct Server {
    pub trigger: Trigger,
    pub identity: Arc<dyn Identity>,
    /// The domain whose identifiers are kept.
    pub domain: Oid,
    /// This node's device OID, the sender of acknowledgements.
    pub device: Oid,
    pub edge: Edge,
}

impl Server {
    /// All three messages.
    pub fn all(identity: Arc<dyn Identity>, domain: Oid, device: Oid, edge: Edge) -> Vec<Arc<dyn SoapTransaction>> {
        [Trigger::Add, Trigger::Revise, Trigger::Merge]
            .into_iter()
            .map(|trigger| {
                let (identity, domain, device, edge) = (identity.clone(), domain.clone(), device.clone(), edge.clone());
                Arc::new(Server { trigger, identity, domain, device, edge }) as Arc<dyn SoapTransaction>
            })
            .collect()
    }

    /// What the message asks for, and whom it is about: one audit record each.
    async fn feed(&self, feed: &PatientFeed, records: &mut Vec<(Action, Facts)>, cx: &Cx) -> Result<(), Refusal> {
        let invalid = |field: &str, rule: String| Fault::InvalidMetadata(Invalid::new(field, rule, ""));
        let patient = feed.patient(&self.domain).ok_or_else(|| {
            let rule = format!("must have an identifier of {}, the domain of this registry", self.domain);
            invalid("patient/id", rule)
        })?;
        let about = |action, id: &PatientId| (action, Facts { patient: Some(id.clone()), ..Facts::default() });
        let (action, news) = match self.trigger {
            Trigger::Add => (Action::Create, PatientNews::Added),
            Trigger::Revise => (Action::Update, PatientNews::Revised),
            Trigger::Merge => {
                let survivors = feed.patient_ids.iter().filter(|id| id.domain == self.domain).count();
                let [subsumed] = feed.subsumed.as_slice() else {
                    let rule = format!("must name one identifier; got {}", feed.subsumed.len());
                    return Err(invalid("replacementOf/priorRegistration", rule).into());
                };
                if survivors > 1 {
                    let rule = format!("must have one identifier of {} in a merge; got {survivors}", self.domain);
                    return Err(invalid("patient/id", rule).into());
                }
                *records = vec![about(Action::Update, &patient.id), about(Action::Delete, subsumed)];
                return self.identity.merge(&patient, subsumed, cx).await;
            }
        };
        *records = vec![about(action, &patient.id)];
        self.identity.feed(&patient, news, cx).await
    }
}

impl SoapTransaction for Server {
    fn transaction(&self) -> &'static Transaction {
        match self.trigger {
            Trigger::Add => &TRANSACTION,
            Trigger::Revise => &REVISED,
            Trigger::Merge => &MERGED,
        }
    }

    fn respond<'a>(&'a self, request: SoapRequest, cx: &'a Cx) -> BoxFuture<'a, Result<SoapReply, soap::Fault>> {
        Box::pin(async move {
            let (decoded, message_id, sender) = {
                let body =
                    request.envelope.body_named(hl7v3::NAMESPACE, self.trigger.interaction()).map_err(|e| e.fault())?;
                let id = body.child(hl7v3::NAMESPACE, "id");
                let part = |name| id.and_then(|id| id.attr(name)).map(str::to_owned);
                let message_id = InstanceId { root: part("root"), extension: part("extension") };
                let decoded = prpa::decode(&body);
                let sender = decoded.as_ref().ok().and_then(|feed| feed.sender.clone());
                (decoded, message_id, sender)
            };
            if message_id == InstanceId::default() {
                return Err(soap::Fault::sender("the message has no id that an acknowledgement could name"));
            }
            let first = match self.trigger {
                Trigger::Add => Action::Create,
                Trigger::Revise | Trigger::Merge => Action::Update,
            };
            let mut records = vec![(first, Facts::default())];
            let fed = match decoded {
                Ok(feed) => {
                    let fed = self.feed(&feed, &mut records, cx).await;
                    records.iter_mut().for_each(|(_, facts)| facts.objects.extend(message_id.root.clone()));
                    fed
                }
                Err(error) => {
                    let rule = error.to_string();
                    Err(Fault::InvalidMetadata(Invalid::new(self.trigger.interaction(), rule, "")).into())
                }
            };
            for (action, facts) in records {
                self.edge.audit_action(self.transaction(), action, Outcome::of(&fed), facts, cx);
            }
            let code = match &fed {
                Ok(()) => AckCode::AcceptAccept,
                Err(refusal) => ack_code(refusal.first()),
            };
            let details: Vec<AckDetail> = fed
                .as_ref()
                .err()
                .into_iter()
                .flat_map(|refusal| refusal.faults())
                .map(|fault| AckDetail {
                    kind: DetailKind::Error,
                    code: None,
                    text: format!("{} (reference {})", diagnostics(fault), cx.request_id),
                })
                .collect();
            let transmission = Transmission {
                id: InstanceId::root(cx.identifiers.uid()),
                creation_time: cx.now(),
                sender: self.device.clone(),
                receiver: sender.and_then(|s| Oid::parse(&s).ok()).unwrap_or_else(|| self.device.clone()),
            };
            let ack = prpa::encode_ack(&transmission, code, &message_id, &details);
            Ok(SoapReply::of(move |w| {
                w.raw(&ack);
            }))
        })
    }
}

/// CE: the content is at fault, sending it again changes nothing. CR: it could not be looked at now.
/// Source: HL7 table 0155; spec/xds.md section 20.
fn ack_code(fault: &Fault) -> AckCode {
    if fault.is_transient() { AckCode::AcceptReject } else { AckCode::AcceptError }
}

/// Feeds a peer.
#[derive(Clone)]
pub struct Client {
    pub peer: SoapPeer,
    /// Device OIDs of the wrapper: this node's and the peer's.
    pub sender: Oid,
    pub receiver: Oid,
}

impl Client {
    fn transmission(&self, cx: &Cx) -> Transmission {
        Transmission {
            id: InstanceId::root(cx.identifiers.uid()),
            creation_time: cx.now(),
            sender: self.sender.clone(),
            receiver: self.receiver.clone(),
        }
    }

    async fn exchange(&self, transaction: &'static Transaction, message: &[u8], cx: &Cx) -> Result<(), Refusal> {
        let body = |w: &mut xml::XmlWriter, _: &soap::MtomWriter| {
            w.raw(message);
        };
        let answer = self.peer.exchange(transaction, body, Vec::new(), 0, cx).await?;
        let bad = |e: String| self.peer.unavailable(format!("sent a bad answer: {e}"));
        let body =
            answer.envelope.body_named(hl7v3::NAMESPACE, prpa::ACKNOWLEDGEMENT).map_err(|e| bad(e.to_string()))?;
        let ack = prpa::decode_ack(&body).map_err(|e| bad(e.to_string()))?;
        if ack.code.accepted() {
            return Ok(());
        }
        let texts: Vec<&str> = ack.details.iter().map(|d| d.text.as_str()).filter(|t| !t.is_empty()).collect();
        let context = if texts.is_empty() { "no reason was given".to_owned() } else { texts.join("; ") };
        Err(Fault::Remote {
            peer: self.peer.name.clone(),
            code: ack.code.code().to_owned(),
            context,
            location: None,
            transient: matches!(ack.code, AckCode::AcceptReject | AckCode::ApplicationReject),
        }
        .into())
    }
}

impl Identity for Client {
    fn feed<'a>(&'a self, patient: &'a Patient, news: PatientNews, cx: &'a Cx) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let transmission = self.transmission(cx);
            let (transaction, message) = match news {
                PatientNews::Added => (&TRANSACTION, prpa::encode_add(patient, &transmission)),
                PatientNews::Revised => (&REVISED, prpa::encode_revise(patient, &transmission)),
            };
            self.exchange(transaction, &message, cx).await
        })
    }

    fn merge<'a>(
        &'a self,
        survivor: &'a Patient,
        subsumed: &'a PatientId,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let message = prpa::encode_merge(survivor, subsumed, &self.transmission(cx));
            self.exchange(&MERGED, &message, cx).await
        })
    }

    fn find<'a>(&'a self, _: &'a PatientId, _: &'a Cx) -> BoxFuture<'a, Result<Option<Patient>, Refusal>> {
        Box::pin(async { Err(Fault::Unsupported("reading a patient over ITI-44".to_owned()).into()) })
    }

    fn search<'a>(&'a self, _: &'a str, _: usize, _: &'a Cx) -> BoxFuture<'a, Result<Found<Patient>, Refusal>> {
        Box::pin(async { Err(Fault::Unsupported("searching patients over ITI-44".to_owned()).into()) })
    }
}
