//! Endpoints: the fault server is asked by the real command, through the same runner, judge and record as models.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::assay;

const KEY: &str = "sk-of-the-fault-server";

/// A server of `assay api serve-faults`.
struct Server {
    process: Child,
    base: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(folder: &Path, words: &[&str]) -> Server {
    let mut command = assay(folder);
    command.args(["api", "serve-faults"]).args(words);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let base = line.split_whitespace().next().unwrap().to_owned();
    Server { process, base }
}

fn check(folder: &Path, base: &str, words: &[&str]) -> Command {
    let mut command = assay(folder);
    command
        .args(["api", "check", base, "--model", "tiny"])
        .args(["--key-variable", "ASSAY_TEST_KEY"])
        .args(["--report-dir", "out"])
        .args(words)
        .env("ASSAY_TEST_KEY", KEY);
    command
}

fn summary(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("out/summary.json")).unwrap()).unwrap()
}

#[test]
fn what_there_is_is_listed_with_where_it_is_specified() {
    let folder = tempfile::tempdir().unwrap();
    let say = |words: &[&str]| {
        let output = assay(folder.path()).args(words).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let listed: Value = serde_json::from_slice(&say(&["api", "list", "--json"])).unwrap();
    let rows = |name: &str| listed[name].as_array().unwrap().clone();
    assert_eq!(rows("dialects").len(), 15);
    for row in [rows("checks"), rows("client_checks")].concat() {
        for field in ["id", "asserts", "specified"] {
            assert!(!row[field].as_str().unwrap().is_empty(), "{row}");
        }
    }
    let text = String::from_utf8(say(&["api", "list"])).unwrap();
    for row in rows("checks") {
        assert!(text.contains(row["specified"].as_str().unwrap()), "{row}");
    }
}

#[test]
fn a_right_server_passes_and_its_key_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]);
    let output = check(folder.path(), &server.base, &[]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let summary = summary(folder.path());
    let cases = summary["cases"].as_array().unwrap();
    assert!(cases.len() >= 25, "{summary:#}");
    for case in cases {
        assert_eq!(case["outcome"], "passed", "{case:#}");
        assert_eq!(case["provenance"], "real");
        assert_eq!(case["platform"], "remote");
    }
    for entry in std::fs::read_dir(folder.path().join("out")).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(KEY), "{}", path.display());
    }
    let printed = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&printed).contains(KEY));
}

#[test]
fn dialects_that_do_not_chat_pass_and_are_real() {
    for dialect in ["s3", "kserve", "tei", "llvm"] {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(folder.path(), &["--dialect", dialect]);
        let output = check(folder.path(), &server.base, &["--dialect", dialect])
            .env("AWS_ACCESS_KEY_ID", "assay")
            .output()
            .unwrap();
        assert!(output.status.success(), "{dialect}: {output:?}");
        let summary = summary(folder.path());
        let cases = summary["cases"].as_array().unwrap();
        assert!(cases.len() >= 10, "{summary:#}");
        for case in cases {
            assert_eq!(case["outcome"], "passed", "{case:#}");
            assert_eq!(case["provenance"], "real");
        }
    }
}

#[test]
fn a_fault_is_red_and_a_constant_is_a_mock() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(
        folder.path(),
        &["--dialect", "claude", "--fault", "no-first-event"],
    );
    let words = ["--dialect", "claude", "--only", "stream.grammar,response"];
    let output = check(folder.path(), &server.base, &words).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let summary_of = summary(folder.path());
    for case in summary_of["cases"].as_array().unwrap() {
        let is_grammar = case["check"] == "stream.grammar";
        let expected = if is_grammar { "failed" } else { "passed" };
        assert_eq!(case["outcome"], expected, "{case:#}");
    }
    let other = tempfile::tempdir().unwrap();
    let server = serve(other.path(), &["--fault", "canned"]);
    let output = check(other.path(), &server.base, &["--only", "response.schema"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(summary(other.path())["cases"][0]["provenance"], "mock");
}

#[test]
fn who_is_not_there_and_what_is_said_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let output = check(
        folder.path(),
        "http://127.0.0.1:1/v1",
        &["--only", "connection.answers"],
    )
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let case = &summary(folder.path())["cases"][0];
    assert_eq!(case["outcome"], "failed");
    assert!(
        case["reason"]["detail"]
            .as_str()
            .unwrap()
            .starts_with("connection_refused"),
        "{case:#}"
    );
    for (words, told) in [
        (vec!["--dialect", "opnai"], "there is no dialect `opnai`"),
        (
            vec!["--only", "strem"],
            "no check and no group of checks is called `strem`",
        ),
    ] {
        let output = check(folder.path(), "http://127.0.0.1:1/v1", &words)
            .output()
            .unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(told) && text.contains("hint:"), "{text}");
    }
    for (base, timeout, told) in [
        (
            "http://127.0.0.1:1/v1?key=secret",
            "60s",
            "a password, a query",
        ),
        (
            "http://me:secret@127.0.0.1:1/v1",
            "60s",
            "a password, a query",
        ),
        ("http://127.0.0.1:1/v1", "nan", "nan"),
        ("http://127.0.0.1:1/v1", "0", "--timeout"),
    ] {
        let output = check(folder.path(), base, &["--timeout", timeout])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(told) && !text.contains("secret"), "{text}");
    }
    let mut command = assay(folder.path());
    command.args(["api", "check", "http://127.0.0.1:1/v1", "--model", "tiny"]);
    let output = command
        .args(["--key-variable", "ASSAY_NO_SUCH_KEY"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("the variable `ASSAY_NO_SUCH_KEY` is not set"),
        "{text}"
    );
    let output = check(folder.path(), "127.0.0.1:1", &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// Keys where the name of their variable belongs: two that no variable can be called, and one that it could.
const PASTED: [&str; 3] = [
    "sk-ant-api03-pasted",
    "8d0f6c2pasted",
    "gsk_0pastedWGdyb3FYq7Vx2LmTz81aBcDeFgHiJkLmNoPqRsTuVwXy",
];

#[test]
fn a_key_in_the_place_of_its_variable_is_refused_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let base = "http://127.0.0.1:1/v1";
    let refused = |words: &[&str]| {
        let output = assay(folder.path()).args(words).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {text}");
        assert!(
            text.contains("no name of an environment variable") && text.contains("hint:"),
            "{text}"
        );
        assert!(!text.contains("pasted"), "{text}");
        text
    };
    for key in PASTED {
        configured(folder.path(), &[("a", base, "")]);
        for target in [base, "a"] {
            for verb in ["check", "bench"] {
                let words = ["api", verb, target, "--model", "m", "--key-variable", key];
                refused(&words);
            }
        }
        let more = format!("key-variable = \"{key}\"");
        configured(folder.path(), &[("a", base, &more)]);
        let told = refused(&["run", "--type", "api"]);
        assert!(
            told.contains("assay.toml:4:16: endpoint.a.key-variable: "),
            "{told}"
        );
        refused(&["api", "check", "a"]);
    }
    assert_eq!(
        files(folder.path()),
        [folder.path().join("assay.toml")],
        "nothing was recorded"
    );
}

#[test]
fn a_dialect_that_signs_and_has_no_key_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &["--dialect", "s3"]);
    let told = |words: &[&str]| {
        let mut command = assay(folder.path());
        command.args(["api", "check", &server.base, "--dialect", "s3"]);
        command.args(["--model", "tiny", "--only", "connection.answers"]);
        command.args(words).env("AWS_ACCESS_KEY_ID", "assay");
        let output = command.env("AWS_SECRET_ACCESS_KEY", KEY).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (
            output.status.code(),
            text.matches("--key-variable AWS_SECRET_ACCESS_KEY").count(),
        )
    };
    assert_eq!(told(&[]), (Some(1), 1));
    let key = ["--key-variable", "AWS_SECRET_ACCESS_KEY"];
    assert_eq!(told(&key), (Some(0), 0));
}

#[test]
fn a_fault_that_a_dialect_does_not_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (fault, dialect, has) in [
        ("no-first-event", "openai", "claude"),
        ("small-part-is-taken", "claude", "s3"),
        // Of no dialect in particular: its check asks those that stream.
        ("all-at-once", "s3", "openai, claude"),
    ] {
        let mut command = assay(folder.path());
        command.args(["api", "serve-faults", "--fault", fault]);
        command.args(["--dialect", dialect]).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        // One that serves would not end.
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let _ = process.kill();
        let output = process.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            (line.as_str(), output.status.code()),
            ("", Some(2)),
            "{text}"
        );
        let told = format!("`{dialect}` has no fault `{fault}`");
        assert!(text.contains(&told) && text.contains("hint:"), "{text}");
        assert!(text.contains(has), "{text}");
    }
}

#[test]
fn what_holds_keys_leaves_no_memory_behind() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]);
    let proc = format!("/proc/{}", server.process.id());
    let limits = std::fs::read_to_string(format!("{proc}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    // What is not dumpable belongs to root, whoever began it; a test by root can't see that.
    let owner =
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(format!("{proc}/environ")).unwrap());
    assert_eq!(owner, 0);
}

/// assay.toml with servers, each a base and more keys.
fn configured(folder: &Path, tables: &[(&str, &str, &str)]) {
    let tables = tables.iter().map(|(name, base, more)| {
        format!("[endpoint.{name}]\nbase = \"{base}\"\nmodel = \"tiny\"\n{more}\n")
    });
    std::fs::write(folder.join("assay.toml"), tables.collect::<String>()).unwrap();
}

fn run(folder: &Path, words: &[&str]) -> std::process::Output {
    let mut command = assay(folder);
    command.arg("run").args(words).env("ASSAY_TEST_KEY", KEY);
    command.args(["--report-dir", "out"]).output().unwrap()
}

#[test]
fn endpoints_of_the_configuration_run_like_models() {
    let folder = tempfile::tempdir().unwrap();
    let right = serve(folder.path(), &[]);
    let wrong = serve(
        folder.path(),
        &["--dialect", "claude", "--fault", "no-first-event"],
    );
    let key = "key-variable = \"ASSAY_TEST_KEY\"\npeer = \"self-written\"";
    let known = "[[overrides]]\nfilter = \"subject(api:wrong)\"\nknown-issue = { reason = \"it begins late\", \
                 shows-as = [\"incomplete\"], link = \"https://example.org/1\", expires = \"2100-01-01\" }";
    configured(
        folder.path(),
        &[
            (
                "right",
                &right.base,
                &format!("{key}\nchecks = [\"response\", \"stream.grammar\"]"),
            ),
            (
                "wrong",
                &wrong.base,
                &format!("{key}\ndialect = \"claude\"\nchecks = [\"stream.grammar\"]\n{known}"),
            ),
        ],
    );
    let output = run(folder.path(), &["--type", "api"]);
    assert!(output.status.success(), "{output:?}");
    let whole = summary(folder.path());
    let cases = whole["cases"].as_array().unwrap();
    let of = |name: &str| cases.iter().filter(|case| case["subject"] == name).count();
    assert_eq!((of("api:right"), of("api:wrong")), (7, 1), "{whole:#}");
    assert_eq!(whole["known_issues"], 1);
    assert_eq!(whole["endpoints"][0]["peer"], "self-written");
    let report = std::fs::read_to_string(folder.path().join("out/report.md")).unwrap();
    assert!(
        report.contains("| self-written, to be tested |"),
        "{report}"
    );
    // One of them, by its name, on both commands.
    std::fs::remove_dir_all(folder.path().join("out")).unwrap();
    let output = run(folder.path(), &["api:right", "-E", "check(stream.grammar)"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(summary(folder.path())["cases"].as_array().unwrap().len(), 1);
    std::fs::remove_dir_all(folder.path().join("out")).unwrap();
    let mut command = assay(folder.path());
    command.args(["api", "check", "wrong", "--report-dir", "out"]);
    let output = command.env("ASSAY_TEST_KEY", KEY).output().unwrap();
    assert!(output.status.success(), "a known issue: {output:?}");
    assert_eq!(summary(folder.path())["known_issues"], 1);
}

#[test]
fn models_and_endpoints_are_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let right = serve(folder.path(), &[]);
    configured(
        folder.path(),
        &[(
            "right",
            &right.base,
            "key-variable = \"ASSAY_TEST_KEY\"\nchecks = [\"response.moves\"]",
        )],
    );
    let words = [
        "bert",
        "api:right",
        "--checks",
        "forward.finite,response.moves",
    ];
    let output = run(folder.path(), &words);
    assert!(output.status.success(), "{output:?}");
    let whole = summary(folder.path());
    let cases = whole["cases"].as_array().unwrap().iter();
    let cases: Vec<_> = cases
        .map(|case| {
            [&case["subject"], &case["check"], &case["provenance"]].map(|its| its.as_str().unwrap())
        })
        .collect();
    assert!(
        cases.contains(&["bert", "forward.finite", "real"]),
        "{cases:?}"
    );
    assert!(
        cases.contains(&["api:right", "response.moves", "real"]),
        "{cases:?}"
    );
    assert_eq!(
        cases
            .iter()
            .filter(|[subject, ..]| *subject == "api:right")
            .count(),
        1
    );
}

#[test]
fn a_key_that_is_not_there_and_one_that_may_not_go_out_are_typed_skips() {
    let folder = tempfile::tempdir().unwrap();
    configured(
        folder.path(),
        &[
            (
                "absent",
                "http://127.0.0.1:1/v1",
                "key-variable = \"ASSAY_NO_SUCH_KEY\"",
            ),
            (
                "public",
                "http://192.0.2.1/v1",
                "key-variable = \"ASSAY_TEST_KEY\"",
            ),
        ],
    );
    let began = std::time::Instant::now();
    let output = run(folder.path(), &["--type", "api"]);
    assert!(began.elapsed().as_secs() < 20, "nobody was asked");
    // Nothing was executed, which is no success.
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let whole = summary(folder.path());
    for case in whole["cases"].as_array().unwrap() {
        assert_eq!(case["outcome"], "skipped", "{case:#}");
        assert_eq!(case["reason"]["kind"], "platform_unavailable", "{case:#}");
        let told = if case["subject"] == "api:absent" {
            "the variable `ASSAY_NO_SUCH_KEY` holds no key (export ASSAY_NO_SUCH_KEY=…)"
        } else {
            "a key goes to 192.0.2.1 only if that is said: it may cost money (--live)"
        };
        assert_eq!(case["reason"]["detail"], told);
    }
}

#[test]
fn what_is_said_wrong_of_endpoints() {
    let folder = tempfile::tempdir().unwrap();
    let told = |words: &[&str], told: &str| {
        let output = run(folder.path(), words);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(told) && text.contains("hint:"), "{text}");
    };
    told(&["--type", "api"], "there is no endpoint to run");
    let base = "http://127.0.0.1:1/v1";
    configured(folder.path(), &[("a", base, "dialect = \"opnai\"")]);
    told(
        &["--type", "api"],
        "assay.toml:2:8: endpoint.a.dialect: there is no dialect `opnai`",
    );
    configured(folder.path(), &[("a", base, "checks = [\"strem\"]")]);
    told(
        &["--type", "api"],
        "endpoint.a.checks: no check and no group of checks is called `strem`",
    );
    configured(folder.path(), &[("a", "127.0.0.1:1", "")]);
    told(&["--type", "api"], "endpoint.a.base: ");
    configured(folder.path(), &[("a", base, "peer = \"nobody\"")]);
    told(&["--type", "api"], "peer");
    configured(folder.path(), &[("a", base, "")]);
    told(&["api:b"], "no endpoint is called `b`");
    told(&["--type", "api", "bert"], "`bert` is no endpoint");
    told(&["--type", "model", "api:a"], "api:a is no model");
}

/// A client in a few lines, which asks once and tries nothing again.
const ASKS_ONCE: &str = "\
import json, os, sys, urllib.request
words = sys.argv[1] if len(sys.argv) > 1 else os.environ['ASSAY_QUESTION']
body = {'model': os.environ['ASSAY_MODEL'], 'max_tokens': 8, 'messages': [{'role': 'user', 'content': words}]}
request = urllib.request.Request(os.environ['OPENAI_BASE_URL'] + '/chat/completions', json.dumps(body).encode(),
    {'content-type': 'application/json', 'authorization': 'Bearer ' + os.environ['OPENAI_API_KEY']})
print(json.load(urllib.request.urlopen(request))['choices'][0]['message']['content'])
";

#[test]
fn a_client_is_judged_by_what_the_server_hears() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ask.py"), ASKS_ONCE).unwrap();
    let check = |words: &[&str]| {
        let _ = std::fs::remove_dir_all(folder.path().join("out"));
        let mut command = assay(folder.path());
        command.args(["api", "check-client", "--report-dir", "out"]);
        let output = command.args(words).output().unwrap();
        (output.status.code(), summary(folder.path()))
    };
    let (code, whole) = check(&["--only", "retry.temporary,retry.seconds,queue.order"]);
    assert_eq!(
        (code, &whole["passed"]),
        (Some(0), &Value::from(3)),
        "{whole:#}"
    );
    let python = std::env::var("ASSAY_PYTHON").unwrap_or_else(|_| "python3".into());
    let only = "retry.temporary,retry.permanent";
    let (code, whole) = check(&["--only", only, "--", &python, "ask.py"]);
    assert_eq!(code, Some(1), "{whole:#}");
    let cases = whole["cases"].as_array().unwrap().iter();
    let cases: Vec<_> = cases
        .map(|case| {
            [&case["check"], &case["outcome"], &case["provenance"]].map(|its| its.as_str().unwrap())
        })
        .collect();
    assert_eq!(
        cases,
        [
            ["retry.temporary", "failed", "real"],
            ["retry.permanent", "passed", "real"]
        ],
        "{whole:#}"
    );
    // One that asks something else is no client of what it was given.
    let (code, whole) = check(&[
        "--only",
        "retry.permanent",
        "--",
        &python,
        "ask.py",
        "hello",
    ]);
    assert_eq!(
        (code, &whole["cases"][0]["provenance"]),
        (Some(1), &"mock".into()),
        "{whole:#}"
    );
    let (code, whole) = check(&["--only", "retry.permanent", "--", "assay-no-such-program"]);
    assert_eq!(code, Some(1), "{whole:#}");
}

/// Answers everything with an error that repeats the whole request, its key with it, and ends with the process.
fn echo() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut request = vec![0; 1 << 16];
            let count = std::io::Read::read(&mut socket, &mut request).unwrap_or(0);
            let said = String::from_utf8_lossy(&request[..count]).into_owned();
            let body = serde_json::json!({"error": {"message": said, "type": "t", "param": null, "code": said}}).to_string();
            let head = format!(
                "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-request-id: {KEY}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = std::io::Write::write_all(&mut socket, (head + &body).as_bytes());
        }
    });
    format!("http://{address}/v1")
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_key_that_a_server_says_back_is_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let mut printed = Vec::new();
    let base = echo();
    let mut say = |words: &[&str]| {
        let mut command = assay(folder.path());
        let output = command
            .args(words)
            .env("ASSAY_TEST_KEY", KEY)
            .output()
            .unwrap();
        printed.extend([output.stdout, output.stderr].concat());
        output.status.code()
    };
    let key = ["--key-variable", "ASSAY_TEST_KEY"];
    let words = ["api", "check", &base, "--model", "tiny", "--name", "echo"];
    assert_eq!(say(&[words.as_slice(), &key].concat()), Some(1));
    // In what is made of the record: reports, the store, and what is asked of it.
    assert_eq!(say(&["report"]), Some(1));
    assert_eq!(say(&["store", "rebuild"]), Some(0));
    assert_eq!(say(&["sql", "SELECT * FROM cases"]), Some(0));
    assert_eq!(say(&["matrix", "--format", "json"]), Some(0));
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(
        printed.contains("[key]") && !printed.contains(KEY),
        "{printed}"
    );
    let files = files(folder.path());
    assert!(files.len() > 4, "{files:?}");
    for path in files {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(KEY), "{}", path.display());
    }
}

#[test]
fn a_token_of_a_session_is_nowhere_either_and_a_key_may_be_any_word() {
    const TOKEN: &str = "FwoGZXIvYXdzEJr/session+token";
    let base = echo();
    for (key, dialect) in [
        (KEY, "s3"),
        ("check", "openai"),
        ("null", "openai"),
        ("worker", "openai"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = check(folder.path(), &base, &["--dialect", dialect])
            .env("ASSAY_TEST_KEY", key)
            .env("AWS_ACCESS_KEY_ID", "assay")
            .env("AWS_SESSION_TOKEN", TOKEN)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{key}: {output:?}");
        for case in summary(folder.path())["cases"].as_array().unwrap() {
            assert_ne!(case["kind"], "protocol", "{key}: {case:#}");
        }
        let mut texts: Vec<Vec<u8>> = files(folder.path())
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect();
        texts.push([output.stdout, output.stderr].concat());
        for text in texts {
            let text = String::from_utf8_lossy(&text).into_owned();
            // The server's own name for a call is the first key, whatever key is sent.
            let is_hidden = key != KEY || !text.contains(KEY);
            let has_none = [&TOKEN[..12], &TOKEN[16..]]
                .iter()
                .all(|part| !text.contains(part));
            assert!(is_hidden && has_none, "{key}: {text}");
        }
    }
}

fn bench(folder: &Path, base: &str, words: &[&str]) -> Command {
    let mut command = assay(folder);
    command
        .args(["api", "bench", base, "--model", "tiny", "--warmup", "0"])
        .args(words)
        .args(["--key-variable", "ASSAY_TEST_KEY"])
        .env("ASSAY_TEST_KEY", KEY);
    command
}

#[test]
fn a_load_is_a_run_and_its_figures_are_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &["--pace", "2"]);
    let words = ["--users", "2", "--requests", "6", "--max-tokens", "5"];
    let promised = ["--slo", "e2e=60s", "--goodput", "0.9"];
    let output = bench(
        folder.path(),
        &server.base,
        &[&words[..], &promised].concat(),
    )
    .output()
    .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for told in [
        "closed loop, 2 users · 6 requests after 0 s of warm-up",
        "6 answered, 0 failed; at most 2 at once",
        "30 of answers",
        "100.0 % within e2e 60s",
        "time to first token",
        "1 of 1 cases passed",
    ] {
        assert!(text.contains(told), "no `{told}` in {text}");
    }
    let sql = "SELECT metric, value, unit FROM samples WHERE metric IN ('requests_answered', 'users', 'ttft_p99_milliseconds') ORDER BY metric";
    let output = assay(folder.path())
        .args(["sql", sql, "--format", "json"])
        .output()
        .unwrap();
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows[0]["value"], 6.0, "{rows}");
    assert!(rows[1]["value"].as_f64().unwrap() > 0.0, "{rows}");
    assert_eq!(rows[1]["unit"], "ms");
    assert_eq!(rows[2]["value"], 2.0);
    let history = assay(folder.path())
        .args([
            "history",
            rows_of(&folder.path().join(".assay/reports")).as_str(),
        ])
        .output()
        .unwrap();
    assert!(history.status.success(), "{history:?}");
}

/// The subject of the one run.
fn rows_of(reports: &Path) -> String {
    let summary = std::fs::read(reports.join("latest/summary.json")).unwrap();
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    summary["cases"][0]["subject"].as_str().unwrap().to_owned()
}

#[test]
fn a_load_that_fails_is_red_and_a_mock_is_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &["--fault", "error-in-stream"]);
    let words = ["--rate", "20", "--requests", "5", "--json"];
    let output = bench(folder.path(), &server.base, &words).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["outcome"], "failed", "{told:#}");
    assert_eq!(told["figures"]["errors_error_in_stream"], 5.0, "{told:#}");
    assert!(
        told["reason"]["detail"]
            .as_str()
            .unwrap()
            .contains("requests answered: 0 of 5")
    );
    assert!(
        told["notes"][0].as_str().unwrap().contains("no room"),
        "{told:#}"
    );

    let server = serve(folder.path(), &["--fault", "canned"]);
    let words = ["--requests", "3"];
    let output = bench(folder.path(), &server.base, &words).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("is a mock: these figures are no result"),
        "{text}"
    );

    for (words, told, mend) in [
        (["--rate", "5", "--users", "5"], "two loads", "hint:"),
        (
            ["--users", "1", "--metrics", "http://127.0.0.1:1/metrics"],
            "--metrics <ROUTE>",
            "a route of the server that is measured: /metrics",
        ),
    ] {
        let output = bench(folder.path(), &server.base, &words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(told) && text.contains(mend), "{text}");
    }
}
