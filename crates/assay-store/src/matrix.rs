use assay_model::{Cell, Figures, State};
use duckdb::params;

use crate::{Store, StoreError};

impl Store {
    /// What is known of each subject on each platform (`shown_units` in `views.sql`), or what one run says of them.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], or another of DuckDB's.
    pub fn matrix(&self, run: Option<&str>) -> Result<Vec<Cell>, StoreError> {
        let number = run.map(|name| self.number(name)).transpose()?;
        let mut statement = self.connection.prepare(include_str!("matrix.sql"))?;
        let rows = statement.query_map(params![number], |row| {
            let state: String = row.get(6)?;
            let state = State::named(&state).unwrap_or(State::Fails);
            let unless_works = |text: Option<String>| text.filter(|_| state != State::Works);
            Ok(Cell {
                subject: row.get(0)?,
                architecture: row.get(1)?,
                family: row.get(2)?,
                platform: row.get(3)?,
                run: row.get(4)?,
                started: row.get(5)?,
                state,
                stage: unless_works(row.get(7)?),
                kind: unless_works(row.get(8)?),
                detail: unless_works(row.get(9)?),
                mend: unless_works(row.get(10)?),
                provenance: row.get(11)?,
                cases: row.get(12)?,
                passed: row.get(13)?,
                figures: Figures {
                    error_ratio: row.get(14)?,
                    relative_error: row.get(15)?,
                    latency_ratio: row.get(16)?,
                    latency_ratio_low: row.get(17)?,
                    latency_ratio_high: row.get(18)?,
                    forward_milliseconds: row.get(19)?,
                    eager_milliseconds: row.get(20)?,
                    rows: row.get(21)?,
                    peak_bytes: row.get(22)?,
                    parameters: row.get(23)?,
                    values: row.get(24)?,
                },
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
