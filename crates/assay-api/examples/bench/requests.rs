//! Requests a second by `Endpoint::ask` over those by a bare client of hyper's, in turns, against the same server.

use std::time::{Duration, Instant};

use assay_api::chat::Chat;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::{Serving, endpoint, quantile, runtime};

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_secs(1);
const CONNECTIONS: [usize; 2] = [1, 16];

pub(crate) fn requests() {
    println!(
        "\nrequests: {ROUNDS} rounds of {} s in turns",
        ROUND.as_secs()
    );
    println!("connections  bare/s    ours/s   ratio: median (lowest, highest)");
    let serving = Serving::start(0, 0);
    for connections in CONNECTIONS {
        let runtime = runtime();
        let (mut bare, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        // A round of each first, to warm up.
        for round in 0..=ROUNDS {
            let one = runtime.block_on(by_hyper(&serving.base, connections));
            let other = runtime.block_on(by_us(&serving.base, connections));
            if round > 0 {
                bare.push(one);
                ours.push(other);
                ratios.push(other / one);
            }
        }
        println!(
            "{connections:>11} {:>8.0} {:>9.0}   {:.2} ({:.2}, {:.2})",
            quantile(&mut bare, 0.5),
            quantile(&mut ours, 0.5),
            quantile(&mut ratios, 0.5),
            quantile(&mut ratios, 0.0),
            quantile(&mut ratios, 1.0)
        );
    }
}

fn chat() -> Chat {
    Chat {
        max_tokens: Some(8),
        ..Chat::of("What is gold?")
    }
}

async fn by_hyper(base: &str, connections: usize) -> f64 {
    let address = base.split('/').nth(2).unwrap().to_owned();
    let body = endpoint(base).chat(&chat()).unwrap().body;
    let mut users = JoinSet::new();
    let began = Instant::now();
    for _ in 0..connections {
        let (address, body) = (address.clone(), body.clone());
        users.spawn(async move {
            let socket = TcpStream::connect(&address).await.unwrap();
            socket.set_nodelay(true).unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(socket))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            let mut count = 0_u64;
            while began.elapsed() < ROUND {
                let request = http::Request::post("/v1/chat/completions")
                    .header("host", &address)
                    .header("content-type", "application/json")
                    .body(Full::new(body.clone()))
                    .unwrap();
                let answer = sender.send_request(request).await.unwrap();
                let _ = answer.into_body().collect().await.unwrap();
                count += 1;
            }
            count
        });
    }
    let count: u64 = users.join_all().await.iter().sum();
    count as f64 / began.elapsed().as_secs_f64()
}

async fn by_us(base: &str, connections: usize) -> f64 {
    let endpoint = endpoint(base);
    let mut users = JoinSet::new();
    let began = Instant::now();
    for _ in 0..connections {
        let endpoint = endpoint.clone();
        users.spawn(async move {
            let mut count = 0_u64;
            while began.elapsed() < ROUND {
                endpoint.ask(&chat()).await.unwrap();
                count += 1;
            }
            count
        });
    }
    let count: u64 = users.join_all().await.iter().sum();
    count as f64 / began.elapsed().as_secs_f64()
}
