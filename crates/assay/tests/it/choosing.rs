//! Filters, `assay.toml`, retries and known issues, on real models.

use std::path::Path;

use serde_json::Value;

use crate::support::{assay, root};

/// Runs with these words in a folder and gives exit code and summary.
fn run(folder: &Path, words: &[&str]) -> (i32, Value) {
    let output = assay(folder)
        .args(["run", "--classes", "base"])
        .args(words)
        .output()
        .unwrap();
    let summary = std::fs::read_to_string(folder.join(".assay/reports/latest/summary.json"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let summary = summary.unwrap_or_else(|error| panic!("{error}: {said}"));
    (
        output.status.code().unwrap(),
        serde_json::from_str(&summary).unwrap(),
    )
}

fn names(summary: &Value) -> Vec<String> {
    let rows = summary["cases"].as_array().unwrap();
    let name = |row: &Value| {
        format!(
            "{} {}",
            row["subject"].as_str().unwrap(),
            row["check"].as_str().unwrap()
        )
    };
    rows.iter().map(name).collect()
}

#[test]
fn a_filter_chooses_cases_and_can_look_back() {
    let folder = tempfile::tempdir().unwrap();
    let mutant = root().join("tests/mutants/bert_mask_dropped.py");
    let preload = ["--preload", mutant.to_str().unwrap()];
    let filter = "(arch(=bert) | arch(=vit)) & check({batch.right_padding,forward.runs})";
    let (code, summary) = run(folder.path(), &[&["-E", filter], &preload[..]].concat());
    assert_eq!(code, 1);
    assert_eq!(
        names(&summary),
        [
            "bert forward.runs",
            "bert batch.right_padding",
            "vit forward.runs"
        ]
    );
    // Without the patch, what failed passes.
    let (code, summary) = run(folder.path(), &["-E", "last(failed)"]);
    assert_eq!(
        (code, names(&summary)),
        (0, vec!["bert batch.right_padding".to_owned()])
    );
    let (code, summary) = run(folder.path(), &["-E", "last(failed)"]);
    assert_eq!((code, names(&summary).len()), (4, 0));
}

/// A check that fails until it was called so often, which a file beside the preload counts.
fn flaky(folder: &Path, failures: u32) -> String {
    let path = folder.join("flaky.py");
    let text = format!(
        r#"
import pathlib
import assay

COUNT = pathlib.Path({:?})

@assay.check("fault.flaky", asserts="it works", bug="planted", rule="completes")
def flaky(unit):
    count = int(COUNT.read_text()) if COUNT.exists() else 0
    COUNT.write_text(str(count + 1))
    # Nothing at all: the model's own exception.
    unit.forward({{}} if count < {failures} else unit.inputs)
"#,
        folder.join("count").display().to_string()
    );
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_retry_keeps_every_attempt_and_shows_what_is_flaky() {
    let folder = tempfile::tempdir().unwrap();
    let preload = flaky(folder.path(), 2);
    let words = [
        "bert",
        "--checks",
        "forward.runs,fault.flaky",
        "--preload",
        &preload,
    ];
    let (code, summary) = run(folder.path(), &[&words[..], &["--retries", "2"]].concat());
    let case = &summary["cases"][1];
    let outcomes: Vec<_> = case["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["failed", "failed", "passed"]);
    assert_eq!(
        (code, &case["flaky"], &summary["flaky"]),
        (0, &Value::Bool(true), &Value::from(1))
    );
    // What passed is not run again.
    assert_eq!(summary["cases"][0]["attempts"].as_array().unwrap().len(), 1);

    std::fs::remove_file(folder.path().join("count")).unwrap();
    let (code, summary) = run(folder.path(), &[&words[..], &["--retries", "1"]].concat());
    assert_eq!(
        (code, &summary["failed"], &summary["flaky"]),
        (1, &Value::from(1), &Value::from(0))
    );
}

#[test]
fn a_mock_is_not_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let mock = root().join("tests/mocks/constants_of_the_right_shape.py");
    let (code, summary) = run(
        folder.path(),
        &[
            "bert",
            "--checks",
            "forward.runs",
            "--retries",
            "3",
            "--preload",
            mock.to_str().unwrap(),
        ],
    );
    assert_eq!((code, &summary["mock"]), (1, &Value::from(1)));
    assert_eq!(summary["cases"][0]["attempts"].as_array().unwrap().len(), 1);
}

/// States of the known issues of cases.
fn states(summary: &Value) -> Vec<&str> {
    let rows = summary["cases"].as_array().unwrap().iter();
    rows.filter_map(|row| row["known_issue"]["state"].as_str())
        .collect()
}

#[test]
fn assay_toml_holds_profiles_limits_and_known_issues() {
    let folder = tempfile::tempdir().unwrap();
    let preload = root().join("tests/mutants/bert_mask_dropped.py");
    let config = |issue: &str| {
        let text = format!(
            "default-profile = \"mine\"\n[profile.mine]\nchecks = \"quick\"\nsubjects = [\"bert\"]\nfilter = \"check(batch.*) | check(forward.runs)\"\n\
             seed = 5\n[[overrides]]\nfilter = \"arch(bert)\"\ntimeout = \"50s\"\nworkers = 1\n{issue}"
        );
        std::fs::write(folder.path().join("assay.toml"), text).unwrap();
    };
    let issue = |filter: &str, expires: &str| {
        format!(
            "[[overrides]]\nfilter = \"{filter}\"\nknown-issue = {{ reason = \"the mask is dropped\", shows-as = [\"differs\"], link = \"https://example.org/1\", expires = \"{expires}\" }}\n"
        )
    };
    let known = "check(batch.left_padding) | check(batch.right_padding)";
    let words = ["--preload", preload.to_str().unwrap()];

    config("");
    let (code, summary) = run(folder.path(), &words);
    assert_eq!((code, &summary["seed"]), (1, &Value::from(5)));
    assert_eq!(names(&summary).len(), 5);
    let failed = summary["failed"].as_u64().unwrap();
    assert!(failed > 0);

    // Known, each of them: the run is green, and says how many.
    config(&issue(known, "2999-01-01"));
    let (code, summary) = run(folder.path(), &words);
    assert_eq!(
        (&summary["failed"], &summary["known_issues"]),
        (&Value::from(failed), &Value::from(failed))
    );
    assert_eq!(code, 0, "{summary:#}");

    // Known to fail in another way: nothing excuses this one.
    config(&issue(known, "2999-01-01").replace("differs", "exception"));
    let (code, summary) = run(folder.path(), &words);
    assert_eq!(
        (code, &summary["known_issues"]),
        (1, &Value::from(0)),
        "{summary:#}"
    );
    assert!(states(&summary).contains(&"different"), "{summary:#}");

    // Past its last day it excuses nothing.
    config(&issue(known, "2020-01-01"));
    assert_eq!(run(folder.path(), &words).0, 1);

    // And where the issue is gone, the entry has to go, too.
    config(&issue(known, "2999-01-01"));
    let (code, summary) = run(folder.path(), &[]);
    assert_eq!((code, &summary["failed"]), (1, &Value::from(0)));
    assert_eq!(summary["cases"][4]["known_issue"]["state"], "stale");
    // Unless it shows with some seeds only.
    config(&issue(known, "2999-01-01").replace(" }", ", sometimes = true }"));
    let (code, summary) = run(folder.path(), &[]);
    assert_eq!(summary["cases"][4]["known_issue"]["state"], "unused");
    assert_eq!(code, 0, "{summary:#}");
}

#[test]
fn a_configuration_that_is_wrong_is_said_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    for (text, part) in [
        (
            "[profile.ci]\ntimout = 5\n",
            "assay.toml:2:1: profile.ci.timout: unknown field",
        ),
        (
            "[profile.ci]\nfilter = \"arch(\"\n",
            "assay.toml:2:10: profile.ci.filter: in the filter, column 5",
        ),
        (
            "default-profile = \"no\"\n",
            "assay.toml:1:19: default-profile",
        ),
    ] {
        std::fs::write(folder.path().join("assay.toml"), text).unwrap();
        let output = assay(folder.path())
            .args(["run", "--classes", "base", "bert"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part) && said.contains("\nhint: "), "{said}");
    }
    std::fs::write(folder.path().join("assay.toml"), "").unwrap();
    for (words, part) in [
        (
            &["run", "--classes", "base", "bert", "--profile", "nigthly"][..],
            "no profile `nigthly`",
        ),
        (
            &["run", "--classes", "base", "-E", "arch(bret)"],
            "no architecture matches `bret`",
        ),
        (
            &["run", "--classes", "base", "-E", "arch(bert) &"],
            "column 13",
        ),
        (
            &["run", "--classes", "base", "-E", "last(failed)"],
            "there is none here",
        ),
        (
            &["run", "--classes", "base", "bert", "--config", "gone.toml"],
            "no configuration gone.toml",
        ),
        (
            &[
                "run",
                "--classes",
                "base",
                "bert",
                "--partition",
                "hash:3/2",
                "--seed",
                "1",
            ],
            "1 ≤ k ≤ n",
        ),
        (
            &[
                "run",
                "--classes",
                "base",
                "bert",
                "--partition",
                "hash:1/2",
            ],
            "--seed",
        ),
        (&["run", "--resume", "nothing"], "no run `nothing`"),
        (&["run", "--resume", "--seed", "3"], "cannot be used"),
    ] {
        let output = assay(folder.path()).args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(part), "{words:?}: {said}");
    }
    assert!(!folder.path().join(".assay").exists());
}

#[test]
fn the_configuration_is_shown_with_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let say = |words: &[&str]| {
        let output = assay(folder.path()).args(words).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    assert_eq!(say(&["init"]), (0, "assay.toml\n".to_owned()));
    assert_eq!(say(&["init"]).0, 2);
    std::fs::write(
        folder.path().join("assay.toml"),
        "[profile.standard]\nretries = 3\n",
    )
    .unwrap();
    let (code, text) = say(&["config", "show", "--effective", "--format", "json"]);
    let rows: Value = serde_json::from_str(&text).unwrap();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["key"] == "retries")
        .unwrap();
    assert_eq!(
        (code, &row["value"], &row["source"]["line"]),
        (0, &Value::from(3), &Value::from(2))
    );
    assert!(say(&["config", "schema"]).1.contains("\"known-issue\""));
    assert!(say(&["help", "filter"]).1.starts_with("# Filters"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(say(&["completions", shell]).1.contains("assay"));
    }
    assert!(say(&["man"]).1.contains(".TH"));
}
