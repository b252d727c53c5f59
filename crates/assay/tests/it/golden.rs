//! Expectations: accepted from a run, kept in files, held against later runs.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{assay, root};

fn say(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let output = assay(folder).args(words).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn as_json(folder: &Path, words: &[&str]) -> Value {
    let (_, text, said) = say(folder, &[words, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words:?}: {error}: {text}{said}"))
}

/// Runs `bert` and `llama` with files of `tests/` to preload, and gives the lines of failures.
fn run(folder: &Path, preloads: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = [
        "run",
        "--classes",
        "base",
        "bert",
        "llama",
        "--checks",
        "forward.runs,golden",
    ]
    .map(str::to_owned)
    .into();
    for name in preloads {
        let file = root().join("tests").join(name).display().to_string();
        words.extend(["--preload".into(), file]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (_, text, said) = say(folder, &words);
    assert!(text.contains(" of 2 subjects real"), "{text}{said}");
    said.lines()
        .chain(text.lines())
        .map(|line| line.trim().to_owned())
        .filter(|line| line.starts_with("failed golden."))
        .collect()
}

/// `assay golden accept`: what became of each subject.
fn accept(folder: &Path, subjects: &[&str]) -> Vec<String> {
    let rows = as_json(folder, &[&["golden", "accept"], subjects].concat());
    let done = |row: &Value| row["done"].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(done).collect()
}

/// What `assay list cases` says of `bert` where a check does not apply.
fn lacking(folder: &Path) -> Value {
    let words = "list cases bert --classes base --checks golden --not-applicable";
    as_json(folder, &words.split(' ').collect::<Vec<_>>())
}

#[test]
fn what_was_accepted_is_held_against_later_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("assay.toml"), "").unwrap();
    let below = folder.join("below");
    std::fs::create_dir(&below).unwrap();

    // Where nothing is expected, the check that compares does not apply, and says why.
    assert!(run(folder, &[]).is_empty());
    let row = json!({"subject": "bert", "check": "golden.output", "lacks": ["expectation"]});
    assert_eq!(lacking(folder), json!([row]));
    let state = &as_json(folder, &["golden", "diff"])[0]["state"];
    assert_eq!(state, "not_expected");

    // Accepted once; accepted again, nothing changes.
    assert_eq!(accept(folder, &["bert"]), ["new"]);
    let file = folder.join(".assay/golden/bert.toml");
    let first = std::fs::read_to_string(&file).unwrap();
    let line = "\n\"last_hidden_state\" = { shape = [2, ";
    assert!(first.contains(line), "{first}");
    assert_eq!(accept(folder, &[]), ["left_alone", "new"]);
    assert_eq!(lacking(&below), json!([]), "found from below as well");

    // Another run has other weights and inputs of its own; sums in another order are noise.
    assert!(run(folder, &["golden/sums_in_another_order.py"]).is_empty());
    assert_eq!(accept(folder, &[]), ["left_alone", "left_alone"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);

    // Drift fails, and is shown.
    let preloads = [
        "golden/bert_weight_off_by_a_percent.py",
        "golden/llama_epsilon_larger.py",
    ];
    let failed = run(folder, &preloads);
    let drift = "the output last_hidden_state moved by ";
    assert_eq!(failed.len(), 2, "{failed:?}");
    for line in failed {
        let start = format!("failed golden.output: differs: {drift}");
        assert!(line.starts_with(&start), "{line}");
    }
    let (code, text, _) = say(folder, &["golden", "diff"]);
    let differs = format!("bert: differs\n    {drift}");
    assert!(code == 1 && text.contains(&differs), "{text}");

    // A rename is told as one; accepted, it is what is expected.
    let renamed = ["golden/bert_pooler_renamed.py"];
    let failed = run(folder, &renamed).join("\n");
    let told = "renamed: pooler.dense.bias is pooler.densely.bias now (and 1 more); the outputs are the same";
    assert!(failed.contains(told), "{failed}");
    let shown = &as_json(folder, &["golden", "show", "bert"])[0];
    let tensors = [
        &shown["expected"]["golden"]["tensors"]["pooler.dense.bias"],
        &shown["collected"]["tensors"]["pooler.densely.bias"],
    ];
    assert_eq!(tensors, [&json!([64]), &json!([64])]);
    assert_eq!(accept(folder, &["bert"]), ["changed"]);
    assert!(run(folder, &renamed).is_empty());
    let (code, text, _) = say(folder, &["golden", "show"]);
    assert!(
        code == 0 && text.contains("  expected   2 outputs, "),
        "{text}"
    );
}

#[test]
fn what_is_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A table that is drawn anew in every process, and a mock.
    for (subject, preload, reason) in [
        (
            "vit",
            "mutants/vit_offset_drawn_at_build.py",
            "golden.reproducible failed: last_hidden_state: ",
        ),
        (
            "bert",
            "mocks/constants_of_the_right_shape.py",
            "it was not proven that a real model ran",
        ),
    ] {
        let file = root().join("tests").join(preload).display().to_string();
        let words = [
            "run",
            "--classes",
            "base",
            subject,
            "--checks",
            "golden",
            "--preload",
            &file,
        ];
        assert_eq!(say(folder, &words).0, 1);
        let (code, text, said) = say(folder, &["golden", "accept"]);
        let expected = format!("{subject}: refused, {reason}");
        assert!(code == 1 && text.contains(&expected), "{text}{said}");
    }
    assert!(!folder.join(".assay/golden").exists());
    let (code, _, said) = say(folder, &["golden", "accept", "berts"]);
    assert!(code == 2 && said.contains("did you mean bert?"), "{said}");
}
