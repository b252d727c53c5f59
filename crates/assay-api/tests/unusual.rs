//! Servers that are right in ways that few are: none of them is accused, and what is like them and wrong is.

use std::time::Duration;

use assay_api::Endpoint;
use assay_api::check::{Asking, CheckRow};
use assay_api::dialect::{Dialect, claude, gemini, ollama, openai, xai};
use assay_api::wire::{Bounds, Wire};
use assay_judge::{Proof, judge};
use assay_model::{Ending, Observation, Outcome, Platform, Provenance, Rule};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is asked: the method and the path, and the body.
struct Asked {
    line: String,
    body: Value,
}

/// What is answered: status, headers, body.
type Answer = (u16, &'static str, Value);

const JSON: &str = "content-type: application/json\r\n";

/// Reads a request to its end.
async fn asked(socket: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let count = socket
            .read(&mut piece)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let mut lines = head.lines();
        let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
        let length = lines.find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.and_then(|its| its.parse().ok()).unwrap_or(0) {
            let body = serde_json::from_str(body).unwrap_or_default();
            return Some(Asked { line, body });
        }
    }
}

/// What a check sees of a server, settled with it first, as a run is.
async fn seen(
    dialect: &'static Dialect,
    model: &str,
    check: &str,
    mut answer: impl FnMut(Asked) -> Answer + Send + 'static,
) -> Observation {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let Some(asked) = asked(&mut socket).await else {
                continue;
            };
            let (status, headers, body) = answer(asked);
            let body = body.to_string();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} Such\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = socket.write_all((head + &body).as_bytes()).await;
        }
    });
    let wait = Duration::from_secs(5);
    let bounds = Bounds {
        connect: wait,
        head: wait,
        between: wait,
        total: wait,
        ..Bounds::default()
    };
    let wire = Wire::without_keeping(bounds).expect("a client");
    let endpoint = Endpoint::new(dialect, &base, model, None, wire).expect("an address");
    let endpoint = endpoint.settled().await;
    let asking = Asking {
        endpoint: &endpoint,
        nonce: 1,
    };
    let check = CheckRow::named(check).expect("a check");
    let seen = check.observe(&asking).await;
    serving.abort();
    seen
}

/// By the judge's own rule.
fn outcome(observation: &Observation) -> Outcome {
    let real = Proof {
        provenance: Some(Provenance::Real),
        detail: String::new(),
    };
    let ending = Ending::Observed(Box::new(observation.clone()));
    judge(Rule::Full, &ending, Platform::CPU, Some(&real), None).outcome
}

#[track_caller]
fn is(wanted: Outcome, seen: &Observation) {
    assert_eq!(outcome(seen), wanted, "{seen:?}");
}

/// A completion with some tokens, of which a question has as many as it has words.
fn completion(asked: &Asked, text: &str, reason: &str, tokens: u64) -> Value {
    let words = asked.body["messages"][0]["content"]
        .as_str()
        .unwrap_or_default();
    let input = words.split_whitespace().count() as u64;
    json!({
        "id": format!("chatcmpl-{}", assay_number()), "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}],
        "usage": {"prompt_tokens": input, "completion_tokens": tokens, "total_tokens": input + tokens},
    })
}

fn assay_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test]
async fn a_model_on_the_second_page_is_listed_and_so_is_an_alias() {
    let row = |name: &str| json!({"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"});
    let page = move |asked: &Asked| match asked.line.as_str() {
        "GET /models" => {
            Some(json!({"data": [row("a")], "has_more": true, "first_id": "a", "last_id": "a"}))
        }
        "GET /models?after_id=a" => {
            Some(json!({"data": [row("b")], "has_more": false, "first_id": "b", "last_id": "b"}))
        }
        "GET /models/b-latest" => Some(row("b")),
        _ => None,
    };
    let answer = move |asked: Asked| match page(&asked) {
        Some(page) => (200, JSON, page),
        None => (
            404,
            JSON,
            json!({"type": "error", "error": {"type": "not_found_error", "message": "no"}}),
        ),
    };
    for (model, wanted) in [
        ("b", Outcome::Passed),
        ("b-latest", Outcome::Passed),
        ("c", Outcome::Failed),
    ] {
        is(
            wanted,
            &seen(&claude::DIALECT, model, "connection.models", answer).await,
        );
    }
    let answer = |asked: Asked| match asked.line.as_str() {
        "GET /models" => (
            200,
            JSON,
            json!({"models": [{"name": "models/a"}], "nextPageToken": "2"}),
        ),
        "GET /models?pageToken=2" => (200, JSON, json!({"models": [{"name": "models/b"}]})),
        _ => (
            404,
            JSON,
            json!({"error": {"code": 404, "message": "no", "status": "NOT_FOUND"}}),
        ),
    };
    for (model, wanted) in [("b", Outcome::Passed), ("c", Outcome::Failed)] {
        is(
            wanted,
            &seen(&gemini::DIALECT, model, "connection.models", answer).await,
        );
    }
}

#[tokio::test]
async fn what_is_called_json_in_capitals_is_called_json() {
    let answer = |asked: Asked| {
        let headers = "Content-Type: Application/JSON; Charset=UTF-8\r\n";
        (200, headers, completion(&asked, "gold", "stop", 1))
    };
    is(
        Outcome::Passed,
        &seen(&openai::DIALECT, "m", "response.content_type", answer).await,
    );
}

#[tokio::test]
async fn two_answers_that_differ_are_chance_and_three_are_draws() {
    let of = |texts: &'static [&'static str], machines: &'static [&'static str]| {
        let mut number = 0;
        move |asked: Asked| {
            // The first is what settles how it is asked.
            let place = usize::try_from(number).unwrap_or(0) % texts.len();
            number += 1;
            let mut body = completion(&asked, texts[place], "stop", 1);
            body["system_fingerprint"] = machines[place].into();
            (200, JSON, body)
        }
    };
    let check = "response.repeatable";
    let once = of(&["?", "a", "b", "a"], &["x"; 4]);
    is(
        Outcome::Passed,
        &seen(&openai::DIALECT, "m", check, once).await,
    );
    let never = of(&["?", "a", "b", "c"], &["x"; 4]);
    is(
        Outcome::Failed,
        &seen(&openai::DIALECT, "m", check, never).await,
    );
    let changed = of(&["?", "a", "b", "c"], &["x", "x", "y", "x"]);
    is(
        Outcome::Skipped,
        &seen(&openai::DIALECT, "m", check, changed).await,
    );
}

#[tokio::test]
async fn a_question_that_is_read_to_its_end_is_no_failure_and_one_that_is_cut_is() {
    let of = |share: u64| {
        move |asked: Asked| {
            let mut body = completion(&asked, "gold", "stop", 1);
            let input = body["usage"]["prompt_tokens"].as_u64().unwrap_or(0) / share;
            body["usage"]["prompt_tokens"] = input.into();
            (200, JSON, body)
        }
    };
    let check = "request.oversized";
    is(
        Outcome::Skipped,
        &seen(&openai::DIALECT, "m", check, of(1)).await,
    );
    is(
        Outcome::Failed,
        &seen(&openai::DIALECT, "m", check, of(100)).await,
    );
}

/// A model that thinks for some fifty tokens that nobody sees, and takes neither `max_tokens` nor a temperature.
fn thinker(asked: Asked) -> Answer {
    for field in ["max_tokens", "temperature"] {
        if asked.body.get(field).is_some() {
            let words =
                format!("Unsupported parameter: '{field}' is not supported with this model.");
            let error = json!({"message": words, "type": "invalid_request_error", "param": field, "code": "unsupported_parameter"});
            return (400, JSON, json!({"error": error}));
        }
    }
    const THOUGHTS: u64 = 50;
    let most = asked.body["max_completion_tokens"].as_u64().unwrap_or(1000);
    if most <= THOUGHTS {
        return (200, JSON, completion(&asked, "", "length", most));
    }
    let words = asked.body["messages"][0]["content"]
        .as_str()
        .unwrap_or_default();
    let text = format!("It has {} letters.", words.len());
    (200, JSON, completion(&asked, &text, "stop", THOUGHTS + 4))
}

#[tokio::test]
async fn a_model_that_thinks_is_asked_as_it_wants_and_has_room_to() {
    for check in [
        "connection.answers",
        "response.moves",
        "response.usage",
        "response.schema",
    ] {
        is(
            Outcome::Passed,
            &seen(&openai::DIALECT, "m", check, thinker).await,
        );
    }
    // Its answers are drawn, and there is none of a few tokens.
    is(
        Outcome::Skipped,
        &seen(&openai::DIALECT, "m", "response.limit", thinker).await,
    );
    is(
        Outcome::Skipped,
        &seen(&openai::DIALECT, "m", "response.repeatable", thinker).await,
    );
}

#[tokio::test]
async fn xai_counts_thoughts_beside_what_is_said() {
    let of = |thought: u64| {
        move |asked: Asked| {
            let mut body = completion(&asked, "gold", "stop", 1);
            let total = body["usage"]["total_tokens"].as_u64().unwrap_or(0) + 30;
            body["usage"]["total_tokens"] = total.into();
            body["usage"]["completion_tokens_details"] = json!({"reasoning_tokens": thought});
            (200, JSON, body)
        }
    };
    is(
        Outcome::Passed,
        &seen(&xai::DIALECT, "m", "response.usage", of(30)).await,
    );
    is(
        Outcome::Failed,
        &seen(&xai::DIALECT, "m", "response.usage", of(29)).await,
    );
}

#[tokio::test]
async fn ollama_may_not_count_a_question_that_it_has_kept() {
    let answer = |_: Asked| {
        let message = json!({"role": "assistant", "content": "gold"});
        let body = json!({
            "model": "m", "created_at": "2026-01-01T00:00:00.123456789-07:00", "message": message,
            "done": true, "done_reason": "stop", "eval_count": 1,
        });
        (200, JSON, body)
    };
    is(
        Outcome::Passed,
        &seen(&ollama::DIALECT, "m", "response.usage", answer).await,
    );
    is(
        Outcome::Passed,
        &seen(&ollama::DIALECT, "m", "response.schema", answer).await,
    );
}

#[tokio::test]
async fn a_limit_that_leaves_no_room_for_thoughts_may_be_refused() {
    let answer = |asked: Asked| {
        let most = asked.body["max_tokens"].as_u64().unwrap_or(0);
        if most < 100 {
            let words = "Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.";
            let error = json!({"message": words, "type": "invalid_request_error", "param": null, "code": null});
            return (400, JSON, json!({"error": error}));
        }
        let words = asked.body["messages"][0]["content"]
            .as_str()
            .unwrap_or_default()
            .len();
        (
            200,
            JSON,
            completion(&asked, &format!("{words} letters"), "stop", 60),
        )
    };
    for check in [
        "connection.answers",
        "response.moves",
        "response.schema",
        "response.usage",
    ] {
        is(
            Outcome::Passed,
            &seen(&openai::DIALECT, "m", check, answer).await,
        );
    }
}

#[tokio::test]
async fn claude_says_in_words_what_a_model_does_not_take() {
    let answer = |asked: Asked| {
        if asked.body.get("temperature").is_some() {
            let error = json!({"type": "invalid_request_error", "message": "`temperature` is deprecated for this model."});
            return (400, JSON, json!({"type": "error", "error": error}));
        }
        let body = json!({
            "id": format!("msg_{}", assay_number()), "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
            "stop_sequence": null, "content": [{"type": "text", "text": "gold"}], "usage": {"input_tokens": 3, "output_tokens": 1},
        });
        (200, JSON, body)
    };
    for check in ["connection.answers", "response.schema"] {
        is(
            Outcome::Passed,
            &seen(&claude::DIALECT, "m", check, answer).await,
        );
    }
}

#[tokio::test]
async fn an_error_is_one_by_its_status_and_by_its_name() {
    let of = |status: u16, kind: &'static str| {
        move |_: Asked| {
            (
                status,
                JSON,
                json!({"type": "error", "error": {"type": kind, "message": "no"}}),
            )
        }
    };
    let check = "errors.shape";
    is(
        Outcome::Passed,
        &seen(
            &claude::DIALECT,
            "m",
            check,
            of(400, "invalid_request_error"),
        )
        .await,
    );
    for kind in ["api_error", "oops"] {
        is(
            Outcome::Failed,
            &seen(&claude::DIALECT, "m", check, of(400, kind)).await,
        );
    }
    let of = |code: u16, status: &'static str| {
        move |_: Asked| {
            (
                400,
                JSON,
                json!({"error": {"code": code, "message": "no", "status": status}}),
            )
        }
    };
    is(
        Outcome::Passed,
        &seen(&gemini::DIALECT, "m", check, of(400, "INVALID_ARGUMENT")).await,
    );
    for (code, status) in [(500, "INTERNAL"), (400, "INTERNAL"), (400, "Bad Request")] {
        is(
            Outcome::Failed,
            &seen(&gemini::DIALECT, "m", check, of(code, status)).await,
        );
    }
}

#[tokio::test]
async fn a_list_that_never_ends_and_an_alias_that_is_a_page_are_seen() {
    let row = json!({"type": "model", "id": "a", "display_name": "a", "created_at": "2026-01-01T00:00:00Z"});
    let endless = json!({"data": [row], "has_more": true, "first_id": "a", "last_id": "a"});
    let answer = move |_: Asked| (200, JSON, endless.clone());
    is(
        Outcome::Failed,
        &seen(&claude::DIALECT, "a", "connection.models", answer).await,
    );
    let answer = |asked: Asked| match asked.line.as_str() {
        "GET /models" => (200, JSON, json!({"data": [], "has_more": false})),
        _ => (200, "content-type: text/html\r\n", json!("a page")),
    };
    is(
        Outcome::Failed,
        &seen(&claude::DIALECT, "a", "connection.models", answer).await,
    );
}
