//! What a command prints: tables for people, JSON for programs (schemas in docs/cli), progress for a terminal only.

use super::stop::Stop;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs; the schemas are in docs/cli.
    Json,
}

/// Writes to standard output. A reader that has gone away (`| head`) is no failure.
pub fn print(text: &str) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Stop::failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

pub fn print_json(value: &serde_json::Value) -> Result<(), Stop> {
    print(&format!("{value:#}\n"))
}

/// A remark beside the result, on standard error.
pub fn note(text: &str) {
    // Nobody reads it if standard error is gone.
    let _ = writeln!(std::io::stderr(), "note: {text}");
}

/// A table without rules: as wide as the terminal when there is one, never cut when there is none.
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let arrangement =
        if std::io::stdout().is_terminal() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    table.set_content_arrangement(arrangement);
    table.set_header(head.map(str::to_uppercase));
    for row in rows {
        table.add_row(row.map(|cell| visible(&cell)));
    }
    // The preset pads every cell on both sides; lines start and end at the text.
    let lines = table.to_string();
    let lines: Vec<&str> = lines.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n") + "\n"
}

/// Text of peers without what could steer a terminal.
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A bar on standard error when that is a terminal, nothing otherwise.
pub fn progress(length: u64, unit: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    let template = format!("{{msg}} [{{bar:30}}] {{pos}}/{{len}} {unit} {{elapsed}}");
    // A template that cannot be read costs only its looks.
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_head_and_starts_at_the_left_edge() {
        let text = table(["date", "what"], [["2026-03-12".into(), "CT chest".into()], ["".into(), "x".into()]]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("DATE") && lines[0].ends_with("WHAT"), "{text}");
        assert!(lines[1].starts_with("2026-03-12") && lines[1].ends_with("CT chest"), "{text}");
        assert_eq!(lines[0].find("WHAT"), lines[2].find('x'), "{text}");
    }

    #[test]
    fn text_of_peers_cannot_steer_the_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
