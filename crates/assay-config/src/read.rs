use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use assay_catalog::filter::{self, Filter};
use assay_model::ReasonKind;
use toml::Spanned;

use crate::file::{EndpointTable, File, Override, ProfileTable};
use crate::settings::{Built, Rule, Source};
use crate::{FILE_NAME, quantity};

/// What is wrong with the file, where, and the mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    path: PathBuf,
    /// Line and column, from 1.
    place: Option<(usize, usize)>,
    key: String,
    message: String,
    hint: String,
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

/// `assay.toml:12:11: profile.ci.timeout: …`.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A file that was read and holds together: every filter parses, every profile that is inherited exists.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Where it is; none if there is no file.
    pub path: Option<PathBuf>,
    pub(crate) default_profile: Option<(String, Source)>,
    pub(crate) profiles: BTreeMap<String, Built>,
    pub(crate) overrides: Vec<Rule>,
    /// Servers.
    pub endpoints: Vec<Named>,
}

/// A server of the file.
#[derive(Debug, Clone)]
pub struct Named {
    /// What it is called.
    pub name: String,
    /// What is said of it.
    pub table: EndpointTable,
    path: PathBuf,
    place: (usize, usize),
}

impl Named {
    /// One of its keys, with its place: `assay.toml:12:8: endpoint.local.base`.
    #[must_use]
    pub fn place(&self, key: &str) -> String {
        let (path, (line, column)) = (self.path.display(), self.place);
        format!("{path}:{line}:{column}: endpoint.{}.{key}", self.name)
    }
}

/// The nearest `assay.toml`, from a folder upwards.
#[must_use]
pub fn find(folder: &Path) -> Option<PathBuf> {
    folder
        .ancestors()
        .map(|folder| folder.join(FILE_NAME))
        .find(|path| path.is_file())
}

/// Reads a file and checks all that can be checked without models.
///
/// # Errors
/// [`ConfigError`] at the first thing that is wrong.
pub fn read(path: &Path) -> Result<Loaded, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
        path: path.into(),
        place: None,
        key: String::new(),
        message: match error.kind() {
            io::ErrorKind::InvalidData => "it is no text in UTF-8".into(),
            _ => format!("it can't be read: {error}"),
        },
        hint: "`assay init` writes a new one".into(),
    })?;
    Reader { path, text: &text }.all()
}

/// The built-in profiles, which a file may change: the batteries of these names, and `ci`.
pub(crate) const BUILT_IN: [&str; 4] = ["quick", "standard", "full", "ci"];

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn error(
        &self,
        span: Option<Range<usize>>,
        key: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> ConfigError {
        ConfigError {
            path: self.path.into(),
            place: span.map(|span| self.place(span.start)),
            key: key.into(),
            message: message.into(),
            hint: hint.into(),
        }
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        (line, column)
    }

    fn source<T>(&self, key: &str, value: &Spanned<T>) -> Source {
        Source::File {
            path: self.path.into(),
            line: self.place(value.span().start).0,
            key: key.into(),
        }
    }

    fn all(&self) -> Result<Loaded, ConfigError> {
        let file = self.parse()?;
        let names: Vec<String> = file
            .profile
            .keys()
            .cloned()
            .chain(BUILT_IN.map(str::to_owned))
            .collect();
        let mut profiles = BTreeMap::new();
        for (name, table) in &file.profile {
            let built = self.profile(name, table, &names)?;
            profiles.insert(name.clone(), built);
        }
        self.no_cycle(&file)?;
        let default_profile = match &file.default_profile {
            Some(name) => {
                self.known("default-profile", name, &names)?;
                Some((name.get_ref().clone(), self.source("default-profile", name)))
            }
            None => None,
        };
        Ok(Loaded {
            path: Some(self.path.into()),
            default_profile,
            profiles,
            overrides: self.overrides("overrides", &file.overrides)?,
            endpoints: self.endpoints(&file)?,
        })
    }

    fn endpoints(&self, file: &File) -> Result<Vec<Named>, ConfigError> {
        let named = |(name, table): (&String, &EndpointTable)| {
            if let Some(variable) = &table.key_variable {
                let key = format!("endpoint.{name}.key-variable");
                crate::variable(variable.get_ref()).map_err(|words| {
                    self.error(Some(variable.span()), &key, words, crate::VARIABLE_HINT)
                })?;
            }
            Ok(Named {
                name: name.clone(),
                table: table.clone(),
                path: self.path.into(),
                place: self.place(table.base.span().start),
            })
        };
        file.endpoint.iter().map(named).collect()
    }

    fn parse(&self) -> Result<File, ConfigError> {
        let deserializer = toml::Deserializer::parse(self.text).map_err(|error| {
            self.error(
                error.span(),
                "",
                one_line(error.message()),
                "`assay init` writes a file that is right, in an empty folder",
            )
        })?;
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            // The path ends in the field in which toml keeps a value with its place.
            let path = error.path().to_string();
            let key = path
                .split(".$__")
                .next()
                .unwrap_or_default()
                .trim_start_matches('.');
            let inner = error.into_inner();
            self.error(
                inner.span(),
                key,
                one_line(inner.message()),
                "`assay config schema` and docs/reference/config.md say what may stand here",
            )
        })
    }

    fn known(
        &self,
        key: &str,
        name: &Spanned<String>,
        names: &[String],
    ) -> Result<(), ConfigError> {
        if names.contains(name.get_ref()) {
            return Ok(());
        }
        let message = format!("there is no profile `{}`", name.get_ref());
        Err(self.error(
            Some(name.span()),
            key,
            message,
            format!("there are {}", sorted(names)),
        ))
    }

    fn no_cycle(&self, file: &File) -> Result<(), ConfigError> {
        for start in file.profile.keys() {
            let mut seen = vec![start.as_str()];
            let mut at = file.profile.get(start);
            while let Some(inherits) = at.and_then(|table| table.inherits.as_ref()) {
                let name = inherits.get_ref().as_str();
                if seen.contains(&name) {
                    seen.push(name);
                    let key = format!("profile.{start}.inherits");
                    let message = format!("the profiles inherit in a circle: {}", seen.join(" → "));
                    return Err(self.error(
                        Some(inherits.span()),
                        &key,
                        message,
                        "one of them must inherit from another profile",
                    ));
                }
                seen.push(name);
                at = file.profile.get(name);
            }
        }
        Ok(())
    }

    fn profile(
        &self,
        name: &str,
        table: &ProfileTable,
        names: &[String],
    ) -> Result<Built, ConfigError> {
        let key = |field: &str| format!("profile.{name}.{field}");
        if let Some(inherits) = &table.inherits {
            self.known(&key("inherits"), inherits, names)?;
        }
        macro_rules! taken {
            ($field:ident, $name:literal) => {
                table
                    .$field
                    .as_ref()
                    .map(|value| (value.get_ref().clone(), self.source(&key($name), value)))
            };
        }
        macro_rules! read {
            ($field:ident, $name:literal, $read:expr) => {
                match &table.$field {
                    Some(value) => Some((
                        self.quantity(&key($name), value, $read)?,
                        self.source(&key($name), value),
                    )),
                    None => None,
                }
            };
        }
        if let Some(workers) = &table.workers {
            self.range(&key("workers"), workers, 1..=1024)?;
        }
        if let Some(retries) = &table.retries {
            self.range(&key("retries"), retries, 0..=10)?;
        }
        if let Some(seed) = &table.seed {
            self.range(&key("seed"), seed, 0..=(1 << 53) - 1)?;
        }
        let filter = match &table.filter {
            Some(text) => Some((
                self.filter(&key("filter"), text)?,
                self.source(&key("filter"), text),
            )),
            None => None,
        };
        Ok(Built {
            inherits: table.inherits.as_ref().map(|name| name.get_ref().clone()),
            checks: taken!(checks, "checks"),
            subjects: taken!(subjects, "subjects"),
            filter,
            platforms: taken!(platforms, "platforms"),
            workers: taken!(workers, "workers"),
            timeout: read!(timeout, "timeout", quantity::seconds),
            memory_limit: read!(memory_limit, "memory-limit", quantity::bytes),
            retries: taken!(retries, "retries"),
            fail_fast: taken!(fail_fast, "fail-fast"),
            no_tests: taken!(no_tests, "no-tests"),
            seed: taken!(seed, "seed"),
            overrides: self.overrides(&key("overrides"), &table.overrides)?,
        })
    }

    fn quantity<T>(
        &self,
        key: &str,
        value: &Spanned<String>,
        read: fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        read(value.get_ref()).map_err(|wanted| {
            let message = format!("`{}` is not what is wanted here", value.get_ref());
            self.error(Some(value.span()), key, message, format!("write {wanted}"))
        })
    }

    fn range<T: PartialOrd + fmt::Display>(
        &self,
        key: &str,
        value: &Spanned<T>,
        range: std::ops::RangeInclusive<T>,
    ) -> Result<(), ConfigError> {
        if range.contains(value.get_ref()) {
            return Ok(());
        }
        let message = format!("{} is out of range", value.get_ref());
        Err(self.error(
            Some(value.span()),
            key,
            message,
            format!("from {} to {}", range.start(), range.end()),
        ))
    }

    fn filter(&self, key: &str, text: &Spanned<String>) -> Result<Filter, ConfigError> {
        filter::parse(text.get_ref())
            .map_err(|error| self.error(Some(text.span()), key, error.to_string(), error.hint()))
    }

    fn overrides(&self, key: &str, list: &[Override]) -> Result<Vec<Rule>, ConfigError> {
        let mut rules = Vec::with_capacity(list.len());
        for (number, entry) in list.iter().enumerate() {
            let key = |field: &str| format!("{key}[{number}].{field}");
            let filter = self.filter(&key("filter"), &entry.filter)?;
            if filter.looks_back() {
                return Err(self.error(
                    Some(entry.filter.span()),
                    &key("filter"),
                    "an override can't depend on the newest run",
                    "last, provenance and slow are for -E and for a profile's filter",
                ));
            }
            if entry.timeout.is_none()
                && entry.memory_limit.is_none()
                && entry.workers.is_none()
                && entry.known_issue.is_none()
            {
                return Err(self.error(
                    Some(entry.filter.span()),
                    &key("filter"),
                    "this override overrides nothing",
                    "there are timeout, memory-limit, workers and known-issue",
                ));
            }
            if let Some(workers) = &entry.workers {
                self.range(&key("workers"), workers, 1..=1024)?;
            }
            let check_seconds = match &entry.timeout {
                Some(text) => Some(self.quantity(&key("timeout"), text, quantity::seconds)?),
                None => None,
            };
            let memory_bytes = match &entry.memory_limit {
                Some(text) => Some(self.quantity(&key("memory-limit"), text, quantity::bytes)?),
                None => None,
            };
            let known_issue = match &entry.known_issue {
                Some(issue) => Some(self.known_issue(&key("known-issue"), &entry.filter, issue)?),
                None => None,
            };
            rules.push(Rule {
                source: self.source(&key("filter"), &entry.filter),
                holds: assay_catalog::Override {
                    filter,
                    check_seconds,
                    memory_bytes,
                    workers: entry.workers.as_ref().map(|workers| *workers.get_ref()),
                    known_issue,
                },
            });
        }
        Ok(rules)
    }

    fn known_issue(
        &self,
        key: &str,
        filter: &Spanned<String>,
        issue: &Spanned<crate::KnownIssue>,
    ) -> Result<assay_model::KnownIssue, ConfigError> {
        let here = Some(issue.span());
        let table = issue.get_ref();
        if table.reason.trim().is_empty() {
            return Err(self.error(
                here,
                &format!("{key}.reason"),
                "it is empty",
                "say why these cases fail",
            ));
        }
        let excuses = |kind: &ReasonKind| ReasonKind::EXCUSABLE.contains(kind);
        let message = match table.shows_as.iter().find(|kind| !excuses(kind)) {
            Some(kind) => Some(format!("`{}` is nothing that can be excused", kind.name())),
            None if table.shows_as.is_empty() => {
                Some("it is empty, and would excuse nothing".into())
            }
            None => None,
        };
        if let Some(message) = message {
            let kinds = ReasonKind::EXCUSABLE.map(ReasonKind::name).join(", ");
            return Err(self.error(
                here,
                &format!("{key}.shows-as"),
                message,
                format!("name the kinds of failure, as in [\"differs\"]; there are {kinds}"),
            ));
        }
        let reference = match (&table.link, &table.script) {
            (Some(link), None) if !link.trim().is_empty() => link.clone(),
            (None, Some(script)) => {
                let path = self
                    .path
                    .parent()
                    .unwrap_or(Path::new("."))
                    .join(script.get_ref());
                if !path.is_file() {
                    let message = format!("there is no file {}", path.display());
                    return Err(self.error(
                        Some(script.span()),
                        &format!("{key}.script"),
                        message,
                        "name a script that reproduces it, from the folder of this file",
                    ));
                }
                script.get_ref().clone()
            }
            _ => {
                return Err(self.error(
                    here,
                    key,
                    "it has to have a link or a script, and not both",
                    "link = \"https://…\", or script = \"docs/…\"",
                ));
            }
        };
        let expires = table.expires.get_ref().parse::<jiff::civil::Date>();
        let expires = expires.map_err(|_| {
            let message = format!("`{}` is no date", table.expires.get_ref());
            self.error(
                Some(table.expires.span()),
                &format!("{key}.expires"),
                message,
                "write the last day like \"2027-03-31\"",
            )
        })?;
        Ok(assay_model::KnownIssue {
            filter: filter.get_ref().clone(),
            reason: table.reason.clone(),
            reference,
            shows_as: table.shows_as.clone(),
            // However it was written, in the form in which days sort as text.
            expires: expires.to_string(),
            sometimes: table.sometimes,
        })
    }
}

fn one_line(message: &str) -> String {
    message
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("; ")
}

fn sorted(names: &[String]) -> String {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
