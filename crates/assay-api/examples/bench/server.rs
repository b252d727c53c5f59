//! A server that does next to nothing: it answers any question alike, and writes down when it wrote.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// When each token of a request was handed to the system.
pub(crate) type Written = Arc<Mutex<HashMap<u64, Vec<Instant>>>>;

#[derive(Clone)]
pub(crate) struct Answering {
    pub(crate) pace: Duration,
    pub(crate) tokens: u64,
    pub(crate) written: Written,
}

/// In this process, until it is killed.
pub(crate) fn serve(pace: Duration, tokens: u64) {
    let answering = Answering {
        pace,
        tokens,
        written: Arc::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}/v1", listener.local_addr().unwrap());
        accept(listener, answering, false).await;
    });
}

pub(crate) async fn accept(listener: TcpListener, answering: Answering, stamps: bool) {
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).unwrap();
        let answering = answering.clone();
        tokio::spawn(async move {
            let _ = answer(socket, answering, stamps).await;
        });
    }
}

async fn answer(mut socket: TcpStream, answering: Answering, stamps: bool) -> std::io::Result<()> {
    let whole = whole();
    let mut bytes = Vec::new();
    while let Some(body) = request(&mut socket, &mut bytes).await? {
        if !body.contains("\"stream\":true") {
            socket.write_all(whole.as_bytes()).await?;
            continue;
        }
        let mut written = Vec::new();
        socket.write_all(HEAD.as_bytes()).await?;
        for number in 0..answering.tokens {
            tokio::time::sleep(answering.pace).await;
            let event = event(&format!(
                r#"[{{"index":0,"delta":{{"content":" {number}"}},"finish_reason":null}}]"#
            ));
            if stamps {
                written.push(Instant::now());
            }
            socket.write_all(event.as_bytes()).await?;
        }
        let last = event(r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#);
        let last = last + &framed("data: [DONE]\n\n") + "0\r\n\r\n";
        if stamps {
            let number = body.split("n=").nth(1).unwrap();
            let number = number.split(' ').next().unwrap().parse().unwrap();
            answering.written.lock().unwrap().insert(number, written);
        }
        socket.write_all(last.as_bytes()).await?;
    }
    Ok(())
}

/// The body of the next request.
async fn request(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            let whole = end + 4 + length;
            if bytes.len() >= whole {
                let body = String::from_utf8_lossy(&bytes[end + 4..whole]).into_owned();
                bytes.drain(..whole);
                return Ok(Some(body));
            }
        }
        if socket.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn framed(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn event(choices: &str) -> String {
    framed(&format!(
        "data: {{\"id\":\"a\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":{choices}}}\n\n"
    ))
}

fn whole() -> String {
    let body = r#"{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"gold"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}"#;
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
