//! Trying again. A command comes by POST from a page of this node, and says who gave it in the audit log and the history.

use super::overview::{all, uid};
use super::problems::{Kind, Trouble};
use super::{Console, RETRY};
use crate::edge::audit::{Facts, Outcome};
use crate::edge::pages::{Asked, POLICY, answer, json, set};
use actors::{Retried, RetryRefusal};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::request::Parts;
use http::{StatusCode, header};
use pages::console::{CONSOLE, study_href};
use serde_json::json;
use std::sync::Arc;

pub(super) async fn retry(
    State(console): State<Arc<Console>>,
    Path(study): Path<String>,
    request: Request,
) -> Response {
    let parts = request.into_parts().0;
    let asked = console.asked(&parts);
    let outcome = console.retry(&study, &parts, &asked).await;
    let objects: Vec<String> = uid(&study).iter().map(ToString::to_string).collect();
    console.audit(&outcome.as_ref().map(|_| ()), objects, &asked);
    match outcome {
        Ok(retried) => {
            let (done, words) = match retried {
                Retried::Now => ("now", asked.texts.say("console.retried")),
                Retried::UnderWay => ("under_way", asked.texts.say("console.retried.under_way")),
            };
            let from_study = header_text(&parts, header::REFERER).contains("/console/study/");
            let to = match from_study {
                true => study_href(&study),
                false => format!("{CONSOLE}?done={done}&also={study}#stuck-{study}"),
            };
            done_or_words(&parts, &to, words)
        }
        Err(trouble) => console.refuse(&parts, &asked, trouble),
    }
}

pub(super) async fn retry_all(State(console): State<Arc<Console>>, request: Request) -> Response {
    let parts = request.into_parts().0;
    let asked = console.asked(&parts);
    let outcome = console.retry_all(&parts, &asked).await;
    let objects = outcome.as_ref().map(|studies| studies.iter().take(1000).map(ToString::to_string).collect());
    console.audit(&outcome.as_ref().map(|_| ()), objects.unwrap_or_default(), &asked);
    match outcome {
        Ok(studies) => {
            let count = studies.len();
            done_or_words(&parts, &format!("{CONSOLE}?done={count}"), &all(count, &asked))
        }
        Err(trouble) => console.refuse(&parts, &asked, trouble),
    }
}

impl Console {
    async fn retry(&self, study: &str, parts: &Parts, asked: &Asked) -> Result<Retried, Trouble> {
        check_origin(parts)?;
        let uid = uid(study)?;
        self.operations.retry(&uid, &who(asked), &asked.cx).await.map_err(|refusal| match refusal {
            RetryRefusal::UnknownStudy => Trouble::of(Kind::NoStudy, uid.as_str()),
            RetryRefusal::NotStuck(progress) => {
                let state = asked.texts.say(match progress.stage() {
                    actors::StudyStage::Waiting => "console.tab.waiting",
                    actors::StudyStage::Stuck => "console.tab.stuck",
                    actors::StudyStage::Settled => "console.tab.published",
                });
                Trouble::of(Kind::NotStuck, format!("{state}."))
            }
            RetryRefusal::Fault(fault) => Trouble::from(fault),
        })
    }

    async fn retry_all(&self, parts: &Parts, asked: &Asked) -> Result<Vec<model::StudyInstanceUid>, Trouble> {
        check_origin(parts)?;
        Ok(self.operations.retry_all(&who(asked), &asked.cx).await?)
    }

    fn audit(&self, outcome: &Result<(), &Trouble>, objects: Vec<String>, asked: &Asked) {
        let outcome = match outcome {
            Ok(()) => Outcome::Success,
            Err(trouble) => Outcome::MinorFailure(trouble.log.clone()),
        };
        self.edge.audit(&RETRY, outcome, Facts { patient: None, objects, query: None }, &asked.cx);
    }

    fn refuse(&self, parts: &Parts, asked: &Asked, trouble: Trouble) -> Response {
        if !takes_json(parts) {
            return self.trouble(asked, CONSOLE, trouble);
        }
        tracing::warn!(request_id = asked.cx.request_id, reason = trouble.log, "the console answers with a problem");
        let (status, problem) = (trouble.status(), trouble.problem(asked));
        let value = json!({
            "what": problem.what, "who": problem.who, "advice": problem.advice, "reference": problem.reference,
        });
        answer(status, "application/json", POLICY, Body::from(value.to_string()))
    }
}

/// Whom the history names.
fn who(asked: &Asked) -> String {
    let caller = &asked.cx.caller;
    match (caller.name.is_empty(), caller.address) {
        (false, _) => caller.name.clone(),
        (true, Some(address)) => address.to_string(),
        (true, None) => String::new(),
    }
}

fn done_or_words(parts: &Parts, to: &str, words: &str) -> Response {
    if takes_json(parts) {
        return json(&json!({ "words": words }));
    }
    let mut response = answer(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", POLICY, Body::from("done\n"));
    set(response.headers_mut(), header::LOCATION, to);
    response
}

fn header_text(parts: &Parts, name: header::HeaderName) -> &str {
    parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

fn takes_json(parts: &Parts) -> bool {
    let accept = header_text(parts, header::ACCEPT);
    accept.contains("application/json") && !accept.contains("text/html")
}

/// A browser says where a POST comes from, in `Sec-Fetch-Site` or `Origin`; no page can make it say otherwise. Who says
/// neither is no browser that acts for a page.
///
/// Errors: `Foreign`.
fn check_origin(parts: &Parts) -> Result<(), Trouble> {
    let foreign = |reason: &str| {
        let mut trouble = Trouble::of(Kind::Foreign, "");
        trouble.log = reason.to_owned();
        Err(trouble)
    };
    let site = parts.headers.get("sec-fetch-site").map(|value| value.as_bytes());
    match site {
        Some(b"same-origin" | b"none") => return Ok(()),
        Some(_) => return foreign("Sec-Fetch-Site is another than same-origin"),
        None => {}
    }
    let Some(origin) = parts.headers.get(header::ORIGIN) else { return Ok(()) };
    let host = parts.uri.authority().map_or_else(|| header_text(parts, header::HOST), |authority| authority.as_str());
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    match authority {
        Some(authority) if !host.is_empty() && authority.eq_ignore_ascii_case(host) => Ok(()),
        _ => foreign("Origin is another than the Host that was asked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_another_origin_is_told_by_what_browsers_say() {
        let check = |headers: &[(&str, &str)]| {
            let mut request = http::Request::post("/console/retry").header("host", "127.0.0.1:18010");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            check_origin(&request.body(()).unwrap().into_parts().0).is_ok()
        };
        assert!(check(&[]));
        assert!(check(&[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:18010")]));
        assert!(check(&[("origin", "http://127.0.0.1:18010")]));
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:18010")],
            &[("origin", "http://127.0.0.1:18011")],
            &[("origin", "http://evil.example")],
            &[("origin", "null")],
            &[("origin", "")],
        ] {
            assert!(!check(headers), "{headers:?}");
        }
    }
}
