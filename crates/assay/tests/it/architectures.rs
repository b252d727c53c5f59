//! Architectures that nobody wrote a test for.

use serde_json::Value;

use crate::support::{assay, root, run};

fn json(words: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let output = assay(folder.path())
        .args(["list", "architectures"])
        .args(words)
        .args(["--format", "json"])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    })
}

#[test]
fn a_model_that_is_in_no_library_is_tested_like_the_others() {
    let ran = run(&["own_gated", "--seed", "1"], Some("architectures/own.py"));
    for (_, check, row) in ran.cases() {
        assert_eq!(row["outcome"], "passed", "{check}: {row:#}");
        assert_eq!(row["provenance"], "real");
    }
    assert_eq!(ran.code(), 0);
    assert!(ran.count("planned") > 20, "{}", ran.count("planned"));
    // It was made small: two kinds of layers stay, and one row of the table of tokens for each of the few that are left.
    let path = root().join("tests/architectures/own.py");
    let changes = json(&["--config", "own_gated", "--preload", path.to_str().unwrap()]);
    let change = |field: &str| {
        let rows = changes.as_array().unwrap();
        rows.iter().find(|row| row["field"] == field).unwrap()["to"].clone()
    };
    assert_eq!(change("block_kinds"), serde_json::json!(["gated", "plain"]));
    assert_eq!(change("num_hidden_layers"), 2);
    assert_eq!(change("vocab_size"), 256);
    assert_eq!(change("pad_token_id"), 255);
}

#[test]
fn what_is_fed_and_what_was_changed_can_be_seen() {
    let inputs = json(&["--inputs", "clip"]);
    let names: Vec<&str> = inputs
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"input_ids") && names.contains(&"pixel_values"));
    let folder = tempfile::tempdir().unwrap();
    let output = assay(folder.path())
        .args(["list", "architectures", "--inputs", "llava"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // All together, and the text alone.
    let sets: Vec<&str> = text.lines().filter(|line| !line.contains(' ')).collect();
    assert_eq!(sets, ["image+text", "text"], "{text}");
    assert_eq!(text.matches("input_ids").count(), 2, "{text}");
    let changes = json(&["--config", "bert"]);
    assert!(
        changes
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["rule"] != "")
    );
}

#[test]
fn what_no_output_shows_is_counted_by_kind() {
    let ran = run(&["bert", "lilt", "--checks", "sensitivity.weights"], None);
    assert_eq!(ran.code(), 0);
    let output = assay(ran.folder.path())
        .args(["list", "architectures", "--sensitivity", "--run", "report"])
        .args(["--format", "json"])
        .output()
        .unwrap();
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |name: &str| {
        let rows = rows.as_array().unwrap();
        rows.iter().find(|row| row["subject"] == name).unwrap()
    };
    // A softmax takes the bias of its keys out again.
    assert_eq!(of("bert")["silent"], serde_json::json!({"cancelled": 2}));
    assert_eq!(of("bert")["visible"], 37);
    // The layout's states of the last layer are read by nobody.
    assert_eq!(of("lilt")["silent"]["unused_by_design"], 12);
}
