//! A report (ORU^R01) as a reason to look at its study; the report itself is not kept here. The study is named by its UID
//! in an OBX with code 113014 or in a ZDS segment, or by the accession number in OBR-18 or OBR-3, which the PACS is asked
//! for. Source: HL7 v2.5.1 chapter 7; spec/mcwg.md section 6; spec/dicom.md section 22.6.

use super::Looks;
use crate::edge::audit::{Facts, Outcome};
use crate::edge::mllp_server::MllpTransaction;
use crate::edge::{Edge, hl7_ack};
use crate::{Access, Binding, Transaction};
use actors::{BoxFuture, Cx, Refusal};
use hl7v2::{Ack, AckCode, Location, Message, condition};
use model::StudyInstanceUid;
use std::collections::BTreeSet;

pub static TRANSACTION: Transaction = Transaction {
    id: "ORU",
    name: "Report as a reason to look at its study",
    section: "HL7 v2.5.1 7.3.1",
    binding: Binding::Mllp { message: "ORU", events: &["R01"] },
    access: Access::Publish,
};

/// Most studies and accession numbers of one message.
const MOST: usize = 50;

/// Takes reports.
pub struct Server {
    pub looks: Looks,
    pub edge: Edge,
}

/// What a message names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    studies: BTreeSet<String>,
    accession_numbers: BTreeSet<String>,
}

impl Named {
    fn of(message: &Message) -> Self {
        let mut named = Named::default();
        for segment in message.segments() {
            match segment.name() {
                "OBX" if segment.field(3).component(1).text() == "113014" => {
                    named.studies.insert(segment.field(5).component(1).text().trim().to_owned());
                }
                "ZDS" => {
                    named.studies.insert(segment.field(1).component(1).text().trim().to_owned());
                }
                "OBR" => {
                    let field = [18, 3].into_iter().map(|n| segment.field(n)).find(|field| !field.is_empty());
                    if let Some(field) = field {
                        named.accession_numbers.insert(field.component(1).text().trim().to_owned());
                    }
                }
                _ => {}
            }
        }
        named.studies.remove("");
        named.accession_numbers.remove("");
        named
    }
}

impl Server {
    async fn take(&self, message: &Message, objects: &mut Vec<String>, cx: &Cx) -> Result<(), (Outcome, Ack)> {
        let named = Named::of(message);
        let wrong = |location: Location, condition, rule: &str| {
            let ack = hl7_ack::error(AckCode::Error, location, condition, rule);
            (Outcome::MinorFailure(format!("{location} {rule}")), ack)
        };
        let refused = |fault: actors::Fault| {
            let refusal = Refusal::from(fault);
            (Outcome::of::<()>(&Err(refusal.clone())), hl7_ack::refusal(&refusal))
        };
        if named.studies.len() + named.accession_numbers.len() > MOST {
            let rule = format!("must name at most {MOST} studies in one message");
            return Err(wrong(Location::field("OBX", 5), condition::DATA_TYPE, &rule));
        }
        for uid in &named.studies {
            let study = StudyInstanceUid::parse(uid);
            let study = study.map_err(|_| wrong(Location::field("OBX", 5), condition::DATA_TYPE, "must be a UID"))?;
            objects.push(study.to_string());
            self.looks.study(&study, cx).await.map_err(refused)?;
        }
        if !named.studies.is_empty() {
            return Ok(());
        }
        if named.accession_numbers.is_empty() {
            let rule =
                "must have an accession number, or there must be an OBX with code 113014 and a Study Instance UID";
            return Err(wrong(Location::field("OBR", 18), condition::REQUIRED_FIELD_MISSING, rule));
        }
        for accession_number in &named.accession_numbers {
            match self.looks.accession(accession_number, cx).await {
                Ok(studies) => objects.extend(studies.iter().map(ToString::to_string)),
                Err(actors::Fault::ImagesNotFound(what)) => {
                    let rule = format!("must name {what}; there is none");
                    return Err(wrong(Location::field("OBR", 18), condition::UNKNOWN_KEY, &rule));
                }
                Err(fault) => return Err(refused(fault)),
            }
        }
        Ok(())
    }
}

impl MllpTransaction for Server {
    fn transaction(&self) -> &'static Transaction {
        &TRANSACTION
    }

    fn respond<'a>(&'a self, message: &'a Message, cx: &'a Cx) -> BoxFuture<'a, Ack> {
        Box::pin(async move {
            let mut objects = Vec::new();
            let (outcome, ack) = match self.take(message, &mut objects, cx).await {
                Ok(()) => (Outcome::Success, Ack::accept()),
                Err(failure) => failure,
            };
            self.edge.audit(&TRANSACTION, outcome, Facts { objects, ..Facts::default() }, cx);
            ack
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_its_study_by_uid_or_by_accession_number() {
        let head = "MSH|^~\\&|RIS|NORTH|PROXY|NORTH|20260101||ORU^R01|1|P|2.5.1\rPID|||P1\r";
        for (segments, studies, accession_numbers) in [
            ("OBR|1|PL|FI|CT^^L||||||||||||||ACC-1\r", vec![], vec!["ACC-1"]),
            ("OBR|1|PL|ACC-2^RIS|CT^^L\r", vec![], vec!["ACC-2"]),
            ("OBR|1\rOBX|1|HD|113014^DICOM Study^DCM||2.25.7\r", vec!["2.25.7"], vec![]),
            ("OBR|1\rZDS|2.25.8^RIS^Application^DICOM\r", vec!["2.25.8"], vec![]),
            ("OBR|1\rOBX|1|TX|121070^Findings^DCM||2.25.7\r", vec![], vec![]),
        ] {
            let message = Message::decode(format!("{head}{segments}").as_bytes()).unwrap();
            let named = Named::of(&message);
            assert_eq!(named.studies.iter().collect::<Vec<_>>(), studies, "{segments}");
            assert_eq!(named.accession_numbers.iter().collect::<Vec<_>>(), accession_numbers, "{segments}");
        }
    }
}
