//! Each dialect by its own specification: what it sends, and what it makes of a documented answer, stream, error and limit.

use std::collections::BTreeSet;
use std::time::Duration;

use assay_api::Kind;
use assay_api::chat::{Answer, Chat, Delta, Finish, Media, Role, Usage};
use assay_api::dialect::{
    ALL, Capability, Chatting, Dialect, Frame, claude, gemini, groq, metaai, ollama, opea, openai,
    ovms, tgi, vllm, xai,
};
use http::HeaderMap;
use serde_json::{Value, json};

/// Everything that a chat can have.
fn full() -> Chat {
    Chat {
        messages: vec![
            (Role::System, "Be brief.".into()),
            (Role::User, "Hi".into()),
            (Role::Assistant, "Hello".into()),
            (Role::User, "Why?".into()),
        ],
        max_tokens: Some(9),
        temperature: Some(0.5),
        seed: Some(7),
        stream: false,
        schema: Some(json!({"type": "object"})),
        tool: None,
        media: None,
    }
}

fn chatting(dialect: &Dialect) -> Chatting {
    dialect.chat.expect("a dialect that chats")
}

fn is_valid(dialect: &Dialect, body: &Value) -> bool {
    let schema = (chatting(dialect).schema)();
    jsonschema::validator_for(&schema)
        .expect("a schema")
        .is_valid(body)
}

/// What is read of a stream: its parts together, and everything that breaks its grammar.
fn read(dialect: &Dialect, events: &[(&str, Value)]) -> (Answer, Vec<String>, Option<String>) {
    let mut reader = (chatting(dialect).stream)();
    let (mut answer, mut breaks, mut error) = (Answer::default(), Vec::new(), None);
    for (name, data) in events {
        let data = data
            .as_str()
            .map_or_else(|| data.to_string(), str::to_owned);
        let name = (*name).to_owned();
        match reader.frame(&Frame { name, data }) {
            Err(words) => breaks.push(words),
            Ok(deltas) => {
                for delta in deltas {
                    answer.take(&delta);
                    if let Delta::Error(words) = delta {
                        error = Some(words);
                    }
                }
            }
        }
    }
    breaks.extend(reader.missing());
    (answer, breaks, error)
}

fn breaks(dialect: &Dialect, events: &[(&str, Value)]) -> Vec<String> {
    read(dialect, events).1
}

fn error_of(dialect: &Dialect, status: u16, body: &Value) -> Option<(Option<Kind>, String)> {
    (dialect.error)(status, body)
}

/// Dialects whose chunks are OpenAI's.
fn of_chunks() -> impl Iterator<Item = &'static Dialect> {
    ALL.iter()
        .filter(|dialect| dialect.chat.is_some())
        .filter(|dialect| !["claude", "gemini", "ollama"].contains(&dialect.name))
}

#[test]
fn each_dialect_has_a_name_of_its_own_and_is_found_by_it() {
    let names: BTreeSet<&str> = ALL.iter().map(|dialect| dialect.name).collect();
    let expected = [
        "claude", "gemini", "groq", "kserve", "llvm", "metaai", "ollama", "opea", "openai", "ovms",
        "s3", "tei", "tgi", "vllm", "xai",
    ];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
    for dialect in ALL {
        let found = Dialect::named(dialect.name).expect("a dialect");
        assert_eq!(found.endpoints.base, dialect.endpoints.base);
    }
    assert!(Dialect::named("morse").is_none());
}

#[test]
fn what_is_declared_has_a_route_and_what_has_none_is_not_declared() {
    for dialect in ALL {
        let (name, endpoints) = (dialect.name, &dialect.endpoints);
        assert_eq!(
            dialect.can(Capability::Chat),
            dialect.chat.is_some(),
            "{name}"
        );
        assert_eq!(
            dialect.can(Capability::Models),
            endpoints.models.is_some(),
            "{name}"
        );
        assert_eq!(
            dialect.can(Capability::Health),
            endpoints.health.is_some(),
            "{name}"
        );
        assert_eq!(
            dialect.can(Capability::Metrics),
            endpoints.metrics.is_some(),
            "{name}"
        );
        for capability in [
            Capability::Embeddings,
            Capability::Rerank,
            Capability::Completions,
            Capability::Responses,
            Capability::Moderation,
            Capability::Speech,
            Capability::Transcription,
        ] {
            let has_route = endpoints.feature(capability).is_some();
            assert!(has_route || !dialect.can(capability), "{name}");
        }
        let embeds = dialect.can(Capability::Embeddings);
        assert!(!embeds || dialect.embeddings.is_some(), "{name}");
        let ranks = dialect.can(Capability::Rerank);
        assert!(!ranks || dialect.rerank.is_some(), "{name}");
        assert!(!endpoints.unauthorized.is_empty(), "{name}");
        assert!(
            endpoints.base.starts_with("http") && !endpoints.base.ends_with('/'),
            "{name}"
        );
        let mut known = BTreeSet::new();
        assert!(
            dialect.capabilities.iter().all(|its| known.insert(its)),
            "{name}: twice"
        );
    }
}

#[test]
fn addresses_and_keys_are_those_of_the_documentation() {
    let of = |dialect: &Dialect| (dialect.endpoints.base, dialect.endpoints.keys);
    assert_eq!(
        of(&groq::DIALECT),
        ("https://api.groq.com/openai/v1", &["GROQ_API_KEY"][..])
    );
    assert_eq!(
        of(&xai::DIALECT),
        ("https://api.x.ai/v1", &["XAI_API_KEY"][..])
    );
    assert_eq!(
        of(&metaai::DIALECT),
        ("https://api.llama.com/compat/v1", &["LLAMA_API_KEY"][..])
    );
    let google = ["GEMINI_API_KEY", "GOOGLE_API_KEY"];
    assert_eq!(of(&gemini::DIALECT).1, &google[..]);
    assert_eq!(gemini::DIALECT.endpoints.key, Some(("x-goog-api-key", "")));
    assert_eq!(
        of(&vllm::DIALECT),
        ("http://127.0.0.1:8000/v1", &["VLLM_API_KEY"][..])
    );
    // No key goes where none is wanted, and none of another service to a server of one's own.
    assert_eq!(opea::DIALECT.endpoints.key, None);
    assert!(tgi::DIALECT.endpoints.keys.is_empty() && ovms::DIALECT.endpoints.keys.is_empty());
    let health = |dialect: &Dialect| dialect.endpoints.health;
    assert_eq!(health(&vllm::DIALECT), Some("/health"));
    assert_eq!(health(&tgi::DIALECT), Some("/health"));
    assert_eq!(health(&ovms::DIALECT), Some("/v2/health/ready"));
    assert_eq!(health(&opea::DIALECT), Some("/v1/health_check"));
    assert_eq!(opea::DIALECT.endpoints.chat, "/chatqna");
}

#[test]
fn openais_request_is_that_of_its_variants() {
    let expected = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Why?"},
        ],
        "max_tokens": 9, "temperature": 0.5, "seed": 7,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": true},
        },
    });
    for dialect in of_chunks().filter(|dialect| dialect.name != "opea") {
        assert_eq!(
            (chatting(dialect).request)(&full(), "m"),
            expected,
            "{}",
            dialect.name
        );
    }
    let stream = Chat {
        stream: true,
        ..Chat::of("Hi")
    };
    let body = (chatting(&openai::DIALECT).request)(&stream, "m");
    assert_eq!(body["stream"], true);
    assert_eq!(body["stream_options"], json!({"include_usage": true}));
}

#[test]
fn opea_is_told_that_no_stream_is_wanted() {
    assert_eq!(
        (chatting(&opea::DIALECT).request)(&Chat::of("Hi"), "m")["stream"],
        false
    );
}

#[test]
fn geminis_request_has_no_model_in_it_and_its_own_names() {
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Hello"}]},
            {"role": "user", "parts": [{"text": "Why?"}]},
        ],
        "generationConfig": {
            "maxOutputTokens": 9, "temperature": 0.5, "seed": 7, "responseMimeType": "application/json",
            "responseSchema": {"type": "object"},
        },
    });
    assert_eq!((chatting(&gemini::DIALECT).request)(&full(), "m"), expected);
    let bare = (chatting(&gemini::DIALECT).request)(&Chat::of("Hi"), "m");
    assert_eq!(
        bare,
        json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]})
    );
}

#[test]
fn claudes_and_ollamas_requests() {
    let body = (chatting(&claude::DIALECT).request)(&full(), "m");
    assert_eq!(
        (&body["system"], &body["max_tokens"]),
        (&json!("Be brief."), &json!(9))
    );
    assert_eq!(body["messages"].as_array().map(Vec::len), Some(3));
    assert!((chatting(&claude::DIALECT).request)(&Chat::of("Hi"), "m")["max_tokens"].is_u64());
    let body = (chatting(&ollama::DIALECT).request)(&full(), "m");
    let options = json!({"num_predict": 9, "temperature": 0.5, "seed": 7});
    assert_eq!(
        (&body["stream"], &body["options"]),
        (&json!(false), &options)
    );
    assert_eq!(body["format"], json!({"type": "object"}));
}

#[test]
fn what_stands_beside_words_has_its_place_in_each_dialect() {
    let asked = |dialect: &Dialect, media: Media| {
        let chat = Chat {
            media: Some(media),
            ..Chat::of("What is it?")
        };
        (chatting(dialect).request)(&chat, "m")
    };
    let image = || Media::Png("aW1hZ2U=".into());
    let sound = || Media::Wav("c291bmQ=".into());
    let words = json!({"type": "text", "text": "What is it?"});
    assert_eq!(
        asked(&openai::DIALECT, image())["messages"][0]["content"],
        json!([words, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aW1hZ2U="}}])
    );
    assert_eq!(
        asked(&openai::DIALECT, sound())["messages"][0]["content"],
        json!([words, {"type": "input_audio", "input_audio": {"data": "c291bmQ=", "format": "wav"}}])
    );
    assert_eq!(
        asked(&claude::DIALECT, image())["messages"][0]["content"],
        json!([words, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aW1hZ2U="}}])
    );
    assert_eq!(
        asked(&gemini::DIALECT, sound())["contents"][0]["parts"],
        json!([{"text": "What is it?"}, {"inlineData": {"mimeType": "audio/wav", "data": "c291bmQ="}}])
    );
    assert_eq!(
        asked(&ollama::DIALECT, image())["messages"][0],
        json!({"role": "user", "content": "What is it?", "images": ["aW1hZ2U="]})
    );
}

/// The documented answer of OpenAI's reference, shortened.
fn completion(reason: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_741_569_952, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "logprobs": null, "finish_reason": reason}],
        "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29},
    })
}

#[test]
fn openais_answer_is_read_by_its_variants() {
    for dialect in of_chunks() {
        let body = completion("length");
        assert!(is_valid(dialect, &body), "{}", dialect.name);
        let answer = (chatting(dialect).response)(&body);
        assert_eq!(
            (answer.text.as_str(), answer.finish),
            ("Hello!", Some(Finish::Length))
        );
        let usage = Usage {
            input: Some(19),
            output: 10,
            total: Some(29),
        };
        assert_eq!(answer.usage, Some(usage), "{}", dialect.name);
        let mut without = completion("stop");
        without["choices"][0]["message"]["content"] = json!(7);
        assert!(!is_valid(dialect, &without), "{}", dialect.name);
        assert!(!is_valid(dialect, &completion("eos")), "{}", dialect.name);
    }
}

#[test]
fn what_is_tgis_own_and_openvinos_own_in_an_answer() {
    let mut body = completion("eos_token");
    body["id"] = "".into();
    assert!(is_valid(&tgi::DIALECT, &body) && !is_valid(&openai::DIALECT, &body));
    assert_eq!(
        (chatting(&tgi::DIALECT).response)(&body).finish,
        Some(Finish::Stop)
    );
    let mut body = completion("stop");
    body.as_object_mut().expect("an object").remove("id");
    assert!(is_valid(&ovms::DIALECT, &body) && !is_valid(&openai::DIALECT, &body));
    body.as_object_mut().expect("an object").remove("model");
    assert!(!is_valid(&ovms::DIALECT, &body));
}

#[test]
fn geminis_answer_with_thoughts() {
    let body = json!({
        "candidates": [{
            "content": {"role": "model", "parts": [{"text": "Hm.", "thought": true}, {"text": "Hel"}, {"text": "lo!"}]},
            "finishReason": "MAX_TOKENS", "index": 0,
        }],
        "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 9},
        "modelVersion": "gemini-2.5-flash", "responseId": "r",
    });
    assert!(is_valid(&gemini::DIALECT, &body));
    let expected = Answer {
        id: Some("r".into()),
        model: Some("gemini-2.5-flash".into()),
        text: "Hello!".into(),
        reasoning: "Hm.".into(),
        calls: Vec::new(),
        finish: Some(Finish::Length),
        usage: Some(Usage {
            input: Some(4),
            output: 5,
            total: Some(9),
        }),
    };
    assert_eq!((chatting(&gemini::DIALECT).response)(&body), expected);
    // All of its tokens were thought.
    let cut = json!({"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]});
    assert!(is_valid(&gemini::DIALECT, &cut));
    for (place, wrong) in [
        ("/candidates", json!([])),
        ("/candidates/0/finishReason", Value::Null),
        ("/candidates/0/finishReason", json!("eos")),
        ("/candidates/0/content/parts/1/text", json!(7)),
        ("/candidates/0/content/role", json!("assistant")),
    ] {
        let mut body = body.clone();
        *body.pointer_mut(place).expect(place) = wrong;
        assert!(!is_valid(&gemini::DIALECT, &body), "{place}");
    }
}

fn chunk(id: &str, delta: Value, reason: Value) -> (&'static str, Value) {
    let choices = json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
    (
        "",
        json!({"id": id, "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}),
    )
}

fn chunks() -> Vec<(&'static str, Value)> {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    vec![
        chunk(
            "a",
            json!({"role": "assistant", "content": ""}),
            Value::Null,
        ),
        chunk("a", json!({"content": "Hel"}), Value::Null),
        chunk("a", json!({"content": "lo"}), Value::Null),
        chunk("a", json!({}), json!("stop")),
        (
            "",
            json!({"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage}),
        ),
        ("", json!("[DONE]")),
    ]
}

#[test]
fn the_grammar_of_chunks_and_each_break_of_it() {
    for dialect in of_chunks() {
        let (answer, told, _) = read(dialect, &chunks());
        assert!(told.is_empty(), "{}: {told:?}", dialect.name);
        assert_eq!(
            (answer.text.as_str(), answer.finish),
            ("Hello", Some(Finish::Stop))
        );
        assert_eq!(answer.usage.map(|usage| usage.total), Some(Some(5)));
        let broken = |edit: fn(&mut Vec<(&'static str, Value)>)| {
            let mut events = chunks();
            edit(&mut events);
            breaks(dialect, &events).join("; ")
        };
        assert_eq!(broken(|events| events.truncate(5)), "no [DONE]");
        assert_eq!(broken(|events| drop(events.remove(3))), "no finish reason");
        assert!(broken(|events| events[2].1["id"] = "b".into()).contains("another answer"));
        assert!(broken(|events| events[2].1 = json!("b'tok'")).contains("no JSON"));
        assert_eq!(
            broken(|events| events.swap(2, 3)),
            "text after a finish reason"
        );
        assert_eq!(
            broken(|events| events.push(events[5].clone())),
            "an event after [DONE]"
        );
        assert!(broken(|events| events[1].1["object"] = "text".into()).contains("whose object"));
        assert_eq!(
            broken(|events| events.insert(3, events[3].clone())),
            "a second finish reason"
        );
    }
}

#[test]
fn tgi_ends_a_stream_with_a_reason_of_its_own() {
    let mut events = chunks();
    events[3] = chunk("a", json!({}), json!("eos_token"));
    assert_eq!(read(&tgi::DIALECT, &events).0.finish, Some(Finish::Stop));
    let other = Finish::Other("eos_token".into());
    assert_eq!(read(&openai::DIALECT, &events).0.finish, Some(other));
}

#[test]
fn an_error_within_a_stream_is_told_whatever_its_shape() {
    for error in [
        json!({"error": {"message": "no room"}}),
        json!({"error": "no room"}),
    ] {
        for dialect in of_chunks() {
            let events = [
                chunks()[0].clone(),
                ("", error.clone()),
                ("", json!("[DONE]")),
            ];
            let (_, told, found) = read(dialect, &events);
            assert_eq!(
                (told.len(), found.as_deref()),
                (0, Some("no room")),
                "{}",
                dialect.name
            );
        }
    }
    let error = json!({"error": {"code": 503, "message": "no room", "status": "UNAVAILABLE"}});
    let (_, told, found) = read(&gemini::DIALECT, &[("", error)]);
    assert_eq!((told.len(), found.as_deref()), (0, Some("no room")));
}

fn candidates() -> Vec<(&'static str, Value)> {
    let of = |text: &str, thought: bool| json!([{"content": {"role": "model", "parts": [{"text": text, "thought": thought}]}, "index": 0}]);
    let usage = json!({"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5});
    let last =
        json!([{"content": {"role": "model", "parts": [{"text": "lo"}]}, "finishReason": "STOP"}]);
    vec![
        (
            "",
            json!({"candidates": of("Hm", true), "modelVersion": "g", "responseId": "r"}),
        ),
        (
            "",
            json!({"candidates": of("Hel", false), "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}}),
        ),
        ("", json!({"candidates": last, "usageMetadata": usage})),
    ]
}

#[test]
fn the_grammar_of_geminis_stream_and_each_break_of_it() {
    let (answer, told, _) = read(&gemini::DIALECT, &candidates());
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(
        (answer.text.as_str(), answer.reasoning.as_str()),
        ("Hello", "Hm")
    );
    assert_eq!(
        (answer.id.as_deref(), answer.model.as_deref()),
        (Some("r"), Some("g"))
    );
    assert_eq!(
        answer.usage,
        Some(Usage {
            input: Some(3),
            output: 2,
            total: Some(5)
        })
    );
    let broken = |edit: fn(&mut Vec<(&'static str, Value)>)| {
        let mut events = candidates();
        edit(&mut events);
        breaks(&gemini::DIALECT, &events).join("; ")
    };
    assert_eq!(broken(Vec::clear), "no chunk");
    assert_eq!(broken(|events| events.truncate(2)), "no finishReason");
    assert_eq!(
        broken(|events| events.swap(1, 2)),
        "text after a finish reason"
    );
    assert_eq!(
        broken(|events| events[1].1 = json!({})),
        "a chunk without `candidates`"
    );
    assert!(broken(|events| events.push(("", json!("[DONE]")))).contains("no JSON"));
    let again = json!({"candidates": [{"finishReason": "STOP"}]});
    let mut events = candidates();
    events.push(("", again));
    assert_eq!(
        breaks(&gemini::DIALECT, &events),
        ["a second finish reason"]
    );
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}});
    let (answer, told, _) = read(&gemini::DIALECT, &[("", blocked)]);
    assert_eq!(
        (told.len(), answer.finish),
        (0, Some(Finish::Other("SAFETY".into())))
    );
}

#[test]
fn errors_in_the_shape_of_each_dialect_and_in_no_other() {
    let nested = json!({"error": {"message": "why", "type": "t", "param": null, "code": 400}});
    let flat = json!({"object": "error", "message": "why", "type": "BadRequestError", "param": null, "code": 400});
    let google = json!({"error": {"code": 400, "message": "why", "status": "INVALID_ARGUMENT", "details": []}});
    let router = json!({"error": "why", "error_type": "generation"});
    let words = json!({"error": "why"});
    let xais = json!({"code": "c", "error": "why"});
    let detail = json!({"detail": "why"});
    let bodies = [&nested, &flat, &google, &router, &words, &xais, &detail];
    let expected: [(&Dialect, &[&Value]); 8] = [
        (&openai::DIALECT, &[&nested]),
        (&groq::DIALECT, &[&nested]),
        (&metaai::DIALECT, &[&nested]),
        (&vllm::DIALECT, &[&nested, &flat]),
        (&gemini::DIALECT, &[&google]),
        (&tgi::DIALECT, &[&router]),
        (&xai::DIALECT, &[&nested, &router, &words, &xais]),
        (&opea::DIALECT, &[&detail]),
    ];
    for (dialect, own) in expected {
        for body in bodies {
            let read = error_of(dialect, 400, body).map(|(_, words)| words);
            let is_own = own.contains(&body);
            assert_eq!(
                read.as_deref(),
                is_own.then_some("why"),
                "{} {body}",
                dialect.name
            );
        }
    }
    assert!(error_of(&ovms::DIALECT, 412, &words).is_some());
    assert!(error_of(&ovms::DIALECT, 412, &nested).is_none());
}

#[test]
fn errors_that_say_more_than_their_status() {
    let kind = |dialect, status, body: Value| error_of(dialect, status, &body).expect("an error").0;
    let overloaded = json!({"error": "Model is overloaded", "error_type": "overloaded"});
    assert_eq!(kind(&tgi::DIALECT, 429, overloaded), Some(Kind::Overloaded));
    assert_eq!(
        kind(&vllm::DIALECT, 401, json!({"error": "Unauthorized"})),
        None
    );
    let key = json!({"code": "Client specified an invalid argument", "error": "Incorrect API key provided: na***ys."});
    assert_eq!(kind(&xai::DIALECT, 400, key), Some(Kind::Authentication));
    let detail =
        json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"});
    let key = json!({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": [detail]}});
    assert_eq!(kind(&gemini::DIALECT, 400, key), Some(Kind::Authentication));
    let used_up = json!({"error": {"message": "m", "type": "insufficient_quota", "code": "insufficient_quota"}});
    assert_eq!(
        kind(&groq::DIALECT, 429, used_up),
        Some(Kind::QuotaExhausted)
    );
    assert_eq!(Kind::of_status(498), Some(Kind::Overloaded));
    let list = json!({"detail": [{"loc": ["body"], "msg": "Field required", "type": "missing"}, {"msg": "again"}]});
    let read = error_of(&opea::DIALECT, 422, &list).expect("an error");
    assert_eq!(read.1, "Field required; again");
    assert!(error_of(&opea::DIALECT, 422, &json!({"detail": []})).is_none());
}

fn limited(delay: &str, quota: &str) -> Value {
    json!({"error": {"code": 429, "message": "You exceeded your current quota.", "status": "RESOURCE_EXHAUSTED", "details": [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
    ]}})
}

#[test]
fn gemini_says_in_the_body_when_to_come_again() {
    let after = |delay| {
        let body = limited(delay, "GenerateRequestsPerMinutePerProjectPerModel");
        (gemini::DIALECT.limits)(&HeaderMap::new(), Some(&body)).retry_after
    };
    assert_eq!(after("1.5s"), Some(Duration::from_millis(1500)));
    assert_eq!(after("37s"), Some(Duration::from_secs(37)));
    for wrong in ["37", "s", "-1s", "NaNs", "1e400s", ""] {
        assert_eq!(after(wrong), None, "{wrong}");
    }
    let kind = |quota| {
        error_of(&gemini::DIALECT, 429, &limited("37s", quota))
            .expect("an error")
            .0
    };
    assert_eq!(kind("GenerateRequestsPerMinutePerProjectPerModel"), None);
    let of_the_day = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
    assert_eq!(kind(of_the_day), Some(Kind::QuotaExhausted));
}

#[test]
fn groq_says_in_headers_what_is_left() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("retry-after", "2"),
        ("x-ratelimit-remaining-requests", "14370"),
        ("x-ratelimit-remaining-tokens", "17997"),
    ] {
        headers.insert(name, value.parse().expect("a value"));
    }
    let limits = (groq::DIALECT.limits)(&headers, None);
    assert_eq!(limits.retry_after, Some(Duration::from_secs(2)));
    let left = (limits.remaining_requests, limits.remaining_tokens);
    assert_eq!(left, (Some(14370), Some(17997)));
}
