//! What one index says of packages, kept while it is in force: images have most of theirs in common.
//!
//! What is kept of a package holds for every component that differs from it in nothing but its place.
//! It is bounded by what it takes in memory, and what could not be read is never kept. Whoever judges
//! many images by one index holds it, and drops it with the index.

use std::mem::size_of;
use std::sync::Arc;

use moka::sync::Cache;
use sha2::{Digest as _, Sha256};
use sluicegate_model::finding::Finding;
use sluicegate_model::package::{Component, Ecosystem, Package, Standing};

use super::listing::Weight as _;
use super::question::Question;
use super::sizes::{FirstBytes, Sizes};
use crate::limits::MIB;
use crate::matchers::Side;

/// Most memory of what is kept, in bytes: some eight thousand findings, which is those on all packages
/// of several releases of a distribution.
const MAX_BYTES: u64 = 8 * MIB;

/// What a package takes beside its findings, in bytes.
const ANSWER_BYTES: u64 = 160;

/// What a component and what is asked about it usually take as a name, in bytes.
const USUAL_NAME_BYTES: usize = 512;

/// What is known of packages by one index.
#[derive(Debug)]
pub struct KnownPackages {
    answers: Cache<[u8; 32], Arc<Answer>, FirstBytes>,
    /// Bytes of the index that advisories on a component take.
    advisories: Sizes,
    /// What the findings on a component take in memory.
    findings: Sizes,
}

/// What is said of a package, whose place is left out.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// How many questions it was, every name of an advisory counted.
    pub(super) asked: usize,
    /// Whether no advisory on it knows its epoch.
    pub(super) has_own_epoch: bool,
    /// The records that name it but no versions that can be compared.
    pub(super) rangeless: Vec<String>,
    pub(super) findings: Vec<Arc<Finding>>,
}

impl Answer {
    fn weight(&self) -> u64 {
        let findings = self.findings.iter().map(|finding| finding.weight());
        let rangeless = self.rangeless.iter();
        let rangeless: usize = rangeless.map(|id| id.len() + size_of::<String>()).sum();
        let rangeless = u64::try_from(rangeless).unwrap_or(u64::MAX);
        let findings: u64 = findings.sum();
        findings
            .saturating_add(rangeless)
            .saturating_add(ANSWER_BYTES)
    }
}

impl Default for KnownPackages {
    fn default() -> Self {
        let weigh =
            |_: &[u8; 32], answer: &Arc<Answer>| u32::try_from(answer.weight()).unwrap_or(u32::MAX);
        let answers = Cache::builder().max_capacity(MAX_BYTES).weigher(weigh);
        Self {
            answers: answers.build_with_hasher(FirstBytes::default()),
            advisories: Sizes::default(),
            findings: Sizes::default(),
        }
    }
}

impl KnownPackages {
    pub(super) fn get(&self, key: &[u8; 32]) -> Option<Arc<Answer>> {
        self.answers.get(key)
    }

    pub(super) fn keep(&self, key: [u8; 32], answer: &Arc<Answer>) {
        self.answers.insert(key, Arc::clone(answer));
    }

    /// Tells how many bytes of the index the advisories on a component take, up to 4 GiB; they are
    /// measured where that is not known.
    pub(super) fn advisory_bytes(
        &self,
        component: &Component,
        measure: impl FnOnce() -> u64,
    ) -> u64 {
        let name = estimated_by(component);
        self.advisories.get(name).unwrap_or_else(|| {
            let bytes = measure();
            self.advisories.keep(name, bytes);
            bytes
        })
    }

    /// Tells what the findings on a component took in memory when it was asked about last, in bytes.
    pub(super) fn finding_bytes(&self, component: &Component) -> Option<u64> {
        self.findings.get(estimated_by(component))
    }

    /// Keeps that for estimates.
    pub(super) fn keep_finding_bytes(&self, component: &Component, answer: &Answer) {
        let findings = answer.findings.iter().map(|finding| finding.weight());
        self.findings
            .keep(estimated_by(component), findings.sum::<u64>());
    }
}

/// By what components are told apart for estimates: nearly all that findings depend on.
fn estimated_by(component: &Component) -> (&str, Option<&str>) {
    let ecosystem = component.ecosystem.as_ref();
    (&component.purl, ecosystem.map(Ecosystem::as_str))
}

/// Names a component as advisories see it, with what is asked about it: all but its place.
pub(super) fn key(questions: &[Question], component: &Component) -> [u8; 32] {
    let mut named = Vec::with_capacity(USUAL_NAME_BYTES);
    let mut add = |text: &str| {
        // The length before each text keeps two splits of one apart.
        named.extend_from_slice(&(text.len() as u64).to_le_bytes());
        named.extend_from_slice(text.as_bytes());
    };
    for question in questions {
        let Question {
            ecosystem,
            name,
            side,
            is_by_name_alone,
        } = question;
        add(ecosystem.as_str());
        add(name);
        add(match (side, is_by_name_alone) {
            (Side::Installed, false) => "i",
            (Side::Source, false) => "s",
            (Side::Installed, true) => "I",
            (Side::Source, true) => "S",
        });
    }
    add("");
    add_package(&mut add, &component.package);
    let ecosystem = component.ecosystem.as_ref();
    add(ecosystem.map_or("", |ecosystem| ecosystem.as_str()));
    for text in [&component.purl, &component.platform] {
        add(text);
    }
    component.linked.iter().for_each(|path| add(path));
    add("");
    match &component.standing {
        Standing::Own => add("own"),
        Standing::ThirdParty => add("other"),
        Standing::OwnedBy(owner) => {
            add("owned");
            add_package(&mut add, &owner.package);
            let ecosystem = owner.ecosystem.as_ref();
            add(ecosystem.map_or("", |ecosystem| ecosystem.as_str()));
            add(&owner.purl);
        }
    }
    Sha256::digest(&named).into()
}

fn add_package(add: &mut impl FnMut(&str), package: &Package) {
    let source = package.source.as_ref();
    add(package.package_type.purl_type());
    add(&package.name);
    add(&package.version);
    let mut add_any = |text: Option<&String>| {
        // What is not there is told from what is empty.
        add(if text.is_some() { "=" } else { "" });
        add(text.map_or("", String::as_str));
    };
    add_any(package.architecture.as_ref());
    add_any(source.map(|source| &source.name));
    add_any(source.map(|source| &source.version));
    add_any(source.and_then(|source| source.module.as_ref()));
}
