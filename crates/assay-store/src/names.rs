use std::collections::{HashMap, HashSet};

use assay_model::{CaseRecord, Family, Subject};
use assay_record::{Run, UnitFacts};
use duckdb::{Connection, params};

use crate::StoreError;
use crate::numbers::Numbers;

/// The numbers of all that a case is named by.
pub(crate) struct Names {
    subjects: Numbers,
    platforms: Numbers,
    checks: Numbers,
}

impl Names {
    pub(crate) fn read(connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self {
            subjects: Numbers::read(connection, "subjects", "subject")?,
            platforms: Numbers::read(connection, "platforms", "platform")?,
            checks: Numbers::read(connection, "checks", "check_id")?,
        })
    }

    /// The numbers of a case's subject, platform and check.
    pub(crate) fn of(&mut self, case: &CaseRecord) -> [i32; 3] {
        [
            self.subjects.of(&case.subject),
            self.platforms.of(&case.platform.to_string()),
            self.checks.of(case.check.as_str()),
        ]
    }

    /// Writes the families of subjects that an earlier run named without one.
    fn learn_families(&self, connection: &Connection, run: &Run) -> Result<(), StoreError> {
        let mut statement = connection.prepare("SELECT name FROM subjects WHERE family IS NULL")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        let without: HashSet<String> = rows.collect::<Result<_, _>>()?;
        for unit in &run.units {
            let name = unit.subject.to_string();
            if let Some(family) = unit.family.filter(|_| without.contains(&name)) {
                connection.execute(
                    "UPDATE subjects SET family = ? WHERE name = ?",
                    params![family.name(), name],
                )?;
            }
        }
        Ok(())
    }

    /// Writes the names that the cases of a run brought.
    pub(crate) fn write_new(
        &mut self,
        connection: &Connection,
        run: &Run,
    ) -> Result<(), StoreError> {
        let new = self.subjects.take_new();
        if !new.is_empty() {
            let by_name: HashMap<String, &UnitFacts> = run
                .units
                .iter()
                .map(|unit| (unit.subject.to_string(), unit))
                .collect();
            let mut insert =
                connection.prepare("INSERT INTO subjects VALUES (?, ?, ?, ?, ?, ?)")?;
            for (number, name) in new {
                let unit = by_name.get(&name);
                let family = unit.and_then(|unit| unit.family).map(Family::name);
                let (kind, architecture, auto_class) = match unit.map(|unit| &unit.subject) {
                    Some(Subject::Architecture { name, auto_class }) => {
                        ("architecture", Some(name), Some(auto_class))
                    }
                    Some(Subject::Checkpoint { .. }) => ("checkpoint", None, None),
                    Some(Subject::Workflow { .. }) => ("workflow", None, None),
                    Some(Subject::Endpoint(_)) => ("endpoint", None, None),
                    None => ("unknown", None, None),
                };
                insert.execute(params![
                    number,
                    name,
                    kind,
                    architecture,
                    auto_class,
                    family
                ])?;
            }
        }
        self.learn_families(connection, run)?;
        for (number, name) in self.platforms.take_new() {
            connection.execute("INSERT INTO platforms VALUES (?, ?)", params![number, name])?;
        }
        for (number, name) in self.checks.take_new() {
            let group = name.split('.').next().unwrap_or_default();
            connection.execute(
                "INSERT INTO checks VALUES (?, ?, ?)",
                params![number, name, group],
            )?;
        }
        Ok(())
    }
}
