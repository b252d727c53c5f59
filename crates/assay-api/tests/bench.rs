//! Measuring, over real connections: a server on loopback says what a script says, and the figures have to be those of the script.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use assay_api::bench::{Arrivals, Load, Plan, Prompts, Span, observe};
use assay_api::dialect::Dialect;
use assay_api::wire::{Bounds, Wire};
use assay_api::{Endpoint, dialect};
use assay_model::{Observation, Tally};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// Pieces of an answer, each after so many milliseconds.
type Script = Vec<(u64, String)>;

/// What a server says to its requests, by their number.
#[derive(Clone)]
struct Scripted {
    script: Arc<dyn Fn(u64) -> Script + Send + Sync>,
    /// One request at a time holds it.
    turn: Option<Arc<Mutex<()>>>,
    calls: Arc<AtomicU64>,
    /// Counters for `/metrics`, by the number of calls.
    counters: fn(u64) -> String,
}

impl Scripted {
    fn new(script: impl Fn(u64) -> Script + Send + Sync + 'static) -> Self {
        Self {
            script: Arc::new(script),
            turn: None,
            calls: Arc::default(),
            counters: |_| String::new(),
        }
    }

    async fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let _ = socket.set_nodelay(true);
                tokio::spawn(self.clone().serve(socket));
            }
        });
        format!("http://{address}/v1")
    }

    async fn serve(self, mut socket: TcpStream) {
        while let Some(head) = request(&mut socket).await {
            let said = if head.starts_with("GET /metrics") {
                let body = (self.counters)(self.calls.load(Ordering::SeqCst));
                let length = body.len();
                vec![(
                    0,
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"),
                )]
            } else {
                (self.script)(self.calls.fetch_add(1, Ordering::SeqCst))
            };
            let _turn = match &self.turn {
                Some(turn) => Some(turn.lock().await),
                None => None,
            };
            for (after, piece) in said {
                tokio::time::sleep(Duration::from_millis(after)).await;
                if piece.is_empty() {
                    return;
                }
                if socket.write_all(piece.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The head of the next request; its body is read and left.
async fn request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let end = loop {
        let mut buffer = [0; 4096];
        let count = socket.read(&mut buffer).await.ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length:")?
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let mut left = vec![0; (end + 4 + length).saturating_sub(bytes.len())];
    socket.read_exact(&mut left).await.ok()?;
    Some(head)
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A chunk of HTTP with events of these data.
fn events(data: &[String]) -> String {
    let text: String = data
        .iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect();
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn delta(delta: &str) -> String {
    let choice = format!(r#"[{{"index":0,"delta":{delta},"finish_reason":null}}]"#);
    chunk(&choice)
}

fn chunk(choices: &str) -> String {
    format!(
        r#"{{"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":{choices}}}"#
    )
}

fn content(text: &str) -> String {
    delta(&format!(r#"{{"content":"{text}"}}"#))
}

/// The end of a stream, with its count of tokens.
fn end(tokens: Option<u64>) -> String {
    let mut data = vec![chunk(r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#)];
    if let Some(tokens) = tokens {
        let usage = format!(
            r#"{{"prompt_tokens":3,"completion_tokens":{tokens},"total_tokens":{}}}"#,
            3 + tokens
        );
        data.push(chunk("[]").replace(r#""choices""#, &format!(r#""usage":{usage},"choices""#)));
    }
    data.push("[DONE]".into());
    events(&data) + "0\r\n\r\n"
}

/// A stream of these pieces, each after so many milliseconds.
fn stream(pieces: &[(u64, String)], tokens: Option<u64>) -> Script {
    let mut script = vec![(0, HEAD.to_owned())];
    script.extend(
        pieces
            .iter()
            .map(|(after, data)| (*after, events(std::slice::from_ref(data)))),
    );
    script.push((0, end(tokens)));
    script
}

fn plan(load: Load, milliseconds: u64) -> Plan {
    Plan {
        load,
        sweep: false,
        prompts: Prompts {
            words: 4,
            shared: 0,
            max_tokens: 8,
        },
        span: Span {
            warmup: Duration::ZERO,
            lasts: Duration::from_millis(milliseconds),
            requests: None,
        },
        slo: None,
        goodput: None,
        most: 1000,
        answer: Duration::from_secs(5),
        metrics: None,
    }
}

fn requests(count: u64) -> Plan {
    let mut plan = plan(Load::Closed { users: 1 }, 10_000);
    plan.span.requests = Some(count);
    plan
}

fn endpoint(dialect: &'static Dialect, base: &str) -> Endpoint {
    let answer = Duration::from_secs(5);
    let bounds = Bounds {
        head: answer,
        between: answer,
        total: answer,
        ..Bounds::default()
    };
    Endpoint::new(
        dialect,
        base,
        "m",
        None,
        Wire::new(bounds).expect("a client"),
    )
    .expect("an address")
}

async fn measured(scripted: Scripted, plan: &Plan) -> Observation {
    let base = scripted.start().await;
    observe(&endpoint(&dialect::openai::DIALECT, &base), plan, 7).await
}

fn tally<'a>(seen: &'a Observation, label: &str) -> &'a Tally {
    let found = seen.tallies.iter().find(|tally| tally.label == label);
    found.unwrap_or_else(|| panic!("no tally {label}: {seen:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_no_token_and_its_chunk_no_first_one() {
    let role = delta(r#"{"role":"assistant","content":""}"#);
    let pieces = [(0, role), (80, content("a")), (10, content("b"))];
    let scripted = Scripted::new(move |_| stream(&pieces, Some(2)));
    let seen = measured(scripted, &requests(5)).await;
    assert!(seen.measures["ttft_p50_milliseconds"] >= 80.0, "{seen:#?}");
    assert!(
        seen.measures["first_byte_p50_milliseconds"] < 80.0,
        "{seen:#?}"
    );
    let count = seen.measures["ttft_content_count"];
    assert!((count - 5.0).abs() < 0.5, "{seen:#?}");
    assert!(!seen.measures.contains_key("ttft_reasoning_count"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_chunk_count_each_and_what_comes_at_once_is_one_chunk() {
    let both = [content("a"), content("b")];
    let script = move |_| {
        let mut script = vec![(0, HEAD.to_owned())];
        script.extend((0..3).map(|_| (60, events(&both))));
        script.push((0, end(Some(31))));
        script
    };
    let seen = measured(Scripted::new(script), &requests(3)).await;
    // 120 ms from first to last, over thirty tokens; between chunks it is 60.
    let [token, chunk] = ["inter_token", "inter_chunk"]
        .map(|name| seen.measures[&format!("{name}_p50_milliseconds")]);
    assert!((3.9..20.0).contains(&token), "{seen:#?}");
    assert!(chunk >= 59.0, "{seen:#?}");
    let chunks = seen.measures["inter_chunk_count"];
    assert!((chunks - 6.0).abs() < 0.5, "{seen:#?}");
    assert!(seen.notes.is_empty(), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_thought_has_a_first_token_of_its_own() {
    let thought = delta(r#"{"reasoning_content":"hm"}"#);
    let pieces = [(20, thought), (70, content("a")), (10, content("b"))];
    let scripted = Scripted::new(move |_| stream(&pieces, None));
    let seen = measured(scripted, &requests(3)).await;
    let of = |name: &str| seen.measures[&format!("{name}_p50_milliseconds")];
    assert!(
        (of("ttft") - of("ttft_reasoning")).abs() < 1e-9,
        "{seen:#?}"
    );
    assert!(
        of("ttft_content") - of("ttft_reasoning") > 60.0,
        "{seen:#?}"
    );
    // Nobody counted tokens: each event is one, and that is said.
    assert!((seen.measures["output_tokens"] - 9.0).abs() < 0.5);
    assert!((seen.measures["answers_estimated"] - 3.0).abs() < 0.5);
    assert!(seen.notes[0].contains("taken for one"), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stalls_once_makes_others_wait_and_that_is_seen() {
    let scripted = Scripted::new(|number| {
        let takes = if number == 30 { 600 } else { 0 };
        stream(&[(takes, content("a"))], Some(1))
    });
    let scripted = Scripted {
        turn: Some(Arc::default()),
        ..scripted
    };
    let load = Load::Open {
        rate: 100.0,
        arrivals: Arrivals::Constant,
    };
    let plan = Plan {
        most: 1,
        ..plan(load, 1500)
    };
    let seen = measured(scripted, &plan).await;
    assert!((seen.measures["requests"] - 150.0).abs() < 0.5);
    // Sixty were due meanwhile; of what was sent one in a hundred and fifty was slow.
    assert!(
        seen.measures["end_to_end_p90_milliseconds"] > 250.0,
        "{seen:#?}"
    );
    assert!(
        seen.measures["service_p95_milliseconds"] < 200.0,
        "{seen:#?}"
    );
    assert!(
        seen.measures["queueing_p90_milliseconds"] > 250.0,
        "{seen:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_that_nobody_keeps_up_with_ends_and_is_no_result() {
    let scripted = Scripted::new(|_| stream(&[(20, content("a"))], Some(1)));
    let load = Load::Open {
        rate: 1e9,
        arrivals: Arrivals::Poisson,
    };
    let mut plan = Plan {
        most: 16,
        ..plan(load, 10_000)
    };
    // The load is given up before anything that counts is due.
    plan.span.warmup = Duration::from_secs(1);
    let seen = measured(scripted, &plan).await;
    assert!(seen.seconds < 60.0, "{seen:#?}");
    // Those that are due and wait, a million at most, are all that is held.
    assert!(seen.measures["streams_at_once"] < 1.1e6, "{seen:#?}");
    assert!(seen.measures["requests_unsent"] > 1e6, "{seen:#?}");
    let tally = tally(&seen, "requests sent");
    assert!(tally.have < tally.of, "{tally:?}");
    assert!(
        seen.notes.iter().any(|note| note.contains("are no result")),
        "{seen:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_too_long_for_its_turn_is_not_sent_and_not_left_out() {
    let scripted = Scripted::new(|_| stream(&[(200, content("a"))], Some(1)));
    let calls = Arc::clone(&scripted.calls);
    let load = Load::Open {
        rate: 40.0,
        arrivals: Arrivals::Constant,
    };
    let plan = Plan {
        most: 1,
        answer: Duration::from_millis(500),
        ..plan(load, 1000)
    };
    let seen = measured(scripted, &plan).await;
    let of = |name: &str| seen.measures[name];
    assert!((of("requests") - 40.0).abs() < 0.5, "{seen:#?}");
    #[expect(clippy::cast_precision_loss, reason = "some calls")]
    let calls = calls.load(Ordering::SeqCst) as f64;
    assert!(of("errors_not_sent") > 20.0, "{seen:#?}");
    assert!(
        (calls + of("errors_not_sent") - 40.0).abs() < 0.5,
        "{seen:#?}"
    );
    assert!(
        seen.notes.iter().any(|note| note.contains("are no result")),
        "{seen:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_requests_warm_up_than_count() {
    let open = Load::Open {
        rate: 500.0,
        arrivals: Arrivals::Poisson,
    };
    for load in [open, Load::Closed { users: 2 }] {
        let scripted = Scripted::new(|_| stream(&[(1, content("a"))], Some(1)));
        let calls = Arc::clone(&scripted.calls);
        let mut plan = plan(load, 5000);
        plan.span.warmup = Duration::from_millis(400);
        plan.span.requests = Some(6);
        let seen = measured(scripted, &plan).await;
        assert!(
            (seen.measures["requests_answered"] - 6.0).abs() < 0.5,
            "{seen:#?}"
        );
        assert_eq!(calls.load(Ordering::SeqCst), 12, "{load:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_counted_by_their_kind() {
    let status = |status: &str, words: &str| {
        let body = format!(r#"{{"error":{{"message":"{words}","type":"t"}}}}"#);
        let length = body.len();
        vec![(
            0,
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
        )]
    };
    let scripted = Scripted::new(move |number| {
        let first = (0, content("a"));
        match number % 7 {
            0 => stream(&[first], Some(1)),
            1 => status("429 Too Many Requests", "slowly"),
            2 => status("500 Internal Server Error", "oh"),
            3 => vec![
                (0, HEAD.into()),
                (0, events(&[content("a")])),
                (5, String::new()),
            ],
            4 => stream(
                &[first, (0, r#"{"error":{"message":"no room"}}"#.into())],
                None,
            ),
            5 => stream(&[], Some(0)),
            _ => vec![(0, HEAD.into()), (0, events(&[content("a")]) + "0\r\n\r\n")],
        }
    });
    let seen = measured(scripted, &requests(14)).await;
    for kind in [
        "rate_limited",
        "server_error",
        "cut_off",
        "error_in_stream",
        "no_token",
        "unfinished",
    ] {
        let count = seen.measures.get(&format!("errors_{kind}")).copied();
        assert_eq!(count, Some(2.0), "{kind}: {seen:#?}");
    }
    let tally = tally(&seen, "requests answered");
    assert_eq!((tally.have, tally.of), (2, 14));
    assert!(
        tally.lacking.contains(&"rate_limited ×2".into()),
        "{tally:?}"
    );
    assert!(
        seen.notes.iter().any(|note| note.contains("slowly")),
        "{seen:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn goodput_that_is_not_reached_is_told() {
    let scripted = || Scripted::new(|_| stream(&[(40, content("a"))], Some(1)));
    for (slo, have) in [("ttft=20ms", 0), ("ttft=2s", 1)] {
        let plan = Plan {
            slo: slo.parse().ok(),
            goodput: Some(0.9),
            ..requests(4)
        };
        let seen = measured(scripted(), &plan).await;
        let tally = tally(&seen, "goodput reached");
        assert_eq!((tally.have, tally.of), (have, 1), "{seen:#?}");
        let share = seen.measures["goodput_share"];
        #[expect(clippy::cast_precision_loss, reason = "0 or 1")]
        let expected = have as f64;
        assert!((share - expected).abs() < 1e-9, "{seen:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_counted_is_held_against_what_came() {
    let scripted = Scripted {
        counters: |calls| {
            format!(
                "vllm:request_success_total{{model_name=\"m\"}} {}\nvllm:generation_tokens_total {}\n",
                100 + calls,
                // It loses one of two.
                calls
            )
        },
        ..Scripted::new(|_| stream(&[(0, content("a")), (5, content("b"))], Some(2)))
    };
    let plan = Plan {
        metrics: Some("/metrics".into()),
        ..requests(4)
    };
    let seen = measured(scripted, &plan).await;
    let tally = tally(&seen, "counters of the server that agree");
    assert_eq!((tally.have, tally.of), (1, 2), "{seen:#?}");
    assert_eq!(
        tally.lacking,
        ["vllm:generation_tokens_total rose by 4, not 8"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_ends_where_more_users_get_no_more() {
    // One at a time, for 20 ms: fifty a second, however many ask.
    let scripted = Scripted {
        turn: Some(Arc::default()),
        ..Scripted::new(|_| stream(&[(20, content("a"))], Some(1)))
    };
    let plan = Plan {
        sweep: true,
        ..plan(Load::Closed { users: 1 }, 500)
    };
    let seen = measured(scripted, &plan).await;
    let users = seen.measures["users"];
    assert!(users < 4.5, "{seen:#?}");
    assert!(seen.measures["requests_per_second"] < 51.0, "{seen:#?}");
    assert!(seen.measures.contains_key("sweep_02_requests_per_second"));
    assert!(
        seen.notes
            .iter()
            .any(|note| note.contains("half the users")),
        "{seen:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_of_rates_ends_where_requests_pile_up() {
    let scripted = Scripted {
        turn: Some(Arc::default()),
        ..Scripted::new(|_| stream(&[(20, content("a"))], Some(1)))
    };
    let load = Load::Open {
        rate: 20.0,
        arrivals: Arrivals::Poisson,
    };
    let plan = Plan {
        sweep: true,
        ..plan(load, 1000)
    };
    let seen = measured(scripted, &plan).await;
    let rate = seen.measures["offered_per_second"];
    assert!((19.0..81.0).contains(&rate), "{seen:#?}");
    assert!(
        seen.notes
            .iter()
            .any(|note| note.starts_with("the sweep ended at ")),
        "{seen:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_nothing_has_measured_nothing() {
    let plan = plan(Load::Closed { users: 1 }, 0);
    let seen = measured(Scripted::new(|_| Script::new()), &plan).await;
    let tally = tally(&seen, "requests answered");
    assert_eq!((tally.have, tally.of), (0, 1), "{seen:#?}");
}
