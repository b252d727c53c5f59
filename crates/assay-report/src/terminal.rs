use std::fmt::Write;

use anstream::adapter::strip_str;
use assay_model::{CaseRecord, ENDPOINT, Outcome, Provenance};
use assay_record::Run;

use crate::rows::{Row, cautions, endpoints, label, not_passed, peer, reasons, rows, totals};

/// How a terminal report looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colours.
    pub color: bool,
    /// 🚀 and 🔷 instead of the words `real` and `mock`.
    pub pictures: bool,
}

/// Cases that are listed with their reasons; the rest is in `report.md`.
const LISTED: usize = 50;

/// Subjects whose time is told, of a run of at least twice as many.
const SLOWEST: usize = 10;

const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// The report of a run for a terminal: a row per subject, the cases that are no pass with their reasons, the totals.
#[must_use]
pub fn terminal(run: &Run, look: Look) -> String {
    let mut text = String::new();
    let rows = rows(run);
    let width = rows
        .iter()
        .map(|row| row.subject.chars().count())
        .max()
        .unwrap_or(0)
        .clamp(7, 40);
    let platforms = rows
        .iter()
        .map(|row| row.platform.to_string().len())
        .fold("platform".len(), usize::max);
    let widths = (width, platforms);
    if !rows.is_empty() {
        let _ = writeln!(
            text,
            "{BOLD}{:<width$}  {:<platforms$}  proof  passed   seconds  otherwise{RESET}",
            "subject", "platform"
        );
    }
    for row in &rows {
        let _ = writeln!(text, "{}", line(row, widths, look));
    }
    let broken = not_passed(run);
    if !broken.is_empty() {
        text.push('\n');
    }
    // What comes to the same, case after case of a unit, is said once.
    let groups: Vec<&[&CaseRecord]> = broken.chunk_by(|a, b| is_the_same(a, b)).collect();
    for group in groups.iter().take(LISTED) {
        let _ = writeln!(text, "{}", reason(group));
    }
    if groups.len() > LISTED {
        let left: usize = groups.iter().skip(LISTED).map(|group| group.len()).sum();
        let _ = writeln!(text, "… and {left} more in report.md");
    }
    slowest(&mut text, &rows, width);
    for its in endpoints(run) {
        let _ = writeln!(
            text,
            "{ENDPOINT}:{} is {} at {}, model {}: {}",
            its.name,
            its.dialect,
            its.base,
            its.model,
            peer(its.peer)
        );
    }
    text.push('\n');
    for caution in cautions(run) {
        let _ = writeln!(text, "{YELLOW}{caution}{RESET}");
    }
    let color = match run.exit_code() {
        assay_model::ExitCode::Passed => GREEN,
        _ => RED,
    };
    let subjects = rows
        .iter()
        .filter(|row| row.provenance == Some(Provenance::Real))
        .count();
    let wall = run
        .wall_seconds
        .map_or_else(String::new, |wall| format!(" · {wall:.1} s wall"));
    let _ = writeln!(
        text,
        "{color}{}{RESET} · {subjects} of {} subjects {}{wall}, {:.1} s cpu{}",
        totals(run),
        rows.len(),
        mark(Some(Provenance::Real), look),
        run.cpu_seconds,
        busy(run)
    );
    if look.color {
        text
    } else {
        strip_str(&text).to_string()
    }
}

/// How much of the processors' time was used; nothing of a run that did not end.
fn busy(run: &Run) -> String {
    let cpus = run.header.fingerprint.cpus;
    #[expect(
        clippy::cast_precision_loss,
        reason = "the number of processors is small"
    )]
    let share = |wall: f64| 100.0 * run.cpu_seconds / (wall * cpus as f64);
    run.wall_seconds
        .filter(|wall| *wall > 0.0 && cpus > 0)
        .map_or_else(String::new, |wall| {
            format!(" ({:.0} % of {cpus} cores)", share(wall))
        })
}

/// The subjects that took longest and where their time went, of a run that is long enough to ask.
fn slowest(text: &mut String, rows: &[Row], width: usize) {
    if rows.len() < 2 * SLOWEST {
        return;
    }
    let mut by_time: Vec<&Row> = rows.iter().collect();
    by_time.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let _ = writeln!(
        text,
        "\n{BOLD}{:<width$}  seconds   import    build  forward   checks{RESET}",
        "slowest"
    );
    for row in by_time.into_iter().take(SLOWEST) {
        let of = |check: &str| -> f64 {
            let cases = row.cases.iter().filter(|case| case.check.as_str() == check);
            cases.map(|case| case.seconds).sum::<f64>() + 0.0 // a sum of nothing is -0.0
        };
        // The first check imports the model's sources with its configuration, the second builds it, the third feeds it.
        let [import, build, forward] = ["load.config", "load.build", "forward.runs"].map(of);
        let _ = writeln!(
            text,
            "{:<width$}  {:>7.2}  {import:>7.2}  {build:>7.2}  {forward:>7.2}  {:>7.2}",
            shortened(&row.subject, width),
            row.seconds,
            (row.seconds - import - build - forward).max(0.0)
        );
    }
}

fn line(row: &Row, (width, platforms): (usize, usize), look: Look) -> String {
    let passed = row.count(Outcome::Passed);
    let red = row.cases.iter().any(CaseRecord::is_red);
    let color = match (red, passed == row.cases.len()) {
        (true, _) => RED,
        (false, true) => GREEN,
        (false, false) => YELLOW,
    };
    let subject = shortened(&row.subject, width);
    // A picture is two columns wide.
    let proof = if look.pictures && row.provenance.is_some() {
        format!("{}   ", mark(row.provenance, look))
    } else {
        format!("{:<5}", mark(row.provenance, look))
    };
    let ratio = format!("{passed}/{}", row.cases.len());
    let line = format!(
        "{subject:<width$}  {:<platforms$}  {proof}  {color}{ratio:<7}{RESET}  {:>7.2}  {color}{}{RESET}",
        row.platform,
        row.seconds,
        row.rest()
    );
    line.trim_end().to_owned()
}

fn is_the_same(a: &CaseRecord, b: &CaseRecord) -> bool {
    (&a.subject, a.platform, a.outcome) == (&b.subject, b.platform, b.outcome)
        && label(a) == label(b)
        && reasons(a) == reasons(b)
}

fn reason(group: &[&CaseRecord]) -> String {
    let [case, rest @ ..] = group else {
        return String::new();
    };
    let more = match rest.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let color = if case.is_red() { RED } else { YELLOW };
    let reasons: String = reasons(case)
        .iter()
        .map(|reason| format!("\n    {reason}"))
        .collect();
    format!(
        "{color}{}{RESET}  {} {} {}{more}{reasons}",
        label(case),
        case.subject,
        case.platform,
        case.check
    )
}

fn mark(provenance: Option<Provenance>, look: Look) -> &'static str {
    match provenance {
        Some(provenance) if look.pictures => provenance.mark(),
        Some(provenance) => provenance.name(),
        None => "-",
    }
}

/// The end of a long name tells more than its beginning: of a path above all.
fn shortened(name: &str, width: usize) -> String {
    let count = name.chars().count();
    if count <= width {
        return name.into();
    }
    format!(
        "…{}",
        name.chars().skip(count + 1 - width).collect::<String>()
    )
}
