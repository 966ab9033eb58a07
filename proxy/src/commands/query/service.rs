//! Whom query commands ask: the API of a running service, or the same API over the directory of a
//! stopped one, in this process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use sluicegate_config::{Environment, Flags};
use sluicegate_upstream::why;
use tower_service::Service as _;
use url::Url;

use super::super::CommandError;
use crate::app::{StartError, stopped};

/// The API of a service with default settings.
const LOCAL_SERVICE: &str = "http://127.0.0.1:5080";
/// The port of the API where an address names none.
const API_PORT: u16 = 5080;
/// The variable that names the service.
const VARIABLE: &str = "SLUICEGATE_SERVICE";
/// Most bytes of an answer read: a page of a thousand verdicts with many findings each.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Who answers.
pub struct Service(Answers);

enum Answers {
    Running {
        client: Box<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
        /// Without a trailing `/`.
        base: String,
    },
    Stopped(Router),
}

/// What came back: the status, and the body as JSON where it is some.
struct Answer {
    status: StatusCode,
    body: Option<Value>,
}

impl Service {
    /// Opens the directory of a stopped service where one is named, else reaches for a running one.
    pub fn of(named: Option<&str>, data: Option<&Path>) -> Result<Self, CommandError> {
        match data {
            Some(data) => Self::stopped(data),
            None => Self::running(named),
        }
    }

    /// Reaches for the service that is named, or that the environment names, or the local one.
    ///
    /// *Errors*: [`CommandError::Usage`] for what is no address of a service.
    pub fn running(named: Option<&str>) -> Result<Self, CommandError> {
        let environment = Environment::of_process();
        let base = match (named, environment.get(VARIABLE)) {
            (Some(text), _) => base_url(text).map_err(|why| usage("--service", &why))?,
            (None, Some(text)) => base_url(text).map_err(|why| usage(VARIABLE, &why))?,
            (None, None) => local_service(&environment),
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(base.starts_with("https://"))?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Box::new(Client::builder(TokioExecutor::new()).build(connector));
        Ok(Self(Answers::Running { client, base }))
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
        Ok(Self(Answers::Stopped(router)))
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
        let answer = Answer {
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
        let failed = |reason: String| CommandError::Unreachable {
            url: url.clone(),
            reason,
        };
        let mut request = Request::builder().method(method).uri(&url);
        if !body.is_empty() {
            request = request.header(hyper::header::CONTENT_TYPE, "application/json");
        }
        let wrong = |error: hyper::http::Error| CommandError::Usage(error.to_string());
        match &self.0 {
            Answers::Running { client, .. } => {
                let request = request.body(Full::new(body)).map_err(wrong)?;
                let response = tokio::time::timeout(PATIENCE, client.request(request))
                    .await
                    .map_err(|_elapsed| failed("timed out: no answer within a minute".into()))?
                    .map_err(|error| failed(worded(&error)))?;
                let status = response.status();
                let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
                    .collect()
                    .await
                    .map_err(|error| failed(error.to_string()))?;
                Ok((status, body.to_bytes()))
            }
            Answers::Stopped(router) => {
                let request = request.header(hyper::header::HOST, "localhost");
                let request = request.body(Body::from(body)).map_err(wrong)?;
                let response = match router.clone().call(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                let status = response.status();
                let body = response.into_body().collect().await;
                let body = body.map_err(|error| failed(error.to_string()))?;
                Ok((status, body.to_bytes()))
            }
        }
    }

    fn url(&self, path: &str) -> String {
        match &self.0 {
            Answers::Running { base, .. } => format!("{base}{path}"),
            Answers::Stopped(_) => path.to_owned(),
        }
    }
}

impl Answer {
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
            400 => Err(CommandError::Usage(detail.to_owned())),
            404 => Err(CommandError::NotFound(detail.to_owned())),
            429 => Err(CommandError::Busy(detail.to_owned())),
            _ => Err(unreachable(format!("{}: {detail}", self.status))),
        }
    }
}

/// Gives the TLS settings of a client: the system's authorities, where they are of any use. A
/// container that asks itself in the clear has none.
fn tls(is_wanted: bool) -> Result<ClientConfig, CommandError> {
    let mut roots = RootCertStore::empty();
    if is_wanted {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let settings =
        versions.map_err(|error| CommandError::Failed(format!("cannot set up TLS: {error}")))?;
    Ok(settings.with_root_certificates(roots).with_no_client_auth())
}

fn usage(place: &str, why: &AddressError) -> CommandError {
    CommandError::Usage(format!("{place}: {why}"))
}

/// Says why nobody answered, and what to do about it.
fn worded(error: &(dyn std::error::Error + 'static)) -> String {
    let why = why(error);
    format!("{why}; --service or {VARIABLE} names a service, --data DIR a stopped one's directory")
}

/// Says why a text is no address of an API: the fault of whoever wrote it.
#[derive(Debug, thiserror::Error)]
enum AddressError {
    #[error("got {text:?}, {why}; wanted a URL or HOST:PORT such as gate.example:5080")]
    Other { text: String, why: &'static str },
    #[error("got {text:?}, {source}; wanted a URL or HOST:PORT such as gate.example:5080")]
    NoUrl {
        text: String,
        source: url::ParseError,
    },
    #[error("a URL with a user name or password in it is not taken")]
    Login,
}

/// Reads the address of an API: a URL, or a host with or without a port.
fn base_url(text: &str) -> Result<String, AddressError> {
    let wanted = |why| AddressError::Other {
        text: text.to_owned(),
        why,
    };
    let has_scheme = text.contains("://");
    let whole = if has_scheme {
        text.trim().to_owned()
    } else {
        format!("http://{}", text.trim())
    };
    let mut url = Url::parse(&whole).map_err(|source| AddressError::NoUrl {
        text: text.to_owned(),
        source,
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wanted("which is no http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Login);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wanted("which has more than an address"));
    }
    // The parser leaves the port of the scheme out, so what was written decides.
    if !has_scheme && url.port().is_none() && !text.trim().trim_end_matches('/').ends_with(":80") {
        url.set_port(Some(API_PORT))
            .map_err(|()| wanted("which takes no port"))?;
    }
    let base = url.as_str().trim_end_matches('/');
    Ok(base.strip_suffix("/api/v1").unwrap_or(base).to_owned())
}

/// Gives where a service on this machine listens that has the same configuration as this process.
fn local_service(environment: &Environment) -> String {
    let Ok(loaded) = sluicegate_config::load_with_file(Flags::default(), environment) else {
        return LOCAL_SERVICE.to_owned();
    };
    let mut address = loaded.settings.api_listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_is_named_by_url_or_by_host_and_port() {
        for (text, wanted) in [
            ("http://127.0.0.1:5080", "http://127.0.0.1:5080"),
            ("http://127.0.0.1:5080/", "http://127.0.0.1:5080"),
            ("https://sluicegate.example", "https://sluicegate.example"),
            ("https://gate.example/gate/", "https://gate.example/gate"),
            (
                "http://gate.example:5080/api/v1/",
                "http://gate.example:5080",
            ),
            ("gate.example:6000", "http://gate.example:6000"),
            ("gate.example:80", "http://gate.example"),
            ("localhost:5080", "http://localhost:5080"),
            ("localhost", "http://localhost:5080"),
            ("10.0.0.7", "http://10.0.0.7:5080"),
            ("[::1]:5080", "http://[::1]:5080"),
            ("[::1]", "http://[::1]:5080"),
            (" gate.example:5080\n", "http://gate.example:5080"),
        ] {
            assert_eq!(base_url(text).unwrap(), wanted, "{text}");
        }
        for text in [
            "",
            "http://",
            "ftp://gate.example",
            "gate.example:port",
            "http://a?b",
            "a b",
            "http://user:secret@gate.example",
            "unix:///run/sluicegate.sock",
        ] {
            let error = base_url(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn who_is_no_api_is_told_apart() {
        let answer = |status: u16, body: Option<Value>| Answer {
            status: StatusCode::from_u16(status).unwrap(),
            body,
        };
        let said = |answer: Answer| answer.understood("http://x/").unwrap_err();
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
