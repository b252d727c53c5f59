//! Faults below HTTP.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Fault;

/// Whether a fault is one of the bytes themselves.
pub(super) fn is_raw(fault: Fault) -> bool {
    use Fault::{
        BytesAfterTheBody, CompressedBomb, Drips, EndlessBody, EndlessHeaders, NeverAnswers,
        NoHttp, RedirectsAway, ResetsInAChunk, StopsInAChunk,
    };
    matches!(
        fault,
        BytesAfterTheBody
            | CompressedBomb
            | Drips
            | EndlessBody
            | EndlessHeaders
            | NeverAnswers
            | NoHttp
            | RedirectsAway
            | ResetsInAChunk
            | StopsInAChunk
    )
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

/// Reads what it is asked, and answers amiss.
pub(super) async fn answer(mut socket: TcpStream, fault: Fault) {
    let mut buffer = [0; 1 << 16];
    if !matches!(socket.read(&mut buffer).await, Ok(count) if count > 0) {
        return;
    }
    // What can't be written any more has done its work.
    let _ = amiss(&mut socket, fault).await;
}

async fn amiss(socket: &mut TcpStream, fault: Fault) -> std::io::Result<()> {
    let chunked = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    match fault {
        Fault::NoHttp => socket.write_all(b"220 mail.example ESMTP\r\n").await?,
        Fault::EndlessHeaders => {
            socket.write_all(HEAD.as_bytes()).await?;
            for number in 0_u64.. {
                let line = format!("x-{number}: {}\r\n", "x".repeat(1 << 10));
                socket.write_all(line.as_bytes()).await?;
            }
        }
        Fault::EndlessBody => {
            socket.write_all(chunked.as_bytes()).await?;
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(1 << 16));
            loop {
                socket.write_all(chunk.as_bytes()).await?;
            }
        }
        Fault::Drips => {
            socket.write_all(chunked.as_bytes()).await?;
            loop {
                socket.write_all(b"1\r\n \r\n").await?;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        Fault::StopsInAChunk => {
            socket.write_all(chunked.as_bytes()).await?;
            socket.write_all(b"100\r\n{\"id\": ").await?;
        }
        Fault::ResetsInAChunk => {
            socket.write_all(chunked.as_bytes()).await?;
            socket.write_all(b"100\r\n{\"id\": ").await?;
            socket.set_zero_linger()?;
        }
        Fault::CompressedBomb => {
            let head = format!("{HEAD}content-encoding: gzip\r\ncontent-length: 20\r\n\r\n");
            socket.write_all(head.as_bytes()).await?;
            socket.write_all(&[0; 20]).await?;
        }
        Fault::BytesAfterTheBody => {
            let answer = format!("{HEAD}content-length: 2\r\n\r\n{{}}{{\"more\": 1}}");
            socket.write_all(answer.as_bytes()).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Fault::RedirectsAway => {
            let head = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://elsewhere.example/\r\ncontent-length: 0\r\n\r\n";
            socket.write_all(head.as_bytes()).await?;
        }
        // Until the client has had enough.
        _ => {
            let mut rest = [0; 64];
            while socket.read(&mut rest).await? > 0 {}
        }
    }
    Ok(())
}
