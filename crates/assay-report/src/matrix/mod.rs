//! What runs where: subjects × platforms, by family, with totals.

mod text;
mod web;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use assay_model::{Cell, State};
use serde::Serialize;

pub use text::{csv, markdown, terminal};
pub use web::html;

/// In which order the subjects of a family stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By name.
    #[default]
    Subject,
    /// What fails first.
    State,
    /// The largest error first.
    Error,
    /// The slowest first.
    Latency,
}

/// The table.
#[derive(Debug, Clone, Serialize)]
pub struct Matrix {
    /// The columns: the reference first, then by name.
    pub platforms: Vec<String>,
    /// The groups of rows; subjects without a family come last, under no name.
    pub families: Vec<OfFamily>,
    /// Per platform.
    pub totals: Vec<Totals>,
}

/// The subjects of a family.
#[derive(Debug, Clone, Serialize)]
pub struct OfFamily {
    /// Its name.
    pub name: String,
    /// Its subjects.
    pub rows: Vec<Row>,
    /// Per platform.
    pub totals: Vec<Totals>,
}

/// A subject on each platform.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its name.
    pub subject: String,
    /// Per platform; none where nothing is known.
    pub cells: Vec<Option<Cell>>,
}

/// How many subjects are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the states of these names")]
pub struct Totals {
    pub works: u64,
    pub known: u64,
    pub fails: u64,
    pub mock: u64,
    pub skipped: u64,
    pub partly_asked: u64,
}

impl Totals {
    /// Those of which it is known whether they work.
    #[must_use]
    pub fn executed(self) -> u64 {
        self.works + self.known + self.fails + self.mock
    }

    fn add(&mut self, state: State) {
        *match state {
            State::Works => &mut self.works,
            State::Known => &mut self.known,
            State::Fails => &mut self.fails,
            State::Mock => &mut self.mock,
            State::Skipped => &mut self.skipped,
            State::PartlyAsked => &mut self.partly_asked,
        } += 1;
    }

    fn of<'a>(cells: impl Iterator<Item = &'a Option<Cell>>) -> Self {
        let mut totals = Self::default();
        for cell in cells.flatten() {
            totals.add(cell.state);
        }
        totals
    }

    /// `11 of 12`, and how many were skipped or asked too little; nothing if nothing is known.
    fn words(self) -> String {
        let works = (self.executed() > 0).then(|| format!("{} of {}", self.works, self.executed()));
        let some = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let parts = [
            works,
            some(self.skipped, "skipped"),
            some(self.partly_asked, "partly asked"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Matrix {
    /// The table of these cells.
    #[must_use]
    pub fn new(cells: Vec<Cell>, order: Order) -> Self {
        let mut platforms: Vec<String> = cells
            .iter()
            .map(|cell| cell.platform.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        platforms.sort_by_key(|name| name != "cpu");
        let column = |name: &str| platforms.iter().position(|its| its == name).unwrap_or(0);
        let mut by_family: BTreeMap<(bool, String), BySubject> = BTreeMap::new();
        for cell in cells {
            let family = cell.family.clone().unwrap_or_default();
            let rows = by_family.entry((family.is_empty(), family)).or_default();
            let row = rows
                .entry(cell.subject.clone())
                .or_insert_with(|| vec![None; platforms.len()]);
            let at = column(&cell.platform);
            if let Some(place) = row.get_mut(at) {
                *place = Some(cell);
            }
        }
        let families: Vec<OfFamily> = by_family
            .into_iter()
            .map(|((_, name), rows)| {
                let mut rows: Vec<Row> = rows
                    .into_iter()
                    .map(|(subject, cells)| Row { subject, cells })
                    .collect();
                rows.sort_by(|a, b| compare(a, b, order));
                let totals = totals(rows.iter(), platforms.len());
                OfFamily { name, rows, totals }
            })
            .collect();
        let all = families.iter().flat_map(|family| &family.rows);
        Self {
            totals: totals(all, platforms.len()),
            platforms,
            families,
        }
    }

    /// Platforms on which nothing ran, with why.
    fn absent(&self) -> Vec<(&str, String)> {
        let columns = self.platforms.iter().enumerate();
        let nothing_ran = |column: usize| {
            let totals = self.totals.get(column);
            totals.is_some_and(|totals| totals.executed() + totals.partly_asked == 0)
        };
        columns
            .filter(|&(column, _)| nothing_ran(column))
            .map(|(column, name)| {
                let rows = self.families.iter().flat_map(|family| &family.rows);
                let first = rows
                    .filter_map(|row| row.cells.get(column)?.as_ref())
                    .next();
                (name.as_str(), first.map(why).unwrap_or_default())
            })
            .collect()
    }

    /// Cells in which something is in the way, in the order of the table; none of platforms on which nothing ran.
    fn in_the_way(&self) -> impl Iterator<Item = &Cell> {
        let absent: BTreeSet<&str> = self.absent().into_iter().map(|(name, _)| name).collect();
        let rows = self.families.iter().flat_map(|family| &family.rows);
        rows.flat_map(|row| &row.cells)
            .flatten()
            .filter(move |cell| {
                !matches!(cell.state, State::Works | State::PartlyAsked)
                    && !absent.contains(cell.platform.as_str())
            })
    }
}

/// Per subject its cells, by platform.
type BySubject = BTreeMap<String, Vec<Option<Cell>>>;

fn totals<'a>(rows: impl Iterator<Item = &'a Row> + Clone, columns: usize) -> Vec<Totals> {
    (0..columns)
        .map(|column| Totals::of(rows.clone().filter_map(|row| row.cells.get(column))))
        .collect()
}

fn compare(a: &Row, b: &Row, order: Order) -> Ordering {
    let worst = |row: &Row| row.cells.iter().flatten().map(|cell| cell.state).min();
    let largest = |row: &Row, of: fn(&Cell) -> Option<f64>| {
        let figures = row.cells.iter().flatten().filter_map(of);
        figures.fold(f64::NEG_INFINITY, f64::max)
    };
    match order {
        Order::Subject => Ordering::Equal, // they come by name
        Order::State => worst(a).cmp(&worst(b)),
        Order::Error => largest(b, |cell| cell.figures.error_ratio)
            .total_cmp(&largest(a, |cell| cell.figures.error_ratio)),
        Order::Latency => largest(b, |cell| cell.figures.latency_ratio)
            .total_cmp(&largest(a, |cell| cell.figures.latency_ratio)),
    }
}

/// A cell in a few words: `ok 0.8×`, or the stage at which it ended.
fn short(cell: &Cell) -> String {
    let stage = cell.stage.as_deref().unwrap_or("fails");
    match cell.state {
        State::Works => match cell.figures.latency_ratio {
            Some(ratio) => format!("ok {}", times(ratio)),
            None => "ok".into(),
        },
        State::Known => format!("{stage} (known)"),
        State::Fails => stage.to_owned(),
        State::Mock => "mock".into(),
        State::PartlyAsked => "partly asked".into(),
        State::Skipped => match cell.kind.as_deref() {
            Some("platform_unavailable") => "absent".into(),
            Some("unsupported_by_backend") => "unsupported".into(),
            _ => "skipped".into(),
        },
    }
}

/// A ratio with two digits that count.
fn times(ratio: f64) -> String {
    if ratio >= 10.0 {
        format!("{ratio:.0}×")
    } else if ratio >= 1.0 {
        format!("{ratio:.1}×")
    } else {
        format!("{ratio:.2}×")
    }
}

/// What is in the way of a cell, in one line.
fn why(cell: &Cell) -> String {
    let parts = [cell.kind.as_deref(), cell.detail.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}
