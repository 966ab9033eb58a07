//! Images of the Docker engine, over its socket.

use std::fs::File;
use std::path::PathBuf;

use super::Surroundings;
use super::engine_socket::{EngineSocket, escaped, socket_of};
use super::error::SourceError;

/// Where the engine listens unless told otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// Exports an image; none where there is no engine.
pub(super) fn export(
    image: &str,
    surroundings: &Surroundings,
) -> Result<Option<File>, SourceError> {
    let Some(path) = socket(surroundings)? else {
        return Ok(None);
    };
    let engine = EngineSocket {
        engine: "docker",
        path,
    };
    let target = format!("/images/{}/get", escaped(image));
    engine.export(&target, image, surroundings).map(Some)
}

/// Finds the socket: `DOCKER_HOST`, the system's, the user's own.
fn socket(surroundings: &Surroundings) -> Result<Option<PathBuf>, SourceError> {
    let environment = &surroundings.environment;
    if let Some(host) = environment.get("DOCKER_HOST") {
        return socket_of("DOCKER_HOST", host).map(Some);
    }
    let rootless = environment
        .get("XDG_RUNTIME_DIR")
        .map(|folder| PathBuf::from(folder).join("docker.sock"));
    let mut sockets = std::iter::once(PathBuf::from(SOCKET)).chain(rootless);
    Ok(sockets.find(|path| path.exists()))
}
