//! How far the times that the client takes are from those at which the server wrote: one process, one monotonic clock.

use std::sync::Arc;
use std::time::Duration;

use assay_api::Endpoint;
use assay_api::chat::{Chat, Delta};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::server::{Answering, Written, accept};
use crate::{endpoint, quantile, runtime};

const TOKENS: u64 = 50;
const PACE: Duration = Duration::from_millis(10);

/// Streams at a time, and requests of each.
const LOADS: [(u64, u64); 3] = [(1, 20), (16, 10), (128, 4)];

pub(crate) fn clock() {
    println!(
        "\nclock: {TOKENS} tokens at {} ms; milliseconds from the server's stamps",
        PACE.as_millis()
    );
    println!("streams  of            median     p99     max   count");
    let written = Written::default();
    let (tell, told) = std::sync::mpsc::channel();
    let answering = Answering {
        pace: PACE,
        tokens: TOKENS,
        written: Arc::clone(&written),
    };
    // The server has a thread of its own, which ends with the program.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            accept(listener, answering, true).await;
        });
    });
    let base = format!("http://{}/v1", told.recv().unwrap());
    for (streams, each) in LOADS {
        let (mut first, mut between) = runtime().block_on(measured(&base, &written, streams, each));
        for (name, errors) in [("first token", &mut first), ("inter-token", &mut between)] {
            let [median, high, most] = [0.5, 0.99, 1.0].map(|share| quantile(errors, share));
            println!(
                "{streams:>7}  {name:<12} {median:>7.3} {high:>7.3} {most:>7.3} {:>7}",
                errors.len()
            );
        }
    }
}

async fn measured(base: &str, written: &Written, streams: u64, each: u64) -> (Vec<f64>, Vec<f64>) {
    let endpoint = endpoint(base);
    let mut users = JoinSet::new();
    for user in 0..streams {
        let (endpoint, written) = (endpoint.clone(), Arc::clone(written));
        users.spawn(async move {
            // Not all at the same moment.
            tokio::time::sleep(PACE.mul_f64(user as f64 / streams as f64)).await;
            let mut errors = (Vec::new(), Vec::new());
            // The first connects.
            for turn in 0..=each {
                let number = streams << 32 | user << 16 | turn;
                let (first, between) = asked(&endpoint, &written, number).await;
                if turn > 0 {
                    errors.0.push(first);
                    errors.1.extend(between);
                }
            }
            errors
        });
    }
    let all = users.join_all().await;
    let first = all.iter().flat_map(|(first, _)| first).copied().collect();
    let between = all
        .iter()
        .flat_map(|(_, between)| between)
        .copied()
        .collect();
    (first, between)
}

/// The errors of one request, in milliseconds: of the time to first token, and of each time between two tokens.
async fn asked(endpoint: &Endpoint, written: &Written, number: u64) -> (f64, Vec<f64>) {
    let chat = Chat {
        stream: true,
        ..Chat::of(format!("n={number} tokens"))
    };
    let streamed = endpoint.stream(&chat).await.unwrap().whole().await.unwrap();
    let came: Vec<_> = streamed
        .deltas
        .iter()
        .filter(|(_, delta)| matches!(delta, Delta::Text(_)))
        .map(|(at, _)| at.into_std())
        .collect();
    let written = written.lock().unwrap().remove(&number).unwrap();
    assert_eq!(came.len(), written.len());
    let apart =
        |one: Duration, other: Duration| 1e3 * (one.as_secs_f64() - other.as_secs_f64()).abs();
    // The clock is one: what the server wrote after is what the time to first token should be.
    let sent = streamed.sent.into_std();
    let first = apart(came[0] - sent, written[0] - sent);
    let between = came.windows(2).zip(written.windows(2));
    let between = between.map(|(came, written)| apart(came[1] - came[0], written[1] - written[0]));
    (first, between.collect())
}
