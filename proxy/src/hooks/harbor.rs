//! What Harbor sends, in its own form and as a CloudEvent.
//!
//! Source: Harbor's documentation, "Configure Webhook Notifications".

use schemars::JsonSchema;
use serde::Deserialize;

use super::pushed::said;
use super::{NoImage, Payload, Proof, Pushed, Told};

/// What the two forms call a push.
const PUSHES: [&str; 2] = ["PUSH_ARTIFACT", "harbor.artifact.pushed"];

/// A notification of Harbor; members that are not named here are not looked at.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct HarborEvent {
    /// What happened: PUSH_ARTIFACT, or harbor.artifact.pushed; with anything else nothing is done.
    #[serde(rename = "type")]
    kind: String,
    /// What was pushed, in Harbor's own form.
    event_data: Option<HarborData>,
    /// The same in a CloudEvent.
    data: Option<HarborData>,
}

/// What was pushed.
#[derive(Debug, Deserialize, JsonSchema)]
struct HarborData {
    /// One for each artifact.
    #[serde(default)]
    resources: Vec<HarborResource>,
}

/// An artifact.
#[derive(Debug, Deserialize, JsonSchema)]
struct HarborResource {
    /// Its manifest.
    digest: Option<String>,
    /// Its name with Harbor's host before it.
    resource_url: Option<String>,
}

impl Payload for HarborEvent {
    const PROOF: Proof = Proof::Said;

    fn told(self) -> Result<Told, NoImage> {
        if !PUSHES.contains(&self.kind.as_str()) {
            let kind: String = self.kind.chars().take(40).collect();
            return Ok(Told::Other(format!(
                "events of type {kind:?} start nothing"
            )));
        }
        let data = self.event_data.or(self.data);
        let data = data.ok_or(NoImage::Lacks("event_data"))?;
        let pushed = data.resources.iter().map(|resource| {
            let url = said(resource.resource_url.as_deref());
            let url = url.ok_or(NoImage::Lacks("resource_url"))?;
            Pushed::on_host(url, said(resource.digest.as_deref()))
        });
        pushed.collect::<Result<_, _>>().map(Told::Pushed)
    }
}
