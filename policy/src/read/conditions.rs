//! Conditions of rules on findings.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use sluicegate_model::finding::{FindingKind, FindingStatus};
use sluicegate_model::glob::Glob;
use sluicegate_model::licence::Listed;
use sluicegate_model::package::{Evidence, LayerOrigin};
use sluicegate_model::severity::Severity;
use sluicegate_model::strict_yaml::{Fields, Node, Value};

use super::{DocumentReader, MAX_TEXTS};
use crate::conditions::{Conditions, PackageCondition};
use crate::duration;
use crate::licence::{LicenceCondition, UNKNOWN};
use crate::vers::VersRange;

impl DocumentReader<'_> {
    pub(super) fn conditions(&mut self, node: &Node) -> Option<Conditions> {
        let mut fields = self.kept(Fields::of(node))?;
        let before = self.mistakes.len();
        let mut conditions = Conditions::default();
        self.degree(&mut fields, &mut conditions);
        self.kind(&mut fields, &mut conditions);
        self.dates(&mut fields, &mut conditions);
        self.place(&mut fields, &mut conditions);
        self.licence(&mut fields, &mut conditions);
        fields.finish(&mut self.mistakes);
        (self.mistakes.len() == before).then_some(conditions)
    }

    fn degree(&mut self, fields: &mut Fields<'_>, conditions: &mut Conditions) {
        let severity = fields.take("severityAtLeast");
        conditions.severity_at_least = severity.and_then(|node| self.word(node, &SEVERITIES));
        let mut switch = |key| fields.take(key).and_then(|node| self.kept(node.bool()));
        conditions.severity_unknown = switch("severityUnknown");
        conditions.fixable = switch("fixable");
        conditions.kev = switch("kev");
        let epss = fields.take("epssAtLeast");
        conditions.epss_at_least =
            epss.and_then(|node| self.at_most(node, 1.0, "a probability from 0 to 1"));
        let cvss = fields.take("cvssAtLeast");
        conditions.cvss_at_least =
            cvss.and_then(|node| self.at_most(node, 10.0, "a score from 0 to 10"));
    }

    fn kind(&mut self, fields: &mut Fields<'_>, conditions: &mut Conditions) {
        let quieted = fields.take("quieted");
        conditions.quieted = quieted.and_then(|node| self.kept(node.bool()));
        let kind = fields.take("kind");
        conditions.kind = kind.and_then(|node| self.word(node, &KINDS));
        let status = fields.take("status");
        conditions.status = status.and_then(|node| self.word(node, &STATUSES));
        let evidence = fields.take("evidence");
        conditions.evidence = evidence.and_then(|node| self.word(node, &EVIDENCE));
    }

    /// Reads which licences are meant: of findings of that kind, and of no other.
    fn licence(&mut self, fields: &mut Fields<'_>, conditions: &mut Conditions) {
        let Some(node) = fields.take("licence") else {
            return;
        };
        if conditions.kind.is_some_and(|it| it != FindingKind::Licence) {
            let message = "what is asked of licences is asked of findings of kind licence alone";
            self.mistakes.push(node.mistake(message));
        }
        conditions.kind = Some(FindingKind::Licence);
        conditions.licence = self.licences(node);
    }

    fn licences(&mut self, node: &Node) -> Option<LicenceCondition> {
        let texts = self.texts(node, LICENCES)?;
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut unknown = false;
        let mut listed: Vec<Listed> = Vec::new();
        for (text, item) in texts.iter().zip(items) {
            if text == UNKNOWN {
                unknown = true;
                continue;
            }
            let entries = Listed::parse(text);
            let wanted = |why| item.mistake(format!("{why}; wanted {LICENCES}"));
            listed.extend(self.kept(entries.map_err(wanted))?);
        }
        Some(LicenceCondition {
            listed: listed.into_iter().collect(),
            unknown,
        })
    }

    fn dates(&mut self, fields: &mut Fields<'_>, conditions: &mut Conditions) {
        let mut age = |key| fields.take(key).and_then(|node| self.age(node));
        conditions.older_than = age("olderThan");
        conditions.newer_than = age("newerThan");
        conditions.fix_available_for = age("fixAvailableFor");
    }

    fn place(&mut self, fields: &mut Fields<'_>, conditions: &mut Conditions) {
        let mut texts = |key, wanted| {
            let node = fields.take(key)?;
            self.texts(node, wanted)
        };
        let ids = texts(
            "ids",
            "the name of a weakness, such as CVE-2021-44228, or a list",
        );
        let ecosystems = texts(
            "ecosystem",
            "an ecosystem, such as Debian or npm, or a list",
        );
        let paths = texts("path", "a path in the image, with * and **, or a list");
        let folded = |texts: Vec<String>, fold: fn(&str) -> String| {
            texts.iter().map(|text| fold(text)).collect::<BTreeSet<_>>()
        };
        conditions.ids = ids.map(|ids| folded(ids, str::to_ascii_uppercase));
        conditions.ecosystem = ecosystems.map(|names| folded(names, str::to_ascii_lowercase));
        let glob = |path: &String| Glob::new(path.trim_start_matches('/'));
        conditions.path = paths.map(|paths| paths.iter().map(glob).collect());
        let layer = fields.take("layer");
        conditions.layer = layer.and_then(|node| self.word(node, &ORIGINS));
        conditions.package = fields.take("package").and_then(|node| self.package(node));
    }

    /// Reads a package URL, or one with a range of versions.
    fn package(&mut self, node: &Node) -> Option<PackageCondition> {
        if !matches!(node.value, Value::Map(_)) {
            let purl = self.purl(node)?;
            let versions = None;
            return Some(PackageCondition { purl, versions });
        }
        let mut fields = self.kept(Fields::of(node))?;
        let (purl, vers) = (fields.require("purl"), fields.require("vers"));
        fields.finish(&mut self.mistakes);
        let (purl, place) = (self.kept(purl), self.kept(vers));
        let purl = purl.and_then(|node| self.purl(node));
        let range = place.and_then(|node| self.range(node));
        let (purl, place, range) = (purl?, place?, range?);
        let kind = purl.package_type();
        if kind.as_ref().is_some_and(|kind| kind != range.scheme()) {
            let message = format!(
                "versions of pkg:{} are not compared as vers:{}",
                kind.unwrap_or_default(),
                range.scheme()
            );
            self.mistakes.push(place.mistake(message));
        }
        if purl.has_version() {
            let message = "a package with a version has no range of versions";
            self.mistakes.push(node.mistake(message));
        }
        let versions = Some(range);
        Some(PackageCondition { purl, versions })
    }

    fn range(&mut self, node: &Node) -> Option<VersRange> {
        let text = self.kept(node.text())?;
        self.kept(VersRange::parse(text).map_err(|why| node.mistake(why.to_string())))
    }

    /// Reads a text or several. An empty list would mean nothing at all, so it is none.
    pub(super) fn texts(&mut self, node: &Node, wanted: &str) -> Option<Vec<String>> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if items.is_empty() || items.len() > MAX_TEXTS {
            let wanted = format!("{wanted}, at most {MAX_TEXTS} of them");
            self.mistakes.push(node.wanted(&wanted));
            return None;
        }
        let mut text = |item: &Node| {
            if item.text().unwrap_or_default().trim().is_empty() {
                self.mistakes.push(item.wanted(wanted));
                return None;
            }
            let text = self.pattern(item)?;
            Some(text.trim().to_owned())
        };
        items.iter().map(&mut text).collect()
    }

    pub(super) fn age(&mut self, node: &Node) -> Option<SignedDuration> {
        let text = self.kept(node.text())?;
        self.kept(duration::parse(text).map_err(|why| node.mistake(why.to_string())))
    }

    fn at_most(&mut self, node: &Node, most: f64, wanted: &str) -> Option<f64> {
        let number = node.number().ok();
        let number = number.filter(|number| (0.0..=most).contains(number));
        if number.is_none() {
            self.mistakes.push(node.wanted(wanted));
        }
        number
    }
}

/// What names licences.
const LICENCES: &str = "a licence such as GPL-2.0-only, with WITH and an exception or without, GPL-* for \
                        a family, LicenseRef-Ours, or unknown, or a list";

pub(crate) const SEVERITIES: [(&str, Severity); 5] = [
    ("negligible", Severity::Negligible),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

pub(crate) const KINDS: [(&str, FindingKind); 7] = [
    ("vulnerability", FindingKind::Vulnerability),
    ("malware", FindingKind::Malware),
    ("eol", FindingKind::Eol),
    ("informational", FindingKind::Informational),
    ("secret", FindingKind::Secret),
    ("configuration", FindingKind::Configuration),
    ("licence", FindingKind::Licence),
];

pub(crate) const STATUSES: [(&str, FindingStatus); 3] = [
    ("affected", FindingStatus::Affected),
    ("unknown", FindingStatus::Unknown),
    ("not_affected", FindingStatus::NotAffected),
];

pub(crate) const EVIDENCE: [(&str, Evidence); 6] = [
    ("installed", Evidence::Installed),
    ("cached", Evidence::Cached),
    ("historical", Evidence::Historical),
    ("digest", Evidence::Digest),
    ("inferred", Evidence::Inferred),
    ("claimed", Evidence::Claimed),
];

pub(crate) const ORIGINS: [(&str, LayerOrigin); 2] =
    [("base", LayerOrigin::Base), ("own", LayerOrigin::Own)];
