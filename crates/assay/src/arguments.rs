use std::path::PathBuf;

use assay_model::Profile;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Tests Hugging Face models, every architecture that the installed transformers knows, with results that can be trusted.
#[derive(Debug, Parser)]
#[command(name = "assay", version, max_term_width = 100, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    every planned case passed, skips apart, and at least one real case ran
  1    a case failed, crashed, timed out, ran out of memory or errored
  2    usage: the command line names something that does not exist
  3    set-up: no fit Python, a checkpoint that is none or that is refused
  4    no real case ran (unless --no-tests=pass)
  5    the record could not be written; what was recorded is readable
  70   Assay's own fault
  130  interrupted; the rest is recorded as not run";

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Test architectures and checkpoints
    Run(Box<RunArguments>),
    /// List what can be tested, and with what
    List(ListArguments),
    /// Show the report of a run again, from its log
    Report(ReportArguments),
    /// Say what is installed, what is missing and how to mend it
    Doctor(DoctorArguments),
    /// Make or show the Python environment
    Env(EnvArguments),
}

/// Which Python is used, and what it is made to do first.
#[derive(Debug, Args)]
pub(crate) struct PythonArguments {
    /// The Python to use [default: $ASSAY_PYTHON, the active virtual environment, the one that `assay env create` made]
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// Run this file in every worker before a model is imported: to register architectures and checks, or to patch a library. Repeatable
    #[arg(long, value_name = "FILE.py")]
    pub(crate) preload: Vec<PathBuf>,
}

/// Which subjects.
#[derive(Debug, Args)]
pub(crate) struct SubjectArguments {
    /// Architectures (bert), folders (./my-checkpoint), hub ids (organisation/name) or `sampler`: two architectures of every family
    #[arg(value_name = "SUBJECT")]
    pub(crate) subjects: Vec<String>,
    /// Every architecture
    #[arg(long, conflicts_with = "subjects")]
    pub(crate) all: bool,
    /// Every architecture of this family. Repeatable
    #[arg(
        long,
        visible_alias = "category",
        value_name = "FAMILY",
        conflicts_with = "subjects"
    )]
    pub(crate) family: Vec<String>,
    /// At most this many subjects, the first by name
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Where to run. Repeatable
    #[arg(
        long,
        value_name = "PLATFORM",
        default_value = "cpu",
        value_delimiter = ','
    )]
    pub(crate) platform: Vec<String>,
    /// Only these checks or groups: forward, batch.rows
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    pub(crate) checks: Vec<String>,
    /// How much is checked: quick, standard or full
    #[arg(long, value_name = "PROFILE", default_value = "standard")]
    pub(crate) profile: Profile,
    /// Run code that a checkpoint brings along
    #[arg(long)]
    pub(crate) trust_remote_code: bool,
    /// Load weights in pickle form, which can run any code
    #[arg(long)]
    pub(crate) allow_pickle: bool,
    /// Seed of inputs and weights [default: drawn for each run and recorded]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..1 << 53))]
    pub(crate) seed: Option<u64>,
    /// Seconds that one check may take; a unit (a subject with all its checks) may take ten times as long
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) timeout: f64,
    /// Memory that one unit may take above what it shares: 512MiB, 4GiB [default: the machine's, divided by workers + 1]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) memory_limit: Option<u64>,
    /// Units at a time [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
}

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) subjects: SubjectArguments,
    #[command(flatten)]
    pub(crate) python: PythonArguments,
    /// Stop at the first case that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Where the run's folder goes [default: .assay/reports/<run>]
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
    /// What a run is that executed no real case
    #[arg(long, value_name = "VERDICT", default_value = "fail")]
    pub(crate) no_tests: NoTests,
    /// Say more: each case, and what workers print
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

const RUN_EXAMPLES: &str = "\
Examples:
  assay run                                two architectures of every family
  assay run bert llama vit whisper         these four
  assay run ./my-checkpoint                a folder in the layout of save_pretrained
  assay run --all --profile quick          everything that is installed
  assay run --family vision --limit 5 --checks forward,batch.rows";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NoTests {
    Pass,
    Fail,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(subcommand)]
    pub(crate) what: Listed,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Listed {
    /// Architectures of the installed transformers, with their family
    Architectures {
        #[command(flatten)]
        python: PythonArguments,
        /// Only this family. Repeatable
        #[arg(long, visible_alias = "category", value_name = "FAMILY")]
        family: Vec<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Checks, what they assert and the bug that each exists for
    Checks {
        #[command(flatten)]
        python: PythonArguments,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Cases that `assay run` would plan with the same arguments
    Cases {
        #[command(flatten)]
        subjects: Box<SubjectArguments>,
        #[command(flatten)]
        python: PythonArguments,
        /// What was selected and does not apply, with the reason
        #[arg(long)]
        not_applicable: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// Name of the run, or its folder
    #[arg(value_name = "RUN", default_value = "latest")]
    pub(crate) run: String,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Terminal,
    Markdown,
    Junit,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) python: PythonArguments,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EnvArguments {
    #[command(subcommand)]
    pub(crate) action: EnvAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvAction {
    /// Make the Python environment from the pinned lock, if it isn't there
    Create {
        /// The Python to make it from, 3.11 or later with pip
        #[arg(long, value_name = "PATH")]
        python: Option<PathBuf>,
    },
    /// Show the environment that would be used
    Show {
        #[command(flatten)]
        python: PythonArguments,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("a number of seconds above 0, at most 86400".into()),
    }
}

/// Bytes in the binary units of IEC 80000-13; a bare number is bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        _ => return Err("a size like 512MiB or 4GiB".into()),
    };
    let bytes = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor));
    match bytes {
        Some(bytes) if bytes >= 1 << 20 => Ok(bytes),
        Some(_) => Err("at least 1MiB".into()),
        None => Err("a size like 512MiB or 4GiB".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_are_read_in_binary_units() {
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("4G"), Ok(4 << 30));
        for wrong in ["", "4GB", "x", "-1", "99999999999GiB", "0", "12"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_timeout_is_a_positive_number() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "nan", "inf", "1e9", "x"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
