//! The operator's console at `/console`: is everything flowing, what is stuck and why, who is down, what changed; and a
//! button that tries again. Source: design section 10; ui.md; pages are the `pages` crate's.

mod commands;
mod facts;
mod overview;
mod problems;

use crate::edge::pages::{self as shared, Asked};
use crate::edge::{Edge, pages::set};
use crate::{Access, Binding, Transaction};
use actors::Operations;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::request::Parts;
use http::{StatusCode, header};
use pages::console::CONSOLE;
pub use pages::console::facts::FirstStudy;
use pages::{ErrorPage, Frame, Template, TimeZone, urls};
use problems::Trouble;
use std::sync::Arc;

/// A study was opened: its page has the patient's number.
pub static VIEW_STUDY: Transaction = Transaction {
    id: "FLOW-VIEW",
    name: "Open a study in the console",
    section: "ui.md",
    binding: Binding::Http { method: "GET", path: "/console/study/{study}" },
    access: Access::Query,
};

/// Somebody had a study tried again.
pub static RETRY: Transaction = Transaction {
    id: "FLOW-RETRY",
    name: "Try a stuck study again",
    section: "ui.md",
    binding: Binding::Http { method: "POST", path: "/console/study/{study}/retry" },
    access: Access::Administer,
};

/// What the console needs.
#[derive(Clone)]
pub struct Console {
    pub operations: Operations,
    pub edge: Edge,
    /// Name and address of every peer.
    pub peers: Vec<(String, String)>,
    /// Which of them is the PACS behind the node.
    pub pacs: Option<String>,
    /// Zone in which times are shown.
    pub time_zone: TimeZone,
    /// Shown beside the name.
    pub node: String,
    /// What brings the first study here.
    pub first_study: FirstStudy,
}

/// All of the console, under `/console`.
///
/// Shape: GET and HEAD of pages, which work without a script; POST of commands, from pages of the same origin only. A
/// command is answered by 303 to the page, or by JSON where that alone is accepted.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/console", get(overview::overview))
        .route("/console/", get(overview::overview))
        .route("/console/retry", post(commands::retry_all))
        .route("/console/study/{study}", get(overview::study))
        .route("/console/study/{study}/retry", post(commands::retry))
        .route("/console/assets/{name}", get(shared::asset))
        .route("/console/{*rest}", get(overview::nothing_here))
        .with_state(Arc::new(console))
}

impl Console {
    fn asked(&self, parts: &Parts) -> Asked {
        Asked::of(parts, &self.edge, &self.time_zone)
    }

    fn frame(&self, asked: &Asked, path: &str) -> Frame {
        // What a command left in the address is not asked for again.
        let lasting = asked.query.iter().filter(|(name, _)| !["lang", "also", "done", "live"].contains(&name.as_str()));
        let parts: Vec<String> =
            lasting.map(|(name, value)| format!("{}={}", urls::escape(name), urls::escape(value))).collect();
        let here = if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) };
        let (texts, node) = (asked.texts, self.node.clone());
        Frame { texts, base: CONSOLE.to_owned(), patient: String::new(), node, here }
    }

    fn page(&self, status: StatusCode, asked: &Asked, page: &impl Template) -> Response {
        let mut response = shared::page(status, asked, CONSOLE, page);
        // The browser has to say that a command comes from here; to other origins it says nothing.
        set(response.headers_mut(), header::REFERRER_POLICY, "same-origin");
        response
    }

    fn trouble(&self, asked: &Asked, path: &str, trouble: Trouble) -> Response {
        tracing::warn!(request_id = asked.cx.request_id, reason = trouble.log, "the console answers with an error");
        let frame = self.frame(asked, path);
        let (status, problem) = (trouble.status(), trouble.problem(asked));
        let (back, back_words) = (CONSOLE.to_owned(), asked.texts.say("console.back").to_owned());
        // What failed may have been a command, which an address alone does not repeat.
        let here = CONSOLE.to_owned();
        self.page(status, asked, &ErrorPage { problem, back, back_words, here, frame })
    }
}
