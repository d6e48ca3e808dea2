//! What a PACS no longer lists, until it was missed often enough. Source: spec/dicom.md sections 7, 22.6.

use super::ObservationPolicy;
use super::observation::EMPTY_FOR;
use model::SopInstanceUid;
use std::collections::BTreeMap;

/// Instances that were not listed where they had been: how often, and when last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Missed(pub BTreeMap<SopInstanceUid, (u32, i64)>);

impl Missed {
    /// What is still missed after one more look, and what is gone.
    pub fn again(
        self,
        missing: Vec<SopInstanceUid>,
        policy: &ObservationPolicy,
        withhold: bool,
        now: i64,
    ) -> (Missed, Vec<SopInstanceUid>) {
        let (mut still, mut gone) = (BTreeMap::new(), Vec::new());
        for uid in missing {
            let (times, last) = match self.0.get(&uid) {
                // A look too soon after the last does not count.
                Some((times, last)) if now - last < policy.confirm_apart_micros => (*times, *last),
                Some((times, _)) => (times + 1, now),
                None => (1, now),
            };
            let patience = if withhold { EMPTY_FOR / policy.confirm_apart_micros.max(1) } else { 0 };
            if i64::from(times) >= i64::from(policy.confirm_queries.max(1)).max(patience) {
                gone.push(uid);
            } else {
                still.insert(uid, (times, last));
            }
        }
        (Missed(still), gone)
    }

    pub fn encode(&self) -> Vec<u8> {
        let lines = self.0.iter().map(|(uid, (times, at))| format!("{uid} {times} {at}"));
        lines.collect::<Vec<_>>().join("\n").into_bytes()
    }

    pub fn decode(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let line = |line: &str| {
            let mut words = line.split(' ');
            let uid = SopInstanceUid::parse(words.next()?).ok()?;
            Some((uid, (words.next()?.parse().ok()?, words.next()?.parse().ok()?)))
        };
        Missed(text.lines().filter_map(line).collect())
    }
}
