use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::Duration;

use assay_api::bench::{self, Plan};
use assay_api::check::{Asking, CheckRow};
use assay_api::dialect::Dialect;
use assay_api::wire::{Bounds, Wire};
use assay_api::{Error, Key, Kind, Signer};
use assay_model::protocol::{FromChild, Job, MAX_FRAME_BYTES, PROTOCOL_VERSION, ToChild};
use assay_model::{
    CheckId, Endpoint, Evidence, Exchange, ExitCode, Observation, Raised, Subject, Unavailable,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use crate::client_worker::ClientUnderTest;
use crate::failure::Failure;
use crate::targets::EndpointRecipe;

/// How long a call of a check may take: a check makes some ten of them within its deadline.
pub(crate) const BOUNDS: Bounds = Bounds {
    connect: Duration::from_secs(5),
    head: Duration::from_secs(20),
    between: Duration::from_secs(10),
    total: Duration::from_secs(30),
    head_bytes: 64 << 10,
    body_bytes: 64 << 20,
    event_bytes: 4 << 20,
};

/// The keys of the one endpoint that this process asks. Whatever a server says back goes to the runner, and into the record, without them.
static HIDDEN: OnceLock<Vec<Key>> = OnceLock::new();

/// Fields of what is said to the runner whose words are Assay's own.
const OWN: [&str; 4] = ["origin", "kind", "exception", "stage"];

/// What an endpoint is asked to show that it answers; the nonce is added.
pub(crate) const QUESTIONS: [&str; 3] = [
    "What is gold?",
    "Count from one to nine, and say each number in words, please.",
    "def area(radius):",
];

/// Tokens of what is shown, at most.
const SHOWN: u32 = 16;

/// An endpoint, ready to be asked. Sends nothing.
fn connect(endpoint: &Endpoint, wire: io::Result<Wire>) -> Result<assay_api::Endpoint, Error> {
    let key = match &endpoint.key_variable {
        None => None,
        Some(name) => {
            let key = std::env::var(name).map_err(|_| {
                Error::new(Kind::Invalid, format!("the variable `{name}` holds no key"))
            })?;
            if key.contains(char::is_control) {
                let words =
                    format!("the variable `{name}` has a line break or a control character in it");
                return Err(Error::new(Kind::Invalid, words));
            }
            Some(Key::new(key))
        }
    };
    HIDDEN.get_or_init(|| key.iter().cloned().chain(signer().session).collect());
    asked(endpoint, key, wire)
}

/// Whether an endpoint has an address of its dialect.
pub(crate) fn address(endpoint: &Endpoint) -> Result<(), Error> {
    asked(endpoint, None, Wire::without_keeping(BOUNDS)).map(|_| ())
}

fn asked(
    endpoint: &Endpoint,
    key: Option<Key>,
    wire: io::Result<Wire>,
) -> Result<assay_api::Endpoint, Error> {
    let wrong = |words: String| Error::new(Kind::Invalid, words);
    let dialect = Dialect::named(&endpoint.dialect)
        .ok_or_else(|| wrong(format!("there is no dialect `{}`", endpoint.dialect)))?;
    let wire = wire.map_err(|error| wrong(error.to_string()))?;
    let model = endpoint.model.clone();
    let connected = assay_api::Endpoint::new(dialect, &endpoint.base, model, key, wire)?;
    Ok(match dialect.sign {
        Some(_) => connected.with_signer(signer()),
        None => connected,
    })
}

/// What goes with a key that signs, from the variables that every tool of AWS reads.
fn signer() -> Signer {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Signer {
        id: variable("AWS_ACCESS_KEY_ID").unwrap_or_default(),
        region: variable("AWS_REGION")
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .unwrap_or_else(|| "us-east-1".into()),
        session: variable("AWS_SESSION_TOKEN").map(Key::new),
    }
}

/// `assay api worker`: a worker for endpoints. It speaks the protocol of a child on its standard input.
pub(crate) fn work() -> Result<ExitCode, Failure> {
    let failed = |error: io::Error| Failure::internal(format!("the runner is gone: {error}"));
    let socket = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
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
        recipe,
        checks,
        nonce,
        evidence,
        ..
    } = *job
    else {
        return Err(Failure::internal("a job that is none of an endpoint's"));
    };
    let recipe: EndpointRecipe = serde_json::from_value(recipe)
        .map_err(|error| Failure::internal(format!("the recipe of an endpoint: {error}")))?;
    if let Some(why) = recipe.withheld {
        withhold(&mut runner, &why, &checks, evidence).map_err(failed)?;
        return Ok(ExitCode::Passed);
    }
    // A load has threads of its own: what reads one answer must not hold up the clock of another.
    let mut builder = match recipe.load {
        Some(_) => tokio::runtime::Builder::new_multi_thread(),
        None => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build().map_err(failed)?;
    let nonce = nonce.parse().unwrap_or_default();
    if let Some(command) = recipe.client {
        let dialect = crate::targets::dialect(&endpoint.dialect)?;
        let client = ClientUnderTest::new(dialect, command, nonce)?;
        runtime
            .block_on(client.ask(&mut runner, &checks, evidence))
            .map_err(failed)?;
        return Ok(ExitCode::Passed);
    }
    let refused = |error: Error| Failure::setup(error.to_string());
    let load = recipe.load.map(|plan| load(&endpoint, plan));
    let mut load = load.transpose().map_err(refused)?;
    if let Some(load) = &mut load {
        load.endpoint = runtime.block_on(settled(load.endpoint.clone()));
    }
    let endpoint = connect(&endpoint, Wire::without_keeping(BOUNDS)).map_err(refused)?;
    let endpoint = runtime.block_on(settled(endpoint));
    let asking = Asking {
        endpoint: &endpoint,
        nonce,
    };
    runtime
        .block_on(ask(&mut runner, &asking, load, &checks, evidence))
        .map_err(failed)?;
    Ok(ExitCode::Passed)
}

/// Says of every check why it is not asked.
fn withhold(
    runner: &mut UnixStream,
    why: &Unavailable,
    checks: &[CheckId],
    evidence: bool,
) -> io::Result<()> {
    let raised = || {
        let error = Error::new(Kind::Invalid, why.words.clone());
        Some(Raised {
            unavailable: Some(why.clone()),
            ..assay_api::check::raised(&error)
        })
    };
    if evidence {
        let evidence = Evidence {
            raised: raised(),
            ..Evidence::default()
        };
        say(runner, &FromChild::Evidence(Box::new(evidence)))?;
    }
    for check in checks {
        let check = || check.clone();
        say(runner, &FromChild::CheckStarted { check: check() })?;
        let observation = Box::new(Observation {
            raised: raised(),
            ..Observation::default()
        });
        let observed = FromChild::Observed {
            check: check(),
            observation,
        };
        say(runner, &observed)?;
    }
    finish(runner)
}

pub(crate) fn finish(runner: &mut UnixStream) -> io::Result<()> {
    let finished = FromChild::Finished {
        cpu_seconds: cpu_seconds(),
        peak_memory_bytes: peak_memory(),
    };
    say(runner, &finished)
}

/// A load, and the endpoint that it is put on: its connections are kept, as clients keep them.
struct Loaded {
    plan: Plan,
    endpoint: assay_api::Endpoint,
}

fn load(endpoint: &Endpoint, plan: Plan) -> Result<Loaded, Error> {
    open_files();
    let bounds = Bounds {
        head: plan.answer,
        between: plan.answer,
        total: plan.answer,
        ..BOUNDS
    };
    let endpoint = connect(endpoint, Wire::new(bounds))?;
    Ok(Loaded { plan, endpoint })
}

/// The same as its model wants to be asked. A refusal comes at once: who is slow is asked as any other.
async fn settled(endpoint: assay_api::Endpoint) -> assay_api::Endpoint {
    const PATIENCE: Duration = Duration::from_secs(10);
    let settled = tokio::time::timeout(PATIENCE, endpoint.clone().settled()).await;
    settled.unwrap_or(endpoint)
}

/// Lets this process open as many files as it may: each request under way is one.
fn open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // What can't be had is told by the requests that fail.
    let _ = setrlimit(Resource::Nofile, raised);
}

async fn ask(
    runner: &mut UnixStream,
    asking: &Asking<'_>,
    load: Option<Loaded>,
    checks: &[CheckId],
    evidence: bool,
) -> io::Result<()> {
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
        let observation = match (&load, CheckRow::named(check.as_str())) {
            (Some(load), _) if check.as_str() == bench::CHECK => {
                bench::observe(&load.endpoint, &load.plan, asking.nonce).await
            }
            (_, Some(row)) => row.observe(asking).await,
            _ => {
                return Err(io::Error::other(format!("there is no check {check}")));
            }
        };
        let observation = Box::new(observation);
        say(
            runner,
            &FromChild::Observed {
                check: check.clone(),
                observation,
            },
        )?;
    }
    finish(runner)
}

/// Questions that the nonce makes, and what is answered.
async fn shown(asking: &Asking<'_>) -> Evidence {
    let mut evidence = Evidence {
        model_class: asking.endpoint.dialect.name.into(),
        ..Evidence::default()
    };
    for words in QUESTIONS {
        let question = format!("{words} ({:x})", asking.nonce.rotate_left(17));
        match asking.shown(&question, SHOWN).await {
            Ok(answer) => evidence.exchanges.push(Exchange { question, answer }),
            Err(error) => {
                evidence.raised = Some(assay_api::check::raised(&error));
                break;
            }
        }
    }
    evidence
}

pub(crate) fn say(runner: &mut UnixStream, message: &FromChild) -> io::Result<()> {
    let mut said = serde_json::to_value(message)?;
    let keys = HIDDEN.get().map_or(&[][..], Vec::as_slice);
    if let (false, Some(words)) = (keys.is_empty(), of_the_server(message, &mut said)) {
        hide(keys, words);
    }
    let body = said.to_string();
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    runner.write_all(&length.to_be_bytes())?;
    runner.write_all(body.as_bytes())
}

/// The part of a message that may repeat what a server said.
fn of_the_server<'a>(message: &FromChild, said: &'a mut Value) -> Option<&'a mut Value> {
    said.pointer_mut(match message {
        FromChild::Evidence(_) => "/evidence",
        FromChild::Observed { .. } => "/observed/observation",
        _ => return None,
    })
}

/// Takes keys out of every text.
fn hide(keys: &[Key], value: &mut Value) {
    match value {
        Value::String(text) => {
            for key in keys {
                *text = key.hidden_in(text);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|its| hide(keys, its)),
        Value::Object(fields) => {
            let of_servers = fields
                .iter_mut()
                .filter(|(name, _)| !OWN.contains(&name.as_str()));
            of_servers.for_each(|(_, its)| hide(keys, its));
        }
        _ => {}
    }
}

fn hear(runner: &mut UnixStream) -> io::Result<ToChild> {
    let mut length = [0; 4];
    runner.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MAX_FRAME_BYTES {
        return Err(io::Error::other("a message that is too long"));
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
