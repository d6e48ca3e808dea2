//! `?wsdl` and `?xsd=` on every SOAP path: WSDL 1.1 of the transactions served there, document/literal over SOAP 1.2, and
//! the schemas it imports. Names never appear on the wire. Source: ITI TF-2 Appendix W; spec/xds.md section 2.

use crate::{Binding, Transaction};
use xml::XmlWriter;

/// Every schema that a WSDL of this node imports, by the name that `?xsd=` takes.
const SCHEMAS: [(&str, &str); 9] = [
    ("xml.xsd", include_str!("wsdl/xml.xsd")),
    ("rim.xsd", include_str!("wsdl/rim.xsd")),
    ("rs.xsd", include_str!("wsdl/rs.xsd")),
    ("lcm.xsd", include_str!("wsdl/lcm.xsd")),
    ("query.xsd", include_str!("wsdl/query.xsd")),
    ("xds-b.xsd", include_str!("wsdl/xds-b.xsd")),
    ("xdsi-b.xsd", include_str!("wsdl/xdsi-b.xsd")),
    ("rmd.xsd", include_str!("wsdl/rmd.xsd")),
    ("hl7v3.xsd", include_str!("wsdl/hl7v3.xsd")),
];

/// A prefix of the WSDL, its namespace, and the schema of it.
const NAMESPACES: [(&str, &str, &str); 7] = [
    ("rs", ebxml::ns::RS, "rs.xsd"),
    ("lcm", ebxml::ns::LCM, "lcm.xsd"),
    ("q", ebxml::ns::QUERY, "query.xsd"),
    ("x", ebxml::ns::XDS, "xds-b.xsd"),
    ("r", "urn:ihe:rad:xdsi-b:2009", "xdsi-b.xsd"),
    ("m", ebxml::ns::RMD, "rmd.xsd"),
    ("hl7", "urn:hl7-org:v3", "hl7v3.xsd"),
];

const TARGET: &str = "urn:ihe:iti:xds-b:2007";

/// What a transaction is in a WSDL: the operation, and the elements it takes and gives.
struct Operation {
    name: &'static str,
    request: &'static str,
    response: &'static str,
}

/// The names of ITI TF-2 Appendix W, by action.
fn operation(action: &str) -> Option<Operation> {
    let (name, request, response) = match action {
        "urn:ihe:iti:2007:RegistryStoredQuery" => {
            ("DocumentRegistry_RegistryStoredQuery", "q:AdhocQueryRequest", "q:AdhocQueryResponse")
        }
        "urn:ihe:iti:2009:MultiPatientStoredQuery" => {
            ("DocumentRegistry_MultiPatientStoredQuery", "q:AdhocQueryRequest", "q:AdhocQueryResponse")
        }
        "urn:ihe:iti:2007:RegisterDocumentSet-b" => {
            ("DocumentRegistry_RegisterDocumentSet-b", "lcm:SubmitObjectsRequest", "rs:RegistryResponse")
        }
        "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry" => {
            ("DocumentRegistry_RegisterOnDemandDocumentEntry", "lcm:SubmitObjectsRequest", "rs:RegistryResponse")
        }
        "urn:ihe:iti:2010:UpdateDocumentSet" => {
            ("DocumentRegistry_UpdateDocumentSet", "lcm:SubmitObjectsRequest", "rs:RegistryResponse")
        }
        "urn:ihe:iti:2018:RestrictedUpdateDocumentSet" => {
            ("UpdateResponder_RestrictedUpdateDocumentSet", "lcm:SubmitObjectsRequest", "rs:RegistryResponse")
        }
        "urn:ihe:iti:2010:DeleteDocumentSet" => {
            ("DocumentRegistry_DeleteDocumentSet", "lcm:RemoveObjectsRequest", "rs:RegistryResponse")
        }
        "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b" => (
            "DocumentRepository_ProvideAndRegisterDocumentSet-b",
            "x:ProvideAndRegisterDocumentSetRequest",
            "rs:RegistryResponse",
        ),
        "urn:ihe:iti:2007:RetrieveDocumentSet" => {
            ("DocumentRepository_RetrieveDocumentSet", "x:RetrieveDocumentSetRequest", "x:RetrieveDocumentSetResponse")
        }
        "urn:ihe:iti:2017:RemoveDocuments" => {
            ("DocumentRepository_RemoveDocuments", "m:RemoveDocumentsRequest", "rs:RegistryResponse")
        }
        "urn:ihe:rad:2009:RetrieveImagingDocumentSet" => (
            "ImagingDocumentSource_RetrieveImagingDocumentSet",
            "r:RetrieveImagingDocumentSetRequest",
            "x:RetrieveDocumentSetResponse",
        ),
        "urn:hl7-org:v3:PRPA_IN201301UV02" => {
            ("DocumentRegistry_PRPA_IN201301UV02", "hl7:PRPA_IN201301UV02", "hl7:MCCI_IN000002UV01")
        }
        "urn:hl7-org:v3:PRPA_IN201302UV02" => {
            ("DocumentRegistry_PRPA_IN201302UV02", "hl7:PRPA_IN201302UV02", "hl7:MCCI_IN000002UV01")
        }
        "urn:hl7-org:v3:PRPA_IN201304UV02" => {
            ("DocumentRegistry_PRPA_IN201304UV02", "hl7:PRPA_IN201304UV02", "hl7:MCCI_IN000002UV01")
        }
        _ => return None,
    };
    Some(Operation { name, request, response })
}

/// The schema of this name.
pub fn schema(name: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The service at a path: its name in Appendix W follows from what it answers.
fn service(path: &str) -> &'static str {
    match path {
        "/xds/registry" => "DocumentRegistry",
        "/xds/imaging" => "ImagingDocumentSource",
        _ => "DocumentRepository",
    }
}

/// WSDL of these transactions at `address`, which is what a client is to post to.
pub fn wsdl<'t>(path: &str, address: &str, transactions: impl Iterator<Item = &'t Transaction>) -> Vec<u8> {
    let operations: Vec<(Operation, &str, &str)> = transactions
        .filter_map(|transaction| match transaction.binding {
            Binding::Soap { action, response_action, .. } => Some((operation(action)?, action, response_action)),
            _ => None,
        })
        .collect();
    let service = service(path);
    let mut w = XmlWriter::new();
    w.declaration();
    w.start("wsdl:definitions").attr("name", service).attr("targetNamespace", TARGET);
    w.ns("wsdl", "http://schemas.xmlsoap.org/wsdl/").ns("soap12", "http://schemas.xmlsoap.org/wsdl/soap12/");
    w.ns("wsaw", "http://www.w3.org/2006/05/addressing/wsdl").ns("tns", TARGET);
    for (prefix, namespace, _) in NAMESPACES {
        w.ns(prefix, namespace);
    }
    w.start("wsdl:types");
    w.start("xs:schema").ns("xs", "http://www.w3.org/2001/XMLSchema").attr("elementFormDefault", "qualified");
    for (prefix, namespace, file) in NAMESPACES {
        let used = |element: &str| element.split_once(':').is_some_and(|(p, _)| p == prefix);
        if operations.iter().any(|(o, _, _)| used(o.request) || used(o.response)) {
            let location = format!("{address}?xsd={file}");
            w.start("xs:import").attr("namespace", namespace).attr("schemaLocation", &location).end();
        }
    }
    w.end().end();
    for (operation, _, _) in &operations {
        for (message, element) in [("_Message", operation.request), ("Response_Message", operation.response)] {
            w.start("wsdl:message").attr("name", &format!("{}{message}", operation.name));
            w.start("wsdl:part").attr("name", "body").attr("element", element).end().end();
        }
    }
    w.start("wsdl:portType").attr("name", &format!("{service}_PortType"));
    for (operation, action, response_action) in &operations {
        w.start("wsdl:operation").attr("name", operation.name);
        for (tag, message, action) in
            [("wsdl:input", "_Message", action), ("wsdl:output", "Response_Message", response_action)]
        {
            w.start(tag).attr("message", &format!("tns:{}{message}", operation.name)).attr("wsaw:Action", action).end();
        }
        w.end();
    }
    w.end();
    w.start("wsdl:binding").attr("name", &format!("{service}_Binding_Soap12"));
    w.attr("type", &format!("tns:{service}_PortType"));
    let transport = "http://schemas.xmlsoap.org/soap/http";
    w.start("soap12:binding").attr("style", "document").attr("transport", transport).end();
    w.start("wsaw:UsingAddressing").attr("wsdl:required", "true").end();
    for (operation, action, _) in &operations {
        w.start("wsdl:operation").attr("name", operation.name);
        w.start("soap12:operation").attr("soapAction", action).attr("soapActionRequired", "false").end();
        for tag in ["wsdl:input", "wsdl:output"] {
            w.start(tag).start("soap12:body").attr("use", "literal").end().end();
        }
        w.end();
    }
    w.end();
    w.start("wsdl:service").attr("name", &format!("{service}_Service"));
    w.start("wsdl:port").attr("name", &format!("{service}_Port_Soap12"));
    w.attr("binding", &format!("tns:{service}_Binding_Soap12"));
    w.start("soap12:address").attr("location", address).end();
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TRANSACTIONS;

    #[test]
    fn every_soap_transaction_has_an_operation_and_every_import_a_schema() {
        for transaction in TRANSACTIONS {
            if let Binding::Soap { action, .. } = transaction.binding {
                assert!(operation(action).is_some(), "{} has no name in the WSDL", transaction.id);
            }
        }
        let whole = wsdl("/xds/registry", "https://reg.example/xds/registry", TRANSACTIONS.iter().copied());
        let document = xml::Document::parse(&whole, xml::Limits::default()).expect("well-formed");
        let mut imports = 0;
        for import in document.root().descendants().filter(|e| e.name() == "import") {
            let location = import.attr("schemaLocation").expect("a location");
            let name = location.strip_prefix("https://reg.example/xds/registry?xsd=").expect("an address of this node");
            assert!(schema(name).is_some(), "{name}");
            imports += 1;
        }
        assert!(imports > 4);
        for (name, text) in SCHEMAS {
            for location in text.split("schemaLocation=\"?xsd=").skip(1) {
                let imported = location.split('"').next().expect("an end");
                assert!(schema(imported).is_some(), "{name} imports {imported}");
            }
        }
    }
}
