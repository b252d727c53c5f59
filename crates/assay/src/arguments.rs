mod api;

use std::path::PathBuf;

use assay_catalog::Partition;
use assay_model::{Backend, Profile};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use api::{
    ApiAction, ApiCheckArguments, ArrivalsWhen, BenchArguments, ClientArguments, ServeArguments,
    TargetArguments,
};

/// Tests Hugging Face models, every architecture that the installed transformers knows, with results that can be trusted.
#[derive(Debug, Parser)]
#[command(name = "assay", version, max_term_width = 100, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Arguments {
    /// When to use colours and pictures
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorWhen,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "\
`assay help filter` explains the filter language of -E.

Exit codes:
  0    every planned case passed, skips apart, and at least one real case ran
  1    a case failed, crashed, timed out, ran out of memory or errored
  2    usage: the command line names something that does not exist
  3    set-up: no fit Python, a checkpoint that is none or that is refused
  4    no real case ran (unless --no-tests=pass)
  5    the record could not be written; what was recorded is readable
  70   Assay's own fault
  130  interrupted; the rest is recorded as not run";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Test architectures and checkpoints
    Run(Box<RunArguments>),
    /// List what can be tested, and with what
    List(ListArguments),
    /// Show the report of a run again, from its log
    Report(ReportArguments),
    /// Print a run as it was, line by line
    Replay(ReplayArguments),
    /// List, show, export and prune runs
    Runs(RunsArguments),
    /// Make one run of the parts that --partition made
    Merge(MergeArguments),
    /// A subject in every run: what passed, what it took, in which environment
    History(HistoryArguments),
    /// What differs between two runs: new failures, what is fixed, what ceased to apply, time
    Diff(DiffArguments),
    /// What runs where: subjects × platforms, as far as runs have said
    Matrix(MatrixArguments),
    /// Which platform is best for a subject, by what was measured
    Recommend(RecommendArguments),
    /// Expected outputs of subjects: show them, compare them with what a run collected, take that as expected
    Golden(GoldenVerb),
    /// Test API endpoints: whether a server speaks its dialect, and how it fails
    Api(ApiVerb),
    /// The DuckDB store of all runs: its state, and what keeps it small
    Store(StoreArguments),
    /// Ask the store in SQL; nothing can be written
    Sql(SqlArguments),
    /// Write a commented assay.toml into this folder
    Init,
    /// Show the configuration and where it comes from
    Config(ConfigArguments),
    /// Say what is installed, what is missing and how to mend it
    Doctor(DoctorArguments),
    /// Make or show the Python environment
    Env(EnvArguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
}

/// Which Python is used, and what it is made to do first.
#[derive(Debug, Args)]
pub(crate) struct PythonArguments {
    /// The Python to use [default: $ASSAY_PYTHON, the active virtual environment, the one that `assay env create` made]
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// A platform's own Python, where its package needs another torch: openvino=venv/bin/python. Repeatable
    #[arg(long, value_name = "PLATFORM=PATH", value_delimiter = ',', value_parser = platform_python)]
    pub(crate) platform_python: Vec<(Backend, PathBuf)>,
    /// Run this file in every worker before a model is imported: to register architectures and checks, or to patch a library. Repeatable
    #[arg(long, value_name = "FILE.py")]
    pub(crate) preload: Vec<PathBuf>,
}

/// A value of `--platform-python`.
fn platform_python(text: &str) -> Result<(Backend, PathBuf), String> {
    let (name, path) = text
        .split_once('=')
        .ok_or("it is PLATFORM=PATH: openvino=venv/bin/python")?;
    let known = || Backend::ALL.into_iter().filter(|its| *its != Backend::Cpu);
    let backend = known().find(|its| its.name() == name).ok_or_else(|| {
        let names: Vec<&str> = known().map(Backend::name).collect();
        format!(
            "no platform `{name}` that can have a Python of its own: {}",
            names.join(", ")
        )
    })?;
    Ok((backend, path.into()))
}

/// Which classes of an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Classes {
    /// The base class alone
    Base,
    /// The base class, and one class for each kind of head
    Heads,
    /// Every auto class
    All,
}

impl Classes {
    /// Those that belong to a profile.
    pub(crate) fn of(profile: Profile) -> Self {
        match profile {
            Profile::Quick => Self::Base,
            Profile::Standard => Self::Heads,
            Profile::Full => Self::All,
        }
    }
}

/// What kind of subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SubjectKind {
    /// Models
    Model,
    /// Endpoints
    Api,
    /// Both
    All,
}

/// Which subjects.
#[derive(Debug, Args)]
pub(crate) struct SubjectArguments {
    /// Architectures (bert), folders (./my-checkpoint), hub ids (organisation/name), workflows (workflow:draft_verify), endpoints of assay.toml (api:local) or `sampler`: two architectures of every family
    #[arg(value_name = "SUBJECT")]
    pub(crate) subjects: Vec<String>,
    /// Models, the endpoints of assay.toml, or both in one run [default: model, and the endpoints that are named]
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<SubjectKind>,
    /// Let keys go to servers beyond this machine: calls there may cost money
    #[arg(long)]
    pub(crate) live: bool,
    /// Every architecture
    #[arg(long, conflicts_with = "subjects")]
    pub(crate) all: bool,
    /// Which classes of the architectures that are chosen (one by name: bert:AutoModelForMaskedLM) [default: base in the profile quick, heads in
    /// standard, all in full]
    #[arg(long, value_name = "CLASSES")]
    pub(crate) classes: Option<Classes>,
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
    /// Only the cases that this filter takes (`assay help filter`); with it and no SUBJECT every architecture is looked at. Repeatable: what any of them takes
    #[arg(short = 'E', long = "filter", value_name = "FILTER")]
    pub(crate) filter: Vec<String>,
    /// Only one part of the units: hash:k/n or slice:k/n. All parts need one seed; `assay merge` puts them together
    #[arg(long, value_name = "PART", requires = "seed")]
    pub(crate) partition: Option<Partition>,
    /// Where to run. Repeatable [default: cpu]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,
    /// In which numbers: float32, bfloat16, float16, int8 (weights alone), or default, what the platform takes by itself. Each platform in
    /// each of them. Repeatable [default: float32, or what a platform's name says: openvino@int8]
    #[arg(long, value_name = "DTYPE", value_delimiter = ',')]
    pub(crate) dtype: Vec<String>,
    /// Only these checks or groups: forward, batch.rows
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    pub(crate) checks: Vec<String>,
    /// How much is checked and how: quick, standard, full, ci, or a profile of assay.toml [default: standard]
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// The configuration [default: the nearest assay.toml, from this folder upwards]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Run code that a checkpoint brings along
    #[arg(long)]
    pub(crate) trust_remote_code: bool,
    /// Load weights in pickle form, which can run any code
    #[arg(long)]
    pub(crate) allow_pickle: bool,
    /// Seed of inputs and weights [default: drawn for each run and recorded]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..1 << 53))]
    pub(crate) seed: Option<u64>,
    /// How long one check may take, in seconds or like 5m; a unit (a subject with all its checks) may take ten times as long [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = assay_config::seconds)]
    pub(crate) timeout: Option<f64>,
    /// Memory that one unit may take above what it shares: 512MiB, 4GiB [default: the machine's, divided by workers + 1]
    #[arg(long, value_name = "SIZE", value_parser = assay_config::bytes)]
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
    /// Take up an interrupted run again and finish only what it is missing [default: the newest]
    #[arg(
        long,
        value_name = "RUN",
        num_args = 0..=1,
        default_missing_value = "latest",
        conflicts_with_all = ["subjects", "kind", "all", "family", "limit", "filter", "partition", "platform", "dtype", "checks", "profile", "config", "seed", "timeout", "memory_limit", "trust_remote_code", "allow_pickle", "report_dir", "no_tests", "retries", "preload", "fail_fast"],
    )]
    pub(crate) resume: Option<String>,
    /// Stop at the first case that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Run a case that failed again, up to N times. Every attempt is kept; one that passes later is shown as flaky [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=10))]
    pub(crate) retries: Option<u8>,
    /// Where the run's folder goes [default: .assay/reports/<run>]
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
    /// What a run is that executed no real case [default: fail]
    #[arg(long, value_name = "VERDICT")]
    pub(crate) no_tests: Option<NoTests>,
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
  assay run --family vision --limit 5 --checks forward,batch.rows
  assay run -E 'arch(llama*) & check(batch.*)'
  assay run -E 'last(failed)'              what failed in the newest run
  assay run --type all                     models, and the endpoints of assay.toml, in one run
  assay run --resume                       what the newest run is missing
  assay run --all --seed 7 --partition hash:1/3";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NoTests {
    Pass,
    Fail,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Shown {
    /// For a person, or as JSON (docs/reference/json.md)
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: DataFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl Shown {
    pub(crate) fn as_json(self) -> bool {
        self.json || self.format == DataFormat::Json
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DataFormat {
    Text,
    Json,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay list architectures --family vision\n  assay list checks --format json\n  assay list cases bert -E 'check(batch.*)'"
)]
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
        /// What was changed in the default configuration of this architecture to make it small, and why
        #[arg(long, value_name = "ARCHITECTURE", group = "of_one")]
        config: Option<String>,
        /// What is fed to this architecture
        #[arg(long, value_name = "ARCHITECTURE", group = "of_one")]
        inputs: Option<String>,
        /// The share of each architecture's parameter tensors whose small change an output shows, from the newest run (or --run)
        #[arg(long, group = "of_one")]
        sensitivity: bool,
        /// What a probe of each architecture found: parameters, way of shrinking, leaf modules reached
        #[arg(long, group = "of_one")]
        probed: bool,
        /// The run of --sensitivity
        #[arg(
            long,
            value_name = "RUN",
            default_value = "latest",
            requires = "sensitivity"
        )]
        run: String,
        #[command(flatten)]
        shown: Shown,
    },
    /// Platforms: what this machine has of each, confirmed by a small computation, or why it has none
    Platforms {
        #[command(flatten)]
        python: PythonArguments,
        #[command(flatten)]
        shown: Shown,
    },
    /// Chains of several models, and the models of their links
    Workflows {
        #[command(flatten)]
        python: PythonArguments,
        #[command(flatten)]
        shown: Shown,
    },
    /// Checks, what they assert and the bug that each exists for
    Checks {
        #[command(flatten)]
        python: PythonArguments,
        #[command(flatten)]
        shown: Shown,
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
        #[command(flatten)]
        shown: Shown,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay report\n  assay report 20261121-101500-0a1b --format markdown\n  assay report run.assay.gz"
)]
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
#[command(after_help = "Examples:\n  assay replay\n  assay replay run.assay.gz -v")]
pub(crate) struct ReplayArguments {
    /// Name of the run, its folder, or an exported file
    #[arg(value_name = "RUN", default_value = "latest")]
    pub(crate) run: String,
    /// Say more: each case, and what workers printed
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay run --all --seed 7 --partition hash:1/2 --report-dir part1\n  assay run --all --seed 7 --partition hash:2/2 --report-dir part2\n  assay merge part1 part2"
)]
pub(crate) struct MergeArguments {
    /// The parts: names of runs, folders, or exported files
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<String>,
    /// Where the merged run goes [default: .assay/reports/<run>]
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay runs list\n  assay runs export latest --output run.assay.gz\n  assay runs prune --keep 50 --older-than 90d --dry-run"
)]
pub(crate) struct RunsArguments {
    #[command(subcommand)]
    pub(crate) action: RunsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsAction {
    /// The runs in .assay/reports, the newest first
    List {
        #[command(flatten)]
        shown: Shown,
    },
    /// What a run was: command, environment, plan, counts
    Show {
        /// Name of the run, its folder, or an exported file
        #[arg(value_name = "RUN", default_value = "latest")]
        run: String,
        #[command(flatten)]
        shown: Shown,
    },
    /// Put a run into one file, which `report`, `replay`, `merge` and `runs show` read anywhere
    Export {
        /// Name of the run, or its folder
        #[arg(value_name = "RUN", default_value = "latest")]
        run: String,
        /// The file [default: <run>.assay.gz]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Remove old runs from .assay/reports; one that still goes on, and the newest, stay
    Prune(PruneArguments),
}

#[derive(Debug, Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("retention").required(true).multiple(true)))]
pub(crate) struct PruneArguments {
    /// Remove runs that began longer ago than this: 30d, 12h
    #[arg(long, value_name = "AGE", group = "retention", value_parser = age)]
    pub(crate) older_than: Option<jiff::SignedDuration>,
    /// Keep at most this many, the newest
    #[arg(long, value_name = "N", group = "retention")]
    pub(crate) keep: Option<usize>,
    /// Keep at most this much, the newest: 500MiB, 2GiB
    #[arg(long, value_name = "SIZE", group = "retention", value_parser = assay_config::bytes)]
    pub(crate) max_size: Option<u64>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn age(text: &str) -> Result<jiff::SignedDuration, String> {
    // A day of 24 hours: a span of days has no length without a calendar.
    let wanted = "an age like 30d, 12h or 2w";
    let span: jiff::Span = text.parse().map_err(|_| wanted.to_owned())?;
    span.to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .ok()
        .filter(jiff::SignedDuration::is_positive)
        .ok_or_else(|| wanted.into())
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay history bert\n  assay history bert --limit 5 --format json"
)]
pub(crate) struct HistoryArguments {
    /// The subject, as reports name it
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,
    /// At most this many runs, the newest
    #[arg(long, value_name = "N", default_value = "20")]
    pub(crate) limit: u64,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay diff 20261121-101500-0a1b latest\n  assay diff before.assay.gz after.assay.gz"
)]
pub(crate) struct DiffArguments {
    /// The older run: its name, its folder, or an exported file
    #[arg(value_name = "BEFORE")]
    pub(crate) before: String,
    /// The newer run
    #[arg(value_name = "AFTER", default_value = "latest")]
    pub(crate) after: String,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  assay matrix\n  assay matrix --run latest --state fails --sort error\n  assay matrix -E 'family(vision)' --format html > matrix.html\n  assay matrix diff 20261121-101500-0a1b latest"
)]
pub(crate) struct MatrixArguments {
    #[command(subcommand)]
    pub(crate) action: Option<MatrixAction>,
    /// What one run says, by its name, its folder, or an exported file [default: the newest of each subject on each platform]
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Only subjects that a filter takes (`assay help filter`). Repeatable: what any of them takes
    #[arg(short = 'E', long = "filter", value_name = "EXPRESSION")]
    pub(crate) filter: Vec<String>,
    /// Only these platforms. Repeatable
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,
    /// Only subjects that are in one of these states somewhere. Repeatable
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub(crate) state: Vec<CellState>,
    /// In which order the subjects of a family stand
    #[arg(long, value_name = "ORDER", default_value = "subject")]
    pub(crate) sort: MatrixOrder,
    /// terminal, md, html (a page by itself), json (docs/reference/json.md) or csv
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    pub(crate) format: MatrixFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MatrixAction {
    /// Cells whose state differs between two runs; ends with exit code 1 if one fails that did not
    Diff(DiffArguments),
}

/// A state of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CellState {
    /// Something failed
    Fails,
    /// Something answered that is not the model
    Mock,
    /// Only what a known issue names failed
    Known,
    /// Nothing was executed
    Skipped,
    /// All that was asked held, and not all was asked
    PartlyAsked,
    /// All held
    Works,
}

/// In which order the subjects of a family stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatrixOrder {
    /// By name
    Subject,
    /// What fails first
    State,
    /// The largest error first
    Error,
    /// The slowest first
    Latency,
}

/// How a matrix is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatrixFormat {
    /// For a terminal
    Terminal,
    /// Markdown
    Md,
    /// A page by itself
    Html,
    /// A list of cells
    Json,
    /// A row per cell
    Csv,
}

/// What is to be best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Goal {
    /// The time of one forward
    Latency,
    /// Rows per second, in one process that is fed a few at a time
    Throughput,
    /// What a process holds
    Memory,
    /// How near it is to float64
    Accuracy,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay recommend bert\n  assay recommend vit --goal memory --json"
)]
pub(crate) struct RecommendArguments {
    /// The subject, as reports name it
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,
    /// What is to be best
    #[arg(long, value_name = "GOAL", default_value = "latency")]
    pub(crate) goal: Goal,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay golden show bert\n  assay golden diff --run 20261121-101500-0a1b\n  assay golden accept bert llama"
)]
pub(crate) struct GoldenVerb {
    #[command(subcommand)]
    pub(crate) action: GoldenAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GoldenAction {
    /// What is expected, and what the newest run collected
    Show(GoldenArguments),
    /// What differs between the two beyond noise; ends with exit code 1 if anything does
    Diff(GoldenArguments),
    /// Take what the newest run collected as expected; ends with exit code 1 if something is refused
    Accept(GoldenArguments),
}

#[derive(Debug, Args)]
pub(crate) struct GoldenArguments {
    /// Subjects, as reports name them [default: all that are expected or were collected]
    #[arg(value_name = "SUBJECT")]
    pub(crate) subjects: Vec<String>,
    /// Name of the run, its folder, or an exported file
    #[arg(long, value_name = "RUN", default_value = "latest")]
    pub(crate) run: String,
    /// The configuration beside which expectations are kept [default: the nearest assay.toml, from this folder upwards]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay api list\n  assay api check http://127.0.0.1:8000/v1 --model tiny\n  assay api serve-faults --dialect claude --fault no-first-event"
)]
pub(crate) struct ApiVerb {
    #[command(subcommand)]
    pub(crate) action: ApiAction,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay store status\n  assay store rebuild\n  assay store archive --older-than 90d archive-2026"
)]
pub(crate) struct StoreArguments {
    #[command(subcommand)]
    pub(crate) action: StoreAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreAction {
    /// What the store holds, after it was brought up to the logs
    Status {
        #[command(flatten)]
        shown: Shown,
    },
    /// Make it anew from the logs; the old one is kept aside
    Rebuild,
    /// Take old runs out of it
    Prune {
        /// Runs that began longer ago than this: 90d
        #[arg(long, value_name = "AGE", value_parser = age)]
        older_than: jiff::SignedDuration,
        /// Say what would go, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Write old runs into Parquet files, then take them out
    Archive {
        /// Runs that began longer ago than this: 90d
        #[arg(long, value_name = "AGE", value_parser = age)]
        older_than: jiff::SignedDuration,
        /// A new folder for the files
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(after_help = SQL_EXAMPLES)]
pub(crate) struct SqlArguments {
    /// One statement; docs/reference/store.md shows the tables
    #[arg(value_name = "SQL")]
    pub(crate) sql: String,
    /// How the result is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: SqlOutput,
    /// How long the query may take
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = assay_config::seconds)]
    pub(crate) timeout: f64,
}

const SQL_EXAMPLES: &str = "\
Examples:
  assay sql \"SELECT * FROM compatibility_matrix WHERE NOT works\"
  assay sql \"SELECT subject, max(value) FROM performance_history WHERE metric = 'peak_memory' GROUP BY ALL\" --format csv
  assay sql \"FROM case_history WHERE outcome = 'failed'\" --format parquet > failed.parquet";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SqlOutput {
    Table,
    Json,
    Csv,
    Parquet,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  assay config show --effective --profile ci\n  assay config schema > assay.toml.schema.json"
)]
pub(crate) struct ConfigArguments {
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// What assay.toml holds; with --effective every value that holds, and where it comes from
    Show {
        /// Every value, and where it comes from
        #[arg(long)]
        effective: bool,
        /// The profile [default: standard]
        #[arg(long, value_name = "PROFILE")]
        profile: Option<String>,
        /// The configuration [default: the nearest assay.toml, from this folder upwards]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        shown: Shown,
    },
    /// The JSON Schema of assay.toml, for editors
    Schema,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  assay doctor\n  assay doctor --python venv/bin/python")]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) python: PythonArguments,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  assay env create\n  assay env show --format json")]
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
        #[command(flatten)]
        shown: Shown,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
