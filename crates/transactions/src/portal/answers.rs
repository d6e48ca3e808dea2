//! Responses with the headers that every page of the portal has, and what a request's query and cookies say.

use super::problems::Trouble;
use super::{Asked, Here};
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pages::{ErrorPage, Template};

pub(super) const LANGUAGE_COOKIE: &str = "manifold_language";

/// No inline script or style, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      frame-src 'self'; object-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'";

/// For what is not ours: it may do nothing but be looked at.
const FOREIGN_POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'self'";

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn answer(status: StatusCode, content_type: &str, policy: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, content_type);
    set(headers, header::CONTENT_SECURITY_POLICY, policy);
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Addresses name patients: they are told to nobody.
    set(headers, header::REFERRER_POLICY, "no-referrer");
    set(headers, header::CACHE_CONTROL, "no-store");
    set(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    response
}

/// A page.
pub(super) fn page(status: StatusCode, asked: &Asked, page: &impl Template) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(request_id = asked.cx.request_id, %error, "a page cannot be rendered");
            return answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", POLICY, Body::from("internal error"));
        }
    };
    let mut response = answer(status, "text/html; charset=utf-8", POLICY, Body::from(html));
    let headers = response.headers_mut();
    set(headers, header::VARY, "accept-language, cookie");
    set(headers, HeaderName::from_static("x-request-id"), &asked.cx.request_id);
    if let Some(chosen) = asked.chosen {
        let cookie =
            format!("{LANGUAGE_COOKIE}={}; Path=/portal; Max-Age=31536000; SameSite=Lax; HttpOnly", chosen.tag());
        set(headers, header::SET_COOKIE, &cookie);
    }
    response
}

impl Here {
    /// The error page; the patient's name leads back to the timeline.
    pub(super) fn trouble(&self, asked: &Asked, patient: &str, trouble: Trouble) -> Response {
        tracing::warn!(request_id = asked.cx.request_id, reason = trouble.log, "the portal answers with an error page");
        // An unknown patient has no timeline to go back to.
        let patient = if trouble.leads_nowhere() { "" } else { patient };
        let (status, problem) = (trouble.status, trouble.problem(asked));
        page(status, asked, &ErrorPage::of(problem, &asked.here, self.frame(asked, patient)))
    }
}

/// A problem for a script.
pub(super) fn json_trouble(asked: &Asked, trouble: Trouble) -> Response {
    tracing::warn!(request_id = asked.cx.request_id, reason = trouble.log, "the portal answers with a problem");
    let (status, problem) = (trouble.status, trouble.problem(asked));
    let value = serde_json::json!({
        "what": problem.what, "who": problem.who, "advice": problem.advice, "reference": problem.reference,
    });
    answer(status, "application/json", POLICY, Body::from(value.to_string()))
}

pub(super) fn json(value: &serde_json::Value) -> Response {
    answer(StatusCode::OK, "application/json", POLICY, Body::from(value.to_string()))
}

/// Octets of somebody else's document or image; `save` names the file that a browser shall keep.
pub(super) fn foreign(content_type: &str, octets: bytes::Bytes, save: Option<&str>) -> Response {
    let mut response = answer(StatusCode::OK, content_type, FOREIGN_POLICY, Body::from(octets));
    let disposition = match save {
        Some(name) => format!("attachment; filename=\"{name}\""),
        None => "inline".to_owned(),
    };
    set(response.headers_mut(), header::CONTENT_DISPOSITION, &disposition);
    response
}

/// One of our own files, under a name that holds its content.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match pages::assets::asset(&name) {
        Some(asset) => {
            let mut response = answer(StatusCode::OK, asset.content_type, POLICY, Body::from(asset.content));
            set(response.headers_mut(), header::CACHE_CONTROL, "public, max-age=31536000, immutable");
            response
        }
        None => answer(StatusCode::NOT_FOUND, "text/plain", POLICY, Body::from("no such asset; reload the page")),
    }
}

/// Names and values of a query string; at most 64.
pub(super) fn query(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let mut out = Vec::with_capacity(part.len());
        let mut bytes = part.bytes();
        while let Some(byte) = bytes.next() {
            let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
            match byte {
                b'+' => out.push(b' '),
                b'%' => {
                    let mut ahead = bytes.clone();
                    match (digit(ahead.next()), digit(ahead.next())) {
                        (Some(high), Some(low)) => {
                            out.push((high * 16 + low) as u8);
                            bytes = ahead;
                        }
                        _ => out.push(byte),
                    }
                }
                byte => out.push(byte),
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    };
    text.split('&')
        .filter(|part| !part.is_empty())
        .take(64)
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// The value of a cookie.
pub(super) fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_whatever_is_in_it() {
        let pairs = query("q=M%C3%BCller+x&from=&b&%zz=%4");
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(pairs, [("q", "Müller x"), ("from", ""), ("b", ""), ("%zz", "%4")]);
        assert_eq!(query(&"a&".repeat(1000)).len(), 64);
        assert_eq!(cookie("a=1; manifold_language=fr", LANGUAGE_COOKIE), Some("fr"));
        assert_eq!(cookie("manifold_languages=fr", LANGUAGE_COOKIE), None);
    }
}
