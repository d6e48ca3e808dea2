//! The command line: one file per command, each with `--help` and an example, `--format table|json` where it prints
//! data, exit codes 0 done, 1 failed, 2 usage. Source: design.md section 2, ui.md principle 7.

mod bench;
mod check;
mod configuration;
mod connection;
mod delete;
mod demo;
mod documents;
mod endpoints;
mod images;
mod manifest;
mod output;
mod publish;
mod query;
mod retrieve;
#[cfg(test)]
mod schemas;
mod serve;
mod status;
mod stop;
mod synth;
mod transactions;
mod wording;

use clap::{Parser, Subcommand};
use model::RegionMap;
use std::process::ExitCode;
use stop::Stop;

/// Shares imaging studies and reports inside a country or region: registry, repository, archive, portal, as one program.
#[derive(Parser, Debug)]
#[command(name = "manifold", version, disable_help_subcommand = true, max_term_width = 100)]
#[command(
    after_help = "Try it:\n  manifold demo\n  manifold COMMAND --help\n\nExit codes: 0 done, 1 failed, 2 asked wrongly."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Config(configuration::Configuration),
    Publish(Box<publish::Publish>),
    Query(Box<query::Query>),
    Retrieve(Box<retrieve::Retrieve>),
    Images(Box<images::Images>),
    Manifest(Box<manifest::Manifest>),
    Status(Box<status::Status>),
    Replay(Box<status::Replay>),
    Delete(Box<delete::Delete>),
    Check(check::Check),
    Synth(synth::Synth),
    Transactions(transactions::Transactions),
    Bench(bench::Bench),
    /// Writes a node's documents and metadata to a folder (not available in this version)
    Export(Later),
    /// Reads what `export` wrote into a node (not available in this version)
    Import(Later),
}

/// A command of a later version: whatever it is given, it says so.
#[derive(clap::Args, Debug)]
struct Later {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no failure; clap knows which is which.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(Stop::failed(format!("cannot start the runtime: {error}"))),
    };
    let outcome = runtime.block_on(run(cli.command));
    // A blocking read that nobody waits for any more must not hold the end up.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => end(stop),
    }
}

fn end(stop: Stop) -> ExitCode {
    if let Some(message) = stop.message() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "manifold: {message}");
    }
    stop.exit_code()
}

async fn run(command: Command) -> Result<(), Stop> {
    match command {
        Command::Serve(options) => serve::run(options).await,
        Command::Demo(options) => demo::run(options).await,
        Command::Config(options) => configuration::run(options),
        Command::Publish(options) => publish::run(*options).await,
        Command::Query(options) => query::run(*options).await,
        Command::Retrieve(options) => retrieve::run(*options).await,
        Command::Images(options) => images::run(*options).await,
        Command::Manifest(options) => manifest::run(*options).await,
        Command::Status(options) => status::run(*options).await,
        Command::Replay(options) => status::replay(*options).await,
        Command::Delete(options) => delete::run(*options).await,
        Command::Check(options) => check::run(options).await,
        Command::Synth(options) => synth::run(options),
        Command::Transactions(options) => transactions::run(options),
        Command::Bench(options) => bench::run(options).await,
        Command::Export(_) => Err(Stop::not_available("`manifold export`")),
        Command::Import(_) => Err(Stop::not_available("`manifold import`")),
    }
}

/// The built-in map of regions: what a reader of entries needs without a node's configuration.
fn regions() -> Result<RegionMap, Stop> {
    crate::config::read_regions(None).map_err(Stop::failed)
}

/// Logs to standard error for people, when RUST_LOG asks for them.
fn log_when_asked() {
    let Ok(filter) = tracing_subscriber::EnvFilter::try_from_default_env() else { return };
    // A second subscriber is refused; the first goes on.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        fn walk(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands() {
                let path = format!("{path} {}", sub.get_name());
                if sub.has_subcommands() {
                    walk(sub, &path);
                    continue;
                }
                let help = sub.clone().render_long_help().to_string();
                let later = matches!(sub.get_name(), "export" | "import");
                assert!(later || help.contains(&format!("Example:\n  {}", path.trim())), "{path}: {help}");
                assert!(sub.get_about().is_some(), "{path}");
            }
        }
        walk(&Cli::command(), "manifold");
    }

    #[track_caller]
    fn check_usage_error(arguments: &[&str], expected: &str) {
        let error = Cli::try_parse_from(arguments).expect_err("these arguments are wrong");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn arguments_that_miss_something_are_usage_errors() {
        check_usage_error(&["manifold"], "Usage");
        check_usage_error(&["manifold", "query"], "--patient");
        check_usage_error(&["manifold", "query", "--patient", "P1", "--node", "north"], "--endpoints");
        check_usage_error(&["manifold", "retrieve", "1.2"], "--output");
        check_usage_error(&["manifold", "images", "-o", "x"], "--study");
        check_usage_error(&["manifold", "images", "-o", "x", "--study", "1.2", "--manifest", "f"], "cannot be used");
        check_usage_error(&["manifold", "replay"], "<ID>");
        check_usage_error(&["manifold", "publish"], "PATH");
        check_usage_error(&["manifold", "publish", "--report", "x", "--preliminary", "--final"], "cannot be used");
        check_usage_error(&["manifold", "query", "--patient", "P1", "--via", "xca"], "possible values");
    }

    #[test]
    fn commands_of_later_versions_take_anything() {
        for arguments in [&["manifold", "export"][..], &["manifold", "import", "--from", "x", "y"]] {
            assert!(Cli::try_parse_from(arguments).is_ok(), "{arguments:?}");
        }
    }
}
