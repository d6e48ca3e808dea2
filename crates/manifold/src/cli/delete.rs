//! `manifold delete`: takes a study, a series or an instance out of a node's archive; its manifest follows.

use super::connection::Connection;
use super::output;
use super::status::{base, exchange};
use super::stop::Stop;
use clap::Args;

/// Deletes what a node's archive keeps of a study, a series or an instance
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  manifold delete --study 2.25.1 --endpoints demo.json --node central\n\nThe study's manifest is replaced, or withdrawn when nothing is left. Nothing brings the images back."
)]
pub struct Delete {
    #[arg(long, value_name = "UID")]
    pub study: String,
    /// Only this series
    #[arg(long, value_name = "UID")]
    pub series: Option<String>,
    /// Only this instance of the series
    #[arg(long, value_name = "UID", requires = "series")]
    pub instance: Option<String>,
    /// Address of the node, instead of --endpoints and --node
    #[arg(long, value_name = "URL", conflicts_with_all = ["endpoints", "node"])]
    pub url: Option<String>,
    #[command(flatten)]
    pub connection: Connection,
}

pub async fn run(options: Delete) -> Result<(), Stop> {
    let (base, http) = base(options.url.as_deref(), &options.connection)?;
    let mut url = format!("{base}/archive/studies/{}", options.study);
    for (level, uid) in [("series", &options.series), ("instances", &options.instance)] {
        if let Some(uid) = uid {
            url.push_str(&format!("/{level}/{uid}"));
        }
    }
    let said = exchange(&http, &url, http.delete(&url)).await?;
    output::print(&output::visible(&String::from_utf8_lossy(&said)))
}
