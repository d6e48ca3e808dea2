//! How often something happened in each minute of the last hour. In memory: before the process began nothing is known.

use std::sync::{Mutex, PoisonError};

/// Minutes that are kept.
pub const MINUTES: usize = 60;
const MINUTE: i64 = 60 * 1_000_000;

/// Counts by minute.
#[derive(Debug)]
pub struct Minutes(Mutex<Ring>);

#[derive(Debug)]
struct Ring {
    /// Number of the latest minute, since 1970.
    latest: i64,
    counts: [u32; MINUTES],
}

impl Default for Minutes {
    fn default() -> Self {
        Minutes(Mutex::new(Ring { latest: 0, counts: [0; MINUTES] }))
    }
}

impl Ring {
    /// Makes `minute` the latest one; a clock that goes back changes nothing.
    fn advance(&mut self, minute: i64) {
        let passed = minute.saturating_sub(self.latest).clamp(0, MINUTES as i64);
        for n in 0..passed {
            self.counts[slot(minute - n)] = 0;
        }
        self.latest = self.latest.max(minute);
    }
}

fn slot(minute: i64) -> usize {
    minute.rem_euclid(MINUTES as i64) as usize
}

impl Minutes {
    /// It happened once. `now`: unix microseconds.
    pub fn add(&self, now: i64) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.advance(now.div_euclid(MINUTE));
        let at = slot(ring.latest);
        ring.counts[at] = ring.counts[at].saturating_add(1);
    }

    /// The last hour, its oldest minute first; the last one is not over yet.
    pub fn last_hour(&self, now: i64) -> [u32; MINUTES] {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.advance(now.div_euclid(MINUTE));
        let first = ring.latest - MINUTES as i64 + 1;
        std::array::from_fn(|n| ring.counts[slot(first + n as i64)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_counted_by_minutes_and_forgotten_behind_it() {
        let minutes = Minutes::default();
        let start = 29_000_000 * MINUTE + 17;
        for (after, times) in [(0, 2), (1, 1), (59, 3)] {
            (0..times).for_each(|_| minutes.add(start + after * MINUTE));
        }
        let hour = minutes.last_hour(start + 59 * MINUTE);
        assert_eq!((hour[0], hour[1], hour[2], hour[59]), (2, 1, 0, 3));
        let later = minutes.last_hour(start + 60 * MINUTE);
        assert_eq!((later[0], later[58], later[59]), (1, 3, 0));
        // A clock that was put back counts for the present minute, and a long silence empties all.
        minutes.add(start);
        assert_eq!(minutes.last_hour(start + 60 * MINUTE)[59], 1);
        assert_eq!(minutes.last_hour(start + 1000 * MINUTE), [0; MINUTES]);
    }
}
