//! Time that stands still and identifiers that count.

use actors::{Clock, Cx, Identifiers};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// 2026-03-01T10:00:00Z.
pub const NOW_UNIX_MICROS: i64 = 1_772_359_200_000_000;

/// A clock that moves only when it is told to.
pub struct FixedClock(AtomicI64);

impl Default for FixedClock {
    fn default() -> Self {
        FixedClock(AtomicI64::new(NOW_UNIX_MICROS))
    }
}

impl FixedClock {
    pub fn advance_micros(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now_unix_micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// UUIDs that differ in their first eight octets.
#[derive(Default)]
pub struct CountedIdentifiers(AtomicU64);

impl Identifiers for CountedIdentifiers {
    fn uuid(&self) -> [u8; 16] {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let mut uuid = [0xA5; 16];
        uuid[..8].copy_from_slice(&number.to_be_bytes());
        (uuid[6], uuid[8]) = (0x40 | uuid[6] & 0x0F, 0x80);
        uuid
    }
}

/// The circumstances of a call by a test.
pub fn cx() -> Cx {
    Cx::local("test", Arc::new(FixedClock::default()), Arc::new(CountedIdentifiers::default()))
}
