//! The portal over invented patients in memory, to look at: `portal [PORT]`; without a port the system chooses one. It
//! prints its address and serves until it is stopped.

mod site;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use testkit::CountedIdentifiers;
use transactions::Transaction;
use transactions::edge::audit::{Facts, Outcome};
use transactions::edge::{AuditLog, Edge};

struct Time;

impl actors::Clock for Time {
    fn now_unix_micros(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
    }
}

struct Printed;

impl AuditLog for Printed {
    fn record(&self, transaction: &'static Transaction, outcome: Outcome, facts: Facts, cx: &actors::Cx) {
        println!("{} {} {outcome:?} {:?}", cx.request_id, transaction.name, facts.objects);
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "0".to_owned());
    let plans = synth::seed_studies();
    let site = site::Site::of(&plans);
    let edge = Edge {
        clock: Arc::new(Time),
        identifiers: Arc::new(CountedIdentifiers::default()),
        audit: Arc::new(Printed),
        message_octets: 1 << 20,
        document_octets: 1 << 30,
        cors_origins: Arc::new([]),
    };
    let folder = std::env::temp_dir().join(format!("manifold-portal-{}", std::process::id()));
    let router = transactions::portal::router(site.portal(edge, &folder));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://{}/portal", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
