//! The audit message of DICOM PS3.15 A.5.1 in XML, as ITI-20 carries it. Attribute names are DICOM's (`csd-code`,
//! `originalText`), not those of RFC 3881. Source: spec/security.md 6.1.
//!
//! Deviation: the schema wants ParticipantObjectName where there is no query. A name would be a patient's or say nothing,
//! and receivers do without it, so it is left out.

use crate::coded::Coded;
use crate::event::{ActiveParticipant, AuditEvent, ParticipantObject};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Dtm;
use std::net::IpAddr;
use xml::XmlWriter;

impl AuditEvent {
    /// The message without XML declaration, in UTF-8.
    pub fn encode_xml(&self) -> Vec<u8> {
        let mut xml = XmlWriter::with_capacity(2048);
        xml.start("AuditMessage");
        xml.start("EventIdentification");
        xml.attr("EventActionCode", self.action.code());
        xml.attr("EventDateTime", &time_text(self.time_unix_ms));
        xml.attr("EventOutcomeIndicator", &self.outcome.indicator().to_string());
        coded(&mut xml, "EventID", &self.event_id);
        for code in &self.type_codes {
            coded(&mut xml, "EventTypeCode", code);
        }
        xml.leaf_opt("EventOutcomeDescription", self.outcome_description.as_deref());
        for purpose in &self.purpose_of_use {
            coded(&mut xml, "PurposeOfUse", purpose);
        }
        xml.end();
        for who in &self.participants {
            participant(&mut xml, who);
        }
        xml.start("AuditSourceIdentification");
        optional(&mut xml, "AuditEnterpriseSiteID", self.source.enterprise_site.as_deref());
        xml.attr("AuditSourceID", &self.source.id);
        xml.start("AuditSourceTypeCode").attr("csd-code", &self.source.kind.to_string()).end();
        xml.end();
        for what in &self.objects {
            object(&mut xml, what);
        }
        xml.finish()
    }
}

fn participant(xml: &mut XmlWriter, who: &ActiveParticipant) {
    // UserID is required and its absence would make the message unreadable to strict receivers.
    let user_id = if who.user_id.is_empty() { "unknown" } else { &who.user_id };
    xml.start("ActiveParticipant").attr("UserID", user_id);
    optional(xml, "AlternativeUserID", who.alternative_user_id.as_deref());
    optional(xml, "UserName", who.user_name.as_deref());
    xml.attr("UserIsRequestor", if who.requestor { "true" } else { "false" });
    if let Some(network) = who.network.as_deref().filter(|n| !n.is_empty()) {
        let kind = if network.parse::<IpAddr>().is_ok() { "2" } else { "1" };
        xml.attr("NetworkAccessPointID", network).attr("NetworkAccessPointTypeCode", kind);
    }
    for role in &who.roles {
        coded(xml, "RoleIDCode", role);
    }
    xml.end();
}

fn object(xml: &mut XmlWriter, what: &ParticipantObject) {
    xml.start("ParticipantObjectIdentification");
    xml.attr("ParticipantObjectID", &what.id);
    xml.attr("ParticipantObjectTypeCode", &what.kind.code().to_string());
    xml.attr("ParticipantObjectTypeCodeRole", &what.role.code().to_string());
    coded(xml, "ParticipantObjectIDTypeCode", &what.id_type);
    if let Some(query) = &what.query {
        xml.leaf("ParticipantObjectQuery", &STANDARD.encode(query));
    }
    for detail in &what.details {
        let value = STANDARD.encode(&detail.value);
        xml.start("ParticipantObjectDetail").attr("type", &detail.kind).attr("value", &value).end();
    }
    if !what.accessions.is_empty() || !what.sop_classes.is_empty() {
        xml.start("ParticipantObjectDescription");
        for accession in &what.accessions {
            xml.start("Accession").attr("Number", accession).end();
        }
        for class in &what.sop_classes {
            let instances = class.instances.to_string();
            xml.start("SOPClass").attr("UID", &class.uid).attr("NumberOfInstances", &instances).end();
        }
        xml.end();
    }
    xml.end();
}

fn coded(xml: &mut XmlWriter, name: &str, code: &Coded) {
    xml.start(name).attr("csd-code", &code.code).attr("codeSystemName", &code.system);
    // originalText is required; a code from a token may come without words.
    xml.attr("originalText", if code.display.is_empty() { &code.code } else { &code.display }).end();
}

fn optional(xml: &mut XmlWriter, name: &str, value: Option<&str>) {
    xml.attr_opt(name, value.filter(|v| !v.is_empty()));
}

/// `2025-06-03T09:25:00.123Z`.
pub(crate) fn time_text(unix_ms: i64) -> String {
    let time = Dtm::from_unix_seconds(unix_ms.div_euclid(1000));
    let part = |from: usize, to: usize| time.as_str().get(from..to).unwrap_or("00").to_owned();
    format!(
        "{}-{}-{}T{}:{}:{}.{:03}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14),
        unix_ms.rem_euclid(1000)
    )
}

/// The reverse of [`time_text`].
pub(crate) fn time_of(text: &str) -> Option<i64> {
    let (stamp, rest) = text.strip_suffix('Z')?.split_once('.')?;
    let shape = |(i, b): (usize, u8)| match i {
        4 | 7 => b == b'-',
        10 => b == b'T',
        13 | 16 => b == b':',
        _ => b.is_ascii_digit(),
    };
    if stamp.len() != 19 || !stamp.bytes().enumerate().all(shape) || rest.len() != 3 {
        return None;
    }
    let digits: String = stamp.chars().filter(char::is_ascii_digit).collect();
    Some(Dtm::parse(&digits).ok()?.unix_seconds() * 1000 + rest.parse::<u16>().ok()? as i64)
}
