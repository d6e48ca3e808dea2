//! What portal and console share: what a request for a page says (query, cookies, language), and responses with the headers
//! that every page has. Source: ui.md.

use super::Edge;
use actors::Cx;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pages::{Reader, Template, Texts, TimeZone};

pub(crate) const LANGUAGE_COOKIE: &str = "manifold_language";

/// No inline script or style, nothing from elsewhere.
pub(crate) const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      frame-src 'self'; object-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'";

/// One request: who asks, in which language, for what.
pub(crate) struct Asked {
    pub cx: Cx,
    pub texts: Texts,
    pub reader: Reader,
    /// Path and query, without the language.
    pub here: String,
    /// Language that was chosen in this request, to be remembered.
    pub chosen: Option<Texts>,
    pub query: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn of(parts: &Parts, edge: &Edge, zone: &TimeZone) -> Asked {
        let cx = edge.cx(parts);
        let query = query(parts.uri.query().unwrap_or(""));
        let header = |name| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
        let chosen = query.iter().find(|(name, _)| name == "lang").and_then(|(_, tag)| Texts::of(tag));
        let kept = cookie(header(http::header::COOKIE), LANGUAGE_COOKIE).and_then(Texts::of);
        let texts = chosen.or(kept).unwrap_or_else(|| Texts::accepted(header(http::header::ACCEPT_LANGUAGE)));
        let rest: Vec<String> = query
            .iter()
            .filter(|(name, _)| name != "lang")
            .map(|(name, value)| format!("{}={}", pages::urls::escape(name), pages::urls::escape(value)))
            .collect();
        let path = parts.uri.path();
        let here = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
        let reader = Reader { texts, zone: zone.clone(), now: cx.now() };
        Asked { cx, texts, reader, here, chosen, query }
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

pub(crate) fn answer(status: StatusCode, content_type: &str, policy: &str, body: Body) -> Response {
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

/// A page of those under `base`, which is where the choice of a language holds.
pub(crate) fn page(status: StatusCode, asked: &Asked, base: &str, page: &impl Template) -> Response {
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
            format!("{LANGUAGE_COOKIE}={}; Path={base}; Max-Age=31536000; SameSite=Lax; HttpOnly", chosen.tag());
        set(headers, header::SET_COOKIE, &cookie);
    }
    response
}

pub(crate) fn json(value: &serde_json::Value) -> Response {
    answer(StatusCode::OK, "application/json", POLICY, Body::from(value.to_string()))
}

/// One of our own files, under a name that holds its content.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
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
pub(crate) fn query(text: &str) -> Vec<(String, String)> {
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
pub(crate) fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
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
