//! How a registry that a user names on a command line is asked: as configured, else by its name,
//! with the credentials that the user's own tools have left.
//!
//! Serving never looks at those: a service is told its credentials.

use std::path::PathBuf;

use url::Url;

use crate::docker_config;
use crate::env::Environment;
use crate::errors::{ConfigErrors, Notes};
use crate::layer::{Place, Sourced};
use crate::settings::Settings;
use crate::values::UpstreamSettings;

/// Describes the registry `host`, and what deserves a word although it is no mistake.
///
/// A registry on this machine is asked over plain HTTP unless it is configured otherwise.
pub fn registry_named(
    host: &str,
    settings: &Settings,
    environment: &Environment,
) -> Result<(UpstreamSettings, Vec<String>), ConfigErrors> {
    let mut registry = match settings.upstreams.get(host) {
        Some(configured) => configured.clone(),
        None => by_name(host)?,
    };
    let mut notes = Notes::default();
    let stays_here = is_loopback(&registry.url);
    if registry.login.is_none() && (stays_here || registry.url.scheme() == "https") {
        registry.allow_insecure_credentials |= stays_here;
        for path in credential_files(environment) {
            if registry.login.is_none() && path.is_file() {
                add_credentials(&path, &mut registry, &mut notes);
            }
        }
    }
    if notes.errors.is_empty() {
        return Ok((registry, notes.warnings));
    }
    Err(ConfigErrors::new(notes.errors))
}

fn by_name(host: &str) -> Result<UpstreamSettings, ConfigErrors> {
    let url = |scheme: &str| Url::parse(&format!("{scheme}://{host}/"));
    let url = match url("http") {
        Ok(plain) if is_loopback(&plain) => Ok(plain),
        Ok(_) => url("https"),
        Err(error) => Err(error),
    };
    let url = url.map_err(|error| {
        let message = format!("{host:?} is no registry's host name: {error}");
        ConfigErrors::one(host, message)
    })?;
    Ok(UpstreamSettings::anonymous(host, url))
}

/// Tells whether what is sent there stays on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Lists where podman and docker keep what `login` was told, in the order podman looks.
/// Source: containers-auth.json(5); docker, "Credential store".
fn credential_files(environment: &Environment) -> Vec<PathBuf> {
    let under = |name: &str, rest: &str| {
        let folder = environment.get(name).map(PathBuf::from);
        folder.map(|folder| folder.join(rest))
    };
    let of_docker =
        under("DOCKER_CONFIG", "config.json").or_else(|| under("HOME", ".docker/config.json"));
    let files = [
        environment.get("REGISTRY_AUTH_FILE").map(PathBuf::from),
        under("XDG_RUNTIME_DIR", "containers/auth.json"),
        of_docker,
    ];
    files.into_iter().flatten().collect()
}

fn add_credentials(path: &std::path::Path, registry: &mut UpstreamSettings, notes: &mut Notes) {
    let file = Sourced {
        text: path.display().to_string(),
        place: Place::Default("credentials"),
    };
    let one = [(registry.name.clone(), registry.clone())];
    let mut one = one.into_iter().collect();
    docker_config::apply(&file, &mut one, notes);
    if let Some(found) = one.remove(&registry.name) {
        registry.login = found.login;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Flags;

    fn named(host: &str, variables: &[(&str, &str)]) -> UpstreamSettings {
        let environment = Environment::from_variables(variables.iter().copied(), false);
        let settings = crate::load(Flags::default(), &environment, None)
            .unwrap()
            .settings;
        registry_named(host, &settings, &environment).unwrap().0
    }

    #[test]
    fn only_this_machine_is_asked_in_the_clear() {
        for (host, url) in [
            ("docker.io", "https://registry-1.docker.io/"),
            ("reg.corp.example:5443", "https://reg.corp.example:5443/"),
            ("localhost:5000", "http://localhost:5000/"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000/"),
            ("10.0.0.1:5000", "https://10.0.0.1:5000/"),
        ] {
            assert_eq!(named(host, &[]).url.as_str(), url);
        }
    }

    #[test]
    fn credentials_of_docker_login_go_to_their_registry_only() {
        let home = tempfile::tempdir().unwrap();
        let text = r#"{"auths": {"reg.corp.example": {"auth": "dTpw"}}}"#;
        std::fs::write(home.path().join("config.json"), text).unwrap();
        let variables = [("DOCKER_CONFIG", home.path().to_str().unwrap())];
        let found = named("reg.corp.example", &variables).login.unwrap();
        assert_eq!(found.said().unwrap().username, "u");
        assert!(named("other.example", &variables).login.is_none());
    }
}
