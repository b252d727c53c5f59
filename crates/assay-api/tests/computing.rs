//! Dialects that compute, and those that keep objects, by their own specifications: what is sent, and what is read of documented answers.

use assay_api::Kind;
use assay_api::dialect::{
    Dialect, Inferring, gemini, kserve, llvm, ollama, openai, ovms, s3, tei, vllm,
};
use serde_json::{Value, json};

fn inferring(dialect: &Dialect) -> Inferring {
    dialect.infer.expect("a dialect that computes")
}

#[test]
fn kserves_inputs_are_those_of_the_metadata() {
    let infer = inferring(&kserve::DIALECT);
    let about = json!({"name": "m", "platform": "p", "outputs": [], "inputs": [
        {"name": "ids", "datatype": "INT64", "shape": [-1, 3]},
        {"name": "x", "datatype": "FP32", "shape": [2, 2]},
        {"name": "text", "datatype": "BYTES", "shape": [1]},
        {"name": "mask", "datatype": "BOOL", "shape": [1]},
    ]});
    let body = (infer.request)("ab", &about).expect("a body");
    let inputs = &body["inputs"];
    assert_eq!(
        inputs[0],
        json!({"name": "ids", "shape": [1, 3], "datatype": "INT64", "data": [1, 2, 1]})
    );
    assert_eq!(inputs[1]["data"].as_array().map(Vec::len), Some(4));
    assert_eq!(inputs[2]["data"], json!(["ab"]));
    assert!(inputs[3]["data"][0].is_boolean());
    let other = (infer.request)("ba", &about).expect("a body");
    assert_ne!(body, other);
}

#[test]
fn metadata_that_says_no_inputs_or_endless_ones_is_told() {
    let infer = inferring(&kserve::DIALECT);
    assert!((infer.request)("a", &json!({"inputs": []})).is_err());
    for shape in [json!([1 << 20, 2]), json!([u64::MAX, u64::MAX])] {
        let inputs = json!([{"name": "x", "datatype": "FP32", "shape": shape}]);
        let told = (infer.request)("a", &json!({"inputs": inputs})).expect_err("too large");
        assert!(told.contains("too large"), "{told}");
    }
}

#[test]
fn routes_of_kserve_are_below_another_root_in_openvinos_server() {
    assert_eq!(
        (inferring(&kserve::DIALECT).route)(&Value::Null),
        "/models/{model}/infer"
    );
    assert_eq!(
        (inferring(&ovms::DIALECT).route)(&Value::Null),
        "//v2/models/{model}/infer"
    );
}

#[test]
fn tei_is_asked_for_what_its_model_does() {
    let infer = inferring(&tei::DIALECT);
    let of = |kind: &str| json!({"model_type": {kind: {}}});
    for (kind, route, field) in [
        ("embedding", "/embed", "inputs"),
        ("classifier", "/predict", "inputs"),
        ("reranker", "/rerank", "query"),
    ] {
        assert_eq!((infer.route)(&of(kind)), route);
        let body = (infer.request)("gold", &of(kind)).expect("a body");
        assert_eq!(body[field], "gold", "{kind}");
    }
    let validator = jsonschema::validator_for(&(infer.schema)()).expect("a schema");
    for right in [
        json!([[0.5]]),
        json!([{"index": 0, "score": 1.0}]),
        json!([{"label": "a", "score": 0.5}]),
    ] {
        assert!(validator.is_valid(&right), "{right}");
    }
    for wrong in [
        json!([]),
        json!([[]]),
        json!({}),
        json!([[null]]),
        json!([{"score": 1.0}]),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn vectors_are_read_in_the_shape_of_each_dialect() {
    let expected = Some(vec![vec![0.5, 1.0], vec![0.0, 2.0]]);
    let row = |index: u64, vector: [f64; 2]| json!({"object": "embedding", "index": index, "embedding": vector});
    let right = json!({"data": [row(0, [0.5, 1.0]), row(1, [0.0, 2.0])]});
    for (dialect, body) in [
        (&openai::DIALECT, right),
        (
            &gemini::DIALECT,
            json!({"embeddings": [{"values": [0.5, 1.0]}, {"values": [0.0, 2.0]}]}),
        ),
        (
            &ollama::DIALECT,
            json!({"embeddings": [[0.5, 1.0], [0.0, 2.0]]}),
        ),
        (&tei::DIALECT, json!([[0.5, 1.0], [0.0, 2.0]])),
    ] {
        let embedding = dialect.embeddings.expect("embeddings");
        assert_eq!((embedding.response)(&body), expected, "{}", dialect.name);
        assert_eq!(
            (embedding.response)(&json!({"data": 7})),
            None,
            "{}",
            dialect.name
        );
    }
    let swapped = json!({"data": [row(1, [0.5, 1.0]), row(0, [0.0, 2.0])]});
    let embedding = openai::DIALECT.embeddings.expect("embeddings");
    assert_eq!((embedding.response)(&swapped), None);
}

#[test]
fn ranks_are_read_in_the_shape_of_each_dialect() {
    let (vllms, teis) = (
        vllm::DIALECT.rerank.expect("rerank"),
        tei::DIALECT.rerank.expect("rerank"),
    );
    let expected = Some(vec![(1, 0.9), (0, 0.1)]);
    let results = json!({"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]});
    assert_eq!((vllms.response)(&results), expected);
    let rows = json!([{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}]);
    assert_eq!((teis.response)(&rows), expected);
    let body = (vllms.request)("q", &["a", "b"], Some(1), "m");
    assert_eq!(
        body,
        json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1})
    );
    let body = (teis.request)("q", &["a", "b"], Some(1), "m");
    assert_eq!(body, json!({"query": "q", "texts": ["a", "b"]}));
}

#[test]
fn errors_of_each() {
    let text = "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>";
    let body = (s3::DIALECT.parse)(text.as_bytes()).expect("XML");
    let read = (s3::DIALECT.error)(503, &body).expect("an error");
    assert_eq!(
        read,
        (
            Some(Kind::Overloaded),
            "SlowDown: Reduce your request rate.".into()
        )
    );
    assert!((s3::DIALECT.parse)(b"{}").is_none());
    let read = |dialect: &Dialect, body: Value| (dialect.error)(400, &body);
    let overloaded = json!({"error": "Model is overloaded", "error_type": "Overloaded"});
    assert_eq!(
        read(&tei::DIALECT, overloaded).expect("an error").0,
        Some(Kind::Overloaded)
    );
    let below_v1 = json!({"message": "Tokenization error", "type": "tokenizer"});
    assert_eq!(
        read(&tei::DIALECT, below_v1).expect("an error").0,
        Some(Kind::Invalid)
    );
    assert!(read(&kserve::DIALECT, json!({"error": "why"})).is_some());
    assert!(read(&kserve::DIALECT, json!({"detail": "why"})).is_none());
    assert!(read(&llvm::DIALECT, json!({"error": {"message": "why"}})).is_some());
}
