use std::path::Path;

use assay_record::log_path;
use duckdb::params;
use serde::Serialize;

use crate::{Store, StoreError};

/// A subject in one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ran {
    /// The run.
    pub run: String,
    /// When it began, RFC 3339, UTC; none if its header has no time.
    pub started: Option<String>,
    /// Where.
    pub platform: String,
    /// Cases of the subject.
    pub cases: u64,
    /// Those that passed.
    pub passed: u64,
    /// Those that are failures, timeouts, crashes, out of memory or errored.
    pub failed: u64,
    /// Those that passed only on a retry.
    pub flaky: u64,
    /// Wall-clock seconds of its cases.
    pub seconds: f64,
    /// `real`, `mock`, or none.
    pub provenance: Option<String>,
    /// Versions of torch and transformers.
    pub torch: Option<String>,
    /// Versions of torch and transformers.
    pub transformers: Option<String>,
    /// The first case that is a failure, with its reason.
    pub first_failure: Option<String>,
}

/// A case whose outcome is not the same in two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The subject.
    pub subject: String,
    /// Where.
    pub platform: String,
    /// The check.
    pub check: String,
    /// Its outcome in the older run; none if it was not planned there.
    pub before: Option<String>,
    /// Its outcome in the newer run; none if it is not planned there.
    pub after: Option<String>,
    /// Why, in the newer run, or in the older one if it is not planned in the newer.
    pub reason: Option<String>,
}

/// What differs between two runs.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// The older run.
    pub before: String,
    /// The newer run.
    pub after: String,
    /// Cases that are failures now and were none, though they were planned.
    pub new_failures: Vec<Changed>,
    /// Cases that pass now and were failures.
    pub fixed: Vec<Changed>,
    /// Cases whose outcome changed in another way.
    pub changed: Vec<Changed>,
    /// Cases of subjects that are planned in both runs, whose check is planned in the older run alone: it ceased to apply, or was not selected.
    pub ceased: Vec<Changed>,
    /// Cases of subjects that are planned in both runs, whose check is planned in the newer run alone.
    pub began: Vec<Changed>,
    /// Subjects that are planned in the older run alone.
    pub subjects_gone: Vec<String>,
    /// Subjects that are planned in the newer run alone.
    pub subjects_new: Vec<String>,
    /// Cases with the same outcome in both.
    pub same: u64,
    /// What differs between the environments, `name before → after`.
    pub environment: Vec<String>,
    /// Wall-clock seconds of the runs.
    pub wall_seconds: (Option<f64>, Option<f64>),
    /// Seconds of the cases that are in both.
    pub common_seconds: (f64, f64),
}

const RED: &str = "('failed', 'timed_out', 'crashed', 'out_of_memory', 'errored')";

impl Store {
    /// A subject in every run, the newest first; empty if it is in none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn history(&self, subject: &str, limit: u64) -> Result<Vec<Ran>, StoreError> {
        let mut statement = self.connection.prepare(&format!(
            "SELECT r.name, strftime(r.started, '%Y-%m-%dT%H:%M:%SZ'), p.name, count(*), count(*) FILTER (outcome = 'passed'),
                count(*) FILTER (outcome IN {RED}), count(*) FILTER (c.flaky), sum(seconds),
                coalesce(max(provenance) FILTER (provenance = 'mock'), max(provenance)), e.torch, e.transformers,
                arg_min(k.name || ': ' || coalesce(reason || ': ' || detail, outcome), c.check_id) FILTER (outcome IN {RED})
            FROM cases c JOIN runs r USING (run) JOIN platforms p USING (platform) JOIN checks k USING (check_id)
                LEFT JOIN environments e USING (environment)
            WHERE c.subject = (SELECT subject FROM subjects WHERE name = ?)
            GROUP BY r.run, r.name, r.started, p.name, e.torch, e.transformers ORDER BY r.started DESC, r.run DESC, p.name LIMIT ?"
        ))?;
        let rows = statement.query_map(params![subject, limit], |row| {
            Ok(Ran {
                run: row.get(0)?,
                started: row.get(1)?,
                platform: row.get(2)?,
                cases: row.get(3)?,
                passed: row.get(4)?,
                failed: row.get(5)?,
                flaky: row.get(6)?,
                seconds: row.get(7)?,
                provenance: row.get(8)?,
                torch: row.get(9)?,
                transformers: row.get(10)?,
                first_failure: row.get(11)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every subject, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn subjects(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT name FROM subjects ORDER BY name")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Names of the runs, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn runs(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT name FROM runs ORDER BY started, run")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Name in the store of the run with this log.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`].
    pub fn run_of(&self, run: &Path) -> Result<String, StoreError> {
        let log = log_path(run);
        let log = std::path::absolute(&log)
            .unwrap_or(log)
            .display()
            .to_string();
        self.connection
            .query_row("SELECT name FROM runs WHERE log = ?", [&log], |row| {
                row.get(0)
            })
            .map_err(|_| StoreError::UnknownRun {
                name: run.display().to_string(),
            })
    }

    pub(crate) fn number(&self, name: &str) -> Result<i32, StoreError> {
        self.connection
            .query_row("SELECT run FROM runs WHERE name = ?", [name], |row| {
                row.get(0)
            })
            .map_err(|_| StoreError::UnknownRun { name: name.into() })
    }

    /// What differs between two runs.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], or another of DuckDB's.
    pub fn diff(&self, before: &str, after: &str) -> Result<Difference, StoreError> {
        let numbers = (self.number(before)?, self.number(after)?);
        let mut statement = self.connection.prepare(
            "WITH a AS (SELECT * FROM cases WHERE run = ?), b AS (SELECT * FROM cases WHERE run = ?),
                j AS (SELECT coalesce(a.subject, b.subject) AS subject, coalesce(a.platform, b.platform) AS platform,
                    coalesce(a.check_id, b.check_id) AS check_id, a.outcome AS before, b.outcome AS after,
                    CASE WHEN b.outcome IS NULL THEN a.reason || ': ' || a.detail ELSE b.reason || ': ' || b.detail END AS reason,
                    bool_or(a.run IS NOT NULL) OVER unit AS in_before, bool_or(b.run IS NOT NULL) OVER unit AS in_after
                FROM a FULL JOIN b ON a.subject = b.subject AND a.platform = b.platform AND a.check_id = b.check_id
                WINDOW unit AS (PARTITION BY coalesce(a.subject, b.subject), coalesce(a.platform, b.platform)))
            SELECT s.name, p.name, k.name, before, after, reason, in_before, in_after
            FROM j JOIN subjects s USING (subject) JOIN platforms p USING (platform) JOIN checks k USING (check_id)
            WHERE before IS DISTINCT FROM after ORDER BY s.name, p.name, check_id",
        )?;
        let rows = statement.query_map(params![numbers.0, numbers.1], |row| {
            let changed = Changed {
                subject: row.get(0)?,
                platform: row.get(1)?,
                check: row.get(2)?,
                before: row.get(3)?,
                after: row.get(4)?,
                reason: row.get(5)?,
            };
            Ok((changed, row.get::<_, bool>(6)?, row.get::<_, bool>(7)?))
        })?;
        let (same, seconds_before, seconds_after) = self.connection.query_row(
            "SELECT count(*) FILTER (a.outcome = b.outcome), coalesce(sum(a.seconds), 0), coalesce(sum(b.seconds), 0)
            FROM cases a JOIN cases b ON a.subject = b.subject AND a.platform = b.platform AND a.check_id = b.check_id WHERE a.run = ? AND b.run = ?",
            params![numbers.0, numbers.1],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let mut difference = Difference {
            before: before.into(),
            after: after.into(),
            new_failures: vec![],
            fixed: vec![],
            changed: vec![],
            ceased: vec![],
            began: vec![],
            subjects_gone: vec![],
            subjects_new: vec![],
            same,
            environment: self.environments(numbers)?,
            wall_seconds: (self.wall(numbers.0)?, self.wall(numbers.1)?),
            common_seconds: (seconds_before, seconds_after),
        };
        for row in rows {
            let (changed, in_before, in_after) = row?;
            difference.add(changed, in_before, in_after);
        }
        Ok(difference)
    }

    fn wall(&self, run: i32) -> Result<Option<f64>, StoreError> {
        Ok(self.connection.query_row(
            "SELECT wall_seconds FROM runs WHERE run = ?",
            [run],
            |row| row.get(0),
        )?)
    }

    fn environments(&self, numbers: (i32, i32)) -> Result<Vec<String>, StoreError> {
        const FIELDS: [&str; 9] = [
            "assay",
            "worker_digest",
            "kernel",
            "cpu",
            "cpu_features",
            "python",
            "torch",
            "transformers",
            "packages",
        ];
        let read = |run: i32| {
            let columns = FIELDS
                .map(|field| format!("coalesce({field}, '(none)')"))
                .join(", ");
            let query = format!(
                "SELECT {columns} FROM runs JOIN environments USING (environment) WHERE run = ?"
            );
            self.connection.query_row(&query, [run], |row| {
                (0..FIELDS.len())
                    .map(|index| row.get::<_, String>(index))
                    .collect::<Result<Vec<_>, _>>()
            })
        };
        let (before, after) = (read(numbers.0)?, read(numbers.1)?);
        let differing = FIELDS
            .iter()
            .zip(before.iter().zip(&after))
            .filter(|(_, (before, after))| before != after);
        Ok(differing
            .map(|(field, (before, after))| format!("{field} {before} → {after}"))
            .collect())
    }
}

impl Difference {
    fn add(&mut self, case: Changed, in_before: bool, in_after: bool) {
        let subject = format!("{} {}", case.subject, case.platform);
        let once = |list: &mut Vec<String>, name: String| {
            if list.last() != Some(&name) {
                list.push(name);
            }
        };
        let is_red = |outcome: &str| RED.contains(&format!("'{outcome}'"));
        match (case.before.as_deref(), case.after.as_deref()) {
            (None, _) if !in_before => once(&mut self.subjects_new, subject),
            (_, None) if !in_after => once(&mut self.subjects_gone, subject),
            (None, Some(after)) if is_red(after) => self.new_failures.push(case),
            (None, _) => self.began.push(case),
            (_, None) => self.ceased.push(case),
            (Some(before), Some(after)) if is_red(after) && !is_red(before) => {
                self.new_failures.push(case)
            }
            (Some(before), Some("passed")) if is_red(before) => self.fixed.push(case),
            _ => self.changed.push(case),
        }
    }
}
