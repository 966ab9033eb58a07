//! Images of podman: over its socket where it serves one, else by its own program, for its store
//! has no other reader.

use std::fs::File;
use std::path::PathBuf;

use super::Surroundings;
use super::engine_socket::{EngineSocket, escaped, socket_of};
use super::error::SourceError;
use super::program::{Program, not_found};

/// Where the system's podman listens when it does.
const SOCKET: &str = "/run/podman/podman.sock";

/// Exports an image; none where there is no podman.
pub(super) fn export(
    image: &str,
    surroundings: &Surroundings,
) -> Result<Option<File>, SourceError> {
    if let Some(path) = socket(surroundings)? {
        let engine = EngineSocket {
            engine: "podman",
            path,
        };
        let name = escaped(image);
        let target = format!("/v4.0.0/libpod/images/{name}/get?format=docker-archive");
        return engine.export(&target, image, surroundings).map(Some);
    }
    let podman = Program::new("podman", &[]);
    let Some(status) = podman.status(&["image", "exists", "--", image])? else {
        return Ok(None);
    };
    // Source: podman-image-exists(1), "Exit codes".
    if status == 1 {
        return Err(not_found("podman", image));
    }
    let arguments = ["save", "--quiet", "--format", "docker-archive", "--", image];
    podman.output(&arguments, surroundings).map(Some)
}

/// Finds the socket: `CONTAINER_HOST`, the user's own, the system's.
fn socket(surroundings: &Surroundings) -> Result<Option<PathBuf>, SourceError> {
    let environment = &surroundings.environment;
    if let Some(host) = environment.get("CONTAINER_HOST") {
        return socket_of("CONTAINER_HOST", host).map(Some);
    }
    let own = environment
        .get("XDG_RUNTIME_DIR")
        .map(|folder| PathBuf::from(folder).join("podman/podman.sock"));
    let mut sockets = own.into_iter().chain([PathBuf::from(SOCKET)]);
    Ok(sockets.find(|path| path.exists()))
}
