//! Chat completions, as a server says them.

use serde_json::{Value, json};

use super::{
    ChatVoice, EmbedVoice, Event, Heard, RankVoice, Ranking, Refused, Saying, Voice,
    role_and_content, texts,
};
use crate::server::{Fault, MODEL};

pub(crate) const VOICE: Voice = Voice {
    models: |name| json!({"object": "list", "data": [{"id": name, "object": "model", "created": 1, "owned_by": "assay"}]}),
    error,
    words: "/error/message",
    chat: Some(CHAT),
    infer: None,
    embeddings: Some(EMBEDDINGS),
    rerank: None,
};

pub(crate) const CHAT: ChatVoice = ChatVoice {
    heard: Heard {
        messages: "/messages",
        message: role_and_content,
        system: None,
        limit: "/max_tokens",
        needs_limit: false,
        temperature: "/temperature",
        streams: false,
        schema: "/response_format/json_schema/schema",
        tool: ("/tools/0/function/name", "/tools/0/function/parameters"),
    },
    whole,
    content: "/choices/0/message/content",
    reason: "/choices/0/finish_reason",
    required: "model",
    events,
    piece: "/choices/0/delta/content",
    needed: ("", "model"),
    failing: |refused, number| {
        vec![
            ("", error(refused, number).to_string()),
            ("", "[DONE]".into()),
        ]
    },
};

fn whole(saying: &Saying<'_>) -> Value {
    let mut message = json!({"role": "assistant", "content": saying.text()});
    let mut reason = saying.reason("stop", "length");
    if let Some((name, arguments)) = saying.call() {
        let mut arguments = arguments.to_string();
        if saying.is(Fault::ToolArgumentsAreCut) {
            arguments.truncate(arguments.len() / 2);
        }
        message["content"] = Value::Null;
        message["tool_calls"] = json!([{
            "id": format!("call_{}", saying.number), "type": "function",
            "function": {"name": name, "arguments": arguments},
        }]);
        if !saying.is(Fault::ToolReasonIsStop) {
            reason = "tool_calls";
        }
    }
    json!({
        "id": format!("chatcmpl-{}", saying.number), "object": "chat.completion", "created": 1, "model": MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason}],
        "usage": usage(saying),
    })
}

const EMBEDDINGS: EmbedVoice = EmbedVoice {
    texts: |body| texts(&body["input"]),
    vectors: |vectors, fault| {
        let rows = vectors.iter().enumerate().map(|(place, vector)| {
            let is_wrong = fault == Some(Fault::EmbeddingIndexIsWrong);
            let index = if is_wrong { 0 } else { place };
            json!({"object": "embedding", "index": index, "embedding": vector})
        });
        let rows: Vec<Value> = rows.collect();
        let usage = json!({"prompt_tokens": 3, "total_tokens": 3});
        json!({"object": "list", "data": rows, "model": MODEL, "usage": usage})
    },
};

/// Jina's and Cohere's.
pub(crate) const RERANK: RankVoice = RankVoice {
    asked: |body| {
        let first = body["top_n"]
            .as_u64()
            .and_then(|first| first.try_into().ok());
        Some(Ranking {
            query: body["query"].as_str()?.to_owned(),
            documents: texts(&body["documents"])?,
            first,
        })
    },
    ranks: |ranks| {
        let rows = ranks
            .iter()
            .map(|(index, score)| json!({"index": index, "relevance_score": score}));
        json!({"model": MODEL, "results": rows.collect::<Vec<_>>()})
    },
};

fn usage(saying: &Saying<'_>) -> Value {
    let [input, output, total] = saying.usage();
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": total})
}

/// A chunk for the role, one a token, one for the finish reason, one for the tokens' count, and the end.
fn events(saying: &Saying<'_>) -> Vec<Event> {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    deltas.extend(
        saying
            .pieces()
            .iter()
            .map(|piece| json!({"content": piece})),
    );
    let mut choices: Vec<Value> = deltas
        .into_iter()
        .map(|delta| json!([{"index": 0, "delta": delta, "finish_reason": null}]))
        .collect();
    if !saying.is(Fault::NoFinishInStream) {
        let reason = saying.reason("stop", "length");
        choices.push(json!([{"index": 0, "delta": {}, "finish_reason": reason}]));
    }
    let mut chunks: Vec<Value> = choices
        .into_iter()
        .map(|choices| chunk(saying, choices))
        .collect();
    if saying.is(Fault::IdChanges) {
        for (number, chunk) in chunks.iter_mut().enumerate() {
            chunk["id"] = format!("chatcmpl-{number}").into();
        }
    }
    if !saying.is(Fault::NoUsageInStream) {
        let mut last = chunk(saying, json!([]));
        last["usage"] = usage(saying);
        chunks.push(last);
    }
    let chunks = chunks.iter().map(|chunk| ("", chunk.to_string()));
    chunks.chain([("", "[DONE]".to_owned())]).collect()
}

fn chunk(saying: &Saying<'_>, choices: Value) -> Value {
    json!({
        "id": format!("chatcmpl-{}", saying.number), "object": "chat.completion.chunk", "created": 1, "model": MODEL,
        "choices": choices,
    })
}

fn error(refused: &Refused, _: u64) -> Value {
    let code = refused.status.to_string();
    json!({"error": {"message": refused.words, "type": refused.kind, "param": null, "code": code}})
}
