//! Whatever a server does, a call ends in bounded time and memory, and its error says what it was.

use std::time::{Duration, Instant};

use assay_api::chat::Chat;
use assay_api::dialect::openai;
use assay_api::server::{Fault, KEY, MODEL, Serving, Settings};
use assay_api::wire::{Bounds, Outgoing, Whole, Wire};
use assay_api::{Endpoint, Error, Key, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn wire() -> Wire {
    let bounds = Bounds {
        connect: Duration::from_secs(1),
        head: Duration::from_secs(1),
        between: Duration::from_secs(1),
        total: Duration::from_secs(2),
        head_bytes: 16 << 10,
        body_bytes: 1 << 20,
        event_bytes: 1 << 10,
    };
    Wire::new(bounds).expect("a client")
}

fn at(base: &str) -> Endpoint {
    Endpoint::new(&openai::DIALECT, base, MODEL, Some(Key::new(KEY)), wire()).expect("an address")
}

async fn asked(base: &str) -> Result<(), Error> {
    at(base).ask(&Chat::of("hello")).await.map(|_| ())
}

#[tokio::test]
async fn each_way_to_misbehave_has_its_kind() {
    let expected = [
        (Fault::NeverAnswers, Kind::Timeout),
        (Fault::Drips, Kind::Timeout),
        (Fault::EndlessHeaders, Kind::TooLarge),
        (Fault::EndlessBody, Kind::TooLarge),
        (Fault::CompressedBomb, Kind::Encoded),
        (Fault::NoHttp, Kind::Protocol),
        (Fault::StopsInAChunk, Kind::Cut),
        (Fault::ResetsInAChunk, Kind::Reset),
        (Fault::RedirectsAway, Kind::Redirect),
    ];
    for (fault, kind) in expected {
        let settings = Settings {
            fault: Some(fault),
            ..Settings::new(&openai::DIALECT)
        };
        let serving = Serving::start(settings, 0).await.expect("a port");
        let began = Instant::now();
        let error = asked(&serving.base()).await.expect_err("no answer");
        assert_eq!(error.kind, kind, "{fault:?}: {error}");
        assert!(
            began.elapsed() < Duration::from_secs(4),
            "{fault:?} took {:?}",
            began.elapsed()
        );
    }
}

#[tokio::test]
async fn a_bound_that_ends_a_call_is_the_one_that_is_told() {
    for (fault, told) in [
        (Fault::NeverAnswers, "no status within 1.0 s"),
        (Fault::Drips, "the whole answer took longer than 2.0 s"),
    ] {
        let settings = Settings {
            fault: Some(fault),
            ..Settings::new(&openai::DIALECT)
        };
        let serving = Serving::start(settings, 0).await.expect("a port");
        let error = asked(&serving.base()).await.expect_err("no answer");
        assert_eq!(error.words, told, "{fault:?}");
    }
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{";
    let error = fetched(begun).await.expect_err("no end");
    assert_eq!(error.words, "nothing more of the body within 1.0 s");
}

#[tokio::test]
async fn identity_is_no_encoding_however_it_is_written() {
    let answer = |encodings: &[&str]| {
        let lines = encodings
            .iter()
            .map(|its| format!("content-encoding: {its}\r\n"));
        let lines: String = lines.collect();
        format!("HTTP/1.1 200 OK\r\n{lines}content-length: 2\r\n\r\n{{}}")
    };
    for plain in [
        &[][..],
        &["identity"],
        &["Identity"],
        &["IDENTITY, identity"],
        &["identity", "Identity"],
        &[""],
    ] {
        let whole = fetched(&answer(plain)).await;
        assert_eq!(whole.map(|its| its.body), Ok(b"{}".to_vec()), "{plain:?}");
    }
    for packed in [
        &["gzip"][..],
        &["identity, gzip"],
        &["identity", "br"],
        &["identity2"],
    ] {
        let error = fetched(&answer(packed)).await.expect_err("packed");
        assert_eq!(error.kind, Kind::Encoded, "{packed:?}");
    }
}

/// What a server says that keeps the connection open.
async fn fetched(answer: &str) -> Result<Whole, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = answer.to_owned();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        let mut buffer = vec![0; 1 << 16];
        assert!(socket.read(&mut buffer).await.expect("a request") > 0);
        socket
            .write_all(answer.as_bytes())
            .await
            .expect("an answer");
        std::future::pending::<()>().await;
    });
    let outgoing = Outgoing {
        method: http::Method::GET,
        uri: format!("http://{address}/").parse().expect("an address"),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
    };
    let whole = match wire().send(outgoing).await {
        Ok(answering) => answering.whole().await,
        Err(error) => Err(error),
    };
    server.abort();
    whole
}

#[tokio::test]
async fn who_is_not_there_is_told_from_who_can_not_be_found() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address")
    };
    let error = asked(&format!("http://{refused}/v1"))
        .await
        .expect_err("nobody listens");
    assert_eq!(error.kind, Kind::Refused, "{error}");
    let error = asked("http://assay.invalid/v1")
        .await
        .expect_err("no such host");
    assert_eq!(error.kind, Kind::Name, "{error}");
    let serving = Serving::start(Settings::new(&openai::DIALECT), 0)
        .await
        .expect("a port");
    let error = asked(&format!("https://{}/v1", serving.address))
        .await
        .expect_err("it speaks no TLS");
    assert_eq!(error.kind, Kind::Tls, "{error}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_before_anything_is_sent() {
    for base in [
        "",
        "localhost:8000",
        "ftp://127.0.0.1/v1",
        "http://user:password@127.0.0.1/v1",
        "http://",
    ] {
        let endpoint = Endpoint::new(&openai::DIALECT, base, MODEL, None, wire());
        assert_eq!(endpoint.expect_err(base).kind, Kind::Name, "{base}");
    }
}

/// A server that answers anything with these bytes; what it was sent.
async fn answering(answer: String) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let task = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        let mut buffer = vec![0; 1 << 16];
        let count = socket.read(&mut buffer).await.expect("a request");
        socket
            .write_all(answer.as_bytes())
            .await
            .expect("an answer");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    });
    (format!("http://{address}/v1"), task)
}

#[tokio::test]
async fn a_key_goes_to_its_server_and_into_no_message() {
    let body = format!(
        "{{\"error\": {{\"message\": \"Incorrect API key provided: {KEY}\", \"type\": \"invalid_request_error\"}}}}"
    );
    let head = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length";
    let (base, task) = answering(format!("{head}: {}\r\n\r\n{body}", body.len())).await;
    let endpoint = at(&base);
    let error = endpoint
        .ask(&Chat::of("hello"))
        .await
        .expect_err("a wrong key");
    assert_eq!(error.kind, Kind::Authentication);
    assert!(
        task.await
            .expect("a request")
            .contains(&format!("authorization: Bearer {KEY}"))
    );
    for text in [
        error.to_string(),
        format!("{error:?}"),
        format!("{endpoint:?}"),
    ] {
        assert!(!text.contains(KEY), "{text}");
    }
}

#[tokio::test]
async fn an_event_without_an_end_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let (base, _task) = answering(format!("{head}data: {}", "x".repeat(1 << 12))).await;
    let chat = Chat {
        stream: true,
        ..Chat::of("hello")
    };
    let stream = at(&base).stream(&chat).await.expect("a stream");
    assert_eq!(
        stream.whole().await.expect_err("too large").kind,
        Kind::TooLarge
    );
}
