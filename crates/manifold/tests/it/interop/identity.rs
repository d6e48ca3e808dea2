//! The patient identity feed by HL7 v2 and v3, sent and read by other people's libraries.

use super::peers::{self, Peer};

#[test]
fn iti_8_and_iti_44_add_revise_and_merge_by_the_same_rules() {
    if peers::present(&[Peer::Python]) {
        peers::python("identity.py", &[&super::scratch().endpoints_file()]);
    }
}
