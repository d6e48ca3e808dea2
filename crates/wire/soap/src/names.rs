//! Namespaces and fixed addresses (xds.md 2, 3, 5).

/// SOAP 1.2 envelope.
pub const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
/// SOAP 1.1 envelope: recognised to refuse it politely.
pub const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// WS-Addressing 1.0.
pub const WSA: &str = "http://www.w3.org/2005/08/addressing";
/// Drafts of WS-Addressing, which are refused.
pub const WSA_DRAFTS: [&str; 2] =
    ["http://schemas.xmlsoap.org/ws/2004/08/addressing", "http://schemas.xmlsoap.org/ws/2003/03/addressing"];
/// XML-binary optimised packaging.
pub const XOP: &str = "http://www.w3.org/2004/08/xop/include";
/// WS-Security 1.0 extension.
pub const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
/// "Answer on this connection".
/// Nobody wants an answer.
pub const NONE: &str = "http://www.w3.org/2005/08/addressing/none";
pub const ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";
/// "Do not answer".
pub const NO_ADDRESS: &str = "http://www.w3.org/2005/08/addressing/none";
/// Action of faults about addressing.
pub const ADDRESSING_FAULT: &str = "http://www.w3.org/2005/08/addressing/fault";
/// Action of every other fault.
pub const SOAP_FAULT: &str = "http://www.w3.org/2005/08/addressing/soap/fault";
