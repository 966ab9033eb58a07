//! Where `plugins add` takes a plugin from: a file of this machine, or a registry that is configured.

use std::path::Path;

use sluicegate_config::Settings;
use sluicegate_feeds::mirror::told;
use sluicegate_model::Reference;
use sluicegate_upstream::Upstream;

use super::CommandError;
use crate::app::proxy_variables;
use crate::fed_origin::Origin;
use crate::fed_plugins::read_file;
use crate::fed_registry::{Artifact, FedRegistryError, FromRegistry};
use crate::fed_trust::PluginTrust;
use crate::inspect::source::image_name;

/// How the name of an artifact begins.
const OCI: &str = "oci://";

/// Reads a plugin from where its name says, with where that was and who signed it.
pub(super) async fn read(
    name: &str,
    settings: &Settings,
) -> Result<(Vec<u8>, Origin), CommandError> {
    if let Some(artifact) = name.strip_prefix(OCI) {
        let found = from_registry(artifact, settings).await?;
        return Ok((found.module, found.origin));
    }
    let bytes = read_file(Path::new(name));
    let bytes =
        bytes.map_err(|error| CommandError::Failed(format!("cannot read {name}: {error}")))?;
    Ok((bytes, Origin::unsigned(format!("file {name}"))))
}

async fn from_registry(name: &str, settings: &Settings) -> Result<FromRegistry, CommandError> {
    let usage = |why: String| CommandError::Usage(format!("{OCI}{name}: {why}"));
    let trust = PluginTrust::read(&settings.plugin_trust);
    let trust = trust.map_err(|error| CommandError::Usage(error.to_string()))?;
    if trust.is_empty() {
        let why = "plugin_trust names no key: a digest says what a plugin is, and not who vouches for \
                   it; name the key that signs it, or add a file";
        return Err(usage(why.to_owned()));
    }
    let (repository, reference) =
        image_name(name, settings).map_err(|error| usage(error.to_string()))?;
    let Reference::Digest(digest) = reference else {
        return Err(usage("wanted a digest, REPOSITORY@sha256:...".to_owned()));
    };
    let described = settings.upstreams.get(repository.upstream());
    let described = described.ok_or_else(|| {
        let host = repository.upstream();
        usage(format!("{host} is none of the configured upstreams"))
    })?;
    let upstream = Upstream::from_settings(described, proxy_variables(settings), None);
    let upstream = upstream.map_err(|error| usage(told(&error)))?;
    let artifact = Artifact::new(&upstream, &repository, &digest);
    artifact.fetch(&trust).await.map_err(|error| match error {
        FedRegistryError::Upstream(error) => CommandError::Failed(told(&error)),
        FedRegistryError::Blob { .. } => CommandError::Failed(error.to_string()),
        _ => CommandError::Usage(error.to_string()),
    })
}
