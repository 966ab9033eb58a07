//! Package URLs as policies write them, and packages as they are held against those.

use std::fmt;

use sluicegate_model::glob::Glob;
use sluicegate_model::percent::encoded;

/// Says why a text names no packages: the fault of whoever wrote it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PurlError {
    #[error("{0:?} is no package URL, such as pkg:maven/log4j/log4j")]
    Other(String),
    #[error("{0:?}: qualifiers and subpaths are not supported yet")]
    Qualified(String),
}

/// A package URL without what it leaves open: version, qualifiers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PurlPattern {
    name: Glob,
    version: Option<String>,
}

impl PurlPattern {
    /// Reads `pkg:type/namespace/name[@version]`; the name may hold `*`.
    pub(crate) fn parse(text: &str) -> Result<Self, PurlError> {
        if !text.starts_with("pkg:") || !text.contains('/') {
            return Err(PurlError::Other(text.to_owned()));
        }
        if text.contains(['?', '#']) {
            return Err(PurlError::Qualified(text.to_owned()));
        }
        let (name, version) = split(text);
        Ok(Self {
            name: Glob::new(&name),
            version,
        })
    }

    /// Tells whether every package URL that the other matches is matched, as far as the patterns
    /// show it.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let is_named = self.name == other.name || self.name.matches(&other.name.to_string());
        is_named && (self.version.is_none() || self.version == other.version)
    }

    /// Tells whether a package is meant.
    pub(crate) fn matches(&self, purl: &SplitPurl) -> bool {
        self.name.matches(&purl.name) && (self.version.is_none() || self.version == purl.version)
    }

    /// Tells whether it names an exact version.
    pub(crate) fn has_version(&self) -> bool {
        self.version.is_some()
    }

    /// Gives the type of packages, such as `maven`; none where it is a wildcard.
    pub(crate) fn package_type(&self) -> Option<String> {
        let name = self.name.to_string();
        let kind = name.strip_prefix("pkg:")?.split('/').next()?;
        (!kind.contains(['*', '?'])).then(|| kind.to_owned())
    }
}

impl fmt::Display for PurlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

/// The package URL of a package in the parts that patterns are held against.
#[derive(Debug)]
pub(crate) struct SplitPurl {
    name: String,
    version: Option<String>,
}

impl SplitPurl {
    pub(crate) fn of(purl: &str) -> Self {
        let (name, version) = split(purl);
        Self { name, version }
    }
}

/// A package URL as others state it: nothing in it is a wildcard.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StatedPurl {
    pub name: String,
    pub version: Option<String>,
    /// What else it says, by key in small letters.
    pub qualifiers: Vec<(String, String)>,
    /// Whether it names a part of the package.
    pub has_subpath: bool,
}

impl StatedPurl {
    /// Reads `pkg:type/namespace/name@version?key=value#part`; none of any other text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let after = text.strip_prefix("pkg:")?;
        let (bare, subpath) = after.split_once('#').unwrap_or((after, ""));
        let (path, qualifiers) = bare.split_once('?').unwrap_or((bare, ""));
        if !path.contains('/') || path.ends_with('/') {
            return None;
        }
        let (name, version) = split(text);
        let qualifiers = qualifiers.split('&').filter_map(|one| one.split_once('='));
        let qualifiers = qualifiers.map(|(key, value)| (key.to_ascii_lowercase(), decoded(value)));
        let mut purl = Self {
            name,
            version,
            qualifiers: qualifiers.collect(),
            has_subpath: !subpath.is_empty(),
        };
        purl.take_epoch_apart();
        Some(purl)
    }

    /// Gives the type of packages, such as `maven`.
    pub(crate) fn package_type(&self) -> &str {
        let rest = self.name.strip_prefix("pkg:").unwrap_or_default();
        rest.split('/').next().unwrap_or_default()
    }

    pub(crate) fn qualifier(&self, key: &str) -> Option<&str> {
        let mut qualifiers = self.qualifiers.iter();
        let found = qualifiers.find(|(own, _)| own == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Makes the epoch of an RPM package's version a qualifier, which it is, but some write it before
    /// the version.
    fn take_epoch_apart(&mut self) {
        let version = self.version.as_deref().unwrap_or_default();
        let Some((epoch, rest)) = version.split_once(':') else {
            return;
        };
        if self.package_type() == "rpm" && self.qualifier("epoch").is_none() {
            let epoch = ("epoch".to_owned(), epoch.to_owned());
            self.version = Some(rest.to_owned());
            self.qualifiers.push(epoch);
        }
    }
}

/// What stands bare in the parts of a package URL.
const BARE: &[u8] = b"-._~+";

impl fmt::Display for StatedPurl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.strip_prefix("pkg:").unwrap_or(&self.name);
        let parts: Vec<String> = name.split('/').map(|part| encoded(part, BARE)).collect();
        write!(f, "pkg:{}", parts.join("/"))?;
        if let Some(version) = &self.version {
            write!(f, "@{}", encoded(version, BARE))?;
        }
        for (at, (key, value)) in self.qualifiers.iter().enumerate() {
            let mark = if at == 0 { '?' } else { '&' };
            write!(f, "{mark}{key}={}", encoded(value, BARE))?;
        }
        // Which part it is makes no difference to anybody.
        f.write_str(if self.has_subpath { "#part" } else { "" })
    }
}

/// Splits a package URL into its decoded name part and version.
fn split(purl: &str) -> (String, Option<String>) {
    let bare = purl.split(['?', '#']).next().unwrap_or_default();
    // Scopes such as @angular stand encoded; a literal @ before the last slash is one as well.
    let slash = bare.rfind('/').unwrap_or(0);
    match bare.rfind('@').filter(|at| *at > slash + 1) {
        Some(at) => {
            let (name, version) = bare.split_at(at);
            let version = version.strip_prefix('@').unwrap_or(version);
            (normal(&decoded(name)), Some(decoded(version)))
        }
        None => (normal(&decoded(bare)), None),
    }
}

/// Folds what a package's index folds. Source: purl-spec, "PURL-TYPES"; PEP 503 for Python.
fn normal(name: &str) -> String {
    let (kind, path) = name.split_once('/').unwrap_or((name, ""));
    let kind = kind.to_ascii_lowercase();
    let path = match kind.as_str() {
        "pkg:pypi" => {
            let lower = path.to_ascii_lowercase().replace(['_', '.'], "-");
            let words: Vec<&str> = lower.split('-').filter(|word| !word.is_empty()).collect();
            words.join("-")
        }
        "pkg:deb" | "pkg:apk" => path.to_ascii_lowercase(),
        _ => path.to_owned(),
    };
    format!("{kind}/{path}")
}

pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = escaped
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, following) = match (byte, after.get(2..)) {
            (Some(byte), Some(following)) => (byte, following),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = following;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{PurlPattern, SplitPurl, StatedPurl};

    #[test]
    fn what_others_state_is_taken_apart() {
        let purl =
            StatedPurl::parse("pkg:RPM/redhat/openssl@1:3.0.7-27.el9?Arch=x86_64#lib").unwrap();
        assert_eq!(purl.name, "pkg:rpm/redhat/openssl");
        assert_eq!(purl.version.as_deref(), Some("3.0.7-27.el9"));
        assert_eq!(
            (purl.qualifier("epoch"), purl.qualifier("arch")),
            (Some("1"), Some("x86_64"))
        );
        assert!(purl.has_subpath);
        let star = StatedPurl::parse("pkg:npm/%40angular/*").unwrap();
        assert_eq!(
            (star.name.as_str(), star.package_type()),
            ("pkg:npm/@angular/*", "npm")
        );
        for odd in ["", "log4j", "pkg:npm", "pkg:npm/", "https://x.test/a"] {
            assert_eq!(StatedPurl::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_purl_without_version_means_every_version() {
        for (pattern, purl, wanted) in [
            (
                "pkg:maven/log4j/log4j",
                "pkg:maven/log4j/log4j@1.2.17",
                true,
            ),
            (
                "pkg:maven/log4j/log4j@1.2.16",
                "pkg:maven/log4j/log4j@1.2.17",
                false,
            ),
            (
                "pkg:deb/debian/libxml2",
                "pkg:deb/debian/libxml2@2.9?arch=amd64&distro=debian-12",
                true,
            ),
            (
                "pkg:deb/debian/libxml2",
                "pkg:deb/debian/libxml2-utils@2.9",
                false,
            ),
            (
                "pkg:npm/@angular/core",
                "pkg:npm/%40angular/core@1.0.0",
                true,
            ),
            (
                "pkg:npm/%40angular/*",
                "pkg:npm/%40angular/core@1.0.0",
                true,
            ),
            ("pkg:pypi/*", "pkg:pypi/jinja2@2.10", true),
            (
                "pkg:PyPI/Zope_.Interface",
                "pkg:pypi/zope-interface@1",
                true,
            ),
        ] {
            let parsed = PurlPattern::parse(pattern).unwrap();
            assert_eq!(
                parsed.matches(&SplitPurl::of(purl)),
                wanted,
                "{pattern} on {purl}"
            );
        }
        assert!(PurlPattern::parse("log4j").is_err());
        assert!(PurlPattern::parse("pkg:deb/debian/x?arch=arm64").is_err());
    }
}
