//! `manifold check`: does a connected party answer, and if not, why, in plain words. Source: design.md section 2.

mod pacs;

use super::connection::{Party, Trust, circumstances};
use super::output::{self, Format};
use super::stop::Stop;
use actors::{Fault, Registry};
use clap::Args;
use dicom::dimse::{ProposedContext, RequestorConfig};
use model::{DocumentQuery, Oid, PatientId};
use net::{DimseClient, HttpClient, NetError};
use serde_json::{Value, json};
use std::time::Duration;
use transactions::edge::soap_client::SoapPeer;
use transactions::iti42_register_document_set as iti42;

/// Tests a connected party and explains every failure.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  manifold check http://127.0.0.1:18000\n  manifold check https://central.example/xds/registry --ca ca.pem\n  manifold check dicom://PACS1@10.0.0.7:11112 --calling-aet NORTH"
)]
pub struct Check {
    /// http(s)://host[:port][/path] or dicom://AET@host:port
    #[arg(value_name = "URL")]
    pub url: String,
    /// AE title to call with
    #[arg(long, value_name = "AET", default_value = "MANIFOLD")]
    pub calling_aet: String,
    /// Seconds to wait for a connection
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Days back in which a PACS is asked for studies
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=40_000))]
    pub days: u32,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub trust: Trust,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Good,
    /// It answers, and does not play this role.
    Absent,
    /// Not as the standard says, and worked around.
    Borne,
    Bad,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Good => "ok",
            Outcome::Absent => "absent",
            Outcome::Borne => "borne",
            Outcome::Bad => "failed",
        }
    }
}

struct Finding {
    what: &'static str,
    outcome: Outcome,
    words: String,
}

pub async fn run(options: Check) -> Result<(), Stop> {
    let mut section = None;
    let findings = match options.url.split_once("://") {
        Some(("http" | "https", _)) => over_http(&options).await?,
        Some(("dicom", rest)) => {
            let echo = over_dicom(rest, &options).await?;
            if echo.outcome != Outcome::Good {
                vec![echo]
            } else {
                let (surveyed, written) = pacs::survey(rest, &options).await?;
                section = written;
                std::iter::once(echo).chain(surveyed).collect()
            }
        }
        Some(("mllp" | "mllps", _)) => return Err(Stop::not_available("checking an MLLP address")),
        _ => {
            return Err(Stop::usage(format!("`{}` must be http://, https:// or dicom://AET@host:port", options.url)));
        }
    };
    match options.format {
        Format::Json => {
            let mut result = result(&options.url, &findings);
            if let Some(section) = section {
                result["configuration"] = section.into();
            }
            output::print_json(&result)?;
        }
        Format::Table => {
            let rows = findings.iter().map(|f| [f.what.to_owned(), f.outcome.word().to_owned(), f.words.clone()]);
            output::print(&output::table(["check", "outcome", "explanation"], rows))?;
            if let Some(section) = section {
                output::print(&format!(
                    "\nFor a proxy before this PACS (docs/configuration.md says the rest):\n\n{section}"
                ))?;
            }
        }
    }
    let bad = findings.iter().any(|f| f.outcome == Outcome::Bad);
    let good = findings.iter().any(|f| f.outcome == Outcome::Good);
    if good && !bad { Ok(()) } else { Err(Stop::Told) }
}

fn result(url: &str, findings: &[Finding]) -> Value {
    let one = |f: &Finding| json!({ "check": f.what, "outcome": f.outcome.word(), "explanation": f.words });
    json!({ "url": url, "checks": findings.iter().map(one).collect::<Vec<_>>() })
}

async fn over_http(options: &Check) -> Result<Vec<Finding>, Stop> {
    let http = options.trust.client()?;
    let url = options.url.trim_end_matches('/');
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    if path.ends_with("fhir") {
        return Ok(vec![fhir(&http, url).await]);
    }
    if !path.is_empty() {
        return Ok(vec![registry(&http, url, false).await]);
    }
    let ready = ready(&http, url).await;
    // Nobody there: asking twice more says nothing new.
    if ready.outcome == Outcome::Bad && !ready.words.starts_with("answered") {
        return Ok(vec![ready]);
    }
    let fhir = fhir(&http, &format!("{url}/fhir")).await;
    let registry = registry(&http, &format!("{url}/xds/registry"), true).await;
    Ok(vec![ready, fhir, registry])
}

/// The start of an answer's body, and its status.
async fn get(http: &HttpClient, url: &str, accept: &str) -> Result<(u16, Vec<u8>), NetError> {
    let mut response = http.send(http.get(url).header("accept", accept)).await?;
    let mut body = Vec::new();
    while body.len() < 4 << 20 {
        match response.chunk().await.map_err(|e| http.explain(url, &e))? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok((response.status().as_u16(), body))
}

async fn ready(http: &HttpClient, url: &str) -> Finding {
    let what = "node ready";
    match get(http, &format!("{url}/health/ready"), "text/plain").await {
        Ok((200, _)) => Finding { what, outcome: Outcome::Good, words: "the node says it is ready".into() },
        Ok((404, _)) => Finding {
            what,
            outcome: Outcome::Absent,
            words: "answered, without /health/ready: it is no manifold node".into(),
        },
        Ok((status, body)) => {
            let words: String = String::from_utf8_lossy(&body).trim().chars().take(200).collect();
            Finding { what, outcome: Outcome::Bad, words: format!("answered HTTP {status}: {words}") }
        }
        Err(error) => Finding { what, outcome: Outcome::Bad, words: explain(&error) },
    }
}

async fn fhir(http: &HttpClient, base: &str) -> Finding {
    let what = "FHIR";
    let finding = |outcome, words: String| Finding { what, outcome, words };
    let (status, body) = match get(http, &format!("{base}/metadata"), fhir::MEDIA_TYPE).await {
        Ok(answer) => answer,
        Err(error) => return finding(Outcome::Bad, explain(&error)),
    };
    match status {
        200 => {}
        404 => return finding(Outcome::Absent, format!("answered, without a CapabilityStatement at {base}/metadata")),
        401 | 403 => {
            return finding(
                Outcome::Bad,
                format!("answered HTTP {status}: it wants to know who asks, and was not told"),
            );
        }
        _ => return finding(Outcome::Bad, format!("answered HTTP {status} instead of its CapabilityStatement")),
    }
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    if value["resourceType"] != "CapabilityStatement" {
        return finding(Outcome::Bad, format!("{base}/metadata is no CapabilityStatement; is this the FHIR base?"));
    }
    let software = value["software"]["name"].as_str().unwrap_or("a server without a name");
    let version = value["software"]["version"].as_str().unwrap_or("");
    let fhir_version = value["fhirVersion"].as_str().unwrap_or("unknown");
    if fhir_version.split('.').next() != Some("4") {
        return finding(
            Outcome::Bad,
            format!("{software} speaks FHIR {fhir_version}, MHD needs {}", fhir::FHIR_VERSION),
        );
    }
    let resources = value["rest"][0]["resource"].as_array();
    let names: Vec<&str> = resources.iter().flat_map(|r| r.iter()).filter_map(|r| r["type"].as_str()).collect();
    finding(Outcome::Good, format!("{software} {version}, FHIR {fhir_version}, resources {}", names.join(", ")))
}

/// Asks for the documents of a patient nobody has: any answer of the protocol shows that it is spoken.
async fn registry(http: &HttpClient, url: &str, optional: bool) -> Finding {
    let what = "ITI-18";
    let finding = |outcome, words: String| Finding { what, outcome, words };
    let Ok(domain) = Oid::parse("2.999.0") else { return finding(Outcome::Bad, "no test patient".into()) };
    let query = DocumentQuery::of_patient(PatientId::new("MANIFOLD-CHECK", domain)).approved();
    let party = Party { name: url.to_owned(), url: url.to_owned() };
    let peer = SoapPeer { name: party.name, url: party.url, http: http.clone(), message_octets: 4 << 20 };
    match (iti42::Client { peer }).find(&query, &circumstances()).await {
        Ok(found) => finding(Outcome::Good, format!("the registry answered with {} documents", found.items.len())),
        Err(refusal) => match refusal.first() {
            Fault::UnknownPatient(_) => {
                finding(Outcome::Good, "the registry answered; it does not know the test patient".into())
            }
            Fault::Remote { code, .. } if code.contains("UnknownPatient") => {
                finding(Outcome::Good, "the registry answered; it does not know the test patient".into())
            }
            Fault::Remote { code, context, .. } if code.starts_with("SOAP fault") => {
                finding(Outcome::Bad, format!("something there speaks SOAP but refuses ITI-18: {context}"))
            }
            Fault::Remote { code, context, .. } => {
                finding(Outcome::Good, format!("the registry answered; it refuses the test query by {code}: {context}"))
            }
            Fault::PeerUnavailable { reason, .. } if reason.starts_with("answered HTTP 404") => {
                let outcome = if optional { Outcome::Absent } else { Outcome::Bad };
                finding(outcome, format!("answered, without a registry at {url}"))
            }
            Fault::PeerUnavailable { reason, .. } => finding(Outcome::Bad, explain_words(reason)),
            other => finding(Outcome::Bad, other.to_string()),
        },
    }
}

async fn over_dicom(rest: &str, options: &Check) -> Result<Finding, Stop> {
    let usage = || Stop::usage(format!("`dicom://{rest}` must have the form dicom://AET@host:port"));
    let (called, address) = rest.trim_end_matches('/').split_once('@').ok_or_else(usage)?;
    let port = address.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    if called.is_empty() || called.len() > 16 || !matches!(port, Some(Ok(_))) {
        return Err(usage());
    }
    let config = RequestorConfig::new(&options.calling_aet, called, vec![ProposedContext::verification()]);
    let (address, timeout) = (address.to_owned(), Duration::from_secs(options.timeout));
    let echo = tokio::task::spawn_blocking(move || {
        let mut client = DimseClient::connect(&address, config, timeout)?;
        let status = client.echo()?;
        client.release()?;
        Ok::<u16, NetError>(status)
    });
    let what = "C-ECHO";
    Ok(match echo.await.map_err(|e| Stop::failed(format!("the check broke off: {e}")))? {
        Ok(0) => Finding { what, outcome: Outcome::Good, words: format!("{called} answered") },
        Ok(status) => {
            Finding { what, outcome: Outcome::Bad, words: format!("{called} answered with status {status:04x}") }
        }
        Err(error) => {
            let words = explain(&error);
            let lower = words.to_lowercase();
            let hint = if lower.contains("called") {
                format!("; it does not know itself as {called}: ask for its AE title")
            } else if lower.contains("calling") {
                format!(
                    "; it must be told about our AE title {} first, or give another by --calling-aet",
                    options.calling_aet
                )
            } else {
                String::new()
            };
            Finding { what, outcome: Outcome::Bad, words: format!("{words}{hint}") }
        }
    })
}

fn explain(error: &NetError) -> String {
    explain_words(&error.to_string())
}

/// What a failed connection means and what to do, after the words of the system.
fn explain_words(words: &str) -> String {
    let lower = words.to_lowercase();
    let has = |any: &[&str]| any.iter().any(|text| lower.contains(text));
    let meaning = if has(&["connection refused"]) {
        "nobody listens on that port: is the party running, and is the port right?"
    } else if has(&["lookup", "name or service", "name has no address", "resolve", "nodename"]) {
        "that name has no address: is it spelt right, and does this machine's DNS know it?"
    } else if has(&["timed out", "deadline", "did not answer within", "elapsed"]) {
        "no answer came in time: a firewall between here and there often does this"
    } else if has(&["unknownissuer", "unknown issuer", "self-signed", "self signed"]) {
        "its certificate comes from an authority that is not trusted here: give that authority's certificate by --ca"
    } else if has(&["notvalidforname", "not valid for name"]) {
        "its certificate is made out to another name: use the name in the certificate"
    } else if has(&["expired"]) {
        "its certificate has expired: its operator must renew it"
    } else if has(&["certificaterequired", "certificate required"]) {
        "it wants a certificate of ours: give --certificate and --key"
    } else if has(&["invalidcontenttype", "corrupt message", "wrong version number"]) {
        "it does not speak TLS on that port: try http://"
    } else if has(&["invalid http version", "invalid header", "http version parsed"]) {
        "something answers there, but it does not speak HTTP: is it a DICOM or MLLP port?"
    } else if has(&["broke off", "connection closed", "incomplete message", "reset"]) {
        "it hung up: it may expect TLS or another protocol on that port"
    } else {
        ""
    };
    if meaning.is_empty() { words.to_owned() } else { format!("{words}; {meaning}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_explained_in_plain_words() {
        for (words, expected) in [
            ("cannot connect to http://x: Connection refused (os error 111)", "nobody listens on that port"),
            ("cannot connect to http://x: failed to lookup address information", "that name has no address"),
            ("http://x did not answer within 60 s", "no answer came in time"),
            ("cannot connect to https://x: invalid peer certificate: UnknownIssuer", "--ca"),
            ("cannot connect to https://x: received fatal alert: CertificateRequired", "--certificate"),
        ] {
            let text = explain_words(words);
            assert!(text.starts_with(words) && text.contains(expected), "{text}");
        }
        assert_eq!(explain_words("something else"), "something else");
    }

    fn options(url: &str) -> Check {
        Check {
            url: url.into(),
            calling_aet: "MANIFOLD".into(),
            timeout: 1,
            days: 30,
            format: Format::Table,
            trust: Trust::default(),
        }
    }

    #[tokio::test]
    async fn addresses_that_are_none_are_usage_errors() {
        for url in ["host:80", "ftp://x", "dicom://host:104", "dicom://A@host", "dicom://A@host:x", "mllp://h:1"] {
            assert!(matches!(run(options(url)).await, Err(Stop::Usage(_))), "{url}");
        }
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_fails_with_a_reason() {
        // Bound and closed again: nobody listens there now.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let found = over_dicom(&format!("X@{address}"), &options("")).await.unwrap();
        assert_eq!(found.outcome, Outcome::Bad);
        assert!(found.words.contains("nobody listens"), "{}", found.words);
        let found = over_http(&options(&format!("http://{address}"))).await.unwrap();
        assert_eq!(found.len(), 1);
        crate::cli::schemas::check_schema("check", &result("http://x", &found));
        assert!(found[0].words.contains("nobody listens"), "{}", found[0].words);
    }
}
