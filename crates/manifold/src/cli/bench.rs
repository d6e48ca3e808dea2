//! `manifold bench`: measurements on this machine. Every number says what was done and how often.

use super::output::{self, Format};
use super::stop::Stop;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

mod load;
mod publish;
mod query;
mod store;
mod wado;

/// Measures this machine and this version
#[derive(Args, Debug)]
pub struct Bench {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Subcommand, Debug)]
pub enum What {
    /// Registry queries on the embedded store, against the same rows by bare SQL
    #[command(after_help = "Example:\n  manifold bench query --entries 10000 --documents 10")]
    Query(query::Query),
    /// Many clients that ask a running node over ITI-18 or ITI-67, or register at it over ITI-42
    #[command(
        after_help = "Example:\n  manifold bench load --endpoints demo.json --patient P0001 --clients 16 --requests 2000\n  manifold bench load --registry URL --register 100000 --per-patient 10 --clients 16"
    )]
    Load(Box<load::Load>),
    /// Fetching the series of a study over WADO-RS, again and again, without keeping them
    #[command(
        after_help = "Example:\n  manifold bench wado --study 2.25.123 --patient P0001 --endpoints demo.json --repeat 10"
    )]
    Wado(Box<wado::Wado>),
    /// Sending an invented study by C-STORE; it stays in the node
    #[command(
        after_help = "Example:\n  manifold bench store --endpoints demo.json --node north --slices 400 --associations 4"
    )]
    Store(Box<store::Store>),
    /// Publishing invented reports by ITI-41; they stay in the node
    #[command(
        after_help = "Example:\n  manifold bench publish --endpoints demo.json --patient P0012 --reports 200 --clients 8"
    )]
    Publish(Box<publish::Publish>),
}

pub async fn run(options: Bench) -> Result<(), Stop> {
    match options.what {
        What::Query(options) => tokio::task::spawn_blocking(move || query::run(&options))
            .await
            .map_err(|e| Stop::failed(format!("the measurement broke off: {e}")))?,
        What::Load(options) => load::run(*options).await,
        What::Wado(options) => wado::run(*options).await,
        What::Store(options) => store::run(*options).await,
        What::Publish(options) => publish::run(*options).await,
    }
}

/// Durations of one kind of work, microseconds.
struct Sample {
    sorted: Vec<f64>,
}

impl Sample {
    fn of(mut micros: Vec<f64>) -> Self {
        micros.sort_by(f64::total_cmp);
        Sample { sorted: micros }
    }

    /// The value below which this share of all lies; 0 for no values.
    fn quantile(&self, share: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.sorted.get(at.min(last)).copied().unwrap_or(0.0)
    }

    fn json(&self) -> Value {
        json!({ "count": self.sorted.len(), "p50_us": round(self.quantile(0.5)), "p95_us": round(self.quantile(0.95)),
            "p99_us": round(self.quantile(0.99)), "max_us": round(self.quantile(1.0)) })
    }

    fn row(&self, name: &str) -> [String; 6] {
        let shown = |share| format!("{:.1}", self.quantile(share));
        [name.to_owned(), self.sorted.len().to_string(), shown(0.5), shown(0.95), shown(0.99), shown(1.0)]
    }
}

const HEAD: [&str; 6] = ["microseconds", "count", "p50", "p95", "p99", "max"];

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Prints the samples and one remark, in the form asked for.
fn print(format: Format, samples: &[(&str, Sample)], facts: Value, remark: &str) -> Result<(), Stop> {
    match format {
        Format::Json => output::print_json(&result(samples, facts)),
        Format::Table => {
            let mut text = output::table(HEAD, samples.iter().map(|(name, sample)| sample.row(name)));
            text.push_str(&format!("\n{remark}\n"));
            output::print(&text)
        }
    }
}

fn result(samples: &[(&str, Sample)], facts: Value) -> Value {
    let list: serde_json::Map<String, Value> =
        samples.iter().map(|(name, sample)| ((*name).to_owned(), sample.json())).collect();
    json!({ "facts": facts, "samples": list })
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*: any spread will do to visit patients in no order.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let sample = Sample::of((1..=101).rev().map(f64::from).collect());
        assert_eq!((sample.quantile(0.0), sample.quantile(0.5), sample.quantile(1.0)), (1.0, 51.0, 101.0));
        super::super::schemas::check_schema("bench", &result(&[("x", sample)], json!({ "n": 1 })));
        assert_eq!(Sample::of(vec![]).quantile(0.5), 0.0);
    }

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut numbers = Numbers(7);
        assert!((0..1000).all(|_| numbers.below(10) < 10));
    }
}
