//! Who answers a query: a running service by its API, on this machine by the socket of its
//! administrator, or the API over the directory of a stopped one.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Args;
use http_body_util::BodyExt as _;
use hyper::{Method, Request, StatusCode, header};
use serde_json::Value;
use sluicegate_config::{Environment, Flags, Settings, is_loopback};
use sluicegate_model::secret::Secret;
use tower_service::Service as _;
use url::Url;

use super::super::CommandError;
use super::address::{AddressError, base_url};
use super::note;
use super::transport::{OverSocket, OverWeb, SendError};
use crate::app::{StartError, stopped};

/// The API of a service with default settings.
const LOCAL_SERVICE: &str = "http://127.0.0.1:5080";
/// The variable that names the service.
const VARIABLE: &str = "SLUICEGATE_SERVICE";
/// The variables of both halves of an access key. There are no flags for them: arguments of a
/// program can be read by everybody on its machine.
const ACCESS_KEY: &str = "SLUICEGATE_ACCESS_KEY";
const SECRET_KEY: &str = "SLUICEGATE_SECRET_KEY";

/// Which service to ask.
#[derive(Args, Clone, Debug, Default)]
pub struct ServiceFlags {
    /// The service's API: a URL or HOST:PORT [default: $SLUICEGATE_SERVICE, else the local one]
    #[arg(long, value_name = "URL")]
    pub service: Option<String>,
    /// Certificate authorities to believe for it beside the system's (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Which service to change, as its administrator.
#[derive(Args, Debug)]
pub struct AdminFlags {
    #[command(flatten)]
    service: ServiceFlags,
    /// Data directory of the service that runs on this machine
    #[arg(long, value_name = "DIR", conflicts_with = "service")]
    data: Option<PathBuf>,
}

/// Who answers.
pub struct Service(Answering);

enum Answering {
    Running {
        web: OverWeb,
        /// Without a trailing `/`.
        base: String,
        /// What says which key is ours.
        key: Option<Secret>,
    },
    Local(OverSocket),
    Stopped(Router),
}

/// What came back: the status, and the body as JSON where it is some.
struct ServiceAnswer {
    status: StatusCode,
    body: Option<Value>,
}

impl ServiceFlags {
    /// Tells whether a service is named, here or by the environment.
    pub fn is_named(&self, environment: &Environment) -> bool {
        self.service.is_some() || environment.get(VARIABLE).is_some()
    }

    /// Reaches for the service that is named, or that the environment names, or the local one; that
    /// one by its administrator's socket where there is no key and the socket lets this user in.
    ///
    /// *Errors*: [`CommandError::Usage`] for what is no address of a service.
    pub async fn running(&self) -> Result<Service, CommandError> {
        let environment = Environment::of_process();
        if !self.is_named(&environment)
            && environment.get(ACCESS_KEY).is_none()
            && let Some(settings) = local_settings(&environment)
            && let Ok(socket) = OverSocket::open(&settings.data).await
        {
            return Ok(Service(Answering::Local(socket)));
        }
        self.over_web(&environment)
    }

    async fn administered(&self, data: Option<&Path>) -> Result<Service, CommandError> {
        let environment = Environment::of_process();
        let is_named = self.is_named(&environment);
        if data.is_none() && (is_named || environment.get(ACCESS_KEY).is_some()) {
            return self.over_web(&environment);
        }
        let usual = || local_settings(&environment).map(|settings| settings.data);
        let data = data.map(Path::to_owned).or_else(usual);
        let data = data.ok_or_else(|| CommandError::Usage("say where: --data DIR".to_owned()))?;
        let socket = OverSocket::open(&data).await.map_err(|error| {
            CommandError::NotFound(format!(
                "no service runs on {} that this user administers ({error}); start it, run this as \
                 its user, or name it with --service and set {ACCESS_KEY} and {SECRET_KEY}",
                data.display()
            ))
        })?;
        Ok(Service(Answering::Local(socket)))
    }

    fn over_web(&self, environment: &Environment) -> Result<Service, CommandError> {
        let base = match (self.service.as_deref(), environment.get(VARIABLE)) {
            (Some(text), _) => base_url(text).map_err(|why| usage("--service", &why))?,
            (None, Some(text)) => base_url(text).map_err(|why| usage(VARIABLE, &why))?,
            (None, None) => local_service(environment),
        };
        let web = OverWeb::new(&base, self.ca_file.as_deref());
        let web = web.map_err(|error| CommandError::Usage(error.to_string()))?;
        let key = authorization(environment)?;
        let is_read_by_others = |url: Url| url.scheme() == "http" && !is_loopback(&url);
        if key.is_some() && Url::parse(&base).is_ok_and(is_read_by_others) {
            note(&format!(
                "warning: the access key goes to {base} without TLS"
            ));
        }
        Ok(Service(Answering::Running { web, base, key }))
    }
}

impl AdminFlags {
    /// Gives the directory that was named.
    pub fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// Reaches for the service with an administrator's rights: by a key where there is one or a
    /// service is named, else by the socket of the service that keeps this directory.
    ///
    /// *Errors*: [`CommandError::NotFound`] where no service of this machine lets this user in.
    pub async fn connect(&self) -> Result<Service, CommandError> {
        self.service.administered(self.data.as_deref()).await
    }
}

impl Service {
    /// Opens the directory of a stopped service where one is named, else reaches for a running one.
    pub async fn of(flags: &ServiceFlags, data: Option<&Path>) -> Result<Self, CommandError> {
        match data {
            Some(data) => Self::stopped(data),
            None => flags.running().await,
        }
    }

    /// Opens the directory of a stopped service. Nothing is created where there is none.
    ///
    /// *Errors*: [`CommandError::NotFound`] for a directory that holds no store,
    /// [`CommandError::InUse`] for that of a running service.
    pub fn stopped(data: &Path) -> Result<Self, CommandError> {
        let router = stopped::api(data).map_err(|error| match error {
            stopped::StoppedError::NoStore(_) | stopped::StoppedError::OtherEngine { .. } => {
                CommandError::NotFound(error.to_string())
            }
            stopped::StoppedError::Settings(why) => CommandError::Usage(why),
            stopped::StoppedError::Start(StartError::InUse(_)) => {
                CommandError::InUse(data.to_owned())
            }
            stopped::StoppedError::Start(_) => CommandError::Failed(error.to_string()),
        })?;
        Ok(Self(Answering::Stopped(router)))
    }

    /// Asks for a path under `/api/v1/`.
    pub async fn get(&self, path_and_query: &str) -> Result<Value, CommandError> {
        let path = format!("/api/v1/{path_and_query}");
        self.ask(Method::GET, &path, Bytes::new()).await
    }

    /// Sends a JSON document to a path under `/api/v1/`.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CommandError> {
        let path = format!("/api/v1/{path}");
        self.ask(Method::POST, &path, body.to_string().into()).await
    }

    /// Sends a JSON document that is written already to a path under `/api/v1/`.
    pub async fn post_text(&self, path: &str, text: Vec<u8>) -> Result<Value, CommandError> {
        let path = format!("/api/v1/{path}");
        self.ask(Method::POST, &path, text.into()).await
    }

    /// Asks for a path outside of the API proper; gives whether the answer is a success, and what
    /// it says, as text or as JSON.
    pub async fn probe(&self, path: &str) -> Result<(bool, Value), CommandError> {
        let (status, body) = self.send(Method::GET, path, Bytes::new()).await?;
        let text = || Value::String(String::from_utf8_lossy(&body).trim().to_owned());
        let said = serde_json::from_slice(&body).unwrap_or_else(|_no_json| text());
        Ok((status.is_success(), said))
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Value, CommandError> {
        let (status, body) = self.send(method, path, body).await?;
        let answer = ServiceAnswer {
            status,
            body: serde_json::from_slice(&body).ok(),
        };
        answer.understood(&self.url(path))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), CommandError> {
        let url = self.url(path);
        let mut request = Request::builder().method(method).uri(&url);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let wrong = |error: hyper::http::Error| CommandError::Usage(error.to_string());
        let sent = match &self.0 {
            Answering::Running { web, key, .. } => {
                if let Some(key) = key {
                    request = request.header(header::AUTHORIZATION, key.expose());
                }
                web.send(request.body(body.into()).map_err(wrong)?).await
            }
            Answering::Local(socket) => {
                let request = request.header(header::HOST, "localhost");
                socket.send(request.body(body.into()).map_err(wrong)?).await
            }
            Answering::Stopped(router) => {
                let request = request.header(header::HOST, "localhost");
                let request = request.body(Body::from(body)).map_err(wrong)?;
                let response = match router.clone().call(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                let status = response.status();
                let body = response.into_body().collect().await;
                body.map(|body| (status, body.to_bytes()))
                    .map_err(|error| SendError::Answer(error.to_string()))
            }
        };
        sent.map_err(|error| CommandError::Unreachable {
            url,
            reason: worded(&error),
        })
    }

    fn url(&self, path: &str) -> String {
        match &self.0 {
            Answering::Running { base, .. } => format!("{base}{path}"),
            Answering::Local(_) | Answering::Stopped(_) => path.to_owned(),
        }
    }
}

impl ServiceAnswer {
    /// Takes the answer, or what a problem says; what is no answer of the API is told apart.
    fn understood(self, url: &str) -> Result<Value, CommandError> {
        let unreachable = |reason: String| CommandError::Unreachable {
            url: url.to_owned(),
            reason,
        };
        let Some(body) = self.body else {
            let reason = format!("{}, and no JSON: is that a Sluicegate API?", self.status);
            return Err(unreachable(reason));
        };
        if self.status.is_success() {
            return Ok(body);
        }
        let Some(detail) = body.get("detail").and_then(Value::as_str) else {
            let is_registry = body.get("errors").is_some();
            return Err(unreachable(if is_registry {
                "that is a registry; the API has a port of its own, 5080 unless configured".into()
            } else {
                format!(
                    "{}, and no problem details: is that a Sluicegate API?",
                    self.status
                )
            }));
        };
        match self.status.as_u16() {
            400 | 409 => Err(CommandError::Usage(detail.to_owned())),
            404 => Err(CommandError::NotFound(detail.to_owned())),
            429 => Err(CommandError::Busy(detail.to_owned())),
            401 => Err(unreachable(format!(
                "{detail}: {ACCESS_KEY} and {SECRET_KEY} say which one is yours"
            ))),
            _ => Err(unreachable(format!("{}: {detail}", self.status))),
        }
    }
}

/// Reads both halves of a key from the environment, as a request presents them.
fn authorization(environment: &Environment) -> Result<Option<Secret>, CommandError> {
    let (access, secret) = (environment.get(ACCESS_KEY), environment.get(SECRET_KEY));
    match (access, secret) {
        (Some(access), Some(secret)) => {
            let pair = STANDARD.encode(format!("{}:{}", access.trim(), secret.trim()));
            Ok(Some(Secret::new(format!("Basic {pair}"))))
        }
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => {
            let half = "one of them is no key without the other";
            Err(CommandError::Usage(format!(
                "{ACCESS_KEY} and {SECRET_KEY}: {half}"
            )))
        }
    }
}

fn usage(place: &str, why: &AddressError) -> CommandError {
    CommandError::Usage(format!("{place}: {why}"))
}

/// Says why nobody answered, and what to do about it.
fn worded(error: &SendError) -> String {
    match error {
        SendError::Unreachable(why) => format!(
            "{why}; --service or {VARIABLE} names a service, --data DIR a stopped one's directory"
        ),
        SendError::Answer(why) => why.clone(),
    }
}

/// Gives where a service on this machine listens that has the same configuration as this process.
fn local_service(environment: &Environment) -> String {
    let Some(settings) = local_settings(environment) else {
        return LOCAL_SERVICE.to_owned();
    };
    let mut address = settings.api_listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let scheme = if settings.api_tls.is_some() {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{address}")
}

/// Gives the settings of a service on this machine that has the same configuration as this process.
fn local_settings(environment: &Environment) -> Option<Settings> {
    let loaded = sluicegate_config::load_with_file(Flags::default(), environment);
    Some(loaded.ok()?.settings)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_is_no_api_is_told_apart() {
        let answer = |status: u16, body: Option<Value>| ServiceAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            body,
        };
        let said = |answer: ServiceAnswer| answer.understood("http://x/").unwrap_err();
        let registry = json!({"errors": [{"code": "UNSUPPORTED"}]});
        assert!(
            said(answer(404, Some(registry)))
                .to_string()
                .contains("is a registry")
        );
        assert!(
            said(answer(200, None))
                .to_string()
                .contains("is that a Sluicegate API?")
        );
        assert!(
            said(answer(502, Some(json!([]))))
                .to_string()
                .contains("502")
        );
        let problem = |status| answer(status, Some(json!({"detail": "why"})));
        assert!(matches!(said(problem(400)), CommandError::Usage(why) if why == "why"));
        assert!(matches!(said(problem(404)), CommandError::NotFound(why) if why == "why"));
        assert!(matches!(said(problem(429)), CommandError::Busy(why) if why == "why"));
        let exit_codes = [400, 404, 429, 500].map(|status| said(problem(status)).exit_code());
        assert_eq!(exit_codes, [2, 3, 3, 3]);
    }
}
