use super::is_failure;
use crate::summary::Case;

/// Failures that are known.
pub(super) struct Known {
    /// Peer and dialect.
    row: &'static str,
    /// All of it, for `*`.
    check: &'static str,
    /// The kind of the reason, and what it has to say.
    kind: &'static str,
    says: &'static str,
    why: &'static str,
    /// It depends on the question: a pass is not stale.
    is_sometimes: bool,
    /// In `docs/findings/api/`, what shows it without Assay; nothing for what is no bug.
    script: &'static str,
}

const fn known(
    row: &'static str,
    check: &'static str,
    says: &'static str,
    why: &'static str,
    script: &'static str,
) -> Known {
    Known {
        row,
        check,
        kind: "incomplete",
        says,
        why,
        is_sometimes: false,
        script,
    }
}

const fn sometimes(
    row: &'static str,
    check: &'static str,
    says: &'static str,
    why: &'static str,
    script: &'static str,
) -> Known {
    Known {
        is_sometimes: true,
        ..known(row, check, says, why, script)
    }
}

const DROPPED: &str = "tools and schemas are dropped without a word";
const NO_TOOLS: &str = "the template of its model has no tools, which are dropped without a word (seen where the model ends by itself)";
const LEFT: &str = "who leaves does not end the stream behind (seen where that takes long enough)";
const HELD_BACK: &str = "what follows a broken letter is held back, and dropped at the limit: a random model alone writes so";
const SHAPE: &str = "errors have the shape of OpenAI's";
const LIST: &str = "the list of models is OpenAI's";
const REFUSES: &str =
    "images and sound, which its model does not take, are a failure of the server's";
const UNSEEN: &str = "what stands beside words is dropped without a word";
const ONE_MODEL: &str = "it serves one model, under any name and none";
const NO_IDS: &str = "it has no ids of calls";
const FAILS: &str = "a wrong type is a failure of the server's";
const KEYS: &str = "400 for a wrong key, where it has no database; 500 for none";
const ANYTHING: &str = "the mock looks at little of what it is asked";
const NO_CONTEXT: &str = "a mock has no context that could be too long";
const NO_TOKENS: &str = "no tokens are counted";
const NO_SCHEMA: &str = "the mock does not tell its script of the schema, which answers with words";

/// Every one. What is here and does not fail is stale, and fails the command.
#[rustfmt::skip]
const KNOWN: &[Known] = &[
    known("xllamacpp-openai", "request.missing_field", "1 of 2; not without `model`: 200", ONE_MODEL, "anything_is_answered.py"),
    known("xllamacpp-openai", "request.unknown_model", "assay-no-such-model: 200", ONE_MODEL, "anything_is_answered.py"),
    known("xllamacpp-openai", "errors.ids", "0 of 2", NO_IDS, ""),
    known("xllamacpp-openai", "features.responses", "status \"completed\"", "an answer that was cut is called completed", "cut_and_called_completed.py"),
    sometimes("xllamacpp-openai", "features.tools", "answers that call the tool", NO_TOOLS, "wishes_that_are_dropped.py"),
    sometimes("xllamacpp-claude", "features.tools", "answers that call the tool", NO_TOOLS, "wishes_that_are_dropped.py"),
    sometimes("litellm-openai", "features.tools", "answers that call the tool", NO_TOOLS, "wishes_that_are_dropped.py"),
    sometimes("litellm-gemini", "features.tools", "answers that call the tool", NO_TOOLS, "wishes_that_are_dropped.py"),
    known("xllamacpp-claude", "connection.wrong_key", "refusals in the dialect's shape: 0 of 2", SHAPE, "errors_of_another_dialect.py"),
    known("xllamacpp-claude", "connection.models", "\"has_more\" is a required", LIST, ""),
    known("xllamacpp-claude", "request.missing_field", "without `messages`: 500", "500 without messages; any model, or none, is answered", "server_errors_for_wrong_requests.py"),
    known("xllamacpp-claude", "request.wrong_type", "3 of 5; not /messages is \"Say something.\": 200", "messages that are a text, or one object, are answered", "anything_is_answered.py"),
    known("xllamacpp-claude", "request.unknown_model", "assay-no-such-model: 200", ONE_MODEL, "anything_is_answered.py"),
    known("xllamacpp-claude", "errors.shape", "with words: 0 of 6", SHAPE, "errors_of_another_dialect.py"),
    known("xllamacpp-claude", "errors.ids", "0 of 2", NO_IDS, ""),
    sometimes("xllamacpp-claude", "stream.completes", "streams that say", "without message_start nothing of a stream is one: it depends on the question", "stream_without_its_first_event.py"),
    sometimes("xllamacpp-claude", "stream.grammar", "streams of the dialect's grammar", "no message_start where the first token is half a letter: it depends on the question", "stream_without_its_first_event.py"),
    known("transformers-openai", "connection.models", "/models: 500", "500 without a cache of the hub", "models_that_are_not_listed.py"),
    known("transformers-openai", "request.missing_field", "0 of 2; not without `messages`: 500", FAILS, "server_errors_for_wrong_requests.py"),
    known("transformers-openai", "request.wrong_type", "0 of 5; not /messages is \"Say something.\": 500", FAILS, "server_errors_for_wrong_requests.py"),
    known("transformers-openai", "errors.shape", "with words: 0 of 9", "errors have the shape of FastAPI's, or are a text", "errors_of_another_dialect.py"),
    sometimes("transformers-openai", "features.tools", "answers that call the tool", DROPPED, "wishes_that_are_dropped.py"),
    known("transformers-openai", "features.schema", "0 of 2", DROPPED, "wishes_that_are_dropped.py"),
    Known { kind: "exception", ..known("transformers-openai", "features.responses", "the answer is no JSON", "it streams though nobody asked for it", "stream_without_its_end.py") },
    Known { kind: "exception", ..known("transformers-openai", "features.transcription", "500: Internal Server Error", "python-multipart is not among what the extra `serving` brings", "server_errors_for_wrong_requests.py") },
    known("transformers-openai", "stream.grammar", "no [DONE]", "a stream has no last event", "stream_without_its_end.py"),
    Known { kind: "exception", ..known("transformers-openai", "request.oversized", "timeout: no status", "what is longer than the context is computed", "prompt_beyond_the_context.py") },
    sometimes("litellm-openai", "stream.cancel", "places that are free once a client has left", LEFT, "places_that_stay_taken.py"),
    known("litellm-openai", "connection.wrong_key", "a wrong key: 400, not [401], no key: 500", KEYS, "keys_refused_otherwise.py"),
    known("litellm-openai", "errors.ids", "0 of 2", "its id is in x-litellm-call-id", ""),
    known("litellm-openai", "features.responses", "status \"completed\"", "what llama.cpp's server says is handed on", "cut_and_called_completed.py"),
    sometimes("litellm-claude", "stream.cancel", "places that are free once a client has left", LEFT, "places_that_stay_taken.py"),
    known("litellm-claude", "connection.wrong_key", "a wrong key: 400, not [401], no key: 500", KEYS, "keys_refused_otherwise.py"),
    known("litellm-claude", "response.limit", "tokens of 3", "a limit below 16 becomes 16", "limit_that_is_raised.py"),
    known("litellm-claude", "request.wrong_type", "2 of 5; not /messages is \"Say something.\": 500", FAILS, "server_errors_for_wrong_requests.py"),
    known("litellm-claude", "errors.shape", "with words: 8 of 10", "OpenAI's shape for a body that is no JSON", "errors_of_another_dialect.py"),
    known("litellm-claude", "features.tools", "Some(Stop)", "an answer that was cut, before any call, is called whole", "cut_and_called_completed.py"),
    known("litellm-claude", "errors.ids", "0 of 2", "its id is in x-litellm-call-id", ""),
    sometimes("litellm-gemini", "stream.cancel", "places that are free once a client has left", LEFT, "places_that_stay_taken.py"),
    known("litellm-gemini", "connection.models", "/models: 404", "there is no list of models", "models_that_are_not_listed.py"),
    known("litellm-gemini", "connection.wrong_key", "no key: 500", KEYS, "keys_refused_otherwise.py"),
    known("litellm-gemini", "request.wrong_type", "2 of 5; not /contents is 7: 500", FAILS, "server_errors_for_wrong_requests.py"),
    known("litellm-gemini", "errors.shape", "with words: 0 of 9", SHAPE, "errors_of_another_dialect.py"),
    known("litellm-gemini", "stream.usage", "a stream of 0 tokens that says something", "a stream counts no tokens", "tokens_lost_in_a_stream.py"),
    sometimes("xllamacpp-openai", "stream.equals_whole", "streams that say what the whole answer says", HELD_BACK, ""),
    sometimes("xllamacpp-claude", "stream.equals_whole", "streams that say what the whole answer says", HELD_BACK, ""),
    sometimes("litellm-openai", "stream.equals_whole", "streams that say what the whole answer says", HELD_BACK, ""),
    sometimes("litellm-claude", "stream.equals_whole", "streams that say what the whole answer says", HELD_BACK, ""),
    sometimes("litellm-gemini", "stream.equals_whole", "streams that say what the whole answer says", HELD_BACK, ""),
    known("aimock-openai", "response.limit", "tokens of 3", "no limit is kept", "mock_unlike_what_it_mocks.py"),
    known("aimock-openai", "request.wrong_type", "2 of 5; not /messages/0 is 7: 200", ANYTHING, "anything_is_answered.py"),
    known("aimock-openai", "features.embeddings", "vectors of length 1: 0 of 6", "vectors are not of length 1", "mock_unlike_what_it_mocks.py"),
    known("aimock-openai", "features.moderation", "1 of 2", "two texts have one result", "mock_unlike_what_it_mocks.py"),
    known("aimock-claude", "connection.models", "\"has_more\" is a required", LIST, ""),
    known("aimock-claude", "stream.usage", "a stream of 0 tokens that says something", NO_TOKENS, "mock_unlike_what_it_mocks.py"),
    known("aimock-claude", "response.usage", "an answer of 0 tokens that says something", NO_TOKENS, "mock_unlike_what_it_mocks.py"),
    known("aimock-claude", "request.missing_field", "without `messages`: 200", ANYTHING, "anything_is_answered.py"),
    known("aimock-claude", "request.wrong_type", "0 of 5", ANYTHING, "anything_is_answered.py"),
    known("aimock-claude", "errors.shape", "with words: 0 of 4", SHAPE, "errors_of_another_dialect.py"),
    known("aimock-claude", "errors.ids", "0 of 2", "its id is in x-request-id, OpenAI's header", ""),
    known("aimock-claude", "request.oversized", "200", NO_CONTEXT, ""),
    known("aimock-gemini", "connection.models", "/models: 404", "there is no list of models", "models_that_are_not_listed.py"),
    known("aimock-gemini", "stream.usage", "a stream of 0 tokens that says something", NO_TOKENS, "mock_unlike_what_it_mocks.py"),
    known("aimock-gemini", "response.usage", "an answer of 0 tokens that says something", NO_TOKENS, "mock_unlike_what_it_mocks.py"),
    known("aimock-gemini", "request.missing_field", "without `contents`: 200", ANYTHING, "errors_of_another_dialect.py"),
    known("aimock-gemini", "request.wrong_type", "3 of 5", ANYTHING, ""),
    known("aimock-gemini", "features.tools", "FUNCTION_CALL", "a finish reason that Gemini has not", "mock_unlike_what_it_mocks.py"),
    known("aimock-gemini", "features.schema", "0 of 2", NO_SCHEMA, ""),
    known("aimock-gemini", "request.oversized", "200", NO_CONTEXT, ""),
    known("aimock-ollama", "connection.health", "/: 404", "Ollama says there that it runs", "mock_unlike_what_it_mocks.py"),
    known("aimock-ollama", "stream.usage", "a stream of 0 tokens that says something", NO_TOKENS, "mock_unlike_what_it_mocks.py"),
    known("aimock-ollama", "response.usage", "an answer of 0 tokens that says something", NO_TOKENS, "mock_unlike_what_it_mocks.py"),
    known("aimock-ollama", "request.wrong_type", "3 of 5", ANYTHING, ""),
    known("aimock-ollama", "errors.shape", "with words: 0 of 8", SHAPE, "errors_of_another_dialect.py"),
    known("aimock-ollama", "features.schema", "0 of 2", NO_SCHEMA, ""),
    Known { kind: "exception", ..known("aimock-ollama", "features.embeddings", "no vectors", "one vector for all texts, under another name", "mock_unlike_what_it_mocks.py") },
    Known { kind: "exception", ..known("xllamacpp-openai", "features.images", "input is not supported", REFUSES, "images_that_are_dropped.py") },
    Known { kind: "exception", ..known("xllamacpp-openai", "features.audio", "input is not supported", REFUSES, "images_that_are_dropped.py") },
    Known { kind: "exception", ..known("xllamacpp-claude", "features.images", "input is not supported", REFUSES, "images_that_are_dropped.py") },
    known("transformers-openai", "features.images", "more tokens: 0 of 1", UNSEEN, "images_that_are_dropped.py"),
    known("transformers-openai", "features.audio", "more tokens: 0 of 1", UNSEEN, "images_that_are_dropped.py"),
    Known { kind: "exception", ..known("litellm-openai", "features.images", "input is not supported", REFUSES, "images_that_are_dropped.py") },
    Known { kind: "exception", ..known("litellm-openai", "features.audio", "input is not supported", REFUSES, "images_that_are_dropped.py") },
    Known { kind: "exception", ..known("litellm-claude", "features.images", "input is not supported", REFUSES, "images_that_are_dropped.py") },
    known("litellm-gemini", "features.images", "more tokens: 0 of 1", UNSEEN, "images_that_are_dropped.py"),
    known("litellm-gemini", "features.audio", "more tokens: 0 of 1", UNSEEN, "images_that_are_dropped.py"),
    known("aimock-openai", "features.images", "more tokens: 0 of 1", ANYTHING, ""),
    known("aimock-openai", "features.audio", "more tokens: 0 of 1", ANYTHING, ""),
    known("moto-s3", "connection.wrong_key", "a wrong key: 200", "signatures are not looked at, unless it is told to", ""),
    known("moto-s3", "errors.ids", "0 of 2", NO_IDS, ""),
    known("moto-s3", "objects.parts", "aborted uploads that can't be completed: 0 of 1; not 500", "to complete an upload that was aborted is a failure of the server's", "uploads_that_were_aborted.py"),
    known("moto-s3", "objects.errors", "not BadDigest: 200", "a body that is not that of its digest is taken", "uploads_that_were_aborted.py"),
    known("mlserver-kserve", "errors.shape", "with words: 1 of 7", "errors of a request that is none have FastAPI's shape", "tensors_that_do_not_fit.py"),
    known("mlserver-kserve", "features.tensors", "tensors that are too short and refused with 4xx: 0 of 1; not 500", "an input of fewer numbers than its shape has is a failure of the server's", "tensors_that_do_not_fit.py"),
    Known { kind: "mock", ..known("guidellm-openai", "*", "the same to every question", "its text is drawn once, whatever is asked: it is there for its latencies", "") },
];

impl Known {
    fn is_of(&self, case: &Case) -> bool {
        let is_it = |reason: &crate::summary::Reason| {
            reason.kind == self.kind && reason.detail.contains(self.says)
        };
        (self.check == "*" || self.check == case.check) && case.reason.as_ref().is_some_and(is_it)
    }

    /// Why, with a link to the script.
    pub(super) fn words(&self) -> String {
        match self.script {
            "" => self.why.to_owned(),
            script => format!("{} ([script](findings/api/{script}))", self.why),
        }
    }
}

/// What is known of a case that failed.
pub(super) fn of(row: &str, case: &Case) -> Option<&'static Known> {
    KNOWN
        .iter()
        .find(|known| known.row == row && known.is_of(case))
}

/// What fails and is not known, and what is known and does not fail.
pub(super) fn surprises(row: &str, cases: &[Case]) -> Vec<String> {
    compare(row, cases, KNOWN)
}

fn compare(row: &str, cases: &[Case], all: &[Known]) -> Vec<String> {
    let own: Vec<&Known> = all.iter().filter(|known| known.row == row).collect();
    let failed: Vec<&Case> = cases.iter().filter(|case| is_failure(case)).collect();
    let is_new = |case: &&&Case| !own.iter().any(|known| known.is_of(case));
    let is_stale =
        |known: &&&Known| !known.is_sometimes && !failed.iter().any(|case| known.is_of(case));
    let told = |case: &&Case| {
        let reason = case.reason.as_ref();
        let words = reason.map_or_else(String::new, |its| format!("{}: {}", its.kind, its.detail));
        format!("{row}: {} fails, which is not known: {words}", case.check)
    };
    let mut surprises: Vec<String> = failed.iter().filter(is_new).map(told).collect();
    let stale = own.iter().filter(is_stale);
    surprises.extend(stale.map(|known| {
        format!(
            "{row}: {} does not fail as is known: {}",
            known.check, known.says
        )
    }));
    surprises
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::root;
    use crate::summary::Reason;

    fn case(check: &str, outcome: &str, detail: &str) -> Case {
        Case {
            subject: "api:one-openai".into(),
            platform: "remote".into(),
            check: check.into(),
            outcome: outcome.into(),
            provenance: Some("real".into()),
            reason: Some(Reason {
                kind: "incomplete".into(),
                detail: detail.into(),
            }),
            seconds: 0.0,
            other_inputs: None,
            known_issue: None,
        }
    }

    const ALL: &[Known] = &[known(
        "one-openai",
        "errors.ids",
        "0 of 2",
        "it has none",
        "",
    )];

    #[test]
    fn what_is_known_and_fails_is_no_surprise() {
        let cases = [
            case("errors.ids", "failed", "0 of 2; not an answer"),
            case("stream.cancel", "skipped", "too fast"),
        ];
        assert!(compare("one-openai", &cases, ALL).is_empty());
    }

    #[test]
    fn what_fails_otherwise_or_elsewhere_is_new_and_what_passes_is_stale() {
        let otherwise = [case("errors.ids", "failed", "1 of 2")];
        assert_eq!(compare("one-openai", &otherwise, ALL).len(), 2);
        let elsewhere = [case("errors.ids", "failed", "0 of 2")];
        assert_eq!(compare("two-openai", &elsewhere, ALL).len(), 1);
        let passes = [case("errors.ids", "passed", "")];
        assert_eq!(compare("one-openai", &passes, ALL).len(), 1);
    }

    #[test]
    fn every_script_is_there_and_every_row_is_one() {
        for known in KNOWN {
            let (peer, dialect) = known.row.split_once('-').expect("peer and dialect");
            let peer = crate::peers::rows::Peer::named(peer).expect("a peer");
            assert!(
                peer.asked.iter().any(|asked| asked.dialect == dialect),
                "{}",
                known.row
            );
            let script = root().join("docs/findings/api").join(known.script);
            assert!(script.exists(), "{}", known.script);
        }
    }
}
