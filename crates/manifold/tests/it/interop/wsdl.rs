//! What a node says of itself to generators of clients: zeep works with the WSDLs alone, and the schemas accept what the
//! standard's accept.

use super::peers::{self, Peer};
use crate::network::{Network, folder};
use std::path::PathBuf;
use std::process::Command;

const EXAMPLES: &str = "data/xds/examples";
/// Of all SOAP bodies but those of HL7 v3.
const STANDARD: &str = "data/xds/validate/all.xsd";

#[test]
fn zeep_loads_the_wsdls_and_reads_answers_as_they_are() {
    if peers::present(&[Peer::Python]) {
        peers::python("zeep_client.py", &[&"ask", &Network::seeded().endpoints_file()]);
    }
}

fn is_valid(schema: &std::path::Path, file: &PathBuf) -> bool {
    let mut command = Command::new(peers::path(Peer::Program("xmllint")));
    command.args(["--nonet", "--huge", "--noout", "--schema"]).arg(schema).arg(file);
    command.output().expect("xmllint runs").status.success()
}

#[test]
fn bodies_that_the_standards_schemas_accept_are_accepted_by_the_schemas_that_a_node_serves() {
    let needed = [Peer::Python, Peer::Program("xmllint"), Peer::Shared(EXAMPLES), Peer::Shared(STANDARD)];
    if !peers::present(&needed) {
        return;
    }
    let (schemas, bodies) = (folder(), folder());
    peers::python("zeep_client.py", &[&"schemas", &Network::seeded().endpoints_file(), &schemas.path()]);
    let examples = peers::files(&peers::shared(EXAMPLES), "xml");
    let mut command = peers::python_command("zeep_client.py", &[&"bodies", &bodies.path()]);
    command.args(&examples);
    peers::succeed(command);

    let mut valid = peers::files(bodies.path(), "xml");
    valid.retain(|body| is_valid(&peers::shared(STANDARD), body));
    assert!(valid.len() > 30, "only {} examples are valid by the standard", valid.len());
    let ours = schemas.path().join("ours.xsd");
    peers::xmllint(&ours, &valid);

    // A schema that accepts everything would pass so far.
    let query = std::fs::read_to_string(bodies.path().join("iti18-FindDocuments-request.xml")).expect("an example");
    let broken = bodies.path().join("broken.xml");
    std::fs::write(&broken, query.replace("ResponseOption", "ResponseOptions")).expect("it can be written");
    assert!(!is_valid(&ours, &broken), "a query without its response option is accepted");
}
