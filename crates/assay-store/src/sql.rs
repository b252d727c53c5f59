use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use duckdb::Connection;
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Value};

use crate::{Store, StoreError};

/// How the result of a query is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlFormat {
    /// Columns for a person.
    Table,
    /// An array of objects.
    Json,
    /// RFC 4180, with a head line.
    Csv,
    /// Apache Parquet, compressed with Snappy.
    Parquet,
}

/// Shuts a connection in: no other file, no extension, and no way to change that.
pub(crate) fn shut_in(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch("SET enable_external_access = false; SET lock_configuration = true;")?;
    Ok(())
}

/// Answers a query: the connection can't write the store, read or write other files, or load extensions, and the query is stopped
/// after some time.
///
/// # Errors
/// [`StoreError::Timeout`], [`StoreError::Sql`] with DuckDB's words, [`StoreError::Output`].
pub fn query(
    store: &Store,
    sql: &str,
    format: SqlFormat,
    timeout: Duration,
    output: &mut (dyn Write + Send),
) -> Result<(), StoreError> {
    if sql.trim().is_empty() {
        return Err(StoreError::Sql("the statement is empty".into()));
    }
    let connection = &store.connection;
    let interrupt = connection.interrupt_handle();
    let late = Arc::new(AtomicBool::new(false));
    let (done, ended) = mpsc::channel::<()>();
    let watch = {
        let late = Arc::clone(&late);
        std::thread::spawn(move || {
            if ended.recv_timeout(timeout) == Err(mpsc::RecvTimeoutError::Timeout) {
                late.store(true, Ordering::Relaxed);
                interrupt.interrupt();
            }
        })
    };
    let answered = answer(connection, sql, format, output);
    drop(done);
    let _ = watch.join();
    match answered {
        Err(StoreError::Sql(_)) if late.load(Ordering::Relaxed) => Err(StoreError::Timeout {
            seconds: timeout.as_secs_f64(),
        }),
        other => other,
    }
}

fn answer(
    connection: &Connection,
    sql: &str,
    format: SqlFormat,
    output: &mut (dyn Write + Send),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(sql)?;
    let batches: Vec<RecordBatch> = statement.query_arrow([])?.collect();
    let written = match format {
        SqlFormat::Table => table(&batches, output),
        SqlFormat::Json => json(&batches, output),
        SqlFormat::Csv => csv(&batches, output),
        SqlFormat::Parquet => parquet(&batches, output),
    };
    written.map_err(|error| match error.downcast::<std::io::Error>() {
        // A reader that has gone (`| head`) is no error.
        Ok(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            StoreError::Output(String::new())
        }
        Ok(error) => StoreError::Output(error.to_string()),
        Err(error) => StoreError::Output(error.to_string()),
    })
}

type Written = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Rows as text: none for NULL.
fn texts(
    batch: &RecordBatch,
) -> Result<Vec<Vec<Option<String>>>, Box<dyn std::error::Error + Send + Sync>> {
    let options = FormatOptions::default();
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let row = |index: usize| {
        batch
            .columns()
            .iter()
            .zip(&formatters)
            .map(|(column, formatter)| {
                (!column.is_null(index)).then(|| formatter.value(index).to_string())
            })
            .collect()
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

fn names(batches: &[RecordBatch]) -> Vec<String> {
    batches.first().map_or_else(Vec::new, |batch| {
        batch
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    })
}

fn table(batches: &[RecordBatch], output: &mut dyn Write) -> Written {
    let names = names(batches);
    let mut rows = Vec::new();
    for batch in batches {
        rows.extend(texts(batch)?);
    }
    let shown =
        |cell: &Option<String>| cell.as_deref().unwrap_or("NULL").replace(['\n', '\r'], " ");
    let width = |column: usize, name: &String| {
        let cells = rows.iter().map(|row| shown(&row[column]).chars().count());
        cells
            .chain([name.chars().count()])
            .max()
            .unwrap_or(0)
            .min(100)
    };
    let widths: Vec<usize> = names
        .iter()
        .enumerate()
        .map(|(column, name)| width(column, name))
        .collect();
    let mut line = |cells: Vec<String>| {
        let cells: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        writeln!(output, "{}", cells.join("  ").trim_end())
    };
    line(names.clone())?;
    line(widths.iter().map(|width| "-".repeat(*width)).collect())?;
    for row in &rows {
        line(row.iter().map(shown).collect())?;
    }
    Ok(())
}

fn csv(batches: &[RecordBatch], output: &mut dyn Write) -> Written {
    let quoted = |text: &str| {
        if text.contains(['"', ',', '\n', '\r']) || text.is_empty() {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let head: Vec<String> = names(batches).iter().map(|name| quoted(name)).collect();
    write!(output, "{}\r\n", head.join(","))?;
    for batch in batches {
        for row in texts(batch)? {
            // NULL is nothing at all, an empty text is two quotes.
            let cells: Vec<String> = row
                .iter()
                .map(|cell| cell.as_deref().map(quoted).unwrap_or_default())
                .collect();
            write!(output, "{}\r\n", cells.join(","))?;
        }
    }
    Ok(())
}

/// Numbers and truth values as such, whatever else as text.
fn json(batches: &[RecordBatch], output: &mut dyn Write) -> Written {
    let names = names(batches);
    let mut rows = Vec::new();
    for batch in batches {
        for row in texts(batch)? {
            let cells = row.into_iter().zip(batch.columns()).zip(&names);
            let object: Map<String, Value> = cells
                .map(|((cell, column), name)| {
                    let kind = column.data_type();
                    let value = match cell {
                        None => Value::Null,
                        Some(text)
                            if kind.is_numeric()
                                || *kind == duckdb::arrow::datatypes::DataType::Boolean =>
                        {
                            serde_json::from_str(&text).unwrap_or(Value::String(text))
                        }
                        Some(text) => Value::String(text),
                    };
                    (name.clone(), value)
                })
                .collect();
            rows.push(Value::Object(object));
        }
    }
    writeln!(output, "{}", serde_json::to_string_pretty(&rows)?)?;
    Ok(())
}

fn parquet(batches: &[RecordBatch], output: &mut (dyn Write + Send)) -> Written {
    let Some(first) = batches.first() else {
        return Err("a result without columns has no place in Parquet".into());
    };
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(output, first.schema(), Some(properties))?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.close()?;
    Ok(())
}

/// Writes the rows of a query as Parquet.
pub(crate) fn write_parquet(
    connection: &Connection,
    sql: &str,
    mut file: std::fs::File,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(sql)?;
    let arrow = statement.query_arrow([])?;
    let empty = RecordBatch::new_empty(arrow.get_schema());
    let batches: Vec<RecordBatch> = [empty].into_iter().chain(arrow).collect();
    parquet(&batches, &mut file).map_err(|error| StoreError::Output(error.to_string()))?;
    file.sync_all()
        .map_err(|error| StoreError::Output(error.to_string()))
}
