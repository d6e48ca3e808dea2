//! Cx: who asks, why, under which id, until when. The last argument of every call.

use std::net::IpAddr;
use std::sync::Arc;

/// The time, told rather than read.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01T00:00:00Z.
    fn now_unix_micros(&self) -> i64;
}

/// New identifiers, told rather than drawn.
pub trait Identifiers: Send + Sync {
    /// Sixteen random bytes in the form of a version 4 UUID.
    fn uuid(&self) -> [u8; 16];

    /// A UID under 2.25 made from [`Identifiers::uuid`] (PS3.5 B.2).
    fn uid(&self) -> String {
        format!("2.25.{}", u128::from_be_bytes(self.uuid()))
    }

    /// An entryUUID.
    fn entry_uuid(&self) -> model::ObjectId {
        model::ObjectId::from_uuid_bytes(self.uuid())
    }
}

/// The party that asks.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Subject of a client certificate, AE title, or the name of the local role.
    pub name: String,
    pub address: Option<IpAddr>,
}

/// The circumstances of one call.
#[derive(Clone)]
pub struct Cx {
    pub caller: Caller,
    /// Purpose of use code, when the caller stated one.
    pub purpose_of_use: Option<String>,
    /// Finds the log line; goes out with every error.
    pub request_id: String,
    /// W3C traceparent, kept across hops.
    pub traceparent: Option<String>,
    pub clock: Arc<dyn Clock>,
    pub identifiers: Arc<dyn Identifiers>,
    /// When the call came.
    pub began_unix_micros: i64,
}

impl Cx {
    /// The same circumstances for a call made by this node itself, such as a publishing job.
    pub fn local(name: &str, clock: Arc<dyn Clock>, identifiers: Arc<dyn Identifiers>) -> Self {
        let request_id = short_id(&identifiers.uuid());
        let caller = Caller { name: name.to_owned(), address: None };
        let began_unix_micros = clock.now_unix_micros();
        Cx { caller, purpose_of_use: None, request_id, traceparent: None, clock, identifiers, began_unix_micros }
    }

    pub fn now_unix_micros(&self) -> i64 {
        self.clock.now_unix_micros()
    }

    /// Now as DTM in UTC, to the second.
    pub fn now(&self) -> model::Dtm {
        model::Dtm::from_unix_seconds(self.now_unix_micros().div_euclid(1_000_000))
    }
}

/// The first eight bytes of a UUID as hexadecimal digits: short enough to read out on the telephone.
pub fn short_id(uuid: &[u8; 16]) -> String {
    uuid[..8].iter().map(|b| format!("{b:02x}")).collect()
}
