use std::sync::Arc;

use duckdb::Connection;
use duckdb::arrow::array::{ArrayRef, Int32Array, StringArray};
use duckdb::arrow::datatypes::{Field, Schema};
use duckdb::arrow::record_batch::RecordBatch;

use crate::StoreError;

/// Rows that the appender takes at a time: `STANDARD_VECTOR_SIZE` of DuckDB.
const CHUNK: usize = 2048;

/// Columns of a table with their names.
pub(crate) type Columns = Vec<(&'static str, ArrayRef)>;

/// What the rows of a table are about.
#[derive(Default)]
pub(crate) struct Keys {
    run: Vec<i32>,
    subject: Vec<i32>,
    platform: Vec<i32>,
    check: Vec<i32>,
}

impl Keys {
    pub(crate) fn push(&mut self, run: i32, [subject, platform, check]: [i32; 3]) {
        self.run.push(run);
        self.subject.push(subject);
        self.platform.push(platform);
        self.check.push(check);
    }

    /// Of a table of cases.
    pub(crate) fn with_check(self) -> Columns {
        let mut keys = self;
        let check = std::mem::take(&mut keys.check);
        let mut columns = keys.without_check();
        columns.push(("check_id", Arc::new(Int32Array::from(check))));
        columns
    }

    /// Of a table of units.
    pub(crate) fn without_check(self) -> Columns {
        vec![
            ("run", Arc::new(Int32Array::from(self.run))),
            ("subject", Arc::new(Int32Array::from(self.subject))),
            ("platform", Arc::new(Int32Array::from(self.platform))),
        ]
    }
}

/// A column of texts.
pub(crate) fn text<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

/// Appends rows to a table as Arrow columns: many times faster than row by row.
pub(crate) fn append(
    connection: &Connection,
    table: &str,
    columns: Columns,
) -> Result<(), StoreError> {
    if columns.first().is_none_or(|(_, array)| array.is_empty()) {
        return Ok(());
    }
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(schema), arrays)
        .map_err(|error| StoreError::Sql(error.to_string()))?;
    let mut appender = connection.appender(table)?;
    // DuckDB takes at most so many rows in one chunk.
    for start in (0..batch.num_rows()).step_by(CHUNK) {
        appender.append_record_batch(batch.slice(start, CHUNK.min(batch.num_rows() - start)))?;
    }
    appender.flush()?;
    Ok(())
}
