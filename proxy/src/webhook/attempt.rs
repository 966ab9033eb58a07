//! One POST of an event, and what its answer means.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use sluicegate_config::{WebhookFormat, WebhookSettings};
use sluicegate_upstream::secrets;
use sluicegate_upstream::{ProxyVariables, UpstreamError, Web};
use url::Url;

use super::message::{Key, Message};
use crate::history::ToldEvent;

/// Longest time until the receiver has answered.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an attempt gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AttemptAnswer {
    /// The receiver has it.
    Taken,
    /// It may take it later.
    Later {
        /// When, where it said so.
        after: Option<Duration>,
        /// What was wrong.
        why: String,
    },
    /// It does not want this one.
    Refused {
        /// What it said.
        why: String,
    },
}

/// Where events are sent.
pub(super) struct WebhookTarget {
    web: Web,
    url: Url,
    format: WebhookFormat,
    key: Option<Key>,
    source: String,
}

impl WebhookTarget {
    pub(super) fn new(
        settings: &WebhookSettings,
        source: String,
        proxy: ProxyVariables,
    ) -> Result<Self, UpstreamError> {
        if let Some(secret) = &settings.secret {
            secrets::learn(secret.expose());
        }
        Ok(Self {
            web: Web::new(&settings.url, proxy)?,
            url: settings.url.clone(),
            format: settings.format,
            key: settings.secret.as_ref().map(Key::new),
            source,
        })
    }

    /// Names the receiver without what may be secret.
    pub(super) fn place(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Sends an event once. Redirects are not followed: they would lead somebody else's way.
    pub(super) async fn send(&self, event: &ToldEvent, now: Timestamp) -> AttemptAnswer {
        let message = match Message::new(event, &self.source, (self.format, self.key.as_ref()), now)
        {
            Ok(message) => message,
            Err(error) => {
                let why = format!("the event cannot be written: {error}");
                return AttemptAnswer::Refused { why };
            }
        };
        let post = self
            .web
            .post("an event", &self.url, message.headers, message.body);
        match tokio::time::timeout(PATIENCE, post).await {
            Ok(Ok((status, headers))) => meaning(status, &headers),
            Ok(Err(error)) => later(error.to_string()),
            Err(_) => later(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }
}

fn meaning(status: StatusCode, headers: &HeaderMap) -> AttemptAnswer {
    let why = format!("the receiver answered {}", status.as_u16());
    let is_temporary = status.is_server_error()
        || status == StatusCode::REQUEST_TIMEOUT
        || status == StatusCode::TOO_MANY_REQUESTS;
    if status.is_success() {
        AttemptAnswer::Taken
    } else if is_temporary {
        let after = sluicegate_upstream::retry_after(headers);
        AttemptAnswer::Later { after, why }
    } else {
        AttemptAnswer::Refused { why }
    }
}

fn later(why: String) -> AttemptAnswer {
    AttemptAnswer::Later { after: None, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_is_taken_and_only_the_temporary_is_tried_for_ever() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "7".parse().unwrap());
        let kind = |status: u16| match meaning(StatusCode::from_u16(status).unwrap(), &headers) {
            AttemptAnswer::Taken => "taken",
            AttemptAnswer::Later { after, .. } => {
                assert_eq!(after, Some(Duration::from_secs(7)));
                "later"
            }
            AttemptAnswer::Refused { .. } => "refused",
        };
        let cases = [
            (200, "taken"),
            (202, "taken"),
            (204, "taken"),
            (301, "refused"),
            (307, "refused"),
            (400, "refused"),
            (401, "refused"),
            (408, "later"),
            (410, "refused"),
            (413, "refused"),
            (429, "later"),
            (500, "later"),
            (503, "later"),
        ];
        for (status, expected) in cases {
            assert_eq!(kind(status), expected, "{status}");
        }
    }
}
