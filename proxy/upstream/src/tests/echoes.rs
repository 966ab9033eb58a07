//! What upstreams echo of credentials is in no error: not the status text, not a header, not a
//! body, not what a token service or a storage says.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sluicegate_config::{Credentials, Login, Secret};
use sluicegate_model::{Digest, Reference};

use crate::fake::{Answer, Fake, Seen, answer};
use crate::{Upstream, UpstreamError};

const USER: &str = "robot";
const PASSWORD: &str = "Echo/canary+4711?";
const TOKEN: &str = "echo-token-canary-0815-abcdefghijklmnopqrstuvwxyz";

/// How an upstream writes what it was sent.
fn forms(sent: &str) -> Vec<String> {
    let pair = format!("{USER}:{PASSWORD}");
    let percent = |text: &str| {
        let bytes = text.bytes().map(|byte| format!("%{byte:02x}"));
        bytes.collect::<Vec<_>>().concat()
    };
    vec![
        sent.to_owned(),
        sent.to_uppercase(),
        PASSWORD.to_owned(),
        pair.clone(),
        STANDARD.encode(&pair),
        URL_SAFE_NO_PAD.encode(&pair),
        STANDARD.encode(PASSWORD),
        STANDARD.encode(format!("?{pair}?")),
        percent(PASSWORD),
        percent(sent),
        PASSWORD.replace('/', "%2F").replace('+', "%2B"),
    ]
}

/// Tells whether a text holds a secret in any form that a person would decode.
fn assert_silent(text: &str) {
    let folded = text.to_lowercase();
    let pair = format!("{USER}:{PASSWORD}");
    for secret in [
        PASSWORD.to_lowercase(),
        TOKEN.to_owned(),
        "canary".to_owned(),
        STANDARD.encode(&pair).to_lowercase(),
        STANDARD
            .encode(PASSWORD)
            .trim_end_matches('=')
            .to_lowercase(),
        "%63%61%6e%61%72%79".to_owned(),
    ] {
        assert!(!folded.contains(&secret), "{secret:?} in {text:?}");
    }
}

fn upstream(fake: &Fake) -> Upstream {
    let mut options = fake.options();
    options.login = Some(Login::Said(Credentials {
        username: USER.to_owned(),
        password: Secret::new(PASSWORD),
    }));
    options.allow_insecure_credentials = true;
    options.allow_hosts = vec!["localhost".to_owned()];
    Upstream::new(options, None).unwrap()
}

/// Asks for everything and checks every error's text.
async fn ask_all(upstream: &Upstream) {
    let reference: Reference = "1".parse().unwrap();
    let digest = Digest::of(b"x");
    let mut errors: Vec<UpstreamError> = Vec::new();
    errors.extend(upstream.manifest("a", &reference).await.err());
    errors.extend(upstream.head_manifest("a", &reference).await.err());
    errors.extend(upstream.blob("a", &digest, 0).await.err());
    errors.extend(upstream.blob_part("a", &digest, 0..9).await.err());
    errors.extend(upstream.tags("a", "").await.err());
    errors.extend(upstream.referrers("a", &digest, None).await.err());
    assert!(!errors.is_empty());
    for error in errors {
        assert_silent(&error.to_string());
        assert_silent(&format!("{error:?}"));
    }
}

/// Answers a request that carries credentials with this; any other with the challenge.
async fn echoing(echo: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Fake {
    Fake::start(move |seen: Seen| {
        let answered = match seen.authorization() {
            Some(sent) => echo(sent),
            None => answer(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
        };
        async move { answered }
    })
    .await
}

#[tokio::test]
async fn no_error_message_holds_what_was_sent() {
    for number in 0..forms("Basic x").len() {
        for status in [400, 403, 429, 500] {
            let fake = echoing(move |sent| {
                let echo = &forms(sent)[number];
                let body = serde_json::json!({"errors": [{"code": "X", "message": format!("bad {echo}!")}]});
                answer(status, &[("retry-after", "9999")], body.to_string())
            })
            .await;
            // One request is enough where each is repeated.
            let error = upstream(&fake)
                .blob("a", &Digest::of(b"x"), 0)
                .await
                .unwrap_err();
            assert_silent(&error.to_string());
        }
    }
}

#[tokio::test]
async fn no_header_brings_it_into_an_error() {
    for name in [
        "content-type",
        "docker-content-digest",
        "warning",
        "ratelimit-limit",
        "content-range",
        "link",
        "www-authenticate",
        "location",
        "retry-after",
    ] {
        for (status, prefix) in [
            (200, ""),
            (206, "bytes "),
            (307, "http://10.0.0.1/"),
            (307, "http://"),
            (401, "Bearer realm=\""),
            (401, "Bearer realm=\"http://"),
            (404, ""),
        ] {
            let fake = echoing(move |sent| {
                let value = format!("{prefix}{}", sent.replace("Basic ", ""));
                answer(status, &[(name, &value)], "{}")
            })
            .await;
            ask_all(&upstream(&fake)).await;
        }
    }
}

#[tokio::test]
async fn a_token_service_that_echoes_is_not_quoted() {
    let number = AtomicUsize::new(0);
    let fake = Fake::start(move |seen: Seen| {
        let host = seen.headers["host"].to_str().unwrap().to_owned();
        let turn = number.fetch_add(1, Ordering::SeqCst);
        async move {
            let sent = seen.authorization().unwrap_or_default();
            let message =
                serde_json::json!({"errors": [{"message": format!("who is {sent} {PASSWORD}")}]});
            if !seen.target.starts_with("/token") {
                let challenge = format!("Bearer realm=\"http://{host}/token\"");
                return answer(401, &[("www-authenticate", &challenge)], "");
            }
            match turn % 4 {
                0 => answer(403, &[], message.to_string()),
                1 => answer(200, &[], format!("{{\"token\": 1, \"x\": \"{sent}\"}}")),
                2 => answer(302, &[("location", &format!("/x?{sent}"))], ""),
                _ => answer(400, &[], message.to_string()),
            }
        }
    })
    .await;
    for _ in 0..4 {
        ask_all(&upstream(&fake)).await;
    }
}

#[tokio::test]
async fn a_token_is_as_secret_as_a_password() {
    let fake = Fake::start(|seen: Seen| async move {
        let host = seen.headers["host"].to_str().unwrap();
        match (seen.target.starts_with("/token"), seen.authorization()) {
            (true, _) => answer(200, &[], format!("{{\"token\":\"{TOKEN}\"}}")),
            (_, Some(sent)) if sent.starts_with("Bearer") => {
                let encoded = STANDARD.encode(sent);
                let message = format!("{sent} {encoded} {}", sent.replace('-', "%2D"));
                let body = serde_json::json!({"errors": [{"message": message}]});
                answer(403, &[], body.to_string())
            }
            _ => {
                let challenge = format!("Bearer realm=\"http://{host}/token\"");
                answer(401, &[("www-authenticate", &challenge)], "")
            }
        }
    })
    .await;
    ask_all(&upstream(&fake)).await;
    let encoded = STANDARD.encode(format!("Bearer {TOKEN}"));
    let logged = crate::secrets::scrub(&encoded).into_owned();
    assert!(logged.contains("***"), "{logged}");
}

#[tokio::test]
async fn the_signature_of_a_link_stays_between_us_and_the_storage() {
    let signature = "signature-canary-1234567890";
    let storage = Fake::start(|seen: Seen| async move {
        let body = serde_json::json!({"errors": [{"message": seen.target}]});
        answer(400, &[], body.to_string())
    })
    .await;
    let target = storage.foreign_url(&format!("/blob?X-Sig={signature}&short=1"));
    let fake = echoing(move |_| answer(307, &[("location", &target)], "")).await;
    let upstream = upstream(&fake);
    ask_all(&upstream).await;
    let line = format!("GET /blob?X-Sig={signature}&short=1");
    assert_eq!(crate::secrets::scrub(&line), "GET /blob?X-Sig=***&short=1");
}

#[tokio::test]
async fn a_name_that_is_a_credential_is_no_tag() {
    let fake = echoing(|sent| {
        let token = sent.replace("Basic ", "").replace('=', "");
        answer(
            200,
            &[],
            format!(r#"{{"name":"a","tags":["1","{token}","latest"]}}"#),
        )
    })
    .await;
    let page = upstream(&fake).tags("a", "").await.unwrap();
    let tags: Vec<String> = page.tags.iter().map(ToString::to_string).collect();
    assert_eq!(tags, ["1", "latest"]);
}
