//! The service as a scanner asks it: each question once, with what an answer means to whoever asked.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sluicegate_config::{Settings, UpstreamSettings};
use sluicegate_linked::leases::Lease;
use sluicegate_linked::protocol::{
    AskForPlugin, AskForWork, Enrol, Enrolled, Failed, Held, PluginSent, Renew, Taken, TakenImage,
    Work,
};
use sluicegate_linked::task::revisions;
use sluicegate_model::Digest;
use sluicegate_model::secret::Secret;
use sluicegate_upstream::{UpstreamError, Web, secrets};
use url::Url;

use crate::app::proxy_variables;

/// Longest answer read, in bytes: some dozen leases.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Longest answer with a plugin, in bytes: 16 MiB in base64, and words.
const MAX_PLUGIN_BYTES: usize = 24 * 1024 * 1024;
/// How long sending what was found may take: 32 MiB at 1 Mbit/s.
const SENDING: Duration = Duration::from_mins(5);
/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A service.
pub(super) struct Service {
    web: Web,
    /// The same with more patience, for what is long.
    sending: Web,
    /// Ends in `/`.
    base: Url,
    credential: Option<Secret>,
}

/// Says why there is no answer that is of use.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    /// Nobody answered, or not now: another time somebody may.
    #[error("{0}")]
    Later(String),
    /// It does not let this scanner in.
    #[error("{0}")]
    Refused(String),
    /// What was asked for makes no sense to it, and will not.
    #[error("{0}")]
    Never(String),
}

impl From<UpstreamError> for ServiceError {
    fn from(error: UpstreamError) -> Self {
        Self::Later(error.to_string())
    }
}

impl Service {
    /// Prepares to ask a service; connects to nothing.
    pub(super) fn new(
        url: &Url,
        ca_file: Option<&Path>,
        settings: &Settings,
    ) -> Result<Self, UpstreamError> {
        let mut base = url.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", url.path()));
        }
        let site = UpstreamSettings {
            ca_file: ca_file.map(Path::to_owned),
            ..UpstreamSettings::anonymous(base.host_str().unwrap_or_default(), base.clone())
        };
        let web = || Web::of(&site, proxy_variables(settings));
        Ok(Self {
            web: web()?,
            sending: web()?.patient(SENDING),
            base,
            credential: None,
        })
    }

    /// Presents a credential from now on.
    pub(super) fn presenting(self, credential: &Secret) -> Self {
        // Whatever a proxy on the way says is logged without it.
        secrets::learn(credential.expose());
        Self {
            credential: Some(credential.clone()),
            ..self
        }
    }

    /// Enrols this scanner.
    pub(super) async fn enrol(
        &self,
        linking_key: &Secret,
        credential: &Secret,
    ) -> Result<Enrolled, ServiceError> {
        for secret in [linking_key, credential] {
            secrets::learn(secret.expose());
        }
        let enrol = Enrol {
            credential: credential.expose().to_owned(),
            version: VERSION.to_owned(),
        };
        self.ask("enrol", Some(linking_key), &enrol).await
    }

    /// Waits for work; without any place it is only told which plugins read images.
    pub(super) async fn work(&self, places: usize) -> Result<Work, ServiceError> {
        let asked = AskForWork {
            version: VERSION.to_owned(),
            revisions: revisions(),
            places: u32::try_from(places).unwrap_or(u32::MAX),
            plugins: true,
        };
        self.ask("work", self.credential.as_ref(), &asked).await
    }

    /// Gets a plugin.
    pub(super) async fn plugin(&self, digest: &Digest) -> Result<PluginSent, ServiceError> {
        let digest = digest.clone();
        let body = serde_json::to_vec(&AskForPlugin { digest }).map_err(|error| never(&error))?;
        let headers = headers(self.credential.as_ref(), "application/json");
        let (url, what) = (self.url("plugins")?, "a plugin of the service");
        let answer = self
            .sending
            .exchange(what, &url, headers, body.into(), MAX_PLUGIN_BYTES)
            .await?;
        understood(answer)
    }

    /// Asks for leases to hold for longer; gives those that do.
    pub(super) async fn renew(&self, leases: Vec<Lease>) -> Result<Vec<Lease>, ServiceError> {
        let credential = self.credential.as_ref();
        let held: Held = self.ask("renew", credential, &Renew { leases }).await?;
        Ok(held.leases)
    }

    /// Says that work cannot be done.
    pub(super) async fn failed(&self, lease: &Lease, why: &str) -> Result<(), ServiceError> {
        let failed = Failed {
            lease: lease.clone(),
            why: why.to_owned(),
        };
        let credential = self.credential.as_ref();
        let _taken: Taken = self.ask("failures", credential, &failed).await?;
        Ok(())
    }

    /// Says what was found in a layer.
    pub(super) async fn found(
        &self,
        lease: &Lease,
        layer: &Digest,
        facts: Bytes,
    ) -> Result<(), ServiceError> {
        let mut url = self.url("facts")?;
        url.query_pairs_mut()
            .append_pair("work", &lease.work.to_string())
            .append_pair("fence", &lease.fence.to_string())
            .append_pair("layer", layer.as_str());
        let headers = headers(self.credential.as_ref(), "application/octet-stream");
        let what = format!("facts of {layer}");
        let (web, limit) = (&self.sending, MAX_ANSWER_BYTES);
        let answer = web.exchange(&what, &url, headers, facts, limit).await?;
        let _taken: Taken = understood(answer)?;
        Ok(())
    }

    /// Says what an image holds, by itself or as the answer to work.
    pub(super) async fn told(
        &self,
        report: Bytes,
        lease: Option<&Lease>,
    ) -> Result<TakenImage, ServiceError> {
        let mut url = self.url("images")?;
        if let Some(lease) = lease {
            url.query_pairs_mut()
                .append_pair("work", &lease.work.to_string())
                .append_pair("fence", &lease.fence.to_string());
        }
        let headers = headers(self.credential.as_ref(), "application/octet-stream");
        let (what, limit) = ("what an image holds", MAX_ANSWER_BYTES);
        let sending = self.sending.exchange(what, &url, headers, report, limit);
        understood(sending.await?)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        what: &'static str,
        credential: Option<&Secret>,
        body: &impl Serialize,
    ) -> Result<T, ServiceError> {
        let url = self.url(what)?;
        let body = serde_json::to_vec(body).map_err(|error| never(&error))?;
        let headers = headers(credential, "application/json");
        let named = format!("{what} of the service");
        let answer = self
            .web
            .exchange(&named, &url, headers, body.into(), MAX_ANSWER_BYTES)
            .await?;
        understood(answer)
    }

    fn url(&self, what: &str) -> Result<Url, ServiceError> {
        let url = self.base.join(&format!("api/v1/scanners/{what}"));
        url.map_err(|error| never(&error))
    }
}

fn never(error: &dyn std::fmt::Display) -> ServiceError {
    ServiceError::Never(error.to_string())
}

fn headers(credential: Option<&Secret>, media_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static(media_type);
    headers.insert(header::CONTENT_TYPE, kind);
    let bearer = credential.map(|secret| format!("Bearer {}", secret.expose()));
    let bearer = bearer.and_then(|text| HeaderValue::try_from(text).ok());
    if let Some(mut bearer) = bearer {
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
    }
    headers
}

/// Takes an answer, or says what it means to whoever asked.
fn understood<T: DeserializeOwned>((status, body): (StatusCode, Bytes)) -> Result<T, ServiceError> {
    if status.is_success() {
        let why = "the answer is none of a Sluicegate service of this version";
        return serde_json::from_slice(&body).map_err(|_| ServiceError::Later(why.to_owned()));
    }
    let problem: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let detail = problem.as_ref().and_then(|it| it.get("detail")?.as_str());
    let Some(detail) = detail else {
        // Something that lies between, or no service at all.
        let why = format!("{status}, and no problem details: is that a Sluicegate API?");
        return Err(ServiceError::Later(why));
    };
    let detail = detail.to_owned();
    Err(match status.as_u16() {
        401 => ServiceError::Refused(detail),
        408 | 429 | 500..=599 => ServiceError::Later(detail),
        _ => ServiceError::Never(detail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_service_itself_refuses_a_scanner() {
        let said = |status: u16, body: &'static str| {
            let status = StatusCode::from_u16(status).unwrap();
            understood::<Held>((status, Bytes::from_static(body.as_bytes()))).unwrap_err()
        };
        let problem = r#"{"detail": "why"}"#;
        assert!(matches!(said(401, problem), ServiceError::Refused(why) if why == "why"));
        assert!(
            matches!(said(401, "<html>"), ServiceError::Later(_)),
            "a proxy on the way"
        );
        assert!(matches!(said(503, problem), ServiceError::Later(_)));
        assert!(matches!(said(429, problem), ServiceError::Later(_)));
        assert!(matches!(said(409, problem), ServiceError::Never(_)));
        assert!(matches!(said(200, "{}"), ServiceError::Later(_)));
    }
}
