//! Tools in each dialect by its own specification: how one is offered, and how a call of it is read.

use std::time::Duration;

use assay_api::Endpoint;
use assay_api::chat::{Chat, Finish, Tool, ToolCall};
use assay_api::check::{Asking, CheckRow};
use assay_api::dialect::{Chatting, Dialect, claude, gemini, ollama, openai};
use assay_api::wire::{Bounds, Wire};
use assay_model::Observation;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn chatting(dialect: &Dialect) -> Chatting {
    dialect.chat.expect("a dialect that chats")
}

fn asked() -> Chat {
    let parameters = json!({"type": "object", "properties": {"metal": {"type": "string"}}, "additionalProperties": false});
    Chat {
        tool: Some(Tool {
            name: "weigh".into(),
            description: "Weighs.".into(),
            parameters,
        }),
        ..Chat::of("Weigh it.")
    }
}

#[test]
fn a_tool_is_offered_so_that_it_has_to_be_called() {
    let body = |dialect| (chatting(dialect).request)(&asked(), "m");
    let openais = body(&openai::DIALECT);
    assert_eq!(openais["tools"][0]["function"]["name"], "weigh");
    assert_eq!(openais["tool_choice"], "required");
    let claudes = body(&claude::DIALECT);
    assert_eq!(claudes["tools"][0]["input_schema"]["type"], "object");
    assert_eq!(claudes["tool_choice"], json!({"type": "any"}));
    let geminis = body(&gemini::DIALECT);
    let declared = &geminis["tools"][0]["functionDeclarations"][0];
    assert_eq!(declared["name"], "weigh");
    // OpenAPI's schema has no such field, and the API refuses what it does not know.
    assert_eq!(declared["parameters"]["additionalProperties"], Value::Null);
    assert_eq!(
        geminis["toolConfig"]["functionCallingConfig"]["mode"],
        "ANY"
    );
    let ollamas = body(&ollama::DIALECT);
    assert_eq!(ollamas["tools"], openais["tools"]);
    assert_eq!(ollamas["tool_choice"], Value::Null);
}

#[test]
fn a_call_is_read_with_its_arguments() {
    let arguments = json!({"metal": "gold"});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "weigh", "arguments": arguments.to_string()}},
    ]});
    let openais =
        json!({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]});
    let claudes = json!({"content": [{"type": "tool_use", "id": "t", "name": "weigh", "input": arguments}], "stop_reason": "tool_use"});
    let parts = json!([{"functionCall": {"name": "weigh", "args": arguments}}]);
    let geminis = json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]});
    let call = json!({"function": {"name": "weigh", "arguments": arguments}});
    let ollamas = json!({"message": {"content": "", "tool_calls": [call]}, "done_reason": "stop"});
    for (dialect, body) in [
        (&openai::DIALECT, openais),
        (&claude::DIALECT, claudes),
        (&gemini::DIALECT, geminis),
        (&ollama::DIALECT, ollamas),
    ] {
        let answer = (chatting(dialect).response)(&body);
        let expected = ToolCall {
            name: "weigh".into(),
            arguments: arguments.to_string(),
        };
        assert_eq!(answer.calls, [expected], "{}", dialect.name);
        assert_eq!(answer.finish, Some(Finish::Tool), "{}", dialect.name);
    }
}

#[test]
fn arguments_of_openais_that_are_no_text_are_none() {
    let call = json!({"function": {"name": "weigh", "arguments": {"metal": "gold"}}});
    let body = json!({"choices": [{"message": {"tool_calls": [call]}}]});
    let answer = (chatting(&openai::DIALECT).response)(&body);
    assert_eq!(answer.calls[0].arguments, "");
}

/// What `features.tools` sees of a server that says the same words whatever it is asked.
async fn seen_of_words(finish: &str) -> Observation {
    let message = json!({"role": "assistant", "content": "Gold is heavy, and"});
    let body = json!({"choices": [{"index": 0, "message": message, "finish_reason": finish}]});
    seen_of("features.tools", 200, &body).await
}

/// What a check sees of a server that answers the same whatever it is asked.
async fn seen_of(check: &str, status: u16, body: &Value) -> Observation {
    let body = body.to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 1 << 16]).await;
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} Such\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = socket.write_all((head + &body).as_bytes()).await;
        }
    });
    let second = Duration::from_secs(1);
    let bounds = Bounds {
        connect: second,
        head: second,
        between: second,
        total: 2 * second,
        head_bytes: 16 << 10,
        body_bytes: 1 << 20,
        event_bytes: 1 << 10,
    };
    let wire = Wire::without_keeping(bounds).expect("a client");
    let endpoint = Endpoint::new(&openai::DIALECT, &base, "m", None, wire).expect("an address");
    let asking = Asking {
        endpoint: &endpoint,
        nonce: 1,
    };
    let check = CheckRow::named(check).expect("a check");
    let seen = check.observe(&asking).await;
    serving.abort();
    seen
}

#[tokio::test]
async fn words_in_the_place_of_a_call_are_a_failure_unless_they_were_cut() {
    let ended = seen_of_words("stop").await;
    assert!(ended.unsupported.is_none(), "{ended:?}");
    assert!(
        ended.tallies.iter().any(|tally| tally.have < tally.of),
        "{ended:?}"
    );
    // A model may talk before it calls: one that was cut may have been about to.
    let cut = seen_of_words("length").await;
    assert!(cut.unsupported.is_some(), "{cut:?}");
    assert!(cut.tallies.is_empty(), "{cut:?}");
}

#[tokio::test]
async fn what_a_server_refuses_in_so_many_words_it_does_not_have() {
    let error = json!({"error": {"message": "tools are not supported", "type": "t", "param": null, "code": null}});
    for check in ["features.tools", "features.schema"] {
        let refused = seen_of(check, 400, &error).await;
        assert!(refused.unsupported.is_some(), "{refused:?}");
        let failed = seen_of(check, 500, &error).await;
        assert!(
            failed.unsupported.is_none() && failed.raised.is_some(),
            "{failed:?}"
        );
        // Not in the dialect's shape: nobody knows what is refused.
        let odd = seen_of(check, 400, &json!({"detail": "no"})).await;
        assert!(odd.unsupported.is_none() && odd.raised.is_some(), "{odd:?}");
    }
}
