//! The one canonical name of a repository, computed once for each request.
//!
//! Verdicts, membership, the decision log and policy bindings all meet under this name, so every
//! spelling a client may use has to end in the same one. The set of upstreams is configuration;
//! a client can only choose from it.

use std::collections::BTreeSet;

use crate::Repository;
use crate::image::NameError;

/// Other host names under which Docker Hub is known.
const DOCKER_HUB_ALIASES: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
const DOCKER_HUB: &str = "docker.io";

/// The names a request may use for upstreams and for this proxy.
#[derive(Clone, Debug)]
pub struct Names {
    upstreams: BTreeSet<String>,
    own: BTreeSet<String>,
    default_upstream: String,
}

/// Says why a request names no repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalNameError {
    /// The host is no configured upstream.
    #[error("registry {0:?} is not configured here; the operator can add it as an upstream")]
    UnknownUpstream(String),
    /// The path breaks the grammar of repository names.
    #[error(transparent)]
    Invalid(#[from] NameError),
}

impl Names {
    /// Collects the configured names; hosts are folded to lower case without a default port.
    pub fn new<'a>(
        upstreams: impl IntoIterator<Item = &'a str>,
        own: impl IntoIterator<Item = &'a str>,
        default_upstream: &str,
    ) -> Self {
        Self {
            upstreams: upstreams.into_iter().map(folded).collect(),
            own: own.into_iter().map(folded).collect(),
            default_upstream: folded(default_upstream),
        }
    }

    /// Gives the canonical name of `path` as asked for with the optional `?ns=` host.
    pub fn canonical(
        &self,
        path: &str,
        ns: Option<&str>,
    ) -> Result<Repository, CanonicalNameError> {
        // An empty one is how some clients write that they ask for none.
        let ns = ns.filter(|host| !host.is_empty()).map(folded);
        match ns.filter(|host| !self.own.contains(host)) {
            Some(host) => self.on_upstream(&host, path),
            None => self.by_first_component(path),
        }
    }

    fn on_upstream(&self, host: &str, path: &str) -> Result<Repository, CanonicalNameError> {
        if !self.upstreams.contains(host) {
            return Err(CanonicalNameError::UnknownUpstream(shortened(host)));
        }
        let prefix = path
            .split_once('/')
            .filter(|(first, _)| folded(first) == host);
        repository(host, prefix.map_or(path, |(_, rest)| rest))
    }

    fn by_first_component(&self, path: &str) -> Result<Repository, CanonicalNameError> {
        let Some((first, rest)) = path.split_once('/') else {
            return repository(&self.default_upstream, path);
        };
        let host = folded(first);
        if self.upstreams.contains(&host) {
            return repository(&host, rest);
        }
        if self.own.contains(&host) {
            return self.by_first_component(rest);
        }
        // What has a dot may be a host or the first part of a repository's path. Docker Hub has no
        // such repositories; of another default upstream it is asked.
        let is_host =
            first.contains(':') || (first.contains('.') && self.default_upstream == DOCKER_HUB);
        if is_host {
            return Err(CanonicalNameError::UnknownUpstream(shortened(first)));
        }
        repository(&self.default_upstream, path)
    }

    /// Gives the host that the asked path may have meant whose first component was taken for a part
    /// of the default upstream's repository: for whoever finds nothing there.
    pub fn may_mean(&self, asked: &str, repository: &Repository) -> Option<CanonicalNameError> {
        let (first, _) = asked.split_once('/')?;
        let (part, _) = repository.path().split_once('/')?;
        let is_known = |host: &str| self.upstreams.contains(host) || self.own.contains(host);
        let may_be_host = first == part && first.contains('.') && !is_known(&folded(first));
        may_be_host.then(|| CanonicalNameError::UnknownUpstream(shortened(first)))
    }
}

fn repository(host: &str, path: &str) -> Result<Repository, CanonicalNameError> {
    if host == DOCKER_HUB && !path.contains('/') {
        return Ok(Repository::new(host, &format!("library/{path}"))?);
    }
    Ok(Repository::new(host, path)?)
}

/// Folds a host name's case and drops the ports that URLs leave out.
pub fn folded_host(host: &str) -> String {
    let mut folded = host.to_ascii_lowercase();
    let bare = folded
        .strip_suffix(":443")
        .or_else(|| folded.strip_suffix(":80"));
    folded.truncate(bare.map_or(folded.len(), str::len));
    folded
}

fn folded(host: &str) -> String {
    let host = folded_host(host);
    if DOCKER_HUB_ALIASES.contains(&host.as_str()) {
        DOCKER_HUB.to_owned()
    } else {
        host
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(
            ["docker.io", "quay.io", "up.test"],
            ["gate.corp:5000"],
            "docker.io",
        )
    }

    #[test]
    fn every_spelling_meets_at_one_name() {
        let names = names();
        for (path, ns, wanted) in [
            ("lib/x", Some("up.test"), "up.test/lib/x"),
            ("up.test/lib/x", Some("up.test"), "up.test/lib/x"),
            ("up.test/lib/x", None, "up.test/lib/x"),
            ("UP.test:443/lib/x", None, "up.test/lib/x"),
            ("docker.io/x", None, "docker.io/library/x"),
            ("docker.io/library/x", None, "docker.io/library/x"),
            ("library/x", None, "docker.io/library/x"),
            ("x", None, "docker.io/library/x"),
            ("index.docker.io/library/x", None, "docker.io/library/x"),
            ("x", Some("registry-1.docker.io"), "docker.io/library/x"),
            ("quay.io/a/b/c", None, "quay.io/a/b/c"),
            ("quay.io/a", Some("gate.corp:5000"), "quay.io/a"),
            ("quay.io/a", Some(""), "quay.io/a"),
            ("x", Some(""), "docker.io/library/x"),
            ("gate.corp:5000/quay.io/a", None, "quay.io/a"),
            ("quay.io/a", Some("up.test"), "up.test/quay.io/a"),
        ] {
            let got = names.canonical(path, ns).map(|name| name.to_string());
            assert_eq!(got.as_deref(), Ok(wanted), "{path} with ns={ns:?}");
        }
    }

    #[test]
    fn a_part_with_a_dot_is_the_default_upstreams_where_that_has_such() {
        let names = Names::new(["docker.io", "corp.test"], ["gate.corp:5000"], "corp.test");
        for (path, ns, wanted, may_mean) in [
            ("team.a/app", None, "corp.test/team.a/app", true),
            ("team.a/b.c/app", Some(""), "corp.test/team.a/b.c/app", true),
            ("corp.test/team.a/app", None, "corp.test/team.a/app", false),
            ("docker.io/team.a/app", None, "docker.io/team.a/app", false),
            ("team/b.c/app", None, "corp.test/team/b.c/app", false),
            ("my.app", None, "corp.test/my.app", false),
        ] {
            let got = names.canonical(path, ns).unwrap();
            assert_eq!(got.to_string(), wanted, "{path} with ns={ns:?}");
            let meant = names.may_mean(&format!("{path}/manifests/1"), &got);
            assert_eq!(meant.is_some(), may_mean, "{path}");
        }
        assert!(names.canonical("10.0.0.1:80/x", None).is_err());
    }

    #[test]
    fn the_client_never_adds_an_upstream() {
        let names = names();
        for (path, ns) in [
            ("evil.example/x", None),
            ("x", Some("evil.example")),
            ("127.0.0.1:80/x", None),
        ] {
            let got = names.canonical(path, ns);
            assert!(
                matches!(got, Err(CanonicalNameError::UnknownUpstream(_))),
                "{path}: {got:?}"
            );
        }
    }

    #[test]
    fn refuses_paths_outside_the_grammar() {
        for path in ["", "A/b", "a//b", "quay.io/", "quay.io/a/../b"] {
            let got = names().canonical(path, None);
            assert!(
                matches!(got, Err(CanonicalNameError::Invalid(_))),
                "{path}: {got:?}"
            );
        }
    }
}
