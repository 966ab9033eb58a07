//! Products: an image by its digest, a package by its URL, or one in the other.
//!
//! Each is held against a finding in an image: it is meant, it is not, or nobody can tell.

use std::cmp::Ordering;

use serde_json::{Value, json};
use sluicegate_model::Digest;
use sluicegate_model::finding::Finding;
use sluicegate_model::percent::encoded;

use crate::conditions::Moment;
use crate::purl::StatedPurl;
use crate::vers::{SCHEMES, VersRange};

/// Types of packages that are built for one system, which an exact version therefore names.
const OF_SYSTEMS: [&str; 3] = ["deb", "rpm", "apk"];
/// Types of package URLs that name images.
const OF_IMAGES: [&str; 2] = ["oci", "docker"];

/// What a statement is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The image; any one where it is absent.
    image: Option<Digest>,
    /// The package; every one of the image where it is absent.
    package: Option<std::sync::Arc<Package>>,
    /// Whether it is a part of something that cannot be recognized, so that nobody can tell.
    is_elsewhere: bool,
}

/// A package, and which of its versions.
#[derive(Debug)]
pub(crate) struct Package {
    purl: StatedPurl,
    range: Option<VersRange>,
}

/// A package that has a finding, under one of its names.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub purl: StatedPurl,
    version: &'a str,
}

impl<'a> Found<'a> {
    /// Gives the packages that a finding is about: the installed one, and what was found in its file.
    pub(super) fn of(finding: &'a Finding) -> Vec<Self> {
        let installed = (&finding.package.purl, finding.package.version.as_str());
        let own = finding.attributed.as_deref();
        let own = own.map(|own| (&own.purl, own.version.as_str()));
        let both = std::iter::once(installed).chain(own);
        let found = both.filter_map(|(purl, version)| {
            let purl = StatedPurl::parse(purl)?;
            Some(Self { purl, version })
        });
        found.collect()
    }
}

impl Subject {
    pub(super) fn image(digest: Digest) -> Self {
        Self {
            image: Some(digest),
            package: None,
            is_elsewhere: false,
        }
    }

    pub(super) fn package(purl: StatedPurl, range: Option<VersRange>) -> Self {
        Self {
            image: None,
            package: Some(std::sync::Arc::new(Package { purl, range })),
            is_elsewhere: false,
        }
    }

    /// Reads what a package URL names: an image by its digest, or a package; nothing where it names an
    /// image without saying which. What stands beside it is its version where it has none.
    pub(super) fn of_purl(
        text: &str,
        version: Option<&str>,
        range: Option<VersRange>,
    ) -> Option<Self> {
        let mut purl = StatedPurl::parse(text)?;
        purl.version = purl.version.or_else(|| version.map(str::to_owned));
        if OF_IMAGES.contains(&purl.package_type()) {
            let digest = purl.version.as_deref()?.parse().ok()?;
            return Some(Self::image(digest));
        }
        let own = match purl.qualifier("vers") {
            Some(text) => Some(VersRange::parse(text).ok()?),
            None => range,
        };
        let is_of_scheme = |range: &VersRange| range.scheme() == purl.package_type();
        if !own.as_ref().is_none_or(is_of_scheme) {
            return None;
        }
        Some(Self::package(purl, own))
    }

    /// Gives a part of another product; of one that cannot be recognized, where there is none.
    ///
    /// In an image it is the package of that image. In another package nobody can tell whether what an
    /// image holds came by that one. In anything else it is what an exact version of a system's
    /// package names, and an image is always itself.
    pub(super) fn part_of(&self, whole: Option<&Self>) -> Self {
        let is_known = match whole {
            Some(whole) if whole.package.is_none() => !whole.is_elsewhere,
            Some(_) => self.package.is_none(),
            None => self
                .package
                .as_deref()
                .is_none_or(Package::is_of_one_system),
        };
        Self {
            image: self
                .image
                .clone()
                .or_else(|| whole.and_then(|whole| whole.image.clone())),
            package: self.package.clone(),
            is_elsewhere: self.is_elsewhere || !is_known,
        }
    }

    /// Writes it as a product of OpenVEX that is read as the same, or as more where it is part of
    /// something that cannot be recognized.
    pub(super) fn written(&self) -> Value {
        let package = self.package.as_deref().map(Package::written);
        let whole = match &self.image {
            Some(image) => json!({"@id": format!("pkg:oci/image@{image}")}),
            None if self.is_elsewhere => json!({"@id": "urn:x-elsewhere"}),
            None => return package.unwrap_or_else(|| json!({})),
        };
        match (whole, package) {
            (Value::Object(mut whole), Some(package)) => {
                whole.insert("subcomponents".to_owned(), json!([package]));
                Value::Object(whole)
            }
            (whole, _) => whole,
        }
    }

    /// Names the package, without its version; nothing where all of an image are meant.
    pub(super) fn package_name(&self) -> &str {
        self.package.as_deref().map_or("", |it| &it.purl.name)
    }

    /// Counts how much there is to compare.
    pub(super) fn weight(&self) -> usize {
        let range = self.package.as_deref().and_then(|it| it.range.as_ref());
        1 + range.map_or(0, VersRange::bounds)
    }

    /// Tells whether a package in an image is meant; none where nobody can tell.
    pub(super) fn means(
        &self,
        image: &Digest,
        found: &[Found<'_>],
        moment: &Moment,
    ) -> Option<bool> {
        if self.image.as_ref().is_some_and(|own| own != image) {
            return Some(false);
        }
        let is_meant = match self.package.as_deref() {
            None => Some(true),
            Some(package) => {
                let told = found.iter().map(|found| package.is(found, moment));
                told.fold(Some(false), either)
            }
        };
        is_meant.filter(|is_meant| !is_meant || !self.is_elsewhere)
    }
}

impl Package {
    fn written(&self) -> Value {
        let mut text = self.purl.to_string();
        if let Some(range) = &self.range
            && self.purl.qualifier("vers").is_none()
        {
            let (bare, part) = text.split_once('#').unwrap_or((&text, ""));
            let mark = if bare.contains('?') { '&' } else { '?' };
            let part = if part.is_empty() { "" } else { "#part" };
            let range = encoded(&range.to_string(), b"");
            text = format!("{bare}{mark}vers={range}{part}");
        }
        json!({"@id": text})
    }

    fn is_of_one_system(&self) -> bool {
        OF_SYSTEMS.contains(&self.purl.package_type()) && self.purl.version.is_some()
    }

    fn is(&self, found: &Found<'_>, moment: &Moment) -> Option<bool> {
        if self.purl.name != found.purl.name {
            return Some(false);
        }
        let has_part = self.purl.has_subpath.then_some(None);
        let range = self.range.as_ref();
        let range = range.map(|range| range.contains(found.version, moment.versions));
        let version = self.purl.version.as_deref();
        let version = version.map(|own| self.has_version(own, found, moment));
        let said = self.purl.qualifiers.iter();
        let said = said.filter(|(key, value)| !is_beside(key, value));
        let said = said.map(|(key, value)| found.purl.qualifier(key).map(|own| own == value));
        let all = has_part.into_iter().chain(range).chain(version).chain(said);
        all.fold(Some(true), both)
    }

    fn has_version(&self, own: &str, found: &Found<'_>, moment: &Moment) -> Option<bool> {
        let other = found.purl.version.as_deref()?;
        let scheme = self.purl.package_type();
        let epoch = |purl: &StatedPurl| purl.qualifier("epoch").unwrap_or("0").to_owned();
        if scheme == "rpm" && epoch(&self.purl) != epoch(&found.purl) {
            return Some(false);
        }
        let is_equal = || {
            let order = SCHEMES.contains(&scheme).then_some(moment.versions)?;
            Some(order(scheme, own, other)? == Ordering::Equal)
        };
        Some(own == other || is_equal() == Some(true))
    }
}

/// Tells whether a qualifier says nothing that is not said elsewhere.
fn is_beside(key: &str, value: &str) -> bool {
    matches!((key, value), ("epoch" | "vers", _) | ("type", "jar"))
}

/// Tells whether both hold; none where that depends on what is not known.
fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// Tells whether one of both holds; none where that depends on what is not known.
pub(super) fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}
