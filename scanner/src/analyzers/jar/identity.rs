//! What the files of a Java archive say about which artifact it is. Pure; `jar.rs` reads them.

/// A Maven artifact's coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Artifact {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) version: String,
}

/// The attributes of a manifest that hint at an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    implementation_title: Option<String>,
    implementation_version: Option<String>,
    bundle_name: Option<String>,
    bundle_version: Option<String>,
}

/// Reads `pom.properties`; none unless it gives all three coordinates.
pub(super) fn properties(content: &[u8]) -> Option<Artifact> {
    let text = String::from_utf8_lossy(content);
    let value = |key: &str| {
        text.lines()
            .filter_map(|line| line.trim().split_once(['=', ':']))
            .find(|(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| !value.is_empty() && !value.contains("${"))
    };
    Some(Artifact {
        group: value("groupId")?,
        name: value("artifactId")?,
        version: value("version")?,
    })
}

/// Gives group and artifact of `META-INF/maven/GROUP/ARTIFACT/pom.xml`.
pub(super) fn from_pom_path(path: &str) -> Option<(String, String)> {
    let parts: Vec<_> = path.split('/').collect();
    match parts.as_slice() {
        [_, _, group, artifact, _] if !group.is_empty() && !artifact.is_empty() => {
            Some(((*group).to_owned(), (*artifact).to_owned()))
        }
        _ => None,
    }
}

/// Gives the version in a file name such as `log4j-core-2.14.1.jar`.
pub(super) fn version_in_name(name: &str) -> Option<String> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let starts_version = |(at, _): &(usize, &str)| {
        stem.get(at + 1..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let (dash, _) = stem.match_indices('-').find(starts_version)?;
    stem.get(dash + 1..).map(str::to_owned)
}

/// Reads a manifest's main section.
pub(super) fn manifest(content: &[u8]) -> Manifest {
    let text = String::from_utf8_lossy(content);
    let value = |key: &str| {
        text.lines()
            .take_while(|line| !line.trim().is_empty())
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    Manifest {
        implementation_title: value("Implementation-Title"),
        implementation_version: value("Implementation-Version"),
        bundle_name: value("Bundle-SymbolicName"),
        bundle_version: value("Bundle-Version"),
    }
}

impl Manifest {
    /// Gives the version it states.
    pub(super) fn version(&self) -> Option<String> {
        self.implementation_version
            .clone()
            .or_else(|| self.bundle_version.clone())
    }

    /// Gives a name and version for a person to look up.
    pub(super) fn guess(&self) -> Option<String> {
        let name = self
            .bundle_name
            .as_ref()
            .or(self.implementation_title.as_ref())?;
        let name = name.split(';').next().unwrap_or_default().trim();
        Some(match self.version() {
            Some(version) => format!("{name} {version}"),
            None => name.to_owned(),
        })
    }
}
