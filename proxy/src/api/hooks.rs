//! Notifications of registries: what was pushed is scanned before anybody pulls it.
//!
//! These routes ask for no key: each notification has to prove the secret of `hook_secret_file`
//! before it is read.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_engine::scans::ScanError;

use super::ApiState;
use super::admission::ClientAddress;
use super::asked::{Nothing, Query};
use super::describe::{Answers, Asks, Operation};
use super::json::Json;
use super::problem::Problem;
use crate::hooks::{HookError, Hooks, Payload, PushedScan, Told};

/// Longest notification, in bytes. Those of registries have about 10 KiB.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Longest time until it has arrived.
const MAX_READ: Duration = Duration::from_secs(10);

/// What becomes of notifications, as metrics call it.
const REFUSED: &str = "refused";
const INVALID: &str = "invalid";
const BUSY: &str = "busy";
const IGNORED: &str = "ignored";
const KNOWN: &str = "known";
const STARTED: &str = "started";

/// A notification whose sender has proven the secret.
#[derive(Debug)]
pub struct Notification<T>(T);

/// What became of a notification.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HookAnswer {
    /// The scans of what was pushed, in the order in which it was named.
    scans: Vec<PushedScan>,
    /// Why it starts nothing, where it tells of no push of an image.
    ignored: Option<String>,
}

/// Starts scans of what a registry says was pushed.
pub async fn notified<T: Payload>(
    State(state): State<Arc<ApiState>>,
    _: Query<Nothing>,
    Notification(payload): Notification<T>,
) -> Result<HookAnswer, Problem> {
    let answered = answer(&state, payload);
    let outcome = match &answered {
        Ok(answer) if answer.ignored.is_some() => IGNORED,
        Ok(answer) if answer.has_started() => STARTED,
        Ok(_) => KNOWN,
        Err(HookError::Scan(ScanError::Busy)) => BUSY,
        Err(_) => INVALID,
    };
    state.metrics.count_hook(outcome);
    answered.map_err(|error| match error {
        HookError::Scan(ScanError::Busy) => Problem::too_many(error.to_string()),
        HookError::TooMany(_) | HookError::Image(_) | HookError::Scan(_) => {
            Problem::unprocessable(error.to_string())
        }
    })
}

fn answer<T: Payload>(state: &ApiState, payload: T) -> Result<HookAnswer, HookError> {
    let pushed = match payload.told()? {
        Told::Pushed(pushed) => pushed,
        Told::Other(why) => {
            return Ok(HookAnswer {
                scans: Vec::new(),
                ignored: Some(why),
            });
        }
    };
    let scans = match &state.hooks {
        Some(hooks) => hooks.start(&state.scans, &state.names, &pushed, state.clock.now())?,
        None => Vec::new(),
    };
    Ok(HookAnswer {
        scans,
        ignored: None,
    })
}

impl HookAnswer {
    fn has_started(&self) -> bool {
        self.scans.iter().any(|scan| scan.started)
    }
}

impl IntoResponse for HookAnswer {
    fn into_response(self) -> Response {
        let status = if self.has_started() {
            StatusCode::ACCEPTED
        } else {
            StatusCode::OK
        };
        (status, Json(self)).into_response()
    }
}

impl Answers for HookAnswer {
    fn describe(operation: &mut Operation<'_>) {
        operation.json::<Self>(StatusCode::OK);
        operation.json::<Self>(StatusCode::ACCEPTED);
    }
}

impl<T: Payload> Asks for Notification<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes_json::<T>();
    }
}

impl<T: Payload> FromRequest<Arc<ApiState>> for Notification<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Arc<ApiState>) -> Result<Self, Problem> {
        let Some(hooks) = &state.hooks else {
            return Err(Problem::not_found(
                "nobody listens to registries here: the setting hook_secret_file names no secret",
            ));
        };
        let read = read(hooks, request).await;
        read.map(Self).map_err(|(outcome, problem)| {
            state.metrics.count_hook(outcome);
            problem
        })
    }
}

/// What becomes of a notification that is not read, and what its sender is answered.
type Unread = (&'static str, Problem);

/// Reads a notification once it has proven the secret. Whoever guesses that waits, and holds nothing
/// meanwhile.
async fn read<T: Payload>(hooks: &Hooks, request: Request) -> Result<T, Unread> {
    let address = request.extensions().get::<ClientAddress>().copied();
    let nowhere = || Problem::internal("a notification came from nowhere");
    let ClientAddress(address) = address.ok_or_else(|| (INVALID, nowhere()))?;
    let is_proven = {
        let _turn = hooks.turn().ok_or_else(|| {
            let detail = "too many notifications are being read; send it again";
            (BUSY, Problem::too_many(detail))
        })?;
        let (parts, body) = request.into_parts();
        check_type(&parts.headers).map_err(|problem| (INVALID, problem))?;
        let body = body_of(body).await.map_err(|problem| (INVALID, problem))?;
        let is_proven = hooks.is_proven(T::PROOF, &parts.headers, &body).await;
        is_proven.then_some(body)
    };
    let Some(body) = is_proven else {
        hooks.slow(address).await;
        let wanted = T::PROOF.wanted();
        let detail = format!("the secret of hook_secret_file is not proven: wanted {wanted}");
        return Err((REFUSED, Problem::unauthorized(detail)));
    };
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("the notification cannot be read: {error}");
        (INVALID, Problem::bad_request(detail))
    })
}

/// Takes JSON, also as CloudEvents call it.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let said = headers.get(header::CONTENT_TYPE);
    let said = said.and_then(|said| said.to_str().ok()).unwrap_or_default();
    let kind = said.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    let is_json =
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    if is_json {
        return Ok(());
    }
    Err(Problem::unsupported(
        "the notification has to be JSON and to say so: Content-Type: application/json",
    ))
}

async fn body_of(body: Body) -> Result<Bytes, Problem> {
    let read = Limited::new(body, MAX_BODY_BYTES).collect();
    let read = tokio::time::timeout(MAX_READ, read).await;
    let read = read.map_err(|_| Problem::bad_request("the notification did not arrive in time"))?;
    let read = read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            let detail = format!("the notification is longer than {MAX_BODY_BYTES} bytes");
            return Problem::too_large(detail);
        }
        Problem::bad_request("the notification broke off")
    });
    Ok(read?.to_bytes())
}
