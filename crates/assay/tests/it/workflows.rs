//! Several models in a chain are a subject of their own.

const NAMES: [&str; 6] = [
    "text_image",
    "encode_decode",
    "speech_text_embedding",
    "retrieve_rerank_generate",
    "detect_segment",
    "draft_verify",
];

#[test]
fn every_workflow_is_real_and_passes_its_checks() {
    let words: Vec<String> = NAMES
        .iter()
        .map(|name| format!("workflow:{name}"))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ran = crate::support::run(&[&words[..], &["--seed", "1"]].concat(), None);
    assert_eq!(
        ran.code(),
        0,
        "{}",
        String::from_utf8_lossy(&ran.output.stdout)
    );
    assert_eq!(ran.count("real"), ran.count("planned"));
    for word in words {
        let case = ran.case(word, "workflow.moves");
        assert_eq!(case["outcome"], "passed", "{case:#}");
    }
    assert_eq!(
        ran.case("workflow:draft_verify", "workflow.drafted")["outcome"],
        "passed"
    );
}

/// Every case of a workflow of which one link is patched is a failed mock that names the link.
fn is_a_mock(workflow: &str, link: &str, name: &str) {
    let ran = crate::support::run(
        &[workflow, "--seed", "1"],
        Some(&format!("mocks/{name}.py")),
    );
    assert_eq!((ran.count("passed"), ran.count("real")), (0, 0));
    for (_, check, row) in ran.cases() {
        assert_eq!(row["reason"]["kind"], "mock", "{check} {row:#}");
        let detail = row["reason"]["detail"].as_str().unwrap();
        assert!(detail.starts_with(link), "{detail}");
    }
}

#[test]
fn a_mock_in_one_link_is_a_mock() {
    is_a_mock(
        "workflow:text_image",
        "link text:",
        "constants_of_the_right_shape",
    );
    is_a_mock(
        "workflow:encode_decode",
        "link encoder:",
        "first_answer_cached",
    );
}

#[test]
fn a_workflow_that_does_not_exist_is_refused_and_the_profile_full_has_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let of = |words: &[&str]| {
        let output = crate::support::assay(folder.path())
            .args(words)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (code, _, words) = of(&["run", "--classes", "base", "workflow:nothing"]);
    assert_ne!(code, Some(0));
    assert!(words.contains("the workflows are text_image"), "{words}");
    let (_, listed, _) = of(&["list", "workflows"]);
    let chosen = ["list", "cases", "-E", "subject(workflow:*)", "--profile"];
    let (_, full, _) = of(&[&chosen[..], &["full"]].concat());
    for name in NAMES {
        assert!(listed.contains(&format!("workflow:{name} ")), "{listed}");
        assert!(full.contains(&format!("workflow:{name} ")), "{full}");
    }
    let (_, standard, _) = of(&[&chosen[..], &["standard"]].concat());
    assert!(!standard.contains("workflow"), "{standard}");
}
