use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use assay_api::chat::Chat;
use assay_api::check::{Asking, CheckRow};
use assay_api::dialect::Dialect;
use assay_api::wire::{Bounds, Wire};
use assay_api::{Error, Key, Kind};
use assay_model::protocol::{FromChild, Job, MAX_FRAME_BYTES, PROTOCOL_VERSION, ToChild};
use assay_model::{CheckId, Endpoint, Evidence, Exchange, ExitCode, Subject};

use crate::failure::Failure;

/// How long a call of a check may take: a check makes some ten of them within its deadline.
const BOUNDS: Bounds = Bounds {
    connect: Duration::from_secs(5),
    head: Duration::from_secs(20),
    between: Duration::from_secs(10),
    total: Duration::from_secs(30),
    head_bytes: 64 << 10,
    body_bytes: 64 << 20,
    event_bytes: 4 << 20,
};

/// What an endpoint is asked to show that it answers; the nonce is added.
const QUESTIONS: [&str; 3] = [
    "What is gold?",
    "Count from one to nine, and say each number in words, please.",
    "def area(radius):",
];

/// An endpoint, ready to be asked. Sends nothing.
pub(crate) fn connect(endpoint: &Endpoint) -> Result<assay_api::Endpoint, Error> {
    let wrong = |words: String| Error {
        kind: Kind::Invalid,
        words,
        status: None,
        retry_after: None,
        should_retry: None,
        request_id: None,
    };
    let dialect = Dialect::named(&endpoint.dialect)
        .ok_or_else(|| wrong(format!("there is no dialect `{}`", endpoint.dialect)))?;
    let key = match &endpoint.key_variable {
        None => None,
        Some(name) => {
            let key = std::env::var(name)
                .map_err(|_| wrong(format!("the variable `{name}` holds no key")))?;
            Some(Key::new(key))
        }
    };
    let wire = Wire::without_keeping(BOUNDS).map_err(|error| wrong(error.to_string()))?;
    assay_api::Endpoint::new(dialect, &endpoint.base, endpoint.model.clone(), key, wire)
}

/// `assay api worker`: a worker for endpoints. It speaks the protocol of a child on its standard input.
pub(crate) fn work() -> Result<ExitCode, Failure> {
    let failed = |error: std::io::Error| Failure::internal(format!("the runner is gone: {error}"));
    let socket = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(failed)?;
    let mut runner = UnixStream::from(socket);
    say(
        &mut runner,
        &FromChild::Hello {
            protocol: PROTOCOL_VERSION,
        },
    )
    .map_err(failed)?;
    let ToChild::Start(job) = hear(&mut runner).map_err(failed)?;
    let Job::Check {
        subject: Subject::Endpoint(endpoint),
        checks,
        nonce,
        evidence,
        ..
    } = *job
    else {
        return Err(Failure::internal("a job that is none of an endpoint's"));
    };
    let endpoint = connect(&endpoint).map_err(|error| Failure::setup(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let asking = Asking {
        endpoint: &endpoint,
        nonce: nonce.parse().unwrap_or_default(),
    };
    runtime
        .block_on(ask(&mut runner, &asking, &checks, evidence))
        .map_err(failed)?;
    Ok(ExitCode::Passed)
}

async fn ask(
    runner: &mut UnixStream,
    asking: &Asking<'_>,
    checks: &[CheckId],
    evidence: bool,
) -> std::io::Result<()> {
    if evidence {
        say(
            runner,
            &FromChild::Stage {
                name: "showing evidence".into(),
            },
        )?;
        let evidence = shown(asking).await;
        say(runner, &FromChild::Evidence(Box::new(evidence)))?;
    }
    for check in checks {
        say(
            runner,
            &FromChild::CheckStarted {
                check: check.clone(),
            },
        )?;
        let row = CheckRow::named(check.as_str());
        let row = row.ok_or_else(|| std::io::Error::other(format!("there is no check {check}")))?;
        let observation = Box::new(row.observe(asking).await);
        say(
            runner,
            &FromChild::Observed {
                check: check.clone(),
                observation,
            },
        )?;
    }
    let finished = FromChild::Finished {
        cpu_seconds: cpu_seconds(),
        peak_memory_bytes: peak_memory(),
    };
    say(runner, &finished)
}

/// Questions that the nonce makes, and what is answered.
async fn shown(asking: &Asking<'_>) -> Evidence {
    let mut evidence = Evidence {
        model_class: asking.endpoint.dialect.name.into(),
        ..Evidence::default()
    };
    for words in QUESTIONS {
        let question = format!("{words} ({:x})", asking.nonce.rotate_left(17));
        let chat = Chat {
            max_tokens: Some(16),
            temperature: Some(0.0),
            ..Chat::of(question.clone())
        };
        match asking.endpoint.ask(&chat).await {
            Ok((_, answer)) => evidence.exchanges.push(Exchange {
                question,
                answer: answer.reasoning + &answer.text,
            }),
            Err(error) => {
                evidence.raised = Some(assay_api::check::raised(&error));
                break;
            }
        }
    }
    evidence
}

fn say(runner: &mut UnixStream, message: &FromChild) -> std::io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).map_err(std::io::Error::other)?;
    runner.write_all(&length.to_be_bytes())?;
    runner.write_all(&body)
}

fn hear(runner: &mut UnixStream) -> std::io::Result<ToChild> {
    let mut length = [0; 4];
    runner.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MAX_FRAME_BYTES {
        return Err(std::io::Error::other("a message that is too long"));
    }
    let mut body = vec![0; length as usize];
    runner.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

/// User and system seconds of this process.
fn cpu_seconds() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds for a person")]
    let seconds = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
    seconds
}

/// The most bytes that this process has held.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
