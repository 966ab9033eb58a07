//! GETs of plain files from one place and POSTs to it, over the connections that
//! upstreams use.
//!
//! Redirects, proxies, TLS and the rule on private addresses are those of a registry's client. A user
//! name and password go with every GET, to that place alone; a challenge is not answered. Never retries and never stores. Called by `feeds::fetch`,
//! `webhook` and `agent`.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use hyper::body::Incoming;
use sluicegate_config::UpstreamSettings;
use url::Url;

use super::answer::failure;
use super::error::UpstreamError;
use super::options::{ProxyVariables, UpstreamOptions};
use super::session::{Ask, Session};
use super::token::Authenticator;
use super::trust::TrustedPlaces;
use super::wire::{Wire, next_piece};

/// A client of one place that serves files.
#[derive(Debug)]
pub struct Web {
    session: Session,
}

impl Web {
    /// Prepares a client; connects to nothing.
    ///
    /// *Errors*: [`UpstreamError::Settings`].
    pub fn new(base: &Url, proxy: ProxyVariables) -> Result<Self, UpstreamError> {
        let name = base.host_str().unwrap_or_default();
        Self::of(&UpstreamSettings::anonymous(name, base.clone()), proxy)
    }

    /// Prepares a client that knows who we are; connects to nothing.
    ///
    /// *Errors*: [`UpstreamError::Settings`].
    pub fn of(site: &UpstreamSettings, proxy: ProxyVariables) -> Result<Self, UpstreamError> {
        let options = UpstreamOptions::from_settings(site, proxy)?;
        let places = TrustedPlaces::new(options.url.clone(), &options.allow_hosts);
        let wire = Wire::new(&options, places.clone(), None)?;
        Ok(Self {
            session: Session {
                wire,
                authenticator: Authenticator::new(options.login, &options.url, places.clone()),
                places,
            },
        })
    }

    /// Asks for a file once. The answer is a 200, or a 304 if `headers` asked for one.
    pub async fn get(
        &self,
        what: &str,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let is_conditional = !headers.is_empty();
        let ask = Ask {
            what: what.to_owned(),
            method: Method::GET,
            url: url.clone(),
            path: String::new(),
            headers,
        };
        let authenticator = &self.session.authenticator;
        let proof = authenticator.last_proof("");
        let mut response = self.once(&ask).await?;
        let is_refused = matches!(response.status().as_u16(), 401 | 403);
        if is_refused && authenticator.has_changed("", proof.as_ref()).await {
            response = self.once(&ask).await?;
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_MODIFIED if is_conditional => Ok(response),
            _ => Err(failure(&self.session.wire, what, response).await),
        }
    }

    async fn once(&self, ask: &Ask) -> Result<Response<Incoming>, UpstreamError> {
        let login = self.session.authenticator.basic(&ask.what, "").await?;
        let arrival = self.session.follow(ask, login.as_ref()).await?;
        Ok(arrival.response)
    }

    /// Sends a document once, and gives status and headers of the answer, whatever they are. Its
    /// body is not read, and no redirect is followed.
    pub async fn post(
        &self,
        what: &str,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap), UpstreamError> {
        let wire = &self.session.wire;
        let answer = wire
            .send_with(what, &Method::POST, url, headers, body)
            .await?;
        let (head, _) = answer.into_parts();
        Ok((head.status, head.headers))
    }

    /// Sends a document once, and gives status and body of the answer, whatever they are. No redirect
    /// is followed.
    ///
    /// *Errors*: a body of more than `limit` bytes.
    pub async fn exchange(
        &self,
        what: &str,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        limit: usize,
    ) -> Result<(StatusCode, Bytes), UpstreamError> {
        let wire = &self.session.wire;
        let answer = wire
            .send_with(what, &Method::POST, url, headers, body)
            .await?;
        let (head, mut body) = answer.into_parts();
        let body = wire.read_small(what, &mut body, limit).await?;
        Ok((head.status, body))
    }

    /// Waits for so long until an answer begins, what is sent included.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.session.wire.timing.headers = patience;
        self
    }

    /// Waits for the next bytes of an answer; `None` at its end.
    pub async fn next_piece(
        &self,
        what: &str,
        body: &mut Incoming,
        received: u64,
    ) -> Result<Option<Bytes>, UpstreamError> {
        let received = usize::try_from(received).unwrap_or(usize::MAX);
        next_piece(what, body, received, self.session.wire.timing.stall).await
    }
}
