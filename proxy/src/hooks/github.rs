//! What GitHub sends of its container registry: the events `package` and `registry_package`.
//!
//! Source: GitHub's documentation, "Webhook events and payloads".

use schemars::JsonSchema;
use serde::Deserialize;

use super::pushed::{parts, said};
use super::{NoImage, Payload, Proof, Pushed, Told};

/// The header of the code.
const SIGNATURE: &str = "x-hub-signature-256";
/// The type of packages that are images; events of others start nothing.
const CONTAINER: &str = "container";
/// Where images are whose address an event leaves out.
const REGISTRY: &str = "ghcr.io";

/// A notification of GitHub; members that are not named here are not looked at.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct GithubEvent {
    /// What the event `package` tells of.
    package: Option<GithubPackage>,
    /// What the event `registry_package` tells of.
    registry_package: Option<GithubPackage>,
    /// What the event `ping` says.
    zen: Option<String>,
}

/// A package.
#[derive(Debug, Deserialize, JsonSchema)]
struct GithubPackage {
    /// Its name within the account.
    name: Option<String>,
    /// The account.
    namespace: Option<String>,
    /// Of what kind it is; images are CONTAINER.
    package_type: Option<String>,
    /// What was pushed.
    package_version: Option<GithubVersion>,
}

/// A version of a package.
#[derive(Debug, Deserialize, JsonSchema)]
struct GithubVersion {
    /// Its digest.
    version: Option<String>,
    /// Its name with the registry's host before it.
    package_url: Option<String>,
    /// What else is known of an image.
    container_metadata: Option<GithubContainer>,
}

/// What is known of an image.
#[derive(Debug, Deserialize, JsonSchema)]
struct GithubContainer {
    /// What leads to it.
    tag: Option<GithubTag>,
}

/// A tag.
#[derive(Debug, Deserialize, JsonSchema)]
struct GithubTag {
    /// Its name; empty for an image without one.
    name: Option<String>,
    /// The manifest that it leads to.
    digest: Option<String>,
}

impl Payload for GithubEvent {
    const PROOF: Proof = Proof::Signed(SIGNATURE);

    fn told(self) -> Result<Told, NoImage> {
        let Some(package) = self.package.or(self.registry_package) else {
            let told = match self.zen {
                Some(_) => "the secret is right; events of packages start scans",
                None => "events of anything but packages start nothing",
            };
            return Ok(Told::Other(told.to_owned()));
        };
        let kind = package.package_type.as_deref().unwrap_or_default();
        if !kind.eq_ignore_ascii_case(CONTAINER) {
            let kind: String = kind.chars().take(40).collect();
            let told = format!("packages of type {kind:?} are no images");
            return Ok(Told::Other(told));
        }
        package.pushed().map(|image| Told::Pushed(vec![image]))
    }
}

impl GithubPackage {
    fn pushed(&self) -> Result<Pushed, NoImage> {
        let version = self.package_version.as_ref();
        let version = version.ok_or(NoImage::Lacks("package_version"))?;
        let tag = version.container_metadata.as_ref();
        let tag = tag.and_then(|metadata| metadata.tag.as_ref());
        let digest = tag.and_then(|tag| said(tag.digest.as_deref()));
        // A version of an image is called by its digest.
        let called = version.version.as_deref().filter(|it| it.contains(':'));
        let mut name = self.address(version)?;
        if let Some(tag) = tag.and_then(|tag| said(tag.name.as_deref())) {
            name = format!("{name}:{tag}");
        }
        Pushed::on_host(&name, digest.or(called))
    }

    /// Names the package, with its registry and without what of it was pushed. Accounts are written
    /// as people write them; names of repositories are in small letters.
    fn address(&self, version: &GithubVersion) -> Result<String, NoImage> {
        if let Some(url) = said(version.package_url.as_deref()) {
            let (name, _, _) = parts(url);
            return Ok(name.to_ascii_lowercase());
        }
        let name = said(self.name.as_deref()).ok_or(NoImage::Lacks("package_url"))?;
        let account = said(self.namespace.as_deref()).ok_or(NoImage::Lacks("namespace"))?;
        Ok(format!("{REGISTRY}/{account}/{name}").to_ascii_lowercase())
    }
}
