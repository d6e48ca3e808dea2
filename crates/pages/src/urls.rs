//! Addresses of the portal's pages. What a peer can choose is escaped.

use model::{ObjectId, PatientId};

/// Everything but unreserved characters as `%XX`.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The name of a patient in an address: the identifier alone in the portal's own domain, else the whole CX.
pub fn patient_name(id: &PatientId, own_domain: &model::Oid) -> String {
    if id.domain == *own_domain && !id.id.contains('^') { id.id.clone() } else { id.to_string() }
}

pub(crate) fn patient(base: &str, name: &str) -> String {
    format!("{base}/patient/{}", escape(name))
}

/// The UUID without `urn:uuid:`.
pub fn uuid(id: &ObjectId) -> &str {
    id.as_str().strip_prefix("urn:uuid:").unwrap_or(id.as_str())
}

pub(crate) fn report(patient: &str, id: &ObjectId) -> String {
    format!("{patient}/report/{}", escape(uuid(id)))
}

pub(crate) fn study(patient: &str, id: &ObjectId) -> String {
    format!("{patient}/study/{}", escape(uuid(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Oid;

    #[test]
    fn nothing_of_a_name_reaches_an_address_unescaped() {
        assert_eq!(patient("/portal", "a/../b?c#d e\"<"), "/portal/patient/a%2F..%2Fb%3Fc%23d%20e%22%3C");
        let own = Oid::parse("2.999.7").unwrap();
        assert_eq!(patient_name(&PatientId::new("P0001", own.clone()), &own), "P0001");
        let other = PatientId::new("X", Oid::parse("2.999.8").unwrap());
        assert_eq!(patient_name(&other, &own), "X^^^&2.999.8&ISO");
    }
}
