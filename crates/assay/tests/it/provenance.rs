//! Mocks are shown as mocks, never as a pass; a real model is shown as real.

/// Every case of bert under this preload is a failed mock, in the summary and on the screen.
fn is_a_mock(name: &str) {
    are_mocks(&["bert"], name);
}

fn are_mocks(subjects: &[&str], name: &str) {
    let ran = crate::support::run(
        &[subjects, &["--checks", "load,forward", "--seed", "1"]].concat(),
        Some(&format!("mocks/{name}.py")),
    );
    assert_eq!(ran.count("passed"), 0);
    assert_eq!(ran.count("real"), 0);
    assert_eq!(ran.count("mock"), ran.count("planned"));
    for (_, check, row) in ran.cases() {
        assert_eq!(
            (&row["outcome"], &row["provenance"]),
            (&"failed".into(), &"mock".into()),
            "{check} {row:#}"
        );
        assert_eq!(row["reason"]["kind"], "mock", "{check} {row:#}");
    }
    assert_eq!(ran.code(), 1);
    let screen = String::from_utf8_lossy(&ran.output.stdout).into_owned();
    assert!(
        screen.contains(" mock ") && screen.contains("ran on a mock"),
        "{screen}"
    );
    let report = std::fs::read_to_string(ran.folder.path().join("report/report.md")).unwrap();
    assert!(report.contains("🔷 mock"), "{report}");
}

#[test]
fn transformers_replaced_by_a_magic_mock() {
    is_a_mock("transformers_is_a_mock");
}

#[test]
fn torch_replaced_by_a_magic_mock() {
    is_a_mock("torch_is_a_mock");
}

#[test]
fn only_the_auto_class_replaced_by_a_magic_mock() {
    is_a_mock("auto_model_is_a_mock");
}

#[test]
fn constants_of_the_right_shape() {
    is_a_mock("constants_of_the_right_shape");
}

#[test]
fn the_first_answer_cached() {
    is_a_mock("first_answer_cached");
}

#[test]
fn a_forward_whose_result_is_thrown_away() {
    is_a_mock("computed_and_thrown_away");
}

#[test]
fn convolutions_without_their_norm() {
    are_mocks(&["encodec", "bit"], "convolutions_without_their_norm");
}

#[test]
fn models_of_normed_convolutions_alone_are_real() {
    let ran = crate::support::run(
        &["encodec", "bit", "--checks", "load,forward", "--seed", "1"],
        None,
    );
    assert_eq!(ran.count("real"), ran.count("planned"));
    for subject in ["encodec", "bit"] {
        assert_eq!(ran.case(subject, "forward.runs")["outcome"], "passed");
    }
}

#[test]
fn the_model_itself_is_real_and_so_is_a_checkpoint() {
    let checkpoint = std::env::var("ASSAY_TEST_CHECKPOINT")
        .expect("set ASSAY_TEST_CHECKPOINT, or run `cargo xtask test`");
    let ran = crate::support::run(&["bert", &checkpoint], None);
    assert_eq!(
        ran.code(),
        0,
        "{}",
        String::from_utf8_lossy(&ran.output.stdout)
    );
    assert_eq!(ran.count("real"), ran.count("planned"));
    for check in [
        "embedding.similarity",
        "tokenizer.roundtrip",
        "pipeline.task",
        "pipeline.moves",
        "pipeline.batch",
    ] {
        assert_eq!(ran.case(&checkpoint, check)["outcome"], "passed", "{check}");
    }
    let report = std::fs::read_to_string(ran.folder.path().join("report/report.md")).unwrap();
    assert!(report.contains("🚀 real"), "{report}");
}
