use http::{HeaderName, HeaderValue, Uri};
use serde_json::Value;

use crate::call::Call;
use crate::chat::{Answer, Chat, Finish};
use crate::dialect::{Capability, Chatting, Dialect};
use crate::error::{Error, Kind};
use crate::key::Key;
use crate::streaming::Streaming;
use crate::wire::{Outgoing, Whole, Wire};

/// The header by which a server tells a call that is tried again.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Whose key it is that signs, and where: what S3 wants beside the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The name of the key.
    pub id: String,
    /// The part of the service that is asked.
    pub region: String,
    /// A token that goes with a key for some hours.
    pub session: Option<Key>,
}

/// A server, spoken to in its dialect.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// How it is asked.
    pub dialect: &'static Dialect,
    base: String,
    /// The model that is asked for.
    pub model: String,
    key: Option<Key>,
    idempotency_key: Option<String>,
    signer: Option<Signer>,
    wire: Wire,
    /// Fields that its model does not take.
    refused: Vec<&'static str>,
    /// Tokens that an answer needs before it says a word.
    thoughts: u32,
}

/// Tokens for what is thought before a word is said.
const THOUGHTS: u32 = 4096;

/// Fields of a chat that a model may not take.
const OFFERED: [&str; 3] = ["max_tokens", "temperature", "seed"];

impl Endpoint {
    /// A server at an address: that of the dialect's routes, as `https://api.openai.com/v1`.
    ///
    /// # Errors
    /// [`Kind::Name`] for what is no address of HTTP.
    pub fn new(
        dialect: &'static Dialect,
        base: &str,
        model: impl Into<String>,
        key: Option<Key>,
        wire: Wire,
    ) -> Result<Self, Error> {
        let base = base.trim_end_matches('/').to_owned();
        // What is wrong is said without the address where a secret may stand in it.
        if base.contains(['?', '#', '@']) {
            let words = "an address with a password, a query or a fragment in it: keys are named by their variables";
            return Err(Error::new(Kind::Name, words));
        }
        let wrong = |why: &str| Error::new(Kind::Name, format!("`{base}` is no address: {why}"));
        let uri: Uri = base
            .parse()
            .map_err(|error: http::uri::InvalidUri| wrong(&error.to_string()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("it begins with neither http:// nor https://"));
        }
        let Some(authority) = uri.authority() else {
            return Err(wrong("it has no host"));
        };
        let has_port = !authority.as_str().ends_with(']') && authority.as_str().contains(':');
        if has_port && authority.port_u16().is_none() {
            return Err(wrong("its port is none: there are 65535"));
        }
        Ok(Self {
            dialect,
            base,
            model: model.into(),
            key,
            idempotency_key: None,
            signer: None,
            wire,
            refused: Vec::new(),
            thoughts: 0,
        })
    }

    /// The same with what goes with a key that signs.
    #[must_use]
    pub fn with_signer(&self, signer: Signer) -> Self {
        Self {
            signer: Some(signer),
            ..self.clone()
        }
    }

    /// The same with another key, or none.
    #[must_use]
    pub fn with_key(&self, key: Option<Key>) -> Self {
        Self {
            key,
            ..self.clone()
        }
    }

    /// The same with a key by which the server tells a call that is tried again (`idempotency-key`, draft-ietf-httpapi-idempotency-key).
    #[must_use]
    pub fn with_idempotency_key(&self, key: String) -> Self {
        Self {
            idempotency_key: Some(key),
            ..self.clone()
        }
    }

    /// The same, asked as its model wants to be: a field that it refuses by name is left out, and OpenAI's `max_tokens` goes by its newer
    /// name, `max_completion_tokens`; one that thinks before it says a word has room for that. Asks a question of a few tokens, up to once
    /// a field; what goes wrong there is for whoever asks next to find.
    pub async fn settled(mut self) -> Self {
        const FEW: u32 = 16;
        let Some(chatting) = self.dialect.chat else {
            return self;
        };
        let question = Chat {
            max_tokens: Some(FEW),
            temperature: Some(0.0),
            seed: self.dialect.can(Capability::Seed).then_some(7),
            ..Chat::of("Say something.")
        };
        for _ in 0..=OFFERED.len() {
            let answer = match self.chat(&question) {
                Ok(call) => self.make(&call).await,
                Err(error) => Err(error),
            };
            let Ok(whole) = answer else {
                break;
            };
            let body = whole.json().unwrap_or_default();
            if whole.status == 200 {
                let answer = (chatting.response)(&body);
                let is_silent = answer.text.is_empty() && answer.reasoning.is_empty();
                if is_silent && answer.finish == Some(Finish::Length) {
                    self.thoughts = THOUGHTS;
                }
                break;
            }
            let field = (chatting.refused)(&body).filter(|_| whole.status == 400);
            let is_new = |its: &&str| Some(*its) == field && self.takes(its);
            if let Some(field) = OFFERED.into_iter().find(is_new) {
                self.refused.push(field);
                continue;
            }
            // "Could not finish the message because max_tokens or model output limit was reached."
            let words = self.dialect.told(&whole).map(|(_, words)| words);
            if words.is_some_and(|words| words.starts_with("Could not finish the message")) {
                self.thoughts = THOUGHTS;
            }
            break;
        }
        self
    }

    /// Tokens that an answer needs before it says a word, as far as is known ([`Endpoint::settled`]).
    #[must_use]
    pub fn thoughts(&self) -> u32 {
        self.thoughts
    }

    /// Fields of a chat that its model does not take, as far as is known ([`Endpoint::settled`]).
    #[must_use]
    pub fn refused(&self) -> &[&'static str] {
        &self.refused
    }

    /// Whether its model takes a field of a chat, as far as is known ([`Endpoint::settled`]).
    #[must_use]
    pub fn takes(&self, field: &str) -> bool {
        !self.refused.contains(&field)
    }

    /// Its address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The same with another model.
    #[must_use]
    pub fn with_model(&self, model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            ..self.clone()
        }
    }

    /// Whether it has a key.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// A chat in its dialect.
    ///
    /// # Errors
    /// [`Kind::Invalid`] where the dialect does not chat.
    pub fn chat(&self, chat: &Chat) -> Result<Call, Error> {
        let endpoints = &self.dialect.endpoints;
        let route = if chat.stream {
            endpoints.stream
        } else {
            endpoints.chat
        };
        let mut body = (self.chatting()?.request)(chat, &self.model);
        for field in &self.refused {
            let value = body.as_object_mut().and_then(|body| body.remove(*field));
            if let ("max_tokens", Some(value)) = (*field, value) {
                body["max_completion_tokens"] = value;
            }
        }
        Ok(Call::post(self.with_names(route), &body))
    }

    /// A route with the model's name in its place.
    pub(crate) fn with_names(&self, route: &str) -> String {
        route.replace("{model}", &self.model)
    }

    fn chatting(&self) -> Result<Chatting, Error> {
        self.dialect.chat.ok_or_else(|| {
            let words = format!("`{}` does not chat", self.dialect.name);
            Error::new(Kind::Invalid, words)
        })
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// As [`Endpoint::make`]; and whatever the server refuses it with, as its dialect says it.
    pub async fn ask(&self, chat: &Chat) -> Result<(Whole, Answer), Error> {
        let (whole, body) = self.answer(&self.chat(chat)?).await?;
        let answer = (self.chatting()?.response)(&body);
        Ok((whole, answer))
    }

    /// Makes a call whose answer is JSON.
    ///
    /// # Errors
    /// As [`Endpoint::ask`].
    pub async fn answer(&self, call: &Call) -> Result<(Whole, Value), Error> {
        let whole = self.make(call).await?;
        if let Some(error) = self.refusal(&whole) {
            return Err(error);
        }
        let body = whole
            .json()
            .ok_or_else(|| Error::new(Kind::Shape, "the answer is no JSON"))?;
        Ok((whole, body))
    }

    /// Asks, and takes the answer as it comes.
    ///
    /// # Errors
    /// As [`Endpoint::ask`].
    pub async fn stream(&self, chat: &Chat) -> Result<Streaming, Error> {
        let chatting = self.chatting()?;
        let answering = self.wire.send(self.outgoing(&self.chat(chat)?)?).await?;
        if answering.status.is_success() {
            return Ok(Streaming::new(
                &chatting,
                answering,
                self.wire.bounds().event_bytes,
            ));
        }
        let whole = answering.whole().await?;
        let nothing = || Error::new(Kind::Shape, "no success, and no error");
        Err(self.refusal(&whole).unwrap_or_else(nothing))
    }

    /// Makes a call, whatever status it ends with.
    ///
    /// # Errors
    /// What keeps an answer from coming.
    pub async fn make(&self, call: &Call) -> Result<Whole, Error> {
        self.wire.send(self.outgoing(call)?).await?.whole().await
    }

    /// Makes a call twice over one connection; one answer where the server closes it after the first.
    ///
    /// # Errors
    /// As [`Wire::in_turn`].
    pub async fn twice(&self, call: &Call) -> Result<Vec<Whole>, Error> {
        let both = vec![self.outgoing(call)?, self.outgoing(call)?];
        self.wire.in_turn(both).await
    }

    fn outgoing(&self, call: &Call) -> Result<Outgoing, Error> {
        let route = call.route.as_str();
        let address = match route.strip_prefix('/').filter(|rest| rest.starts_with('/')) {
            Some(from_root) => format!("{}{from_root}", self.root()),
            None => format!("{}{route}", self.base),
        };
        let wrong = |what: &str| Error::new(Kind::Invalid, format!("{what} can't be sent"));
        let uri = address
            .parse()
            .map_err(|_| wrong(&format!("`{address}`")))?;
        let mut headers = call.headers.clone();
        let endpoints = &self.dialect.endpoints;
        for (name, value) in endpoints.headers {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        if let (Some((name, before)), Some(key), None) =
            (endpoints.key, &self.key, self.dialect.sign)
        {
            let mut value = HeaderValue::try_from(format!("{before}{}", key.exposed()))
                .map_err(|_| wrong("the key"))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        if let Some(key) = self
            .idempotency_key
            .as_ref()
            .filter(|_| call.method == http::Method::POST)
        {
            let value = HeaderValue::try_from(key).map_err(|_| wrong("the idempotency key"))?;
            headers.insert(HeaderName::from_static(IDEMPOTENCY_KEY), value);
        }
        let mut outgoing = Outgoing {
            method: call.method.clone(),
            uri,
            headers,
            body: call.body.clone(),
        };
        if let (Some(sign), Some(key), Some(signer)) = (self.dialect.sign, &self.key, &self.signer)
        {
            sign(&mut outgoing, key.exposed(), signer, jiff::Timestamp::now()).map_err(wrong)?;
        }
        Ok(outgoing)
    }

    /// `https://host:port`.
    fn root(&self) -> &str {
        let after_scheme = self.base.find("://").map_or(0, |at| at + 3);
        let end = self.base[after_scheme..]
            .find('/')
            .map_or(self.base.len(), |at| after_scheme + at);
        &self.base[..end]
    }

    /// What a call was refused with, without the key that the server may have repeated.
    pub(crate) fn refusal(&self, whole: &Whole) -> Option<Error> {
        let error = self.dialect.error_of(whole)?;
        Some(self.without_key(error))
    }

    /// What the server said without the key that it may have repeated.
    pub(crate) fn without_key(&self, mut error: Error) -> Error {
        let session = self.signer.as_ref().and_then(|its| its.session.as_ref());
        for key in self.key.iter().chain(session) {
            error.words = key.hidden_in(&error.words);
        }
        error
    }
}
