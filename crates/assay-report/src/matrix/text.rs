use std::fmt::Write;
use std::ops::Range;

use anstream::adapter::strip_str;
use assay_model::{Cell, State};
use serde::Serialize;

use super::{Matrix, Totals, short, why};

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";
const RESET: &str = "\x1b[0m";

/// What stands over subjects without a family.
const NO_FAMILY: &str = "no family";

/// Cells whose reasons are listed below the table in a terminal.
const LISTED: usize = 20;

/// For a terminal of so many columns: what is wider comes in several tables.
#[must_use]
pub fn terminal(matrix: &Matrix, color: bool, columns: usize) -> String {
    let mut text = String::new();
    let names = names(matrix);
    let mut from = 0;
    while from < matrix.platforms.len() {
        let mut until = from;
        let mut wide = names;
        for column in from..matrix.platforms.len() {
            wide += 2 + width(matrix, column);
            if wide > columns && until > from {
                break;
            }
            until = column + 1;
        }
        if from > 0 {
            text.push('\n');
        }
        table(&mut text, matrix, from..until);
        from = until;
    }
    reasons(&mut text, matrix);
    if color {
        text
    } else {
        strip_str(&text).to_string()
    }
}

/// Width of the column of names.
fn names(matrix: &Matrix) -> usize {
    let rows = matrix.families.iter().flat_map(|family| &family.rows);
    let subjects = rows.map(|row| row.subject.chars().count() + 2);
    let families = matrix.families.iter().map(|family| family.name.len());
    subjects.chain(families).fold(NO_FAMILY.len(), usize::max)
}

/// Width of the column of a platform.
fn width(matrix: &Matrix, column: usize) -> usize {
    let rows = matrix.families.iter().flat_map(|family| &family.rows);
    let cells = rows.filter_map(|row| row.cells.get(column)?.as_ref());
    let totals = matrix.families.iter().map(|family| &family.totals);
    let totals = totals.chain([&matrix.totals]);
    let words = totals.filter_map(|totals| Some(totals.get(column)?.words().len()));
    let name = matrix.platforms.get(column).map_or(0, String::len);
    cells
        .map(|cell| short(cell).chars().count())
        .chain(words)
        .fold(name, usize::max)
}

/// A table of some of the platforms.
fn table(text: &mut String, matrix: &Matrix, columns: Range<usize>) {
    let first_width = names(matrix);
    let mut widths: Vec<usize> = columns
        .clone()
        .map(|column| width(matrix, column))
        .collect();
    if let Some(last) = widths.last_mut() {
        *last = 0; // nothing stands behind it
    }
    let mut line = |first: &str, cells: Vec<(String, &str)>| {
        let mut line = format!("{first:<first_width$}");
        for ((words, color), width) in cells.iter().zip(&widths) {
            let _ = write!(line, "  {color}{words:<width$}{RESET}");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    };
    let shown = |list: &[Totals]| -> Vec<(String, &str)> {
        let list = list.get(columns.clone()).unwrap_or_default();
        list.iter().map(|totals| (totals.words(), RESET)).collect()
    };
    let head = matrix.platforms.get(columns.clone()).unwrap_or_default();
    line("", head.iter().map(|name| (name.clone(), BOLD)).collect());
    for family in &matrix.families {
        let name = if family.name.is_empty() {
            NO_FAMILY
        } else {
            &family.name
        };
        line(name, shown(&family.totals));
        for row in &family.rows {
            let cells = row.cells.get(columns.clone()).unwrap_or_default();
            let cells = cells.iter().map(|cell| colored(cell.as_ref())).collect();
            line(&format!("  {}", row.subject), cells);
        }
    }
    line("all", shown(&matrix.totals));
}

/// What is in the way, and which platforms are not here.
fn reasons(text: &mut String, matrix: &Matrix) {
    let (broken, absent): (Vec<&Cell>, _) = (matrix.in_the_way().collect(), matrix.absent());
    if !broken.is_empty() || !absent.is_empty() {
        text.push('\n');
    }
    for cell in broken.iter().take(LISTED) {
        let _ = writeln!(text, "{} {}: {}", cell.subject, cell.platform, why(cell));
    }
    if broken.len() > LISTED {
        let more = broken.len() - LISTED;
        let _ = writeln!(
            text,
            "… and {more} more: --format html, md or json shows them"
        );
    }
    for (name, why) in absent {
        let _ = writeln!(text, "{name}: {why}");
    }
}

fn colored(cell: Option<&Cell>) -> (String, &'static str) {
    let Some(cell) = cell else {
        return (String::new(), RESET);
    };
    let color = match cell.state {
        State::Works => GREEN,
        State::Known | State::Skipped | State::PartlyAsked => YELLOW,
        State::Fails | State::Mock => RED,
    };
    (short(cell), color)
}

/// As Markdown: the totals by family, a table for each family, and what is in the way.
#[must_use]
pub fn markdown(matrix: &Matrix) -> String {
    let mut text = String::new();
    let row = |text: &mut String, first: &str, cells: Vec<String>| {
        let _ = writeln!(text, "| {} | {} |", escaped(first), cells.join(" | "));
    };
    let head = |text: &mut String, first: &str| {
        row(text, first, matrix.platforms.clone());
        let _ = writeln!(text, "| --- |{}", " --- |".repeat(matrix.platforms.len()));
    };
    let counted = |totals: &[Totals]| totals.iter().map(|its| its.words()).collect();
    head(&mut text, "family");
    for family in &matrix.families {
        row(&mut text, &family.name, counted(&family.totals));
    }
    row(&mut text, "**all**", counted(&matrix.totals));
    for family in &matrix.families {
        let _ = writeln!(text, "\n## {}\n", escaped(&family.name));
        head(&mut text, "subject");
        for its in &family.rows {
            let words = |cell: &Option<Cell>| {
                cell.as_ref()
                    .map_or_else(String::new, |cell| escaped(&short(cell)))
            };
            row(
                &mut text,
                &its.subject,
                its.cells.iter().map(words).collect(),
            );
        }
    }
    let broken: Vec<&Cell> = matrix.in_the_way().collect();
    if !broken.is_empty() {
        let _ = writeln!(
            text,
            "\n## What is in the way\n\n| subject | platform | stage | why |\n| --- | --- | --- | --- |"
        );
    }
    for cell in broken {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            escaped(&cell.subject),
            cell.platform,
            cell.stage.as_deref().unwrap_or_default(),
            escaped(&why(cell))
        );
    }
    text
}

/// What would end a cell of a table, or be read as markup.
fn escaped(text: &str) -> String {
    let text = text.replace('|', "\\|").replace(['\n', '\r'], " ");
    text.replace('<', "&lt;")
}

/// As comma-separated values: a row per cell, under the names of its fields.
///
/// # Errors
/// None that can be met: what is written goes to memory.
pub fn csv(matrix: &Matrix) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let rows = matrix.families.iter().flat_map(|family| &family.rows);
    for cell in rows.flat_map(|row| &row.cells).flatten() {
        writer.serialize((Named::of(cell), cell.figures))?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The fields of a [`Cell`] that are no figures.
#[derive(Serialize)]
struct Named<'a> {
    subject: &'a str,
    architecture: Option<&'a str>,
    family: Option<&'a str>,
    platform: &'a str,
    run: &'a str,
    started: Option<&'a str>,
    state: &'a str,
    stage: Option<&'a str>,
    kind: Option<&'a str>,
    detail: Option<&'a str>,
    mend: Option<&'a str>,
    provenance: Option<&'a str>,
    cases: u64,
    passed: u64,
}

impl<'a> Named<'a> {
    fn of(cell: &'a Cell) -> Self {
        Self {
            subject: &cell.subject,
            architecture: cell.architecture.as_deref(),
            family: cell.family.as_deref(),
            platform: &cell.platform,
            run: &cell.run,
            started: cell.started.as_deref(),
            state: cell.state.name(),
            stage: cell.stage.as_deref(),
            kind: cell.kind.as_deref(),
            detail: cell.detail.as_deref(),
            mend: cell.mend.as_deref(),
            provenance: cell.provenance.as_deref(),
            cases: cell.cases,
            passed: cell.passed,
        }
    }
}
