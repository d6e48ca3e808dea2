//! The patient identity feed by HL7 v2, v3 and FHIR, sent and read by other people's libraries.

use super::peers::{self, Peer};

#[test]
fn iti_8_iti_44_and_iti_104_merge_by_the_same_rules() {
    if peers::present(&[Peer::Python]) {
        peers::python("identity.py", &[&super::scratch().endpoints_file()]);
    }
}
