//! What a file may hold, what is said of one that is wrong, and what holds in the end.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy knows test functions only, not what they share"
)]

use std::path::Path;

use assay_config::{CommandLine, ConfigError, Loaded, NoTests, Source, TEMPLATE, read};
use assay_model::Profile;

fn written(text: &str) -> (tempfile::TempDir, Result<Loaded, ConfigError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assay.toml");
    std::fs::write(&path, text).unwrap();
    let loaded = read(&path);
    (folder, loaded)
}

/// The error of a file, without its folder.
fn error(text: &str) -> String {
    let (folder, loaded) = written(text);
    let error = loaded.unwrap_err();
    let place = format!("{}/", folder.path().display());
    format!("{}\nhint: {}", error, error.hint()).replace(&place, "")
}

/// The template with its examples switched on.
fn uncommented() -> String {
    let is_example = |line: &str| {
        let rest = line.strip_prefix("# ")?;
        let is_key = rest
            .split_once(" = ")
            .is_some_and(|(key, _)| !key.contains(' '));
        (rest.starts_with('[') || is_key).then(|| rest.to_owned())
    };
    TEMPLATE
        .lines()
        .filter_map(is_example)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_template_changes_nothing_and_its_examples_are_right() {
    let (_folder, plain) = written(TEMPLATE);
    let plain = plain.unwrap().settings(CommandLine::default()).unwrap();
    assert!(
        plain
            .effective()
            .iter()
            .all(|row| matches!(row.source, Source::Default | Source::Profile { .. }))
    );

    // `default-profile` stands before the first table, as TOML wants it.
    let (_folder, switched_on) = written(&uncommented());
    let switched_on = switched_on.unwrap_or_else(|error| panic!("{error}\n{}", uncommented()));
    let settings = switched_on.settings(CommandLine::default()).unwrap();
    assert_eq!(settings.overrides.len(), 2);
    for (with, without) in settings.effective().iter().zip(plain.effective()) {
        // Three have no value of their own to show: the machine's or the run's is taken.
        if !["workers", "memory-limit", "seed"].contains(&with.key.as_str()) {
            assert_eq!(with.value, without.value, "{}", with.key);
        }
        assert!(
            matches!(with.source, Source::File { .. }),
            "{} is missing in the template",
            with.key
        );
    }
}

#[test]
fn errors_name_file_line_and_key() {
    insta::assert_snapshot!(error("[profile.ci]\ntimout = \"5s\"\n"));
    insta::assert_snapshot!(error("[profile.ci]\n\ntimeout = \"soon\"\n"));
    insta::assert_snapshot!(error("[profile.ci]\nworkers = \"two\"\n"));
    insta::assert_snapshot!(error("[profile.ci\nworkers = 2\n"));
    insta::assert_snapshot!(error("[profile.mine]\ninherits = \"fast\"\n"));
    insta::assert_snapshot!(error(
        "[profile.a]\ninherits = \"b\"\n[profile.b]\ninherits = \"a\"\n"
    ));
    insta::assert_snapshot!(error(
        "[[overrides]]\nfilter = \"arch(x\"\ntimeout = \"5s\"\n"
    ));
    insta::assert_snapshot!(error("[[overrides]]\nfilter = \"arch(x)\"\n"));
    insta::assert_snapshot!(error(
        "[[overrides]]\nfilter = \"last(failed)\"\nworkers = 1\n"
    ));
    insta::assert_snapshot!(error("[profile.ci]\nworkers = 0\n"));
    insta::assert_snapshot!(error("[profile.ci]\nretries = 99\n"));
    insta::assert_snapshot!(error("default-profile = \"nightly\"\n"));
    insta::assert_snapshot!(error("[profile.ci]\nchecks = \"everything\"\n"));
}

#[test]
fn a_known_issue_has_a_reason_a_reference_and_a_last_day() {
    let issue =
        |text: &str| format!("[[overrides]]\nfilter = \"arch(x)\"\nknown-issue = {{ {text} }}\n");
    insta::assert_snapshot!(error(&issue(
        "reason = \"r\", shows-as = [\"differs\"], expires = \"2027-01-01\""
    )));
    insta::assert_snapshot!(error(&issue(
        "reason = \"r\", shows-as = [\"differs\"], link = \"l\", script = \"s\", expires = \"2027-01-01\""
    )));
    insta::assert_snapshot!(error(&issue(
        "reason = \"r\", shows-as = [\"differs\"], script = \"gone.py\", expires = \"2027-01-01\""
    )));
    insta::assert_snapshot!(error(&issue(
        "reason = \"r\", shows-as = [\"differs\"], link = \"l\", expires = \"soon\""
    )));
    insta::assert_snapshot!(error(&issue(
        "reason = \" \", shows-as = [\"differs\"], link = \"l\", expires = \"2027-01-01\""
    )));
    insta::assert_snapshot!(error(&issue(
        "reason = \"r\", shows-as = [\"differs\"], link = \"l\""
    )));
    insta::assert_snapshot!(error(&issue(
        "reason = \"r\", link = \"l\", expires = \"2027-01-01\""
    )));
    insta::assert_snapshot!(error(&issue(
        "reason = \"r\", shows-as = [\"wrong\"], link = \"l\", expires = \"2027-01-01\""
    )));
    insta::assert_snapshot!(error(&issue(
        "reason = \"r\", shows-as = [\"mock\"], link = \"l\", expires = \"2027-01-01\""
    )));
    insta::assert_snapshot!(error(&issue(
        "reason = \"r\", shows-as = [], link = \"l\", expires = \"2027-01-01\""
    )));
    assert!(
        written(&issue(
            "reason = \"r\", shows-as = [\"differs\"], link = \"l\", expires = \"2027-01-01\""
        ))
        .1
        .is_ok()
    );
}

#[test]
fn a_last_day_is_kept_in_the_form_that_sorts() {
    let text = "[[overrides]]\nfilter = \"all()\"\nknown-issue = { reason = \"r\", shows-as = [\"differs\"], link = \"l\", expires = \"20270301\" }\n";
    let (_folder, loaded) = written(text);
    let settings = loaded.unwrap().settings(CommandLine::default()).unwrap();
    let issue = settings.overrides[0].holds.known_issue.clone().unwrap();
    assert_eq!(issue.expires, "2027-03-01");
}

#[test]
fn what_is_no_text_or_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assay.toml");
    assert!(read(&path).is_err());
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("UTF-8"));
    assert!(read(folder.path()).is_err());
}

#[test]
fn the_command_line_comes_before_the_profile_and_that_before_what_it_inherits() {
    let text = "
[profile.standard]
timeout = \"10s\"
workers = 3

[profile.nightly]
inherits = \"full\"
retries = 2

[profile.mine]
no-tests = \"pass\"

[[profile.mine.overrides]]
filter = \"arch(a)\"
timeout = \"1s\"

[[overrides]]
filter = \"all()\"
workers = 1
";
    let (_folder, loaded) = written(text);
    let loaded = loaded.unwrap();
    let of = |profile: &str| {
        let said = CommandLine {
            profile: Some(profile.into()),
            timeout: Some(7.0),
            ..CommandLine::default()
        };
        loaded.settings(said).unwrap()
    };
    let mine = of("mine");
    assert_eq!(
        (mine.timeout.value, mine.workers.value, mine.no_tests.value),
        (7.0, Some(3), NoTests::Pass)
    );
    assert_eq!(mine.timeout.source.to_string(), "--timeout");
    assert!(
        mine.workers
            .source
            .to_string()
            .ends_with("assay.toml:4 (profile.standard.workers)"),
        "{}",
        mine.workers.source
    );
    assert_eq!(mine.overrides.len(), 2);
    assert_eq!(mine.overrides[0].holds.check_seconds, Some(1.0));
    let nightly = of("nightly");
    assert_eq!(
        (
            nightly.checks.value,
            nightly.retries.value,
            nightly.workers.value
        ),
        (Profile::Full, 2, None)
    );
    let ci = of("ci");
    assert_eq!(
        (ci.checks.value, ci.retries.value, ci.workers.value),
        (Profile::Standard, 1, Some(3))
    );
    let (name, there) = loaded
        .settings(CommandLine {
            profile: Some("mein".into()),
            ..CommandLine::default()
        })
        .unwrap_err();
    assert_eq!(name, "mein");
    assert_eq!(
        there,
        ["quick", "standard", "full", "ci", "mine", "nightly"]
    );
}

#[test]
fn the_file_is_looked_for_upwards() {
    let (folder, _) = written("");
    let below = folder.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    assert_eq!(
        assay_config::find(&below),
        Some(folder.path().join("assay.toml"))
    );
    assert_eq!(assay_config::find(Path::new("/")), None);
}

#[test]
fn the_schema_is_the_one_in_the_repository() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/assay.toml.schema.json");
    let text = serde_json::to_string_pretty(&assay_config::schema()).unwrap() + "\n";
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        text,
        "INSTA_UPDATE=always writes it anew"
    );
}

#[test]
fn the_name_of_a_variable_is_one_and_what_is_none_is_not_repeated() {
    let endpoint = |variable: &str| {
        format!(
            "[endpoint.a]\nbase = \"http://x/v1\"\nmodel = \"m\"\nkey-variable = \"{variable}\"\n"
        )
    };
    for right in [
        "OPENAI_API_KEY",
        "_k",
        "my_llm_server_2_api_key_of_production",
    ] {
        assert!(written(&endpoint(right)).1.is_ok(), "{right}");
    }
    for wrong in [
        "",
        "9lives",
        "sk-secret",
        "A KEY",
        "KÉY",
        "$OPENAI_API_KEY",
        "NAME=secret",
        "AIzaSyD4pasted9Qw3rT5yU7iO1pA2sD4fG6hJ8",
        "hf_QxRtPastedKeyWithoutAnyDigitInItAtAll",
        "0f3c9d1e5b7a8642f0e1d2c3b4a59687",
        "a0f3c9d1e5b7a8642f0e1d2c3b4a5968",
    ] {
        let told = error(&endpoint(wrong));
        assert!(
            told.starts_with("assay.toml:4:16: endpoint.a.key-variable: "),
            "{told}"
        );
        assert!(wrong.is_empty() || !told.contains(wrong), "{told}");
    }
}
