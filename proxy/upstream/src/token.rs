//! Authentication to one upstream: Basic, or tokens that are fetched once and shared.
//!
//! However many requests need a token for one repository, one request to the token service is
//! under way. Credentials go only where `trust` lets them. Called by `session`.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method, Response, header};
use hyper::body::Incoming;
use moka::Expiry;
use moka::future::Cache;
use serde::Deserialize;
use sluicegate_config::Login as Source;
use url::Url;

use super::answer::failure;
use super::challenge::{BearerChallenge, Challenge};
use super::encoding::decoded;
use super::error::UpstreamError;
use super::login::Login;
use super::redirect::{MAX_REDIRECTS, is_redirect, redirect_target};
use super::retry::patiently;
use super::text::UpstreamText;
use super::trust::{TrustedPlaces, place, same_place};
use super::wire::Wire;
use crate::secrets;

/// Largest answer of a token service, in bytes; tokens with many scopes reach 10 KiB.
const MAX_TOKEN_ANSWER_BYTES: usize = 64 * 1024;

/// Life of a token whose service names none. Source: distribution's token specification.
const DEFAULT_LIFE: Duration = Duration::from_mins(1);

/// How long before its end a token is given up, so that it does not expire on the way.
const MARGIN: Duration = Duration::from_secs(10);

/// Longest life believed: an hour bounds the use of a token that was revoked.
const MAX_LIFE: Duration = Duration::from_hours(1);

/// Most tokens kept; one for each repository in use.
const MAX_TOKENS: u64 = 10_000;

/// How long an upstream that asks for no authentication is not asked again whether it does.
const UNCHALLENGED_FOR: Duration = Duration::from_mins(5);

/// Authenticates to one upstream with one identity.
pub(super) struct Authenticator {
    login: Option<Login>,
    places: TrustedPlaces,
    tokens: Cache<TokenKey, Token>,
    /// How the upstream last asked to be authenticated to; saves the 401 before every request.
    last_challenge: ArcSwapOption<Challenge>,
    /// When it said last that it wants no authentication.
    unchallenged: ArcSwapOption<Instant>,
}

/// Identifies a token. The upstream is the [`Authenticator`]'s own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TokenKey {
    realm: Url,
    service: Option<String>,
    scope: String,
    /// What proved who it is for; none = nobody in particular.
    proof: Option<HeaderValue>,
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    life: Duration,
}

impl Authenticator {
    pub(super) fn new(login: Option<Source>, base: &Url, places: TrustedPlaces) -> Self {
        Self {
            login: login.map(|source| Login::new(source, base)),
            places,
            tokens: Cache::builder()
                .max_capacity(MAX_TOKENS)
                .expire_after(TokenLife)
                .build(),
            last_challenge: ArcSwapOption::empty(),
            unchallenged: ArcSwapOption::empty(),
        }
    }

    /// Gives what the upstream will ask for, as far as is known.
    pub(super) async fn beforehand(
        &self,
        wire: &Wire,
        what: &str,
        path: &str,
    ) -> Result<Option<HeaderValue>, UpstreamError> {
        match self.last_challenge.load_full().as_deref() {
            None => Ok(None),
            Some(Challenge::Basic) => self.basic(what, path).await,
            Some(Challenge::Bearer(bearer)) => {
                let remembered = BearerChallenge {
                    scope: None,
                    ..bearer.clone()
                };
                self.token(wire, what, &remembered, path).await.map(Some)
            }
        }
    }

    /// Answers a 401: `used` is what the refused request carried.
    pub(super) async fn answer(
        &self,
        wire: &Wire,
        what: &str,
        path: &str,
        challenge: Challenge,
        used: Option<&HeaderValue>,
    ) -> Result<HeaderValue, UpstreamError> {
        let header = match &challenge {
            Challenge::Basic => self
                .basic(what, path)
                .await?
                .filter(|header| Some(header) != used)
                .ok_or_else(|| UpstreamError::Unauthorized {
                    what: what.to_owned(),
                    detail: None,
                })?,
            Challenge::Bearer(bearer) => {
                let proof = self.basic(what, path).await?;
                self.forget(&token_key(bearer, path, proof), used).await;
                self.token(wire, what, bearer, path).await?
            }
        };
        self.last_challenge.store(Some(Arc::new(challenge)));
        Ok(header)
    }

    /// Drops a refused token, but not one that somebody else has fetched since.
    async fn forget(&self, key: &TokenKey, used: Option<&HeaderValue>) {
        let Some(used) = used else { return };
        if self
            .tokens
            .get(key)
            .await
            .is_some_and(|token| token.header == *used)
        {
            self.tokens.invalidate(key).await;
        }
    }

    async fn token(
        &self,
        wire: &Wire,
        what: &str,
        bearer: &BearerChallenge,
        path: &str,
    ) -> Result<HeaderValue, UpstreamError> {
        self.check_realm(what, &bearer.realm)?;
        let key = token_key(bearer, path, self.basic(what, path).await?);
        let fetching = patiently(|| self.fetch(wire, what, &key));
        self.tokens
            .try_get_with(key.clone(), fetching)
            .await
            .map(|token| token.header)
            .map_err(|error: Arc<UpstreamError>| (*error).clone())
    }

    fn check_realm(&self, what: &str, realm: &Url) -> Result<(), UpstreamError> {
        let refuse = |reason| UpstreamError::BadRealm {
            what: what.to_owned(),
            realm: place(realm),
            reason,
        };
        if !matches!(realm.scheme(), "http" | "https") || realm.host().is_none() {
            return Err(refuse("it is no http(s) address"));
        }
        if !realm.username().is_empty() || realm.password().is_some() {
            return Err(refuse("its address holds a user name"));
        }
        self.places.check_token_service(realm).map_err(refuse)?;
        if self.login.is_some() {
            self.places.check_credentials_for(realm).map_err(refuse)?;
        }
        Ok(())
    }

    async fn fetch(&self, wire: &Wire, what: &str, key: &TokenKey) -> Result<Token, UpstreamError> {
        let what = format!("{what}: token from {}", place(&key.realm));
        let mut url = key.realm.clone();
        if let Some(service) = &key.service {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().append_pair("scope", &key.scope);
        let mut headers = HeaderMap::new();
        if let Some(proof) = &key.proof {
            headers.insert(header::AUTHORIZATION, proof.clone());
        }
        let asked_at = Instant::now();
        let response = self.follow(wire, &what, url, headers).await;
        let response = response.map_err(|error| as_realm_error(error, &key.realm))?;
        let status = response.status();
        if !status.is_success() {
            return Err(match failure(wire, &what, response).await {
                // That the token service is missing says nothing about the image.
                UpstreamError::NotFound { what } => UpstreamError::Unavailable {
                    what,
                    status: status.as_u16(),
                    retry_after: None,
                    detail: None,
                },
                other => other,
            });
        }
        let (head, mut body) = response.into_parts();
        let answer = wire
            .read_small(&what, &mut body, MAX_TOKEN_ANSWER_BYTES)
            .await?;
        let answer = decoded(&what, &head.headers, answer, MAX_TOKEN_ANSWER_BYTES)?;
        let mut token = parse_token(&what, &answer)?;
        token.life = token.life.saturating_sub(asked_at.elapsed());
        Ok(token)
    }

    /// Asks a token service, and follows it to another path of the same place: credentials go
    /// nowhere that did not see them.
    async fn follow(
        &self,
        wire: &Wire,
        what: &str,
        mut url: Url,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, UpstreamError> {
        for _ in 0..=MAX_REDIRECTS {
            let response = wire.send(what, &Method::GET, &url, headers.clone()).await?;
            if !is_redirect(response.status()) {
                return Ok(response);
            }
            let next = redirect_target(what, &url, response.headers())?;
            let is_upgrade = next.scheme() == "https" && next.host() == url.host();
            if !same_place(&url, &next) && !is_upgrade {
                return Err(UpstreamError::BadRealm {
                    what: what.to_owned(),
                    realm: place(&url),
                    reason: "it redirects to another place",
                });
            }
            self.check_realm(what, &next)?;
            url = next;
        }
        Err(UpstreamError::BadRealm {
            what: what.to_owned(),
            realm: place(&url),
            reason: "there were too many redirects",
        })
    }

    /// Tells whether it is worth asking the upstream how it wants to be authenticated to: this is
    /// somebody in particular, and the upstream has not said lately that it wants nothing.
    pub(super) fn may_introduce_itself(&self) -> bool {
        let since = self.unchallenged.load();
        let is_known = since
            .as_ref()
            .is_some_and(|at| at.elapsed() < UNCHALLENGED_FOR);
        self.login.is_some() && !is_known
    }

    /// Takes note that the upstream wants nothing.
    pub(super) fn needs_no_introduction(&self) {
        self.unchallenged.store(Some(Arc::new(Instant::now())));
    }

    /// Gives what proves who we are, for a repository; none where we are nobody in particular.
    pub(super) async fn basic(
        &self,
        what: &str,
        path: &str,
    ) -> Result<Option<HeaderValue>, UpstreamError> {
        let Some(login) = &self.login else {
            return Ok(None);
        };
        let failed = |why| UpstreamError::Login {
            what: what.to_owned(),
            why,
        };
        patiently(|| async { login.proof(path).await.map_err(failed) }).await
    }

    /// Gives the last such proof that is known without asking anybody.
    pub(super) fn last_proof(&self, path: &str) -> Option<HeaderValue> {
        self.login.as_ref()?.last_proof(path)
    }

    /// Looks, after a refusal, whether we are somebody else by now than the one who was refused.
    pub(super) async fn has_changed(&self, path: &str, refused: Option<&HeaderValue>) -> bool {
        match &self.login {
            Some(login) => login.has_changed(path, refused).await,
            None => false,
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(..)")
    }
}

struct TokenLife;

impl Expiry<TokenKey, Token> for TokenLife {
    fn expire_after_create(&self, _: &TokenKey, token: &Token, _: Instant) -> Option<Duration> {
        Some(token.life)
    }
}

/// Asks for no more than pulling from one repository, even if the upstream suggests more.
fn token_key(bearer: &BearerChallenge, path: &str, proof: Option<HeaderValue>) -> TokenKey {
    let own = format!("repository:{path}:pull");
    let suggested = bearer.scope.as_deref().filter(|scope| {
        scope.starts_with("repository:") && scope.ends_with(":pull") && !scope.contains(' ')
    });
    TokenKey {
        realm: bearer.realm.clone(),
        service: bearer.service.clone(),
        scope: suggested.map_or(own, str::to_owned),
        proof,
    }
}

fn as_realm_error(error: UpstreamError, realm: &Url) -> UpstreamError {
    match error {
        UpstreamError::BadRedirect { what, reason, .. } => UpstreamError::BadRealm {
            what,
            realm: place(realm),
            reason,
        },
        other => other,
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    /// A number of seconds, perhaps a fraction, or such a number as text.
    expires_in: Option<serde_json::Value>,
}

fn parse_token(what: &str, answer: &[u8]) -> Result<Token, UpstreamError> {
    let wrong = |reason: &str| UpstreamError::Protocol {
        what: what.to_owned(),
        reason: UpstreamText::said(reason),
    };
    // The parser's own message could quote the token.
    let answer: TokenAnswer =
        serde_json::from_slice(answer).map_err(|_| wrong("answer is no token document"))?;
    let text = answer
        .token
        .filter(|token| !token.is_empty())
        .or(answer.access_token)
        .filter(|token| !token.is_empty())
        .ok_or_else(|| wrong("answer holds no token"))?;
    let promised = answer
        .expires_in
        .and_then(|written| seconds(&written))
        .unwrap_or(DEFAULT_LIFE);
    secrets::learn_passing(&text);
    let life = jwt_life(&text).map_or(promised, |life| life.min(promised));
    let mut header = HeaderValue::try_from(format!("Bearer {text}"))
        .map_err(|_| wrong("token holds characters that no header can"))?;
    header.set_sensitive(true);
    Ok(Token {
        header,
        life: life.min(MAX_LIFE).saturating_sub(MARGIN),
    })
}

/// Reads a number of seconds above nothing, however it is written; none where it is no such number.
fn seconds(written: &serde_json::Value) -> Option<Duration> {
    let seconds = match written {
        serde_json::Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    let life = Duration::try_from_secs_f64(seconds?).ok()?;
    Some(life).filter(|life| !life.is_zero())
}

#[derive(Deserialize)]
struct JwtClaims {
    exp: f64,
    iat: f64,
}

/// Reads a token's life from its own claims: both times are the issuer's, so clocks that differ
/// do not matter. The signature is the upstream's business.
fn jwt_life(token: &str) -> Option<Duration> {
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let JwtClaims { exp, iat } = serde_json::from_slice(&claims).ok()?;
    Some(Duration::try_from_secs_f64(exp - iat).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(answer: &str) -> u64 {
        parse_token("t", answer.as_bytes()).unwrap().life.as_secs()
    }

    #[test]
    fn a_token_lives_as_long_as_the_shorter_of_its_two_promises() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"iat":1000,"exp":1100}"#);
        let jwt = format!("h.{claims}.s");
        assert_eq!(
            life(&format!(r#"{{"token":"{jwt}","expires_in":300}}"#)),
            90
        );
        assert_eq!(life(&format!(r#"{{"token":"{jwt}","expires_in":80}}"#)), 70);
        assert_eq!(life(r#"{"access_token":"opaque","expires_in":300}"#), 290);
        assert_eq!(life(r#"{"token":"opaque"}"#), 50);
        assert_eq!(life(r#"{"token":"opaque","expires_in":5}"#), 0);
        assert_eq!(life(r#"{"token":"opaque","expires_in":99999999}"#), 3590);
        let claims = URL_SAFE_NO_PAD.encode(r#"{"iat":1000.5,"exp":1100.5}"#);
        assert_eq!(life(&format!(r#"{{"token":"h.{claims}.s"}}"#)), 50);
    }

    #[test]
    fn a_tokens_life_may_be_text_or_a_fraction() {
        for (written, wanted) in [
            ("\"300\"", 290),
            ("\" 300 \"", 290),
            ("300.0", 290),
            ("\"300.9\"", 290),
            ("3e2", 290),
            ("1e999", 50),
            ("\"inf\"", 50),
            ("\"soon\"", 50),
            ("-1", 50),
            ("0", 50),
            ("null", 50),
            ("[]", 50),
        ] {
            let answer = format!(r#"{{"token":"opaque","expires_in":{written}}}"#);
            if serde_json::from_str::<serde_json::Value>(&answer).is_ok() {
                assert_eq!(life(&answer), wanted, "{written}");
            }
        }
    }

    #[test]
    fn refuses_an_answer_without_a_usable_token() {
        for answer in [
            "",
            "[]",
            "{}",
            r#"{"token":""}"#,
            r#"{"token":"a\nb"}"#,
            r#"{"token":1}"#,
        ] {
            assert!(parse_token("t", answer.as_bytes()).is_err(), "{answer}");
        }
    }

    #[test]
    fn never_asks_for_more_than_pulling() {
        let scope = |suggested: &str| {
            let bearer = BearerChallenge {
                realm: "https://a.test/t".parse().unwrap(),
                service: None,
                scope: Some(suggested.to_owned()),
            };
            token_key(&bearer, "x", None).scope
        };
        assert_eq!(scope("repository:team/x:pull"), "repository:team/x:pull");
        assert_eq!(scope("repository:x:pull,push"), "repository:x:pull");
        assert_eq!(scope("registry:catalog:*"), "repository:x:pull");
        assert_eq!(
            scope("repository:y:push repository:x:pull"),
            "repository:x:pull"
        );
    }
}
