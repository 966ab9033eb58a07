//! Asks one upstream for something: authenticates when told to, follows redirects it may follow.
//!
//! Every call here is one attempt; repeating it is the caller's decision. An answer that is handed
//! out is a success, everything else is an error.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use url::Url;

use super::answer::failure;
use super::challenge::Challenge;
use super::error::UpstreamError;
use super::redirect::{MAX_REDIRECTS, is_redirect, redirect_target};
use super::text::UpstreamText;
use super::token::Authenticator;
use super::trust::{TrustedPlaces, place, same_place};
use super::wire::Wire;
use crate::secrets;

/// Most values of one link that are taken for secrets; signed links of object stores have eight.
const MAX_SIGNED_VALUES: usize = 16;
/// Shortest value in a link that may be a signature, in characters: 96 bits in base64.
const SHORTEST_SIGNATURE: usize = 16;

/// One upstream, one identity.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) authenticator: Authenticator,
    pub(super) places: TrustedPlaces,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// What is asked for, in words.
    pub(super) what: String,
    pub(super) method: Method,
    pub(super) url: Url,
    /// The repository's path, for the scope of a token.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
}

impl Ask {
    /// Adds a header.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }
}

/// An answer, and whether it came from the upstream itself or from where it sent us.
pub(super) struct Arrival {
    pub(super) response: Response<Incoming>,
    /// Scheme, host and port of who answered.
    place: UpstreamText,
    from_origin: bool,
}

impl Session {
    /// Sends a request, and once more where it is refused and we are somebody else by now:
    /// credentials that have ended are refused as wrong ones are.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Response<Incoming>, UpstreamError> {
        let proof = self.authenticator.last_proof(&ask.path);
        let first = self.attempt(ask).await;
        if is_refused(&first)
            && self
                .authenticator
                .has_changed(&ask.path, proof.as_ref())
                .await
        {
            drop(first);
            return self.settle(ask, self.attempt(ask).await?).await;
        }
        self.settle(ask, first?).await
    }

    /// Sends a request, with one more try after a 401, or after an answer that strangers may get
    /// where the upstream tells us how to be known.
    async fn attempt(&self, ask: &Ask) -> Result<Arrival, UpstreamError> {
        let known = self
            .authenticator
            .beforehand(&self.wire, &ask.what, &ask.path)
            .await?;
        let first = self.follow(ask, known.as_ref()).await?;
        let challenge = match challenge_of(&first) {
            Some(challenge) => Some(challenge),
            None if known.is_none() && may_be_for_strangers(&first) => self.introduction(ask).await,
            None => None,
        };
        let Some(challenge) = challenge else {
            return Ok(first);
        };
        drop(first);
        let authorization = self
            .authenticator
            .answer(&self.wire, &ask.what, &ask.path, challenge, known.as_ref())
            .await?;
        self.follow(ask, Some(&authorization)).await
    }

    /// Asks how the upstream wants to be authenticated to, where we are somebody: many hide from
    /// strangers what they would have to authenticate for.
    async fn introduction(&self, ask: &Ask) -> Option<Challenge> {
        if !self.authenticator.may_introduce_itself() {
            return None;
        }
        let url = self.places.base_endpoint();
        let what = format!("{}: /v2/", ask.what);
        let answer = self.wire.send(&what, &Method::GET, &url, HeaderMap::new());
        let response = match answer.await {
            Ok(response) => response,
            Err(error) => {
                tracing::debug!(%error, "upstream does not say how to authenticate");
                return None;
            }
        };
        let is_refused = response.status() == StatusCode::UNAUTHORIZED;
        let challenge = Challenge::from_headers(response.headers()).filter(|_| is_refused);
        if challenge.is_none() {
            self.authenticator.needs_no_introduction();
        }
        challenge
    }

    /// Sends a request and follows redirects, whatever answer comes at the end.
    pub(super) async fn follow(
        &self,
        ask: &Ask,
        authorization: Option<&HeaderValue>,
    ) -> Result<Arrival, UpstreamError> {
        let mut url = ask.url.clone();
        let mut authorization = authorization;
        for _ in 0..=MAX_REDIRECTS {
            let mut headers = ask.headers.clone();
            if let Some(value) = authorization {
                headers.insert(header::AUTHORIZATION, value.clone());
            }
            let response = self
                .wire
                .send(&ask.what, &ask.method, &url, headers)
                .await?;
            if !is_redirect(response.status()) {
                return Ok(Arrival {
                    place: place(&url),
                    from_origin: self.places.is_origin(&url),
                    response,
                });
            }
            let next = redirect_target(&ask.what, &url, response.headers())?;
            learn_signature(&next);
            if !same_place(&url, &next) {
                // It belongs to the place that asked for it, and stays off for good: a chain that
                // comes back is still somebody else's choice.
                authorization = None;
            }
            url = next;
        }
        Err(UpstreamError::BadRedirect {
            what: ask.what.clone(),
            target: place(&url),
            reason: "there were too many redirects",
        })
    }

    /// Gives a success on, and makes anything else an error.
    async fn settle(
        &self,
        ask: &Ask,
        arrival: Arrival,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let status = arrival.response.status();
        if status.is_success() {
            return Ok(arrival.response);
        }
        if !arrival.from_origin && status != StatusCode::TOO_MANY_REQUESTS {
            // A storage host knows nothing of repositories: its refusal is a link that expired.
            return Err(UpstreamError::Storage {
                what: ask.what.clone(),
                host: arrival.place,
                status: status.as_u16(),
            });
        }
        Err(failure(&self.wire, &ask.what, arrival.response).await)
    }
}

fn challenge_of(arrival: &Arrival) -> Option<Challenge> {
    let refused = arrival.response.status() == StatusCode::UNAUTHORIZED;
    (refused && arrival.from_origin)
        .then(|| Challenge::from_headers(arrival.response.headers()))
        .flatten()
}

/// Tells whether the upstream, or its token service, does not take us for somebody who may.
fn is_refused(outcome: &Result<Arrival, UpstreamError>) -> bool {
    match outcome {
        Ok(arrival) => {
            arrival.from_origin && matches!(arrival.response.status().as_u16(), 401 | 403)
        }
        Err(error) => matches!(
            error,
            UpstreamError::Unauthorized { .. } | UpstreamError::Denied { .. }
        ),
    }
}

/// Tells whether somebody who is known may get another answer.
fn may_be_for_strangers(arrival: &Arrival) -> bool {
    arrival.from_origin && matches!(arrival.response.status().as_u16(), 401 | 403 | 404)
}

/// Takes the values in a link's query for secrets: whoever has the signature has the content.
fn learn_signature(link: &Url) {
    for (_, value) in link.query_pairs().take(MAX_SIGNED_VALUES) {
        if value.len() >= SHORTEST_SIGNATURE {
            secrets::learn_passing(&value);
        }
    }
}
