//! What the command line gets wrong: a clear error that says what to do, its exit code, and nothing written.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

/// Runs `assay` with these words in a folder; asserts the exit code and that each text is in the error.
fn refused(folder: &Path, words: &[&str], code: i32, texts: &[&str]) -> Output {
    let before = files(folder);
    let output = crate::support::assay(folder).args(words).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {stderr}");
    for text in texts {
        assert!(stderr.contains(text), "{words:?}: no `{text}` in: {stderr}");
    }
    assert!(stderr.contains("error: "), "{stderr}");
    assert_eq!(files(folder), before, "{words:?} wrote something");
    output
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_platform_that_is_not_here_is_skipped_with_what_it_lacks_and_is_not_green() {
    let folder = tempfile::tempdir().unwrap();
    let output = crate::support::assay(folder.path())
        .args(["run", "--classes", "base", "bert", "--platform", "webgpu"])
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{stdout}");
    assert!(
        stdout.contains("platform_unavailable: Assay does not drive a browser yet"),
        "{stdout}"
    );
    assert!(stdout.contains("7 skipped"), "{stdout}");
}

#[test]
fn names_that_do_not_exist() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |words: &[&str], texts: &[&str]| refused(folder.path(), words, 2, texts);
    refused(
        &["run", "--classes", "base", "bertt"],
        &["no architecture `bertt`", "hint: did you mean bert"],
    );
    refused(
        &[
            "run",
            "--classes",
            "base",
            "bert",
            "--checks",
            "forward.finit",
        ],
        &[
            "no check or group `forward.finit`",
            "did you mean forward.finite",
            "save_load",
        ],
    );
    refused(
        &["run", "--classes", "base", "bert", "--platform", "gpu"],
        &["no platform `gpu`", "there is cpu, ", "cuda"],
    );
    refused(
        &[
            "run",
            "--classes",
            "base",
            "bert",
            "--platform",
            "openvino:2",
        ],
        &["no device `2`", "there is cpu, gpu"],
    );
    refused(
        &["run", "--classes", "base", "bert", "--platform", "mps:1"],
        &["no device `1`", "assay list platforms"],
    );
    refused(
        &[
            "run",
            "--classes",
            "base",
            "bert",
            "--platform",
            "openvino",
            "--dtype",
            "int4",
        ],
        &[
            "no dtype `int4`",
            "there is float32, bfloat16, float16, int8, default",
        ],
    );
    refused(
        &["run", "--classes", "base", "--family", "visual"],
        &["no family `visual`", "vision"],
    );
    refused(
        &[
            "run",
            "--classes",
            "base",
            "bert",
            "--preload",
            "missing.py",
        ],
        &["the preload missing.py"],
    );
    refused(
        &["run", "--classes", "base", "bert", "--timeout", "0"],
        &["from 1ms to a day"],
    );
    for time in ["nan", "inf", "-1", "1e300", "1e-9"] {
        let words = ["sql", "SELECT 1", &format!("--timeout={time}")];
        refused(&words, &["--timeout <TIME>", "from 1ms to a day"]);
    }
    refused(&["report", "nonsense"], &["no run `nonsense`", "hint: "]);
}

#[test]
fn folders_that_are_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, files: &[(&str, &str)]| {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        for (file, content) in files {
            std::fs::write(folder.path().join(name).join(file), content).unwrap();
        }
    };
    make("empty", &[]);
    make(
        "pickle",
        &[
            ("config.json", r#"{"model_type": "bert"}"#),
            ("pytorch_model.bin", "x"),
        ],
    );
    make(
        "remote",
        &[
            (
                "config.json",
                r#"{"model_type": "x", "auto_map": {"AutoModel": "m.M"}}"#,
            ),
            ("model.safetensors", "x"),
        ],
    );
    let refused = |words: &[&str], texts: &[&str]| refused(folder.path(), words, 3, texts);
    refused(
        &["run", "--classes", "base", "./nowhere"],
        &["there is no folder"],
    );
    refused(
        &["run", "--classes", "base", "./empty"],
        &["is no checkpoint: config.json"],
    );
    refused(
        &["run", "--classes", "base", "./pickle"],
        &["pickle", "--allow-pickle"],
    );
    refused(
        &["run", "--classes", "base", "./remote"],
        &["needs code that it brings along", "--trust-remote-code"],
    );
    refused(
        &["run", "--classes", "base", "nobody/nothing"],
        &["not in the cache of huggingface_hub", "HF_HUB_OFFLINE"],
    );
}

#[test]
fn a_python_that_is_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let fake = |name: &str, answer: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    let old = fake("old", r#"{"version": "3.9.1", "packages": {}}"#);
    let bare = fake(
        "bare",
        r#"{"version": "3.12.0", "packages": {"torch": null}}"#,
    );
    let refused = |python: &str, texts: &[&str]| {
        refused(
            folder.path(),
            &["run", "--classes", "base", "bert", "--python", python],
            3,
            texts,
        )
    };
    refused(
        "/nonexistent/python",
        &["is not a Python that runs", "hint: "],
    );
    refused("/bin/echo", &["is not a Python that runs"]);
    refused(&old, &["is Python 3.9.1", "3.11 is the oldest"]);
    refused(&bare, &["has no torch", "pip install torch"]);
}

#[test]
fn no_python_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::support::assay(folder.path());
    command
        .args(["run", "--classes", "base", "bert"])
        .env_remove("ASSAY_PYTHON")
        .env_remove("VIRTUAL_ENV");
    let output = command
        .env("ASSAY_CACHE_DIR", folder.path().join("cache"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("there is no Python environment") && stderr.contains("assay env create"),
        "{stderr}"
    );
}

#[test]
fn a_preload_that_raises_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("broken.py"),
        "x = 1\nraise ValueError('no')\n",
    )
    .unwrap();
    refused(
        folder.path(),
        &["run", "--classes", "base", "bert", "--preload", "broken.py"],
        3,
        &["broken.py:2", "ValueError: no"],
    );
}

#[test]
fn a_run_that_executes_nothing_real_is_not_green() {
    let folder = tempfile::tempdir().unwrap();
    // `vit` has no tokens: the one check that was asked for does not apply.
    let words = [
        "run",
        "--classes",
        "base",
        "vit",
        "--checks",
        "batch.left_padding",
        "--report-dir",
        "report",
    ];
    let output = crate::support::assay(folder.path())
        .args(words)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let mut allowed = crate::support::assay(folder.path());
    allowed.args([
        "run",
        "--classes",
        "base",
        "vit",
        "--checks",
        "batch.left_padding",
        "--report-dir",
        "other",
        "--no-tests",
        "pass",
    ]);
    assert_eq!(allowed.output().unwrap().status.code(), Some(0));
}

#[test]
fn a_record_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("report")).unwrap();
    std::fs::write(folder.path().join("report/events.jsonl"), "precious").unwrap();
    refused(
        folder.path(),
        &["run", "--classes", "base", "vit", "--report-dir", "report"],
        2,
        &["there is a record in report already", "--report-dir"],
    );
    assert_eq!(
        std::fs::read_to_string(folder.path().join("report/events.jsonl")).unwrap(),
        "precious"
    );
}

#[test]
fn expectations_that_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let golden = folder.path().join(".assay/golden");
    std::fs::create_dir_all(&golden).unwrap();
    let refused = |words: &[&str], texts: &[&str]| refused(folder.path(), words, 2, texts);
    refused(
        &["golden", "show"],
        &["no run `latest`", "there are no runs"],
    );
    for (text, part) in [
        (
            "format = 1\nsubject = \"vit\"\n",
            ".assay/golden/vit.toml:1: missing field",
        ),
        ("garbage\n", ".assay/golden/vit.toml:1: "),
        (
            "format = 7\nunknown = 1\n",
            "vit.toml:1: version 7 of the format, this version of Assay reads 1",
        ),
        (
            "format = 1\n<<<<<<< HEAD\nseed = 0\n=======\n",
            "vit.toml:2: a merge conflict",
        ),
        ("format = 1\nseed = \"0\"\n", "vit.toml:2: invalid type"),
    ] {
        std::fs::write(golden.join("vit.toml"), text).unwrap();
        refused(&["golden", "diff", "vit"], &[part, "hint: "]);
    }
    // Nothing is run in vain; another subject's file stops nobody.
    refused(
        &["run", "--classes", "base", "vit", "--checks", "golden"],
        &["vit.toml:2: invalid type"],
    );
    let words = ["list", "cases", "bert", "--checks", "golden"];
    let output = crate::support::assay(folder.path())
        .args(words)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}
