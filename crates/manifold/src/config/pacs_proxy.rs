//! `[actors.pacs_proxy]`: a PACS behind this node, which speaks nothing but DIMSE.

use super::keys::{Broken, NodeConfig, Peer, PeerKind};
use serde::{Deserialize, Serialize};
use transactions::pacs_proxy::PacsQuirks;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PacsProxy {
    /// A peer with `kind = "pacs"`.
    pub peer: String,
    /// Our AE title as the PACS knows it: images come by C-MOVE.
    pub move_destination: Option<String>,
    /// `c-get`: images come on the association that asks.
    pub retrieve: Option<RetrieveWay>,
    /// The PACS is asked for the studies of the last days so often.
    #[serde(default = "poll")]
    pub poll_ms: u64,
    /// Days of a poll, today included.
    #[serde(default = "window")]
    pub window_days: u32,
    /// What makes the proxy look at a study before the next poll.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// AE titles that may send notifications (`ian`, `mpps`) beside the PACS.
    #[serde(default)]
    pub notifiers: Vec<String>,
    /// When what the PACS no longer lists is gone.
    #[serde(default)]
    pub confirm_missing: ConfirmMissing,
    /// One study of all that are known is looked at again each time; 0: never.
    #[serde(default = "reconcile")]
    pub reconcile_ms: u64,
    /// What this PACS does otherwise than the standard says.
    #[serde(default)]
    pub quirks: Vec<String>,
    /// Disk space for images on their way through.
    #[serde(default = "transit")]
    pub transit_octets: u64,
    /// Associations with the PACS at the same time.
    #[serde(default = "parallel")]
    pub parallel: usize,
    /// Without an octet for so long, an association with the PACS is given up.
    #[serde(default = "idle")]
    pub idle_ms: u64,
}

fn poll() -> u64 {
    1_800_000
}
fn window() -> u32 {
    2
}
// A hundred thousand studies take ten weeks, and the PACS a few questions a minute.
fn reconcile() -> u64 {
    60_000
}
fn transit() -> u64 {
    4 << 30
}
fn parallel() -> usize {
    4
}
// A recall from tape takes minutes.
fn idle() -> u64 {
    300_000
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum RetrieveWay {
    #[serde(rename = "c-get")]
    CGet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// An object that nobody asked for.
    Cstore,
    /// Instance Availability Notification (RAD-49).
    Ian,
    /// Modality Performed Procedure Step (RAD-6, RAD-7).
    Mpps,
    /// A report on the MLLP port.
    Oru,
    /// `POST /pacs_proxy/studies/UID`.
    Http,
}

impl Trigger {
    /// As it is written in the file.
    pub fn name(self) -> &'static str {
        match self {
            Trigger::Cstore => "cstore",
            Trigger::Ian => "ian",
            Trigger::Mpps => "mpps",
            Trigger::Oru => "oru",
            Trigger::Http => "http",
        }
    }

    fn comes_by_dicom(self) -> bool {
        matches!(self, Trigger::Cstore | Trigger::Ian | Trigger::Mpps)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfirmMissing {
    /// So many successive questions have to miss something...
    pub queries: u32,
    /// ...at least so far apart.
    pub apart_ms: u64,
}

impl Default for ConfirmMissing {
    fn default() -> Self {
        ConfirmMissing { queries: 2, apart_ms: 1_800_000 }
    }
}

/// How images come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images<'a> {
    /// By C-MOVE to this AE title.
    MoveTo(&'a str),
    /// By C-GET.
    Get,
}

impl PacsProxy {
    /// How images come; both or neither are refused when the file is read.
    pub fn images(&self) -> Images<'_> {
        match &self.move_destination {
            Some(destination) => Images::MoveTo(destination),
            None => Images::Get,
        }
    }

    pub fn has(&self, trigger: Trigger) -> bool {
        self.triggers.contains(&trigger)
    }

    /// Whether the DICOM port has to listen.
    pub fn needs_dicom(&self) -> bool {
        self.move_destination.is_some() || self.triggers.iter().any(|trigger| trigger.comes_by_dicom())
    }

    /// The PACS.
    pub fn pacs<'a>(&self, config: &'a NodeConfig) -> Option<&'a Peer> {
        config.peers.get(&self.peer)
    }

    pub(super) fn validate(&self, config: &NodeConfig) -> Result<(), Broken> {
        let broken = |key: &str, rule: String| Err((format!("actors.pacs_proxy.{key}"), rule));
        let Some(pacs) = self.pacs(config) else {
            let nearest = config.peers.keys().min_by_key(|known| super::distance(known, &self.peer));
            let hint = nearest.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            return broken("peer", format!("names `{}`, which is no peer{hint}", self.peer));
        };
        if pacs.kind != PeerKind::Pacs {
            return broken("peer", format!("names `{}`, whose kind is not \"pacs\"", self.peer));
        }
        let of_peer = |key: &str, rule: &str| Err((format!("peers.{}.{key}", self.peer), rule.to_owned()));
        match &pacs.address {
            None => return of_peer("address", "is required for a PACS: host:port"),
            Some(address) if !is_host_and_port(address) => return of_peer("address", "must have the form host:port"),
            Some(_) => {}
        }
        match &pacs.ae_title {
            None => return of_peer("ae_title", "is required for a PACS"),
            Some(title) if !is_ae_title(title) => return of_peer("ae_title", AE_TITLE),
            Some(_) => {}
        }
        match (&self.move_destination, self.retrieve) {
            (Some(_), Some(_)) => {
                return broken(
                    "retrieve",
                    "and move_destination exclude each other: images come by C-GET or by C-MOVE".into(),
                );
            }
            (None, None) => {
                let rule = "is missing: our AE title as the PACS knows it, for C-MOVE; or write retrieve = \"c-get\"";
                return broken("move_destination", rule.into());
            }
            (Some(destination), None) if !is_ae_title(destination) => {
                return broken("move_destination", AE_TITLE.into());
            }
            _ => {}
        }
        if let Some(title) = self.notifiers.iter().find(|title| !is_ae_title(title)) {
            return broken("notifiers", format!("{AE_TITLE}; got `{title}`"));
        }
        PacsQuirks::parse(self.quirks.iter().map(String::as_str))
            .map_err(|bad| ("actors.pacs_proxy.quirks".to_owned(), bad.to_string()))?;
        match &config.listen.dicom {
            None if self.move_destination.is_some() => {
                return Err(("listen.dicom".into(), "is required: the PACS sends there what a C-MOVE asks for".into()));
            }
            None if self.needs_dicom() => {
                return Err(("listen.dicom".into(), "is required for the triggers cstore, ian and mpps".into()));
            }
            _ => {}
        }
        if self.has(Trigger::Oru) && config.listen.mllp.is_none() {
            return Err(("listen.mllp".into(), "is required for the trigger oru".into()));
        }
        if config.actors.imaging_archive.is_some() {
            let rule =
                "and imaging_archive exclude each other: what comes by C-STORE could be of either; run two nodes";
            return Err(("actors.pacs_proxy".into(), rule.into()));
        }
        for (key, value) in [
            ("poll_ms", self.poll_ms),
            ("window_days", u64::from(self.window_days)),
            ("confirm_missing.queries", u64::from(self.confirm_missing.queries)),
            ("transit_octets", self.transit_octets),
            ("parallel", self.parallel as u64),
            ("idle_ms", self.idle_ms),
        ] {
            if value == 0 {
                return broken(key, "must be more than 0".into());
            }
        }
        Ok(())
    }
}

const AE_TITLE: &str = "must have 1 to 16 characters, none of them a backslash";

fn is_ae_title(text: &str) -> bool {
    !text.trim().is_empty()
        && text.len() <= 16
        && text.bytes().all(|b| (b == b' ' || b.is_ascii_graphic()) && b != b'\\')
}

fn is_host_and_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}
