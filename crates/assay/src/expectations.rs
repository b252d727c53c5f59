//! The expectations that are kept of subjects: one file each in `.assay/golden/`, beside `assay.toml` (`docs/reference/golden.md`).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use assay_model::{Golden, GoldenTensor};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Under the folder of `assay.toml`; without one, under this folder.
const FOLDER: &str = ".assay/golden";

/// Significant digits of a statistic, which only people read.
const DIGITS: usize = 4;

/// Significant digits of noise, of which the size counts.
const NOISE_DIGITS: usize = 2;

/// Where a sketch is cut off, as a share of the rms: below float32's epsilon of 1.2e-7.
const SKETCH_DIGITS: f64 = 1e-7;

/// What is expected of a subject.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Expectation {
    /// Its name.
    pub(crate) subject: String,
    /// Versions of what made it.
    pub(crate) made_with: BTreeMap<String, String>,
    /// The rest.
    pub(crate) golden: Golden,
}

/// The file as TOML has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    subject: String,
    class: String,
    nonce: String,
    seed: u64,
    made_with: BTreeMap<String, String>,
    inputs: BTreeMap<String, GoldenTensor>,
    outputs: BTreeMap<String, GoldenTensor>,
    tensors: BTreeMap<String, Vec<u64>>,
    #[serde(default)]
    continuations: BTreeMap<String, Vec<u64>>,
}

/// The folder of all expectations.
pub(crate) struct Expectations {
    folder: PathBuf,
}

impl Expectations {
    /// Beside the configuration that is named, or the nearest one.
    pub(crate) fn open(config: Option<&Path>) -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let nearest = config
            .map(Path::to_path_buf)
            .or_else(|| assay_config::find(&here));
        let folder = nearest
            .as_deref()
            .and_then(Path::parent)
            .filter(|folder| *folder != here)
            .unwrap_or(Path::new(""));
        Self {
            folder: folder.join(FOLDER),
        }
    }

    /// The file of a subject.
    pub(crate) fn path(&self, subject: &str) -> PathBuf {
        // The only other character in the name of an architecture and its class; some file systems have no colon. A checkpoint's is a path.
        let name = subject.replace(':', ".").replace('/', "%2F");
        self.folder.join(format!("{name}.toml"))
    }

    /// What is expected of a subject; none if nobody has accepted anything.
    pub(crate) fn read(&self, subject: &str) -> Result<Option<Expectation>, Failure> {
        let path = self.path(subject);
        match std::fs::read_to_string(&path) {
            Ok(text) => parse(&path, &text, Some(subject)).map(Some),
            // A link to nothing is something.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => Ok(None),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    /// Every expectation, by subject.
    pub(crate) fn all(&self) -> Result<BTreeMap<String, Expectation>, Failure> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => {
                let path = self.folder.display();
                return Err(Failure::usage(format!("can't read {path}: {error}")));
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        });
        paths.sort();
        let mut found = BTreeMap::new();
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            let expectation = parse(&path, &text, None)?;
            found.insert(expectation.subject.clone(), expectation);
        }
        Ok(found)
    }

    /// Writes one, whole or not at all.
    pub(crate) fn write(&self, expectation: &Expectation) -> Result<PathBuf, Failure> {
        let path = self.path(&expectation.subject);
        let partial = path.with_extension(format!("{}.partial", std::process::id()));
        let written = std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&partial, text(expectation)))
            .and_then(|()| std::fs::rename(&partial, &path));
        written.map_err(|error| {
            let _ = std::fs::remove_file(&partial);
            Failure::record(format!("can't write {}: {error}", path.display()))
        })?;
        Ok(path)
    }
}

/// What a person does with a file that is of no use.
const ANEW: &str =
    "move the file away and accept what a run collected: `assay golden accept SUBJECT`";

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("can't read {}: {error}", path.display())).hint(ANEW)
}

/// What is wrong with the numbers of a tensor, if something is: all are of its finite elements.
fn not_a_figure(tensor: &GoldenTensor) -> Option<&'static str> {
    let figures = [
        ("mean", tensor.mean),
        ("rms", tensor.rms),
        ("min", tensor.min),
        ("max", tensor.max),
        ("noise", tensor.noise.unwrap_or(0.0)),
    ];
    let sizes = ["rms", "noise"];
    figures
        .into_iter()
        .chain(tensor.sketch.iter().map(|value| ("sketch", *value)))
        .find(|(name, value)| !value.is_finite() || (sizes.contains(name) && *value < 0.0))
        .map(|(name, _)| name)
}

/// Reads a file; `subject` is the one that its name stands for.
fn parse(path: &Path, text: &str, subject: Option<&str>) -> Result<Expectation, Failure> {
    let wrong =
        |line: usize, what: &str| Failure::usage(format!("{}:{line}: {what}", path.display()));
    let markers = ["<<<<<<< ", ">>>>>>> ", "||||||| "];
    let conflict =
        |line: &str| line == "=======" || markers.iter().any(|marker| line.starts_with(marker));
    if let Some(line) = text.lines().position(conflict) {
        return Err(wrong(line + 1, "a merge conflict").hint(
            "take one side (`git checkout --ours` or `--theirs`), then look at `assay golden diff`",
        ));
    }
    let line_of = |start: &str| {
        text.lines()
            .position(|line| line.starts_with(start))
            .map_or(1, |line| line + 1)
    };
    // Asked first: what other versions hold is not known here.
    let format = toml::from_str::<toml::Table>(text)
        .ok()
        .and_then(|table| table.get("format")?.as_integer());
    if let Some(format) = format.filter(|format| *format != i64::from(Golden::FORMAT)) {
        let what = format!(
            "version {format} of the format, this version of Assay reads {}",
            Golden::FORMAT
        );
        return Err(wrong(line_of("format"), &what).hint(ANEW));
    }
    let file: File = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = text
            .get(..offset)
            .map_or(1, |before| before.matches('\n').count() + 1);
        wrong(line, error.message()).hint(ANEW)
    })?;
    if let Some(subject) = subject.filter(|subject| **subject != *file.subject) {
        let what = format!("it is of `{}`, its name says `{subject}`", file.subject);
        return Err(wrong(line_of("subject"), &what).hint(ANEW));
    }
    for (name, tensor) in file.inputs.iter().chain(&file.outputs) {
        if let Some(figure) = not_a_figure(tensor) {
            let line = line_of(&serde_json::Value::from(name.as_str()).to_string());
            let what = format!("`{figure}` of {name} is not what a tensor can have");
            return Err(wrong(line, &what).hint(ANEW));
        }
    }
    Ok(Expectation {
        subject: file.subject,
        made_with: file.made_with,
        golden: Golden {
            format: file.format,
            class: file.class,
            nonce: file.nonce,
            seed: file.seed,
            inputs: file.inputs,
            outputs: file.outputs,
            tensors: file.tensors,
            continuations: file.continuations,
            renamed: BTreeMap::new(),
        },
    })
}

/// The file: one line per input, output and tensor, in the order of their names.
fn text(expectation: &Expectation) -> String {
    let golden = &expectation.golden;
    let mut text = format!(
        "# What `{}` is expected to give out. Written by `assay golden accept`; docs/reference/golden.md explains each line.\n",
        expectation.subject
    );
    // As JSON has it, which TOML reads as well: a key can't run over lines, and a prompt may.
    let quoted = |value: &str| serde_json::Value::from(value).to_string();
    let mut line = |content: String| {
        text.push_str(&content);
        text.push('\n');
    };
    line(format!("format = {}", golden.format));
    line(format!("subject = {}", quoted(&expectation.subject)));
    line(format!("class = {}", quoted(&golden.class)));
    line(format!("nonce = {}", quoted(&golden.nonce)));
    line(format!("seed = {}", golden.seed));
    line("\n[made_with]".into());
    for (package, version) in &expectation.made_with {
        line(format!("{} = {}", quoted(package), quoted(version)));
    }
    for (table, values) in [("inputs", &golden.inputs), ("outputs", &golden.outputs)] {
        line(format!("\n[{table}]"));
        for (name, tensor) in values {
            line(format!("{} = {}", quoted(name), in_line(tensor)));
        }
    }
    line("\n[tensors]".into());
    for (name, shape) in &golden.tensors {
        line(format!("{} = {shape:?}", quoted(name)));
    }
    if !golden.continuations.is_empty() {
        line("\n[continuations]".into());
    }
    for (prompt, tokens) in &golden.continuations {
        line(format!("{} = {tokens:?}", quoted(prompt)));
    }
    text
}

fn in_line(tensor: &GoldenTensor) -> String {
    let mut line = format!(
        "{{ shape = {:?}, dtype = \"{}\"",
        tensor.shape, tensor.dtype
    );
    let mut add = |name: &str, value: &str| {
        // A string takes all that is written.
        let _ = write!(line, ", {name} = {value}");
    };
    if tensor.non_finite > 0 {
        add("non_finite", &tensor.non_finite.to_string());
    }
    for (name, value) in [
        ("mean", tensor.mean),
        ("rms", tensor.rms),
        ("min", tensor.min),
        ("max", tensor.max),
    ] {
        add(name, &number(value, DIGITS));
    }
    if let Some(noise) = tensor.noise {
        add("noise", &number(noise, NOISE_DIGITS));
    }
    let sketch: Vec<String> = tensor
        .sketch
        .iter()
        .map(|value| cut_off(*value, tensor.rms * SKETCH_DIGITS))
        .collect();
    add("sketch", &format!("[{}]", sketch.join(", ")));
    line.push_str(" }");
    line
}

/// A number with so many significant digits.
pub(crate) fn number(value: f64, digits: usize) -> String {
    let rounded: f64 = format!("{value:.*e}", digits - 1).parse().unwrap_or(value);
    // Zero has no sign here.
    format!("{:?}", rounded + 0.0)
}

/// A number without the digits that are smaller than a step.
fn cut_off(value: f64, step: f64) -> String {
    if step <= 0.0 || !step.is_normal() {
        return format!("{:?}", value + 0.0);
    }
    if value == 0.0 {
        return "0.0".into();
    }
    // The last digit kept is that of the step: as many as lie between the two, whatever they begin with.
    let digits = (value.abs().log10().floor() - step.log10().floor() + 1.0).clamp(1.0, 17.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped"
    )]
    number(value, digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation() -> Expectation {
        let tensor = |noise| GoldenTensor {
            shape: vec![2, 16, 32],
            dtype: "float32".into(),
            non_finite: 0,
            mean: -0.012_345_678,
            rms: 1.0,
            min: -3.210_987_6,
            max: 1e-9,
            noise,
            sketch: vec![0.123_456_789_012, -1.5, 0.0, 1.23e-8, 2.0],
        };
        Expectation {
            subject: "bert:AutoModelForMaskedLM".into(),
            made_with: [("torch".to_owned(), "2.15.0".to_owned())].into(),
            golden: Golden {
                format: Golden::FORMAT,
                class: "BertForMaskedLM".into(),
                nonce: "113".into(),
                seed: 0,
                inputs: [("input_ids".to_owned(), tensor(None))].into(),
                outputs: [
                    ("logits".to_owned(), tensor(Some(2.1234e-7))),
                    ("text: logits".to_owned(), tensor(Some(0.0))),
                ]
                .into(),
                tensors: [
                    ("q.weight".to_owned(), vec![32, 32]),
                    ("scale".to_owned(), vec![]),
                ]
                .into(),
                continuations: [("Once upon\na \"time\"".to_owned(), vec![3, 4])].into(),
                renamed: BTreeMap::new(),
            },
        }
    }

    fn refused(text: &str) -> String {
        parse(
            Path::new("bert.toml"),
            text,
            Some("bert:AutoModelForMaskedLM"),
        )
        .unwrap_err()
        .to_string()
    }

    #[test]
    fn what_is_written_is_read_and_written_alike() {
        let written = text(&expectation());
        let read = parse(Path::new("x"), &written, None).unwrap();
        assert_eq!(text(&read), written);
        let value = &read.golden.outputs["logits"];
        assert_eq!((value.mean, value.noise), (-0.01235, Some(2.1e-7)));
        assert_eq!(value.sketch, [0.123_456_8, -1.5, 0.0, 1e-8, 2.0]);
        assert!(written.contains("\n\"q.weight\" = [32, 32]\n"), "{written}");
    }

    #[test]
    fn what_is_cut_off_is_below_the_step() {
        // Of numbers that begin with a one, and steps that begin with a nine, digits were lost.
        for value in [1.0e6, 1.234_567_89e3, 9.876_543_21e-3, 5.555_555_55] {
            for share in [1.01e-7, 3.0e-7, 9.9e-7] {
                for factor in [1.0, 1.01, 3.3, 9.9] {
                    let (value, step) = (value * factor, value * share);
                    let read: f64 = cut_off(value, step).parse().unwrap();
                    assert!(
                        (read - value).abs() <= step / 2.0,
                        "{value} by {step}: {read}"
                    );
                }
            }
        }
    }

    #[test]
    fn files_that_are_wrong_are_named_with_their_line() {
        let written = text(&expectation());
        let conflict = written.replace("[outputs]", "<<<<<<< ours\n[outputs]");
        assert!(
            refused(&conflict).starts_with("error: bert.toml:14: a merge conflict"),
            "{}",
            refused(&conflict)
        );
        let other = refused(&written.replace("format = 1", "format = 2"));
        assert!(
            other.contains("bert.toml:2: version 2 of the format, this version of Assay reads 1"),
            "{other}"
        );
        let torn = refused(
            written
                .get(..written.find("[tensors]").unwrap() - 30)
                .unwrap(),
        );
        assert!(torn.starts_with("error: bert.toml:16: "), "{torn}");
        let cut = refused(written.get(..written.find("[tensors]").unwrap()).unwrap());
        assert!(
            cut.contains("missing field `tensors`") && cut.contains("hint: "),
            "{cut}"
        );
        let renamed = refused(&written.replace("subject = \"bert", "subject = \"brt"));
        assert!(
            renamed.contains("bert.toml:3: it is of `brt:AutoModelForMaskedLM`"),
            "{renamed}"
        );
        assert!(refused("").contains("missing field"));
        for (right, wrong) in [
            ("rms = ", "rms = -"),
            ("noise = 2.1e-7", "noise = inf"),
            ("mean = -0.01235", "mean = nan"),
        ] {
            let (name, _) = right.split_once(' ').unwrap();
            let lines: String = written.lines().map(|line| if line.contains("logits") { line.replace(right, wrong) } else { line.into() } + "\n").collect();
            let expected = format!("`{name}` of logits is not what a tensor can have");
            assert!(refused(&lines).contains(&expected), "{}", refused(&lines));
        }
    }

    #[test]
    fn a_link_to_nothing_is_no_expectation_that_was_never_made() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Expectations {
            folder: folder.path().to_owned(),
        };
        assert!(kept.read("bert").unwrap().is_none());
        std::os::unix::fs::symlink("nowhere", kept.path("bert")).unwrap();
        assert!(
            kept.read("bert")
                .unwrap_err()
                .to_string()
                .contains("can't read")
        );
    }
}
