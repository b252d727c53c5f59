use std::sync::Arc;

use super::{Calling, Calls, Setup, Tried};
use crate::calling::{Breaker, Client, KeyPool, Priority, Queue};
use crate::chat::Chat;
use crate::dialect::Dialect;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::key::Key;
use crate::server::{KEY, MODEL};
use crate::wire::Wire;

/// Assay's own client.
#[derive(Debug)]
pub struct Own {
    dialect: &'static Dialect,
    wire: Wire,
}

impl Own {
    /// One that speaks a dialect.
    #[must_use]
    pub fn new(dialect: &'static Dialect, wire: Wire) -> Self {
        Self { dialect, wire }
    }

    fn client(&self, base: &str, setup: &Setup) -> Result<Client, Error> {
        let key = Some(Key::new(KEY));
        let endpoint = Endpoint::new(self.dialect, base, MODEL, key, self.wire.clone())?;
        let mut client = Client::new(endpoint);
        if let Some((places, waiting)) = setup.places {
            client.queue = Queue::new(places, waiting);
        }
        if let Some(breaker) = setup.breaker {
            client.breaker = Breaker::new(breaker);
        }
        if let Some(retries) = setup.retries {
            client.retry.attempts = retries;
        }
        client.keys = setup.keys.as_ref().map(|of| {
            let keys = of.keys.iter();
            let keys = keys.map(|(key, weight)| (Key::new(key), *weight)).collect();
            let is_shared = self.dialect.endpoints.is_limited_as_one;
            KeyPool::new(keys, of.rotation, of.cooldown, is_shared)
        });
        Ok(client)
    }
}

impl Tried for Own {
    fn set_up(&self, bases: &[String], setup: &Setup) -> Option<Arc<dyn Calls>> {
        let first = self.client(bases.first()?, setup).ok()?;
        let mut clients = vec![first.clone()];
        for base in &bases[1..] {
            let endpoint = self.client(base, setup).ok()?.endpoint().clone();
            clients.push(first.at(endpoint));
        }
        Some(Arc::new(OwnCalls(clients)))
    }
}

/// Clients that share all but their servers.
struct OwnCalls(Vec<Client>);

impl Calls for OwnCalls {
    fn call(&self, server: usize, question: String, priority: Priority) -> Calling<'_> {
        let client = &self.0[server];
        Box::pin(async move {
            let chat = Chat {
                max_tokens: Some(8),
                ..Chat::of(question)
            };
            let called = client.ask(&chat, priority).await;
            let answer = called.answer.map_err(|error| error.to_string())?;
            Ok(answer.text)
        })
    }
}
