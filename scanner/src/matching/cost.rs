//! What judging an image will take of memory, told beforehand for those who share memory out.
//!
//! An estimate from sizes that are known without reading an advisory; never far below the truth.

use std::mem::size_of;

use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::Component;

use super::archives;
use super::known::KnownPackages;
use super::question::{Question, questions};
use crate::feeds::FeedIndex;
use crate::limits::MIB;

/// Bytes in memory for each byte of the index, of the advisories on one package while they are
/// compared.
const ADVISORIES_IN_MEMORY: u64 = 12;

/// Bytes in memory for each byte of the index, of what becomes of advisories that apply: findings,
/// the verdict and its text.
const FINDINGS_IN_MEMORY: u64 = 24;

/// Bytes in memory for each byte of findings that are known to be on a package: listed, decided on,
/// written and compressed.
const KNOWN_IN_MEMORY: u64 = 4;

/// Most that findings take on their way: listed, decided on, written and compressed, each within its
/// bound.
const MAX_FINDINGS_BYTES: u64 = 96 * MIB;

/// What a weakness that a plugin found takes on its way, several times over.
const WEAKNESS_BYTES: u64 = 8 * 1024;

/// What a file takes of which the digest is kept, with its path.
const HASHED_FILE_BYTES: u64 = 160;

/// What a component takes beside its texts: itself, and its place in the table of what is asked.
const COMPONENT_BYTES: usize = size_of::<Component>() + size_of::<Question>() + 128;

/// Estimates the memory of judging, the inventory itself included.
pub(super) fn judging_bytes(
    inventory: &Inventory,
    feeds: &FeedIndex,
    known: &KnownPackages,
) -> u64 {
    let (mut found, mut largest) = (0_u64, 0_u64);
    let archives = archives::named(inventory, feeds);
    for component in inventory.components.iter().chain(archives.components()) {
        let told = known.advisory_bytes(component, || advisory_bytes(component, feeds));
        let findings = match known.finding_bytes(component) {
            Some(known) => known.saturating_mul(KNOWN_IN_MEMORY),
            None => told.saturating_mul(FINDINGS_IN_MEMORY),
        };
        found = found.saturating_add(findings);
        largest = largest.max(told.saturating_mul(ADVISORIES_IN_MEMORY));
    }
    let listed = inventory.components.iter().chain(&inventory.declared);
    let listed = listed.chain(archives.components());
    let components: usize = listed.map(weight).sum();
    let components = u64::try_from(components).unwrap_or(u64::MAX);
    let weaknesses = u64::try_from(inventory.weaknesses.len()).unwrap_or(u64::MAX);
    let hashed: usize = inventory.hashed.iter().map(|it| it.files.len()).sum();
    let hashed = u64::try_from(hashed).unwrap_or(u64::MAX);
    found
        .min(MAX_FINDINGS_BYTES)
        .saturating_add(hashed.saturating_mul(HASHED_FILE_BYTES))
        .saturating_add(weaknesses.saturating_mul(WEAKNESS_BYTES))
        .saturating_add(largest)
        .saturating_add(components)
        .saturating_add(MIB)
}

/// Tells how many bytes of the index the advisories on a component take.
fn advisory_bytes(component: &Component, feeds: &FeedIndex) -> u64 {
    let questions = questions(component, feeds);
    let told = questions.iter().map(|question| {
        let ecosystem = question.ecosystem.as_str();
        feeds.advisory_bytes(ecosystem, &question.name)
    });
    told.sum()
}

fn weight(component: &Component) -> usize {
    let package = &component.package;
    let texts = [&package.name, &package.version, &component.purl];
    let texts: usize = texts.iter().map(|text| text.len()).sum();
    COMPONENT_BYTES + texts + component.path.len() + component.layer.as_str().len()
}
