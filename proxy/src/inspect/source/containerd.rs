//! Images of containerd, by its own `ctr`, which speaks to the socket and exports what the content
//! store holds: the manifest and the layers as they were pulled.

use std::fs::File;
use std::path::Path;

use oci_distribution::Reference as Spelled;
use sluicegate_model::manifest::Platform;

use super::Surroundings;
use super::error::SourceError;
use super::program::{Program, not_found};

/// Where containerd listens unless told otherwise.
const SOCKET: &str = "/run/containerd/containerd.sock";
/// Where images are looked for unless told otherwise: what `ctr` and `nerdctl` use, and Kubernetes.
const NAMESPACES: [&str; 2] = ["default", "k8s.io"];

/// Exports an image; none where there is no containerd.
pub(super) fn export(
    image: &str,
    surroundings: &Surroundings,
) -> Result<Option<File>, SourceError> {
    let environment = &surroundings.environment;
    let socket = environment.get("CONTAINERD_ADDRESS").unwrap_or(SOCKET);
    let socket = socket.strip_prefix("unix://").unwrap_or(socket);
    if !Path::new(socket).exists() {
        return Ok(None);
    }
    let namespaces = match environment.get("CONTAINERD_NAMESPACE") {
        Some(namespace) => vec![namespace],
        None => NAMESPACES.to_vec(),
    };
    // containerd knows images by their whole names.
    let whole = Spelled::try_from(image).map(|name| name.whole());
    let names = [Some(image.to_owned()), whole.ok()];
    let host = Platform::host();
    let platform = surroundings.platform.as_ref().unwrap_or(&host).to_string();
    for namespace in namespaces {
        let ctr = Program::new("ctr", &["--address", socket, "--namespace", namespace]);
        for name in names.iter().flatten() {
            let filter = format!("name=={name}");
            let Some(listed) = ctr.text(&["images", "ls", "--quiet", &filter])? else {
                return Ok(None);
            };
            if listed.lines().any(|line| line.trim() == name) {
                let arguments = ["images", "export", "--platform", &platform, "-", name];
                return ctr.output(&arguments, surroundings).map(Some);
            }
        }
    }
    Err(not_found("containerd", image))
}
