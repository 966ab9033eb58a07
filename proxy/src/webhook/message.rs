//! An event as it is sent: a CloudEvent in JSON, or what a chat takes, signed.
//!
//! Source: CloudEvents 1.0.2, "JSON Event Format" and "HTTP Protocol Binding", structured mode;
//! Standard Webhooks, "Signature scheme".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use ring::hmac;
use serde::Serialize;
use sluicegate_config::{Secret, WebhookFormat};

use super::chat;
use super::words::Words;
use crate::history::ToldEvent;

/// What stands before an event's type.
const TYPES: &str = "dev.sluicegate.";
/// What stands before a secret that is base64.
const BASE64_SECRET: &str = "whsec_";

/// The key that signs.
pub(super) struct Key(hmac::Key);

impl Key {
    /// Takes a secret: what follows `whsec_` is base64, everything else is taken as it is.
    pub(super) fn new(secret: &Secret) -> Self {
        let text = secret.expose();
        let decoded = text.strip_prefix(BASE64_SECRET);
        let decoded = decoded.and_then(|encoded| STANDARD.decode(encoded).ok());
        let bytes = decoded.unwrap_or_else(|| text.as_bytes().to_vec());
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    fn signature(&self, id: &str, at: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{at}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

/// What is sent.
pub(super) struct Message {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A CloudEvent.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    subject: &'a str,
    time: Timestamp,
    datacontenttype: &'static str,
    data: &'a ToldEvent,
}

impl Message {
    pub(super) fn new(
        told: &ToldEvent,
        source: &str,
        (format, key): (WebhookFormat, Option<&Key>),
        now: Timestamp,
    ) -> Result<Self, serde_json::Error> {
        let event = &told.event;
        let (kind, body) = match format {
            WebhookFormat::CloudEvents => {
                let body = cloud_event(told, source)?;
                ("application/cloudevents+json", body)
            }
            WebhookFormat::Slack => {
                let message = chat::slack(&Words::of(told));
                ("application/json", serde_json::to_vec(&message)?)
            }
            WebhookFormat::Teams => {
                let message = chat::teams(&Words::of(told));
                ("application/json", serde_json::to_vec(&message)?)
            }
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let at = now.as_second();
        let signature = key.map(|key| key.signature(&event.id, at, &body));
        let signed = [
            ("webhook-id", Some(event.id.clone())),
            ("webhook-timestamp", Some(at.to_string())),
            ("webhook-signature", signature),
        ];
        for (name, value) in signed {
            let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
            if let Some(value) = value {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        Ok(Self {
            headers,
            body: body.into(),
        })
    }
}

fn cloud_event(told: &ToldEvent, source: &str) -> Result<Vec<u8>, serde_json::Error> {
    let event = &told.event;
    serde_json::to_vec(&CloudEvent {
        specversion: "1.0",
        id: &event.id,
        source,
        kind: &format!("{TYPES}{}", event.kind().as_str()),
        subject: &event.subject(),
        time: event.time,
        datacontenttype: "application/json",
        data: told,
    })
}

#[cfg(test)]
mod tests {
    use sluicegate_engine::events::{
        Event, ExceptionChanges, Happening, LossReason, ScannerLoss, difference,
    };
    use sluicegate_local::decisions::{PulledBy, Puller};
    use sluicegate_model::snapshot::SnapshotId;
    use sluicegate_model::verdict::Decision;
    use sluicegate_model::{Digest, samples};

    use super::*;
    use crate::api::tests::assert_pinned;

    fn told(has_all: bool) -> ToldEvent {
        let (mut old, new) = (samples::verdict(), samples::verdict_with_everything());
        old.findings.truncate(1);
        old.provenance.feeds = SnapshotId::NO_FEEDS;
        let mut change = difference((&old, &old.findings), &new).unwrap();
        let mut pulled_by = PulledBy::default();
        if has_all {
            change.cause.exceptions = Some(ExceptionChanges {
                gone: vec!["until-june".into()],
                added: vec!["forever".into()],
                policies: Digest::of(b"policies"),
            });
            pulled_by.clients.push(Puller {
                client: "192.0.2.1".into(),
                principal: None,
                user_agent: Some("podman".into()),
                pulls: 3,
                last: Timestamp::UNIX_EPOCH,
                decision: Decision::Annotate,
            });
        }
        let change = Happening::VerdictChanged(Box::new(change));
        ToldEvent {
            event: Event::new(7, Timestamp::from_second(1_700_000_000).unwrap(), change),
            pulled_by: Some(pulled_by),
        }
    }

    fn lost(reason: LossReason) -> ToldEvent {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let is_away = reason == LossReason::Away;
        let loss = ScannerLoss {
            scanner: "eu-west".into(),
            enrolment: "1".into(),
            reason,
            last_seen: is_away.then_some(at),
            detail: (!is_away).then(|| "this machine finds something else".into()),
        };
        ToldEvent {
            event: Event::new(8, at, Happening::ScannerLost(loss)),
            pulled_by: None,
        }
    }

    #[test]
    fn an_event_is_sent_as_ever() {
        let all = [
            told(false),
            told(true),
            lost(LossReason::Away),
            lost(LossReason::Suspended),
        ];
        let lines = all.map(|told| {
            let now = Timestamp::UNIX_EPOCH;
            let form = (WebhookFormat::CloudEvents, None);
            let message = Message::new(&told, "https://name", form, now).unwrap();
            String::from_utf8(message.body.to_vec()).unwrap()
        });
        assert_pinned("webhook/pinned.jsonl", &(lines.join("\n") + "\n"));
    }

    #[test]
    fn signature_is_the_hmac_of_id_time_and_body_under_either_form_of_secret() {
        // Computed by Python's hmac module.
        let expected = "v1,ZmhUKDpf5TvYvRcWfyFXAn9t6WbC3mGygQDuUn/xhfQ=";
        for secret in ["whsec_c2VjcmV0IGtleQ==", "secret key"] {
            let key = Key::new(&Secret::new(secret));
            assert_eq!(key.signature("1-2", 1_700_000_000, b"{\"a\":1}"), expected);
        }
    }
}
