use std::os::unix::net::UnixStream;
use std::sync::Arc;

use assay_api::calling::Priority;
use assay_api::client::{Calling, Calls, ClientCheck, Own, Setup, Trial, Tried};
use assay_api::dialect::Dialect;
use assay_api::server::{KEY, MODEL, Script, Serving, Settings, Step};
use assay_api::wire::Wire;
use assay_api::{Error, Kind};
use assay_model::protocol::FromChild;
use assay_model::{CheckId, Evidence, Exchange, Observation};
use tokio::process::Command;

use crate::endpoint_worker::{BOUNDS, QUESTIONS, finish, say};
use crate::failure::Failure;

/// What is added to a question of the evidence, so that it is no check's.
const OF_EVIDENCE: u32 = 17;

/// A client that is checked.
pub(crate) struct ClientUnderTest {
    dialect: &'static Dialect,
    client: Box<dyn Tried>,
    nonce: u64,
}

impl ClientUnderTest {
    /// Assay's own, or a command.
    pub(crate) fn new(
        dialect: &'static Dialect,
        command: Vec<String>,
        nonce: u64,
    ) -> Result<Self, Failure> {
        let client: Box<dyn Tried> = if command.is_empty() {
            let wire = Wire::new(BOUNDS).map_err(|error| Failure::setup(error.to_string()))?;
            Box::new(Own::new(dialect, wire))
        } else {
            Box::new(Program { dialect, command })
        };
        Ok(Self {
            dialect,
            client,
            nonce,
        })
    }

    /// Answers the runner.
    pub(crate) async fn ask(
        &self,
        runner: &mut UnixStream,
        checks: &[CheckId],
        evidence: bool,
    ) -> std::io::Result<()> {
        if evidence {
            let name = "showing evidence".into();
            say(runner, &FromChild::Stage { name })?;
            let evidence = self.shown().await?;
            say(runner, &FromChild::Evidence(Box::new(evidence)))?;
        }
        for id in checks {
            let check = || id.clone();
            say(runner, &FromChild::CheckStarted { check: check() })?;
            let row = ClientCheck::named(id.as_str())
                .ok_or_else(|| std::io::Error::other(format!("there is no check {id}")))?;
            let trial = Trial {
                client: self.client.as_ref(),
                dialect: self.dialect,
                nonce: self.nonce,
            };
            let observation: Box<Observation> = Box::new(row.observe(&trial).await?);
            let observed = FromChild::Observed {
                check: check(),
                observation,
            };
            say(runner, &observed)?;
        }
        finish(runner)
    }

    /// Questions that the client is given, and what the server told it: it answers what it hears, so that a client that says something else,
    /// or nothing, has other answers.
    async fn shown(&self) -> std::io::Result<Evidence> {
        let mut evidence = Evidence {
            model_class: self.dialect.name.into(),
            ..Evidence::default()
        };
        let script = Script::new(|_, _| Step::Answer);
        let server = Serving::scripted(Settings::new(self.dialect), script.clone()).await?;
        let bases = [server.base()];
        let Some(calls) = self.client.set_up(&bases, &Setup::default()) else {
            return Ok(evidence);
        };
        for words in QUESTIONS {
            let question = format!("{words} ({:x})", self.nonce.rotate_left(OF_EVIDENCE));
            if let Err(why) = calls.call(0, question.clone(), Priority::Normal).await {
                let error = Error::new(Kind::Invalid, why);
                evidence.raised = Some(assay_api::check::raised(&error));
                break;
            }
            let heard = script.heard();
            let answer = heard.iter().find(|heard| heard.question == question);
            let answer = answer.map(|heard| heard.answer.clone()).unwrap_or_default();
            evidence.exchanges.push(Exchange { question, answer });
        }
        Ok(evidence)
    }
}

/// A program that asks once and ends.
struct Program {
    dialect: &'static Dialect,
    command: Vec<String>,
}

impl Tried for Program {
    fn set_up(&self, bases: &[String], setup: &Setup) -> Option<Arc<dyn Calls>> {
        let can_be = Setup {
            breaker: setup.breaker,
            ..Setup::default()
        };
        // Each of its processes is a client of its own, in which no breaker opens.
        (*setup == can_be && bases.len() == 1).then(|| {
            let calls: Arc<dyn Calls> = Arc::new(Processes {
                dialect: self.dialect,
                command: self.command.clone(),
                base: bases[0].clone(),
            });
            calls
        })
    }
}

struct Processes {
    dialect: &'static Dialect,
    command: Vec<String>,
    base: String,
}

impl Calls for Processes {
    fn call(&self, _: usize, question: String, _: Priority) -> Calling<'_> {
        Box::pin(async move {
            let Some((program, arguments)) = self.command.split_first() else {
                return Err("there is no command".into());
            };
            let mut command = Command::new(program);
            command
                .args(arguments)
                .env("ASSAY_BASE_URL", &self.base)
                .env("ASSAY_KEY", KEY)
                .env("ASSAY_MODEL", MODEL)
                .env("ASSAY_QUESTION", question)
                .stdin(std::process::Stdio::null())
                .kill_on_drop(true);
            let own = &self.dialect.endpoints;
            for name in own.keys {
                command.env(name, KEY);
            }
            for name in own.bases {
                command.env(name, &self.base);
            }
            let output = command
                .output()
                .await
                .map_err(|error| format!("{program}: {error}"))?;
            if output.status.success() {
                return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            Err(format!("{}: {}", output.status, last.unwrap_or_default()))
        })
    }
}
