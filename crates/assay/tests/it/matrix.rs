//! What runs where, and what that recommends.

use std::path::Path;

use serde_json::Value;

use crate::support::{root, say};

fn json(folder: &Path, words: &[&str]) -> Value {
    let (_, text, said) = say(folder, words);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words:?}: {error}: {text}{said}"))
}

fn cell<'a>(cells: &'a Value, platform: &str) -> &'a Value {
    let list = cells.as_array().unwrap();
    list.iter()
        .find(|cell| cell["platform"] == platform)
        .unwrap()
}

const RUN: [&str; 8] = [
    "run",
    "--classes",
    "base",
    "bert",
    "--seed",
    "1",
    "--platform",
    "torch-export,cpu,webgpu",
];

#[test]
fn a_matrix_says_what_runs_where_and_what_broke() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (code, _, said) = say(folder, &["matrix"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("hint: `assay run` makes one"), "{said}");

    let more = ["--dtype", "float32,bfloat16", "--checks", "parity"];
    // webgpu has no bfloat16, and says so before anything runs.
    let (code, _, said) = say(folder, &[&RUN[..], &more].concat());
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`webgpu` has no dtype `bfloat16`"), "{said}");
    assert!(said.contains("hint: there is float32"), "{said}");

    let words = [
        "run",
        "--classes",
        "base",
        "bert",
        "--seed",
        "1",
        "--checks",
        "parity",
    ];
    let platforms = [
        "--platform",
        "torch-export,torch-export@bfloat16,cpu@bfloat16,webgpu",
    ];
    let (code, text, _) = say(folder, &[&words[..], &platforms].concat());
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("skipped  bert webgpu parity.prepares and 6 more"),
        "{text}"
    );
    let cells = json(folder, &["matrix", "--format", "json"]);
    assert_eq!(cells.as_array().unwrap().len(), 4);
    for platform in ["torch-export", "torch-export@bfloat16", "cpu@bfloat16"] {
        let cell = cell(&cells, platform);
        assert_eq!(cell["state"], "works");
        assert_eq!(cell["family"], "encoder-only");
        assert_eq!(cell["provenance"], "real");
        for figure in [
            "error_ratio",
            "relative_error",
            "latency_ratio",
            "peak_bytes",
            "parameters",
        ] {
            assert!(cell[figure].as_f64().unwrap() > 0.0, "{platform} {figure}");
        }
        let [low, ratio, high] = ["latency_ratio_low", "latency_ratio", "latency_ratio_high"]
            .map(|name| cell[name].as_f64().unwrap());
        assert!(low <= ratio && ratio <= high);
    }
    let [exact, half] = ["torch-export", "torch-export@bfloat16"]
        .map(|platform| cell(&cells, platform)["relative_error"].as_f64().unwrap());
    assert!(exact < 1e-5 && half > 1e-4, "{exact} {half}");
    assert_eq!(cell(&cells, "webgpu")["state"], "skipped");

    // A bug of the exporter, and a platform that was not asked again.
    let mutant = root().join("tests/mutants/export_answer_of_the_call_before.py");
    let broken = [
        "--platform",
        "torch-export,webgpu",
        "--preload",
        mutant.to_str().unwrap(),
    ];
    assert_eq!(say(folder, &[&words[..], &broken].concat()).0, 1);
    let runs = json(folder, &["runs", "list", "--format", "json"]);
    let older = runs[1]["run"].as_str().unwrap();
    let (code, text, _) = say(folder, &["matrix", "diff", older, "latest"]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("broke: 1\n    bert torch-export: works → fails (wrong numbers)"),
        "{text}"
    );
    assert!(text.contains("gone: 2"), "{text}");
    assert!(text.contains("the same: 1"), "{text}");

    // The newest of each: the others stay as they were.
    let (_, text, _) = say(folder, &["matrix"]);
    assert!(text.contains("wrong numbers"), "{text}");
    let cells = json(folder, &["matrix", "--format", "json", "--state", "works"]);
    assert_eq!(cells.as_array().unwrap().len(), 4, "whole rows are kept");
    let (code, _, said) = say(folder, &["matrix", "-E", "family(vision)"]);
    assert_eq!(code, 2);
    assert!(said.contains("no run says anything"), "{said}");
    let (_, page, _) = say(folder, &["matrix", "--run", older, "--format", "html"]);
    assert!(page.starts_with("<!doctype html>") && page.contains(older));

    let answer = json(
        folder,
        &["recommend", "bert", "--goal", "accuracy", "--json"],
    );
    let ranked: Vec<&str> = answer["ranked"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["platform"].as_str().unwrap())
        .collect();
    assert_eq!(ranked.len(), 2, "{answer}");
    assert!(ranked.contains(&"cpu@bfloat16") && ranked.contains(&"torch-export@bfloat16"));
    let ways: Vec<&str> = answer["in_the_way"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["platform"].as_str().unwrap())
        .collect();
    assert_eq!(ways, ["torch-export", "webgpu"]);
    let openvino = answer["not_measured"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["platform"] == "openvino")
        .unwrap();
    assert!(openvino["least_bytes"].as_f64().unwrap() > 1e5);
    let (code, _, said) = say(folder, &["recommend", "bertt"]);
    assert_eq!(code, 2);
    assert!(said.contains("did you mean bert?"), "{said}");
}
