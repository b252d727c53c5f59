use std::collections::HashMap;

use duckdb::{Connection, params};

use crate::StoreError;

/// Numbers of names in one table, so that ten million cases hold numbers and not texts. New names are written at the end.
pub(crate) struct Numbers {
    known: HashMap<String, i32>,
    new: Vec<(i32, String)>,
    next: i32,
}

impl Numbers {
    pub(crate) fn read(
        connection: &Connection,
        table: &str,
        column: &str,
    ) -> Result<Self, StoreError> {
        let mut statement = connection.prepare(&format!("SELECT name, {column} FROM {table}"))?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i32>(1)?))
        })?;
        let known: HashMap<String, i32> = rows.collect::<Result<_, _>>()?;
        Ok(Self {
            next: known.values().max().map_or(0, |most| most + 1),
            known,
            new: Vec::new(),
        })
    }

    pub(crate) fn of(&mut self, name: &str) -> i32 {
        if let Some(&number) = self.known.get(name) {
            return number;
        }
        let number = self.next;
        self.next += 1;
        self.known.insert(name.to_owned(), number);
        self.new.push((number, name.to_owned()));
        number
    }

    /// The names that are new, to be written.
    pub(crate) fn take_new(&mut self) -> Vec<(i32, String)> {
        std::mem::take(&mut self.new)
    }
}

/// The number for the next run.
pub(crate) fn next_run(connection: &Connection) -> Result<i32, StoreError> {
    let most: Option<i32> =
        connection.query_row("SELECT max(run) FROM runs", params![], |row| row.get(0))?;
    Ok(most.map_or(0, |most| most + 1))
}
