use std::path::PathBuf;

use assay_model::Peer;
use clap::{Args, Subcommand, ValueEnum};

use super::Shown;

#[derive(Debug, Subcommand)]
pub(crate) enum ApiAction {
    /// Which dialects and checks there are, and where each check is specified
    List {
        #[command(flatten)]
        shown: Shown,
    },
    /// Check one endpoint; the record and the reports are those of `assay run`
    Check(ApiCheckArguments),
    /// Check a client against a server that is told what to do: Assay's own, or a command that asks once
    CheckClient(ClientArguments),
    /// Measure one endpoint under load: latencies, throughput, goodput; recorded as a run
    Bench(Box<BenchArguments>),
    /// Serve a dialect on loopback, rightly or with one fault: to try clients and checks
    ServeFaults(ServeArguments),
    /// A worker of the runner's
    #[command(hide = true)]
    Worker,
}

/// Which endpoint.
#[derive(Debug, Args)]
pub(crate) struct TargetArguments {
    /// An endpoint of assay.toml by its name, or the address to which the dialect's routes are added: http://127.0.0.1:8000/v1
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    /// The dialect that it speaks; `assay api list` shows them [default: that of assay.toml; of an address openai]
    #[arg(long, value_name = "DIALECT")]
    pub(crate) dialect: Option<String>,
    /// The model that is asked for [default: that of assay.toml]
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// What it is called in the record [default: its name in assay.toml; of an address its host and model]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The environment variable that holds its key [default: that of assay.toml, or the dialect's own, where one is set]
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) key_variable: Option<String>,
    /// What stands behind the address: the product itself, a stand-in that speaks its dialect, or a server that was written to be tested
    #[arg(long, value_name = "PEER", value_parser = peer)]
    pub(crate) peer: Option<Peer>,
    /// Let its key go to a server beyond this machine: calls there may cost money
    #[arg(long)]
    pub(crate) live: bool,
    /// The configuration [default: the nearest assay.toml, from this folder upwards]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

fn peer(name: &str) -> Result<Peer, String> {
    let found = Peer::ALL.into_iter().find(|peer| peer.name() == name);
    found.ok_or_else(|| format!("there are {}", Peer::ALL.map(Peer::name).join(", ")))
}

#[derive(Debug, Args)]
pub(crate) struct ApiCheckArguments {
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Only these checks, or groups of checks. Repeatable
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// How long one check may take
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = assay_config::seconds)]
    pub(crate) timeout: f64,
    /// Makes the questions [default: drawn]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// A new folder for record and reports [default: one below .assay/reports]
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = CLIENT_EXAMPLES)]
pub(crate) struct ClientArguments {
    /// The dialect that it speaks
    #[arg(long, value_name = "DIALECT", default_value = "openai")]
    pub(crate) dialect: String,
    /// Only these checks, or groups of checks. Repeatable
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// How long one check may take
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = assay_config::seconds)]
    pub(crate) timeout: f64,
    /// Makes the questions [default: drawn]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// A new folder for record and reports [default: one below .assay/reports]
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
    /// A command that asks ASSAY_QUESTION of the model ASSAY_MODEL at ASSAY_BASE_URL with the key ASSAY_KEY, once, and ends with 0 if it was
    /// answered. The dialect's own variables (OPENAI_BASE_URL, OPENAI_API_KEY) are set as well [default: Assay's own client]
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

const CLIENT_EXAMPLES: &str = "\
Examples:
  assay api check-client                              Assay's own client
  assay api check-client --dialect claude --only retry
  assay api check-client -- python ask.py             a program of your own";

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay api bench http://127.0.0.1:8000/v1 --model tiny --users 8 --duration 30s\n  assay api bench http://127.0.0.1:8000/v1 --model tiny --rate 20 --slo ttft=200ms,itl=50ms --goodput 0.95\n  assay api bench http://127.0.0.1:8000/v1 --model tiny --users 1 --sweep\ndocs/api.md says what each figure is."
)]
pub(crate) struct BenchArguments {
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Open loop: requests a second, whether or not those before were answered
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Option<f64>,
    /// How the requests of an open loop are spread [default: poisson]
    #[arg(long, value_name = "ARRIVALS")]
    pub(crate) arrivals: Option<ArrivalsWhen>,
    /// Closed loop: users, each of whom asks again once it was answered [default: 1, without --rate]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) users: Option<u32>,
    /// Double the rate, or the users, until the server does no more
    #[arg(long)]
    pub(crate) sweep: bool,
    /// How long requests are sent that count [default: 10s; with --requests until they are sent]
    #[arg(long, value_name = "TIME", value_parser = assay_config::seconds)]
    pub(crate) duration: Option<f64>,
    /// How long requests are sent before, that don't count
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = seconds_or_none)]
    pub(crate) warmup: f64,
    /// Requests that count, at most; no more are sent before
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// Words of each question, which no other has
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) prompt_words: u32,
    /// Words of them, at the beginning, that all questions share
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) shared_words: u32,
    /// Tokens of an answer, at most
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_tokens: u32,
    /// What is promised of each request: ttft=200ms,itl=50ms,e2e=2s, any of them
    #[arg(long, value_name = "SLO")]
    pub(crate) slo: Option<assay_api::bench::Slo>,
    /// The share of requests that have to keep it, or the run fails: 0.95
    #[arg(long, value_name = "SHARE")]
    pub(crate) goodput: Option<f64>,
    /// Where, from the root of the server, it says what it counted [default: the dialect's own place, if it has one]
    #[arg(long, value_name = "ROUTE", value_parser = route)]
    pub(crate) metrics: Option<String>,
    /// Requests under way at most; others wait, and their wait counts [default: 10000, or what this machine can open]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_streams: Option<u32>,
    /// How long one request may take, and how long one that is due may wait before: then it is not sent, and the figures are no result
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = assay_config::seconds)]
    pub(crate) request_timeout: f64,
    /// Makes the questions, and when they are sent [default: drawn]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// A new folder for record and reports [default: one below .assay/reports]
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

/// How the requests of an open loop are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArrivalsWhen {
    /// By chance, as calls of many come that know nothing of each other
    Poisson,
    /// One after equal times
    Constant,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The dialect
    #[arg(long, value_name = "DIALECT", default_value = "openai")]
    pub(crate) dialect: String,
    /// What is wrong with it [default: nothing]
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Option<String>,
    /// List the faults, each with the check that is there for it
    #[arg(long)]
    pub(crate) list: bool,
    /// The port on loopback; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// Milliseconds between two tokens
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1.0, value_parser = milliseconds)]
    pub(crate) pace: f64,
    /// Answers at a time; others wait
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) slots: u16,
}

fn seconds_or_none(text: &str) -> Result<f64, String> {
    match text.trim().trim_end_matches('s') {
        "0" => Ok(0.0),
        _ => assay_config::seconds(text),
    }
}

/// A route from the root of a server.
fn route(text: &str) -> Result<String, String> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if is_plain && text.starts_with('/') && !text.starts_with("//") {
        Ok(text.to_owned())
    } else {
        Err("it is a route of the server that is measured: /metrics".into())
    }
}

/// Some time, up to a minute.
fn milliseconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "a number of milliseconds")?;
    if (0.0..=60_000.0).contains(&value) {
        Ok(value)
    } else {
        Err("from 0 to 60000 milliseconds".into())
    }
}
