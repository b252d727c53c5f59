//! A server of one's own: it answers in a dialect, rightly or with one [`Fault`]. It is what the checks are tried on, and what
//! `assay api serve-faults` offers to other clients. Its answers come from no model: words are drawn by a hash of the question.

mod answers;
mod body;
mod chat;
mod fault;
mod features;
mod infer;
mod objects;
mod raw;
mod script;
pub(crate) mod voice;
mod words;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::dialect::Dialect;

pub use fault::{FAULTS, Fault, FaultRow};
pub use script::{Heard, Refusal, Script, Step, Steps};

/// The one model that it has.
pub const MODEL: &str = "tiny";

/// The one key that it takes.
pub const KEY: &str = "sk-of-the-fault-server";

/// How it answers.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// In which dialect.
    pub dialect: &'static Dialect,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// Between two tokens.
    pub pace: Duration,
    /// Answers at a time; others wait.
    pub slots: usize,
}

impl Settings {
    /// A right one.
    #[must_use]
    pub fn new(dialect: &'static Dialect) -> Self {
        Self {
            dialect,
            fault: None,
            pace: Duration::from_millis(1),
            slots: 4,
        }
    }
}

/// A server on a port of the loopback device. It ends when this is dropped.
#[derive(Debug)]
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    settings: Settings,
    task: JoinHandle<()>,
}

impl Serving {
    /// Begins to listen; port 0 for any that is free.
    ///
    /// # Errors
    /// If the port is taken.
    pub async fn start(settings: Settings, port: u16) -> io::Result<Self> {
        Self::begin(settings, port, None).await
    }

    /// One that answers by a script.
    ///
    /// # Errors
    /// As [`Serving::start`].
    pub async fn scripted(settings: Settings, script: Script) -> io::Result<Self> {
        Self::begin(settings, 0, Some(script)).await
    }

    async fn begin(settings: Settings, port: u16, script: Option<Script>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let slots = Arc::new(Semaphore::new(settings.slots));
        let task = tokio::spawn(accept(listener, settings, slots, script));
        Ok(Self {
            address,
            settings,
            task,
        })
    }

    /// Its address, as a client of the dialect wants it.
    #[must_use]
    pub fn base(&self) -> String {
        let own = self.settings.dialect.endpoints.base;
        let path = own.splitn(4, '/').nth(3).unwrap_or_default();
        format!("http://{}/{path}", self.address)
    }

    /// Comes back when it has ended: never, unless it is broken.
    pub async fn ended(&mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    settings: Settings,
    slots: Arc<Semaphore>,
    script: Option<Script>,
) {
    let store = Arc::new(objects::Store::default());
    while let Ok((socket, _)) = listener.accept().await {
        let (slots, store, script) = (Arc::clone(&slots), Arc::clone(&store), script.clone());
        tokio::spawn(async move {
            let _ = socket.set_nodelay(true);
            if let Some(fault) = settings.fault.filter(|fault| raw::is_raw(*fault)) {
                return raw::answer(socket, fault).await;
            }
            let answer = service_fn(move |request| {
                let (slots, store, script) =
                    (Arc::clone(&slots), Arc::clone(&store), script.clone());
                async move {
                    match script {
                        Some(script) => script.answer(request, settings, slots, store).await,
                        None => match answers::answer(request, settings, slots, store).await {
                            Ok(response) => Ok(response),
                            Err(never) => match never {},
                        },
                    }
                }
            });
            // A client that goes away is no error of the server's.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), answer)
                .await;
        });
    }
}
