//! Answers that a request does not wait for: `wsa:ReplyTo` names an address, and the answer is posted there. Only to
//! addresses that the configuration knows, because whoever can make a node call any address can make it call those that
//! nobody outside may reach. Source: ITI TF-2 Appendix V.3; spec/xds.md section 26.

use axum::body::Body;
use http::header;
use net::HttpClient;
use soap::Addressing;
use std::sync::Arc;
use std::time::Duration;

/// An address that answers may be posted to, or that those may begin with.
pub struct ReplyAddress {
    /// The peer's name.
    pub name: String,
    pub url: String,
    pub http: HttpClient,
}

#[derive(Clone, Default)]
pub struct AsyncReplies(pub Arc<Vec<ReplyAddress>>);

/// Where one request wants its answer.
pub(super) struct Destination {
    /// Absent: nowhere.
    pub(super) reply_to: Option<Address>,
    pub(super) fault_to: Option<Address>,
}

#[derive(Clone)]
pub(super) struct Address {
    name: String,
    pub(super) url: String,
    http: HttpClient,
}

/// How often an answer is posted before it is given up, with twice the time between each.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

impl AsyncReplies {
    /// `None` when the answer goes back on the same connection.
    ///
    /// Errors: an address that is none of the configuration's.
    pub(super) fn destination(&self, addressing: &Addressing) -> Result<Option<Destination>, soap::Fault> {
        if addressing.is_synchronous() {
            return Ok(None);
        }
        let reply_to = self.find("ReplyTo", addressing.reply_to.as_deref())?;
        let fault_to = match addressing.fault_to.as_deref() {
            // A fault that should go back on the connection goes where the answer goes: the connection is closed then.
            None | Some(soap::names::ANONYMOUS) => reply_to.clone(),
            address => self.find("FaultTo", address)?,
        };
        Ok(Some(Destination { reply_to, fault_to }))
    }

    fn find(&self, header: &str, address: Option<&str>) -> Result<Option<Address>, soap::Fault> {
        let Some(address) = address.filter(|address| *address != soap::names::NONE) else { return Ok(None) };
        match self.0.iter().find(|known| covers(&known.url, address)) {
            Some(known) => {
                Ok(Some(Address { name: known.name.clone(), url: address.to_owned(), http: known.http.clone() }))
            }
            None => {
                let shown: String = address.chars().take(200).collect();
                let reason = format!(
                    "{header} must be anonymous or an address that this node knows as a peer's reply_to; got `{shown}`"
                );
                Err(soap::Fault::sender(reason).with(soap::Subcode::DestinationUnreachable))
            }
        }
    }
}

/// True when `address` is `known` or below it: the same place, and no other that only begins with the same letters.
fn covers(known: &str, address: &str) -> bool {
    let known = known.trim_end_matches('/');
    address.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        && !address.contains("/../")
        && !address.contains(char::is_whitespace)
}

impl Address {
    /// Posts the answer. A stream is sent once; what is in memory is sent again when nobody takes it.
    pub(super) async fn post(&self, content_type: &str, body: Body, request_id: &str) {
        use http_body::Body as _;
        let attempts = if body.size_hint().exact().is_some_and(|octets| octets <= 1 << 20) { ATTEMPTS } else { 1 };
        let mut whole = None;
        let mut stream = None;
        if attempts > 1 {
            whole = axum::body::to_bytes(body, 1 << 20).await.ok();
        } else {
            stream = Some(body);
        }
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=attempts {
            let body = match (&whole, stream.take()) {
                (Some(bytes), _) => reqwest::Body::from(bytes.clone()),
                (None, Some(body)) => reqwest::Body::wrap_stream(body.into_data_stream()),
                (None, None) => return,
            };
            let request = self.http.post(&self.url).header(header::CONTENT_TYPE, content_type).body(body);
            let problem = match self.http.send(request).await {
                Ok(response) if response.status().is_success() => return,
                Ok(response) => format!("HTTP {}", response.status().as_u16()),
                Err(error) => error.to_string(),
            };
            tracing::warn!(request_id, peer = self.name, attempt, problem, "an answer could not be posted");
            if attempt < attempts {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
        tracing::error!(
            request_id,
            peer = self.name,
            "an answer was given up: nobody takes it at the address of ReplyTo"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn an_address_is_known_with_what_is_below_it_and_nothing_beside_it() {
        for (known, address, covered) in [
            ("https://c.example/async", "https://c.example/async", true),
            ("https://c.example/async/", "https://c.example/async/7?x=1", true),
            ("https://c.example/async", "https://c.example/async?x=1", true),
            ("https://c.example", "https://c.example/anything", true),
            ("https://c.example", "https://c.example.evil.example/", false),
            ("https://c.example", "https://c.example:8443/", false),
            ("https://c.example", "https://c.example@evil.example/", false),
            ("https://c.example/async", "https://c.example/asynchronous", false),
            ("https://c.example/async", "https://c.example/async/../admin", false),
            ("https://c.example/async", "http://c.example/async", false),
        ] {
            assert_eq!(covers(known, address), covered, "{known} {address}");
        }
    }
}
