//! What is answered to a request, with whatever is wrong.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::objects::Store;
use super::voice::{InferVoice, Refused, Voice};
use super::{Fault, KEY, MODEL, Settings};
use crate::dialect::{Capability, Dialect};

pub(super) type Body = BoxBody<Bytes, Infallible>;

/// Bytes of a question at most.
const MOST: usize = 1 << 20;

/// The kind of a refusal of a key.
const WRONG_KEY: &str = "authentication_error";

static CALLS: AtomicU64 = AtomicU64::new(0);

/// A request's body, as it comes.
pub(super) trait Coming:
    hyper::body::Body<Data = Bytes, Error: Into<Failing>> + Send
{
}

impl<B: hyper::body::Body<Data = Bytes, Error: Into<Failing>> + Send> Coming for B {}

type Failing = Box<dyn std::error::Error + Send + Sync>;

/// Answers one request.
pub(super) async fn answer(
    request: Request<impl Coming>,
    settings: Settings,
    slots: Arc<Semaphore>,
    store: Arc<Store>,
) -> Result<Response<Body>, Infallible> {
    let call = Call {
        settings,
        number: CALLS.fetch_add(1, Ordering::Relaxed),
        slots,
        store,
    };
    let mut response = match call.routed(request).await {
        Ok(response) => response,
        Err(refused) => call.refusal(&refused),
    };
    if let Some(name) = settings.dialect.endpoints.request_id
        && !call.is(Fault::NoRequestId)
        && let Ok(value) = HeaderValue::try_from(format!("req_{}", call.number))
    {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// One request, and what is to be wrong with its answer.
pub(super) struct Call {
    pub(super) settings: Settings,
    pub(super) number: u64,
    pub(super) slots: Arc<Semaphore>,
    pub(super) store: Arc<Store>,
}

impl Call {
    pub(super) fn is(&self, fault: Fault) -> bool {
        self.settings.fault == Some(fault)
    }

    pub(super) fn dialect(&self) -> &'static Dialect {
        self.settings.dialect
    }

    pub(super) fn voice(&self) -> &'static Voice {
        self.dialect().voice
    }

    async fn routed(&self, request: Request<impl Coming>) -> Result<Response<Body>, Refused> {
        if self.dialect().can(Capability::Objects) {
            return self.stored(request).await;
        }
        let endpoints = &self.dialect().endpoints;
        let prefix = endpoints.base.splitn(4, '/').nth(3).unwrap_or_default();
        let path = request.uri().path().to_owned();
        let route = match prefix {
            "" => path.clone(),
            prefix => path
                .strip_prefix(&format!("/{prefix}"))
                .unwrap_or_default()
                .to_owned(),
        };
        if request.method() == Method::GET && endpoints.health == Some(&path) {
            let status = if self.is(Fault::HealthIsDown) {
                500
            } else {
                200
            };
            return Ok(text(status, "text/plain", "it is up"));
        }
        if request.method() == Method::GET && endpoints.metrics == Some(&path) {
            return self.metrics();
        }
        self.is_allowed(&request)?;
        if request.method() == Method::GET && endpoints.models.is_some_and(|its| its.route == route)
        {
            return Ok(self.json(200, self.models()));
        }
        if request.method() == Method::GET
            && let Some((voice, addressed)) = self.about(&route, &path)
        {
            self.has_model(&Value::Null, &addressed)?;
            return Ok(self.json(200, (voice.about)()));
        }
        if request.method() == Method::POST
            && let Some((capability, addressed)) = self.feature(&route)
        {
            let kind = request.headers().get(header::CONTENT_TYPE).cloned();
            let body = Limited::new(request.into_body(), MOST).collect().await;
            let body = body.map_err(|_| self.oversized())?.to_bytes();
            // TEI has one route for a text and for several.
            return match (&self.voice().infer, self.inferred(&route, &path)) {
                (Some(voice), Some(addressed)) if !is_batch(&body) => {
                    self.infer(voice, &body, &addressed)
                }
                _ => self.featured(capability, &addressed, kind.as_ref(), &body),
            };
        }
        let inferred = self.inferred(&route, &path);
        let addressed = self.addressed(&route).filter(|_| inferred.is_none());
        let Some(addressed) = addressed.or(inferred) else {
            return match self.settings.fault {
                Some(Fault::UnknownRouteAnswers) => Ok(self.json(200, json!({}))),
                Some(Fault::UnknownRouteIs500) => Err(failed()),
                _ => Err(unknown(format!("there is no {path}"))),
            };
        };
        if request.method() != Method::POST {
            return Err(Refused {
                status: 405,
                ..invalid(format!("{} is not for {path}", request.method()))
            });
        }
        let body = Limited::new(request.into_body(), MOST).collect().await;
        let body = body.map_err(|_| self.oversized())?.to_bytes();
        match (&self.voice().chat, &self.voice().infer) {
            (_, Some(voice)) if self.inferred(&route, &path).is_some() => {
                self.infer(voice, &body, &addressed)
            }
            (Some(voice), _) => self.chat(voice, &body, &addressed).await,
            _ => Err(failed()),
        }
    }

    /// What else the server can do, by its route.
    fn feature(&self, route: &str) -> Option<(Capability, Addressed)> {
        let features = self.dialect().endpoints.features.iter();
        let mut had = features.filter(|(its, _)| self.dialect().can(*its));
        had.find_map(|(capability, template)| Some((*capability, addressed(template, route, "")?)))
    }

    /// The route that says how the model is asked.
    fn about(&self, route: &str, path: &str) -> Option<(InferVoice, Addressed)> {
        let template = self.dialect().infer?.about?;
        Some((self.voice().infer?, addressed(template, route, path)?))
    }

    /// What a route says of inputs; none for a route of something else.
    fn inferred(&self, route: &str, path: &str) -> Option<Addressed> {
        let about = (self.voice().infer?.about)();
        let template = (self.dialect().infer?.route)(&about);
        addressed(template, route, path)
    }

    /// What a route says of a chat; none for a route of something else.
    fn addressed(&self, route: &str) -> Option<Addressed> {
        self.dialect().chat?;
        let endpoints = &self.dialect().endpoints;
        let has_stream = endpoints.stream != endpoints.chat;
        let streamed = model_in(endpoints.stream, route).filter(|_| has_stream);
        let is_stream = streamed.is_some();
        let model = streamed.or_else(|| model_in(endpoints.chat, route))?;
        Some(Addressed {
            is_stream: has_stream.then_some(is_stream),
            model: (!model.is_empty()).then(|| model.to_owned()),
        })
    }

    fn is_allowed<B>(&self, request: &Request<B>) -> Result<(), Refused> {
        let Some((name, before)) = self.dialect().endpoints.key else {
            return Ok(());
        };
        let given = request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok());
        let is_right = given.and_then(|given| given.strip_prefix(before)) == Some(KEY);
        if is_right { Ok(()) } else { self.wrong_key() }
    }

    /// What is done about a key that is wrong.
    pub(super) fn wrong_key(&self) -> Result<(), Refused> {
        match self.settings.fault {
            Some(Fault::TakesEveryKey) => Ok(()),
            Some(Fault::WrongKeyIs500) => Err(failed()),
            Some(Fault::WrongKeyIs403) => Err(Refused {
                status: 403,
                kind: "permission_error",
                words: "the key is wrong".into(),
            }),
            _ => Err(Refused {
                status: *self
                    .dialect()
                    .endpoints
                    .unauthorized
                    .first()
                    .unwrap_or(&401),
                kind: WRONG_KEY,
                words: "the key is wrong".into(),
            }),
        }
    }

    /// Whether the model that is asked for is the one that is there, in dialects that ask for one.
    pub(super) fn has_model(&self, body: &Value, addressed: &Addressed) -> Result<(), Refused> {
        let asked = match &addressed.model {
            Some(model) => Some(model.as_str()),
            None => body["model"].as_str(),
        };
        if asked == Some(MODEL) || !self.dialect().can(Capability::ModelChoice) {
            return Ok(());
        }
        match (self.settings.fault, asked) {
            (Some(Fault::UnknownModelAnswers), _) => Ok(()),
            (Some(Fault::UnknownModelIs500), _) => Err(failed()),
            (_, None) => Err(invalid("`model` is missing".into())),
            (_, Some(model)) => Err(unknown(format!("there is no model {model}"))),
        }
    }

    /// How many calls there were, under the names of two servers.
    fn metrics(&self) -> Result<Response<Body>, Refused> {
        let number = match self.settings.fault {
            Some(Fault::MetricsAreDown) => return Err(failed()),
            Some(Fault::MetricsAreJson) => {
                return Ok(self.json(200, json!({"answers": self.number})));
            }
            Some(Fault::MetricsStandStill) => 7,
            _ => self.number,
        };
        let counters = [
            "vllm:request_success_total{model=\"tiny\"}",
            "tgi_request_success",
        ];
        let lines =
            counters.map(|counter| format!("# TYPE {counter} counter\n{counter} {number}\n"));
        Ok(text(200, "text/plain; version=0.0.4", &lines.concat()))
    }

    fn models(&self) -> Value {
        if self.is(Fault::ModelsOfAnotherShape) {
            return json!([{"id": MODEL, "name": MODEL}]);
        }
        let name = if self.is(Fault::ModelNotListed) {
            "another"
        } else {
            MODEL
        };
        (self.voice().models)(name)
    }

    fn oversized(&self) -> Refused {
        if self.is(Fault::OversizedIs500) {
            return failed();
        }
        Refused {
            status: 413,
            kind: "request_too_large",
            words: format!("a question of more than {MOST} bytes"),
        }
    }

    fn refusal(&self, refused: &Refused) -> Response<Body> {
        let status = refused.status;
        let own = json!({"error_in_words": refused.words});
        let mut error = (self.voice().error)(refused, self.number);
        match self.settings.fault {
            Some(Fault::WrongKeyOtherShape) if refused.kind == WRONG_KEY => {
                return self.json(status, own);
            }
            Some(Fault::WrongTypeOtherShape) if refused.words.ends_with("of another type") => {
                return self.json(status, own);
            }
            Some(Fault::UnknownModelOtherShape)
                if refused.words.starts_with("there is no model") =>
            {
                return self.json(status, own);
            }
            Some(Fault::ErrorOfAnotherShape) if status < 500 => return self.json(status, own),
            Some(Fault::ErrorIsHtml) => return text(status, "text/html", "<h1>Bad Request</h1>"),
            Some(Fault::ErrorIs200) if status == 400 => return self.json(200, error),
            Some(Fault::ErrorWithoutWords) => {
                if let Some(words) = error.pointer_mut(self.voice().words) {
                    *words = Value::Null;
                }
            }
            _ => {}
        }
        if self.dialect().is_json() || self.is(Fault::StoreErrorIsJson) {
            return self.json(status, error);
        }
        self.xml(status, &error)
    }

    pub(super) fn json(&self, status: u16, value: Value) -> Response<Body> {
        text(status, "application/json", &value.to_string())
    }
}

/// What the route of a chat says, where it says that.
pub(super) struct Addressed {
    pub(super) model: Option<String>,
    pub(super) is_stream: Option<bool>,
}

fn is_batch(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["inputs"].is_array()
}

/// What a route says by a template, which may be one from the root of the server.
fn addressed(template: &str, route: &str, path: &str) -> Option<Addressed> {
    let from_root = template
        .strip_prefix('/')
        .filter(|rest| rest.starts_with('/'));
    let model = match from_root {
        Some(template) => model_in(template, path)?,
        None => model_in(template, route)?,
    };
    Some(Addressed {
        is_stream: None,
        model: (!model.is_empty()).then(|| model.to_owned()),
    })
}

/// The model in a route, by a template that has it as `{model}`; empty for a template without one. None for another route.
fn model_in<'a>(template: &str, route: &'a str) -> Option<&'a str> {
    let path = template.split('?').next().unwrap_or_default();
    match path.split_once("{model}") {
        Some((before, after)) => route.strip_prefix(before)?.strip_suffix(after),
        None => (path == route).then_some(""),
    }
}

pub(super) fn invalid(words: String) -> Refused {
    Refused {
        status: 400,
        kind: "invalid_request_error",
        words,
    }
}

fn unknown(words: String) -> Refused {
    Refused {
        status: 404,
        kind: "not_found_error",
        words,
    }
}

pub(super) fn failed() -> Refused {
    Refused {
        status: 500,
        kind: "api_error",
        words: "something went wrong".into(),
    }
}

pub(super) fn boxed(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

pub(super) fn text(status: u16, kind: &'static str, text: &str) -> Response<Body> {
    let mut response = Response::new(boxed(text.to_owned()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
