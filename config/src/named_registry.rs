//! How a registry that a user names on a command line is asked: as configured, else by its name,
//! with the credentials that the user's own tools have left.
//!
//! Serving never looks at those: a service is told its credentials.

use std::path::{Path, PathBuf};

use sluicegate_model::names::folded_host;
use url::Url;

use crate::docker_config;
use crate::env::Environment;
use crate::errors::{ConfigErrors, Notes};
use crate::layer::{Place, Sourced};
use crate::settings::Settings;
use crate::upstreams::{base_url, is_host};
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

/// Describes a registry that a scanner elsewhere may fetch from, `HOST` or `HOST=URL`, and what
/// deserves a word although it is no mistake. Credentials are those of the file that is named.
pub fn registry_allowed(
    text: &str,
    settings: &Settings,
    docker_config: Option<&Path>,
) -> Result<(UpstreamSettings, Vec<String>), ConfigErrors> {
    let (name, url) = text.split_once('=').unwrap_or((text, ""));
    let name = folded_host(name);
    let mut registry = match settings.upstreams.get(&name) {
        _ if !is_host(&name) => {
            let message = format!("{name:?} is no registry's host name");
            return Err(ConfigErrors::one("--allow", message));
        }
        Some(configured) => configured.clone(),
        None => by_name(&name)?,
    };
    let mut notes = Notes::default();
    if !url.is_empty() {
        let said = Sourced {
            text: url.to_owned(),
            place: Place::Default("allow"),
        };
        if let Some(url) = base_url(&said, "", &mut notes) {
            registry = UpstreamSettings::anonymous(&name, url);
        }
    }
    registry.allow_insecure_credentials |= is_loopback(&registry.url);
    if let Some(path) = docker_config {
        add_credentials(path, &mut registry, &mut notes);
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

fn add_credentials(path: &Path, registry: &mut UpstreamSettings, notes: &mut Notes) {
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

    #[test]
    fn a_scanner_may_ask_what_it_is_told_and_is_who_its_file_says() {
        let environment = Environment::from_variables([("HOME", "/nowhere")], false);
        let settings = crate::load(Flags::default(), &environment, None).unwrap();
        let settings = settings.settings;
        let allowed = |text: &str, file: Option<&Path>| registry_allowed(text, &settings, file);
        for (text, name, url) in [
            ("docker.io", "docker.io", "https://registry-1.docker.io/"),
            (
                "Registry.Local",
                "registry.local",
                "https://registry.local/",
            ),
            (
                "a.test=http://10.0.0.1:5000",
                "a.test",
                "http://10.0.0.1:5000/",
            ),
            ("127.0.0.1:5000", "127.0.0.1:5000", "http://127.0.0.1:5000/"),
        ] {
            let (registry, _) = allowed(text, None).unwrap();
            assert_eq!((registry.name.as_str(), registry.url.as_str()), (name, url));
            assert!(registry.login.is_none());
        }
        for wrong in ["", "*", "a b", "a.test=ftp://x", "a.test=http://u:secret@x"] {
            let said = allowed(wrong, None).unwrap_err().to_string();
            assert!(!said.contains("secret"), "{said}");
        }
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.json");
        let text = r#"{"auths": {"registry.local": {"auth": "dTpw"}}}"#;
        std::fs::write(&file, text).unwrap();
        let (registry, _) = allowed("registry.local", Some(&file)).unwrap();
        assert_eq!(registry.login.unwrap().said().unwrap().username, "u");
        let absent = home.path().join("absent.json");
        assert!(allowed("registry.local", Some(&absent)).is_err());
    }
}
