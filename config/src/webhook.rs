//! Who is sent events: a URL that may hold a secret, and what messages are signed with.

use crate::credentials;
use crate::said::Said;
use crate::upstreams;
use crate::values::WebhookSettings;

/// Reads `webhook` with `webhook_secret_file`.
pub(crate) fn read(said: &mut Said<'_>) -> Option<WebhookSettings> {
    let secret = said.layers.one("webhook_secret_file");
    let Some(value) = said.one() else {
        if let Some(secret) = secret {
            let message = "a secret needs a webhook to sign for";
            said.notes.error(&secret.place, message);
        }
        return None;
    };
    let secret = secret.map(|file| credentials::signing_secret(file, said.notes));
    let (example, instead) = ("https://hooks.example/x", ", use webhook_secret_file");
    let url = upstreams::web_url(value, example, instead, said.notes)?;
    if url.fragment().is_some() {
        let message = "the URL of a webhook has no fragment";
        said.notes.error(&value.place, message);
    }
    let secret = secret.flatten();
    Some(WebhookSettings { url, secret })
}
