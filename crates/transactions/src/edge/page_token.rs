//! The token of a next link: the search, its total and the position, sealed so that it is opaque, cannot be altered and
//! shows no patient identifier in logs. Source: spec/fhir.md section 2 (next links).

use super::fhir_server::Refused;
use actors::{Cx, Identifiers};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fhir::operation_outcome::Issue;
use http::StatusCode;
use std::sync::Arc;

/// How long a link stays good.
const LIFETIME_MICROS: i64 = 24 * 3600 * 1_000_000;
/// Longer tokens are none of ours.
const MOST_OCTETS: usize = 96 * 1024;

/// Seals and opens tokens. A node that keeps its key honours links it gave before a restart.
#[derive(Clone)]
pub struct PageKey(Arc<LessSafeKey>);

/// Where a search goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The search as it was understood, without `_page`.
    pub query: String,
    pub total: u64,
    pub after: String,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadToken {
    /// Not one of this node's.
    Unknown,
    Expired,
}

impl PageKey {
    pub fn new(key: [u8; 32]) -> Self {
        // AES-256 takes every key of 32 octets.
        let unbound = UnboundKey::new(&AES_256_GCM, &key).expect("a key of 32 octets");
        PageKey(Arc::new(LessSafeKey::new(unbound)))
    }

    /// A key that lasts as long as the process.
    pub fn fresh(identifiers: &dyn Identifiers) -> Self {
        let mut key = [0; 32];
        for half in key.chunks_exact_mut(16) {
            half.copy_from_slice(&identifiers.uuid());
        }
        PageKey::new(key)
    }

    pub fn seal(&self, position: &Position, cx: &Cx) -> String {
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&cx.identifiers.uuid()[..NONCE_LEN]);
        let head = format!("1\n{}\n{}\n{}\n", cx.now_unix_micros(), position.total, position.after);
        let mut text = (head + &position.query).into_bytes();
        let sealed = self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text);
        // Sealing fails only beyond 64 GiB.
        if sealed.is_err() {
            return String::new();
        }
        let mut out = nonce.to_vec();
        out.extend(text);
        URL_SAFE_NO_PAD.encode(out)
    }

    /// Errors: a token that this key did not seal, or one older than a day.
    pub fn open(&self, token: &str, cx: &Cx) -> Result<Position, BadToken> {
        if token.len() > MOST_OCTETS {
            return Err(BadToken::Unknown);
        }
        let mut octets = URL_SAFE_NO_PAD.decode(token).map_err(|_| BadToken::Unknown)?;
        if octets.len() < NONCE_LEN {
            return Err(BadToken::Unknown);
        }
        let mut sealed = octets.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&octets).map_err(|_| BadToken::Unknown)?;
        let plain = self.0.open_in_place(nonce, Aad::empty(), &mut sealed).map_err(|_| BadToken::Unknown)?;
        let text = std::str::from_utf8(plain).map_err(|_| BadToken::Unknown)?;
        let mut lines = text.splitn(5, '\n');
        let mut next = || lines.next().ok_or(BadToken::Unknown);
        if next()? != "1" {
            return Err(BadToken::Unknown);
        }
        let made: i64 = next()?.parse().map_err(|_| BadToken::Unknown)?;
        let total = next()?.parse().map_err(|_| BadToken::Unknown)?;
        let after = next()?.to_owned();
        let query = next()?.to_owned();
        if cx.now_unix_micros().saturating_sub(made) > LIFETIME_MICROS {
            return Err(BadToken::Expired);
        }
        Ok(Position { query, total, after })
    }
}

/// A bad token as an answer.
pub fn bad_token(bad: BadToken) -> Refused {
    let (status, code, text) = match bad {
        BadToken::Unknown => (StatusCode::BAD_REQUEST, "value", "parameter _page is not a position this server gave"),
        BadToken::Expired => (StatusCode::GONE, "expired", "this page is no longer kept; search again"),
    };
    Refused::new(status, Issue::error(code).diagnostics(text).expression("http._page"))
}
