//! `manifold serve`: one node from its file, until Ctrl-C or SIGTERM. Logs are JSON lines on standard error.

use super::stop::Stop;
use crate::config;
use crate::node::{Node, stop_requested};
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use tracing_subscriber::EnvFilter;

/// Runs the node that a configuration file describes.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  manifold serve /etc/manifold/north.toml\n\nCtrl-C or SIGTERM ends it cleanly. Logs go to standard error as JSON; RUST_LOG=debug says more.\n`manifold config check FILE` explains a file without running it."
)]
pub struct Serve {
    /// The node's configuration
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Write which endpoint answers where, as soon as it does
    #[arg(long, value_name = "OUT")]
    pub endpoints: Option<PathBuf>,
}

pub async fn run(options: Serve) -> Result<(), Stop> {
    let config = config::load(&options.file).map_err(Stop::usage)?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|e| Stop::failed(format!("cannot write logs: {e}")))?;
    if let Some(out) = &options.endpoints {
        // A file of an earlier run would send its reader to ports where nobody listens.
        let _ = std::fs::remove_file(out);
    }
    let patient_domain = config.affinity_domain.patient_domain.clone();
    let codes = config.affinity_domain.codes.as_ref().map(|path| config.resolve(path));
    let quiet_time_ms = config.actors.imaging_document_source.as_ref().map(|source| source.quiet_time_ms);
    let secure = config.listen.tls.is_some();
    // Asked for before the start, so that a signal during it is not lost.
    let mut stop = std::pin::pin!(stop_requested());
    let starting = Node::start(config);
    let node = tokio::select! {
        started = starting => started?,
        () = &mut stop => return Ok(()),
    };
    if let Some(out) = &options.endpoints {
        let file = json!({
            "architecture": null, "secure": secure, "pid": std::process::id(), "quiet_time_ms": quiet_time_ms,
            "patient_domain": patient_domain, "codes": codes, "patients": [], "nodes": [node.endpoints()],
        });
        if let Err(stop) = write_atomically(out, format!("{file:#}\n").as_bytes()) {
            node.stop().await;
            return Err(stop);
        }
    }
    stop.await;
    tracing::info!("asked to end");
    node.stop().await;
    if let Some(out) = &options.endpoints {
        let _ = std::fs::remove_file(out);
    }
    Ok(())
}

/// Writes beside and renames: a reader sees the whole file or none.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Stop> {
    let failed = |e: std::io::Error| Stop::failed(format!("cannot write {}: {e}", path.display()));
    let part = super::retrieve::beside(path, "part");
    let mut file = std::fs::File::create(&part).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&part, path).map_err(failed)
}
