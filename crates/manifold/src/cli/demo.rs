//! `manifold demo`: the whole network in one process. Source: design.md section 4.

use super::stop::Stop;
use crate::demo::DemoOptions;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Architecture {
    /// One registry in the centre, an archive in every hospital.
    #[default]
    A,
    /// Federated registries (a later version).
    B,
    /// One registry and one archive in the centre.
    C,
}

/// Starts a whole network on this machine, with invented patients, studies and reports.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  manifold demo --endpoints demo.json\n\nIt listens on loopback only and knows no users. Ctrl-C ends it; without --data nothing is left behind."
)]
pub struct Demo {
    /// Which of the three architectures
    #[arg(long, value_enum, ignore_case = true, default_value_t)]
    pub architecture: Architecture,
    /// Keep everything there; the same folder again continues where it was
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// First of the hundred ports that it may use
    #[arg(long, value_name = "N", default_value_t = 18000, value_parser = clap::value_parser!(u16).range(1..=65436))]
    pub port_base: u16,
    /// Write which node answers what where, as soon as everything is ready
    #[arg(long, value_name = "FILE")]
    pub endpoints: Option<PathBuf>,
    /// No documents; the patients are known all the same
    #[arg(long)]
    pub empty: bool,
    /// A study is complete when nothing came for this long, milliseconds
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub quiet_time_ms: u64,
    /// Write one configuration file per node for `manifold serve`, and end
    #[arg(long, value_name = "DIR")]
    pub write_config: Option<PathBuf>,
    /// TLS, users and tokens (a later version)
    #[arg(long)]
    pub secure: bool,
}

impl Demo {
    fn options(self) -> Result<DemoOptions, Stop> {
        let architecture = match self.architecture {
            Architecture::A => crate::demo::Architecture::DistributedPacs,
            Architecture::B => return Err(Stop::not_available("--architecture b")),
            Architecture::C => crate::demo::Architecture::CentralArchive,
        };
        if self.secure {
            return Err(Stop::not_available("--secure"));
        }
        Ok(DemoOptions {
            architecture,
            data: self.data,
            port_base: self.port_base,
            endpoints: self.endpoints,
            empty: self.empty,
            quiet_time_ms: self.quiet_time_ms,
            write_config: self.write_config,
        })
    }
}

pub async fn run(options: Demo) -> Result<(), Stop> {
    let options = options.options()?;
    super::log_when_asked();
    Ok(crate::demo::run(options).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        demo: Demo,
    }

    fn parse(arguments: &[&str]) -> Result<DemoOptions, Stop> {
        Line::try_parse_from([&["demo"], arguments].concat()).unwrap().demo.options()
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let options = parse(&[]).unwrap();
        assert_eq!((options.port_base, options.quiet_time_ms, options.empty), (18000, 2000, false));
        assert!(options.data.is_none() && options.endpoints.is_none() && options.write_config.is_none());
        assert_eq!(parse(&["--architecture", "A", "--port-base", "19000"]).unwrap().port_base, 19000);
        assert_eq!(parse(&["--architecture", "c"]).unwrap().architecture.letter(), 'c');
    }

    #[test]
    fn what_a_later_version_brings_says_so() {
        for (arguments, expected) in [
            (&["--architecture", "b"][..], "--architecture b is not available in this version"),
            (&["--secure"], "--secure is not available in this version"),
        ] {
            assert_eq!(parse(arguments).err(), Some(Stop::Usage(expected.into())));
        }
        assert!(Line::try_parse_from(["demo", "--port-base", "65500"]).is_err(), "a hundred ports do not fit");
    }
}
