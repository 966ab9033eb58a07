//! The kubelet's protocol of credential providers: an image's name in a request, credentials by
//! patterns of images and how long they hold in a response.
//!
//! Source: kubernetes.io, "Configure a kubelet image credential provider", and the types of
//! `credentialprovider.kubelet.k8s.io/v1`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sluicegate_config::{CredentialProvider, Credentials, Secret};
use sluicegate_model::glob::Glob;

use super::error::LoginError;
use super::program::Program;
use super::told::Told;

const API_VERSION: &str = "credentialprovider.kubelet.k8s.io/v1";
const REQUEST: &str = "CredentialProviderRequest";
const RESPONSE: &str = "CredentialProviderResponse";
/// How long an answer is used that does not say it: the kubelet's word for that is a setting.
const USED_FOR: Duration = Duration::from_mins(5);
/// How long such an answer may stand in for one that does not come.
const LIVES: Duration = Duration::from_mins(15);
/// Longest life believed.
const MAX_LIFE: Duration = Duration::from_hours(24);
/// Shortest time between two questions, whatever the answer says.
const MIN_LIFE: Duration = Duration::from_secs(10);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    api_version: &'static str,
    kind: &'static str,
    image: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    api_version: String,
    kind: String,
    #[serde(default)]
    cache_key_type: String,
    #[serde(default)]
    cache_duration: Option<String>,
    #[serde(default)]
    auth: Option<BTreeMap<String, Auth>>,
}

#[derive(Deserialize)]
struct Auth {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

/// Gives the program of a provider.
pub(super) fn program(provider: CredentialProvider) -> Program {
    let CredentialProvider { command, args, env } = provider;
    Program { command, args, env }
}

/// Asks who we are for an image, `host[:port]/path`.
pub(super) async fn ask(program: &Program, image: &str) -> Result<Told, LoginError> {
    let request = Request {
        api_version: API_VERSION,
        kind: REQUEST,
        image,
    };
    let question = serde_json::to_vec(&request);
    let question = question.map_err(|_| program.unusable("its question cannot be written"))?;
    let said = program.ask(&question).await?;
    if !said.status.success() {
        return Err(program.failed(said.status));
    }
    read(&said.text, image).map_err(|reason| program.unusable(reason))
}

fn read(text: &[u8], image: &str) -> Result<Told, &'static str> {
    // The parser's own message could quote a password.
    let response: Response =
        serde_json::from_slice(text).map_err(|_| "it is no CredentialProviderResponse")?;
    if response.api_version != API_VERSION || response.kind != RESPONSE {
        return Err("it is no CredentialProviderResponse of credentialprovider.kubelet.k8s.io/v1");
    }
    let is_of_one = match response.cache_key_type.as_str() {
        "Image" => true,
        "Registry" | "Global" => false,
        _ => return Err("its cacheKeyType is none of Image, Registry and Global"),
    };
    let auth = response.auth.unwrap_or_default();
    let told = best(&auth, image).map(|auth| Credentials {
        username: auth.username.clone(),
        password: Secret::new(&*auth.password),
    });
    if told
        .as_ref()
        .is_some_and(|told| told.username.is_empty() || told.password.expose().is_empty())
    {
        return Err("a username or password is empty");
    }
    let told = match response.cache_duration {
        None => Told::of_all(told, USED_FOR, LIVES),
        Some(written) => {
            let lives: jiff::SignedDuration = written
                .parse()
                .map_err(|_| "its cacheDuration is no time such as 12h0m0s")?;
            let lives =
                Duration::try_from(lives).map_err(|_| "its cacheDuration is below nothing")?;
            Told::for_a_time(told, lives.clamp(MIN_LIFE, MAX_LIFE))
        }
    };
    Ok(Told { is_of_one, ..told })
}

/// Chooses the credentials whose pattern says most about the image.
fn best<'a>(auth: &'a BTreeMap<String, Auth>, image: &str) -> Option<&'a Auth> {
    let matching = auth.iter().filter(|(pattern, _)| is_of(pattern, image));
    // The kubelet tries the longest path first.
    let said = |pattern: &str| {
        let (host, path) = split(pattern);
        (path.len(), !host.contains('*'), host.len())
    };
    let best = matching.max_by_key(|(pattern, _)| said(pattern));
    best.map(|(_, auth)| auth)
}

/// Tells whether a pattern, `host[:port][/path]` with globs in the parts of the host, is about an
/// image: as many parts of the host, the same port, and the path a beginning of the image's.
fn is_of(pattern: &str, image: &str) -> bool {
    let ((host, path), (image_host, image_path)) = (split(pattern), split(image));
    let ((name, port), (image_name, image_port)) = (with_port(host), with_port(image_host));
    let (parts, image_parts) = (name.split('.'), image_name.split('.'));
    port == image_port
        && parts.clone().count() == image_parts.clone().count()
        && parts
            .zip(image_parts)
            .all(|(part, of)| Glob::new(&part.to_ascii_lowercase()).matches(of))
        && image_path.starts_with(path)
}

fn split(text: &str) -> (&str, &str) {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    text.split_once('/').unwrap_or((text, ""))
}

fn with_port(host: &str) -> (&str, &str) {
    host.rsplit_once(':').unwrap_or((host, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fields: &str) -> Result<Told, &'static str> {
        let text = format!(
            r#"{{"apiVersion":"{API_VERSION}","kind":"{RESPONSE}","cacheKeyType":"Registry"{fields}}}"#
        );
        read(text.as_bytes(), "1.dkr.ecr.eu-1.amazonaws.com/team/app")
    }

    #[test]
    fn the_pattern_that_says_most_decides() {
        let auth = |patterns: &[&str]| {
            let entry = |pattern: &&str| {
                format!(r#""{pattern}":{{"username":"{pattern}","password":"p"}}"#)
            };
            let entries: Vec<String> = patterns.iter().map(entry).collect();
            let told = told(&format!(r#","auth":{{{}}}"#, entries.join(","))).unwrap();
            told.credentials.map(|told| told.username)
        };
        for (patterns, wanted) in [
            (
                &["*.dkr.ecr.*.amazonaws.com"][..],
                Some("*.dkr.ecr.*.amazonaws.com"),
            ),
            (&["*.amazonaws.com", "*.com"], None),
            (&["1.dkr.ecr.eu-1.amazonaws.com:443"], None),
            (
                &["*.dkr.ecr.*.amazonaws.com", "1.dkr.ecr.eu-1.amazonaws.com"],
                Some("1.dkr.ecr.eu-1.amazonaws.com"),
            ),
            (
                &[
                    "1.dkr.ecr.eu-1.amazonaws.com",
                    "*.dkr.ecr.eu-?.amazonaws.com/team",
                ],
                Some("*.dkr.ecr.eu-?.amazonaws.com/team"),
            ),
            (&["1.dkr.ecr.eu-1.amazonaws.com/other"], None),
            (
                &["https://1.dkr.ecr.eu-1.amazonaws.com/team"],
                Some("https://1.dkr.ecr.eu-1.amazonaws.com/team"),
            ),
        ] {
            assert_eq!(auth(patterns).as_deref(), wanted, "{patterns:?}");
        }
        assert!(told(r#","auth":null"#).unwrap().credentials.is_none());
    }

    #[test]
    fn an_answer_holds_as_long_as_it_says_and_is_renewed_before() {
        for (written, used, lives) in [
            ("12h0m0s", 11 * 3_600 + 55 * 60, 12 * 3_600),
            ("10m0s", 540, 600),
            ("0s", 9, 10),
            ("9000h0m0s", 24 * 3_600 - 300, 24 * 3_600),
        ] {
            let told = told(&format!(r#","cacheDuration":"{written}""#)).unwrap();
            assert_eq!(
                (told.used_for.as_secs(), told.lives.as_secs()),
                (used, lives),
                "{written}"
            );
        }
        assert!(told("").unwrap().lives >= USED_FOR);
    }

    #[test]
    fn an_answer_of_another_protocol_is_none() {
        for text in [
            "",
            "[]",
            r#"{"apiVersion":"v1","kind":"CredentialProviderResponse","cacheKeyType":"Image"}"#,
            r#"{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"Pod","cacheKeyType":"Image"}"#,
        ] {
            assert!(read(text.as_bytes(), "a/b").is_err(), "{text}");
        }
        for fields in [
            r#","cacheDuration":"soon""#,
            r#","cacheDuration":"-1h""#,
            r#","auth":{"*.dkr.ecr.eu-1.amazonaws.com":{"username":"u"}}"#,
        ] {
            assert!(told(fields).is_err(), "{fields}");
        }
    }
}
