//! `generateContent`, as a server says it.

use serde_json::{Value, json};

use super::{ChatVoice, EmbedVoice, Event, Heard, Refused, Saying, Voice};
use crate::server::{Fault, MODEL};

pub(crate) const VOICE: Voice = Voice {
    models: |name| json!({"models": [{"name": format!("models/{name}"), "version": "1"}]}),
    error,
    words: "/error/message",
    chat: Some(CHAT),
    infer: None,
    embeddings: Some(EMBEDDINGS),
    rerank: None,
};

pub(crate) const CHAT: ChatVoice = ChatVoice {
    heard: Heard {
        messages: "/contents",
        message,
        system: Some("/systemInstruction/parts/0/text"),
        limit: "/generationConfig/maxOutputTokens",
        needs_limit: false,
        temperature: "/generationConfig/temperature",
        streams: false,
        schema: "/generationConfig/responseSchema",
        tool: (
            "/tools/0/functionDeclarations/0/name",
            "/tools/0/functionDeclarations/0/parameters",
        ),
    },
    whole: |saying| {
        let reason = saying.reason("STOP", "MAX_TOKENS");
        let mut whole = chunk(saying, &saying.text(), Some(reason));
        whole["usageMetadata"] = usage(saying);
        if let Some((name, arguments)) = saying.call() {
            let call = json!({"name": name, "args": arguments});
            whole["candidates"][0]["content"]["parts"] = json!([{"functionCall": call}]);
        }
        whole
    },
    content: "/candidates/0/content/parts/0/text",
    reason: "/candidates/0/finishReason",
    required: "candidates",
    events,
    piece: "/candidates/0/content/parts/0/text",
    needed: ("", ""),
    failing: |refused, number| vec![("", error(refused, number).to_string())],
};

const EMBEDDINGS: EmbedVoice = EmbedVoice {
    texts: |body| {
        let requests = body["requests"].as_array()?.iter();
        let text =
            |request: &Value| Some(request["content"]["parts"][0]["text"].as_str()?.to_owned());
        requests.map(text).collect()
    },
    vectors: |vectors, _| {
        let rows = vectors.iter().map(|vector| json!({"values": vector}));
        json!({"embeddings": rows.collect::<Vec<_>>()})
    },
};

/// The first part of `{"role", "parts"}`. Who says nothing of a role is the user.
fn message(content: &Value) -> Option<&str> {
    let is_known = matches!(
        (&content["role"], content["role"].as_str()),
        (Value::Null, _) | (_, Some("user" | "model"))
    );
    content["parts"][0]["text"].as_str().filter(|_| is_known)
}

fn chunk(saying: &Saying<'_>, text: &str, reason: Option<&str>) -> Value {
    let mut candidate =
        json!({"index": 0, "content": {"role": "model", "parts": [{"text": text}]}});
    if let Some(reason) = reason {
        candidate["finishReason"] = reason.into();
    }
    let id = format!("response-{}", saying.number);
    json!({"candidates": [candidate], "modelVersion": MODEL, "responseId": id})
}

fn usage(saying: &Saying<'_>) -> Value {
    let [input, output, total] = saying.usage();
    json!({"promptTokenCount": input, "candidatesTokenCount": output, "totalTokenCount": total})
}

/// A chunk a token, and one with the finish reason and the tokens' count; nothing stands behind it.
fn events(saying: &Saying<'_>) -> Vec<Event> {
    let reason = (!saying.is(Fault::NoFinishInStream)).then(|| saying.reason("STOP", "MAX_TOKENS"));
    let mut last = chunk(saying, "", reason);
    if !saying.is(Fault::NoUsageInStream) {
        last["usageMetadata"] = usage(saying);
    }
    let pieces = saying.pieces();
    let chunks = pieces.iter().map(|piece| chunk(saying, piece, None));
    chunks
        .chain([last])
        .map(|chunk| ("", chunk.to_string()))
        .collect()
}

/// `google.rpc.Status` in JSON. What it says of a wrong key stands in the details.
fn error(refused: &Refused, _: u64) -> Value {
    let status = match refused.status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        503 => "UNAVAILABLE",
        _ => "INVALID_ARGUMENT",
    };
    let mut error =
        json!({"code": refused.status, "message": refused.words, "status": status, "details": []});
    if refused.kind == "authentication_error" {
        error["details"] = json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
        }]);
    }
    json!({"error": error})
}
