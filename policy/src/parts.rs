//! Conditions one by one: what each asks for, what it got, and whether it holds.
//!
//! A part is held by the very code that holds the whole, with all other conditions left out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sluicegate_model::finding::Finding;
use sluicegate_model::glob::Glob;
use sluicegate_model::signature::{Signatures, Statement};

use crate::conditions::{Block, Candidate, Conditions, Moment};
use crate::image::{AskedName, ImageConditions, SeenImage};
use crate::licence;
use crate::words;

/// One condition, as it came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What it is called in a policy.
    pub condition: &'static str,
    /// What it asks for.
    pub wanted: String,
    /// What is the case.
    pub got: String,
    /// Whether it holds; none where that is not known.
    pub holds: Option<bool>,
}

/// One condition, apart from the others.
struct Part {
    name: &'static str,
    wanted: String,
    alone: Conditions,
}

impl Conditions {
    /// Lists the conditions for a finding. All of them hold where [`Conditions::hold`] says so.
    pub(crate) fn asked(
        &self,
        candidate: &Candidate<'_>,
        block: Block,
        moment: &Moment,
    ) -> Vec<Asked> {
        let parts = self.parts(candidate.finding, block).into_iter();
        let asked = |part: Part| Asked {
            condition: part.name,
            wanted: part.wanted,
            got: got(part.name, candidate.finding),
            holds: Some(part.alone.hold(candidate, block, moment)),
        };
        parts.map(asked).collect()
    }

    fn parts(&self, finding: &Finding, block: Block) -> Vec<Part> {
        let mut parts = self.kind_parts(finding, block);
        parts.extend(self.degree_parts(finding));
        parts.extend(self.package_parts(finding));
        parts.extend(self.date_parts(finding));
        parts
    }

    /// Makes a part of what `set` asks for, and of nothing else but what a finding is anyway.
    fn part(
        finding: &Finding,
        name: &'static str,
        wanted: impl ToString,
        set: impl FnOnce(&mut Self),
    ) -> Part {
        let mut alone = Self {
            kind: Some(finding.kind),
            status: Some(finding.status),
            quieted: Some(finding.quieted_by.is_some()),
            ..Self::default()
        };
        set(&mut alone);
        let wanted = wanted.to_string();
        Part {
            name,
            wanted,
            alone,
        }
    }

    /// Lists what stands for what it asks, also where it asks for nothing and does not see a finding.
    fn kind_parts(&self, finding: &Finding, block: Block) -> Vec<Part> {
        let mut parts = Vec::new();
        let is_choosing = block == Block::When;
        let is_unseen = is_choosing && !finding.kind.is_seen_unasked();
        if self.kind.is_some() || is_unseen {
            let unasked = format!("any but {}", name_of(&finding.kind));
            let wanted = or_unasked(self.kind.as_ref(), &unasked);
            let set = |it: &mut Self| it.kind = self.kind;
            parts.push(Self::part(finding, "kind", wanted, set));
        }
        let is_unseen = is_choosing && !finding.status.is_seen_unasked();
        if self.status.is_some() || is_unseen {
            let unasked = format!("any but {}", name_of(&finding.status));
            let wanted = or_unasked(self.status.as_ref(), &unasked);
            let set = |it: &mut Self| it.status = self.status;
            parts.push(Self::part(finding, "status", wanted, set));
        }
        let is_unseen = is_choosing && finding.quieted_by.is_some();
        if self.quieted.is_some() || is_unseen {
            let wanted = or_unasked(self.quieted.as_ref(), "false");
            let set = |it: &mut Self| it.quieted = self.quieted;
            parts.push(Self::part(finding, "quieted", wanted, set));
        }
        parts
    }

    fn degree_parts(&self, finding: &Finding) -> Vec<Part> {
        let severity = self.severity_at_least.map(|least| {
            let set = |it: &mut Self| it.severity_at_least = Some(least);
            Self::part(finding, "severityAtLeast", least.as_str(), set)
        });
        let unknown = self.severity_unknown.map(|wanted| {
            let set = |it: &mut Self| it.severity_unknown = Some(wanted);
            Self::part(finding, "severityUnknown", wanted, set)
        });
        let fixable = self.fixable.map(|wanted| {
            let set = |it: &mut Self| it.fixable = Some(wanted);
            Self::part(finding, "fixable", wanted, set)
        });
        let kev = self.kev.map(|wanted| {
            let set = |it: &mut Self| it.kev = Some(wanted);
            Self::part(finding, "kev", wanted, set)
        });
        let epss = self.epss_at_least.map(|least| {
            let set = |it: &mut Self| it.epss_at_least = Some(least);
            Self::part(finding, "epssAtLeast", least, set)
        });
        let cvss = self.cvss_at_least.map(|least| {
            let set = |it: &mut Self| it.cvss_at_least = Some(least);
            Self::part(finding, "cvssAtLeast", least, set)
        });
        let parts = [severity, unknown, fixable, kev, epss, cvss];
        parts.into_iter().flatten().collect()
    }

    fn package_parts(&self, finding: &Finding) -> Vec<Part> {
        let ids = self.ids.as_ref().map(|ids| {
            let set = |it: &mut Self| it.ids = Some(ids.clone());
            Self::part(finding, "ids", listed(ids), set)
        });
        let package = self.package.as_ref().map(|wanted| {
            let set = |it: &mut Self| it.package = Some(wanted.clone());
            Self::part(finding, "package", words::word(&wanted.to_string()), set)
        });
        let ecosystem = self.ecosystem.as_ref().map(|names| {
            let set = |it: &mut Self| it.ecosystem = Some(names.clone());
            Self::part(finding, "ecosystem", listed(names), set)
        });
        let path = self.path.as_ref().map(|paths| {
            let set = |it: &mut Self| it.path = Some(paths.clone());
            Self::part(finding, "path", globs(paths), set)
        });
        let evidence = self.evidence.map(|evidence| {
            let set = |it: &mut Self| it.evidence = Some(evidence);
            Self::part(finding, "evidence", name_of(&evidence), set)
        });
        let layer = self.layer.map(|origin| {
            let set = |it: &mut Self| it.layer = Some(origin);
            Self::part(finding, "layer", name_of(&origin), set)
        });
        let licence = self.licence.as_ref().map(|wanted| {
            let set = |it: &mut Self| it.licence = Some(wanted.clone());
            let named = wanted.written();
            Self::part(finding, "licence", words::some_of(named.into_iter()), set)
        });
        let parts = [ids, package, ecosystem, path, layer, evidence, licence];
        parts.into_iter().flatten().collect()
    }

    fn date_parts(&self, finding: &Finding) -> Vec<Part> {
        let older = self.older_than.map(|age| {
            let set = |it: &mut Self| it.older_than = Some(age);
            Self::part(finding, "olderThan", words::span(age), set)
        });
        let newer = self.newer_than.map(|age| {
            let set = |it: &mut Self| it.newer_than = Some(age);
            Self::part(finding, "newerThan", words::span(age), set)
        });
        let fix = self.fix_available_for.map(|age| {
            let set = |it: &mut Self| it.fix_available_for = Some(age);
            Self::part(finding, "fixAvailableFor", words::span(age), set)
        });
        let parts = [older, newer, fix];
        parts.into_iter().flatten().collect()
    }
}

/// Says what is the case of a finding, as far as a condition asks for it.
fn got(condition: &str, finding: &Finding) -> String {
    let number = |number: Option<f64>| number.map_or_else(unknown, |it| it.to_string());
    let package = &finding.package;
    match condition {
        "kind" => name_of(&finding.kind),
        "status" => name_of(&finding.status),
        "quieted" => finding.quieted_by.is_some().to_string(),
        "severityAtLeast" | "severityUnknown" => finding.severity.as_str().to_owned(),
        "fixable" => match &finding.fixed {
            Some(version) => format!("fixed in {}", words::word(version)),
            None => "no fix".to_owned(),
        },
        "kev" => finding.kev.to_string(),
        "epssAtLeast" => number(finding.epss),
        "cvssAtLeast" => number(finding.cvss),
        "ids" => words::word(&finding.id),
        "package" => words::word(&package.purl),
        "ecosystem" => {
            let ecosystem = package.ecosystem.as_ref();
            ecosystem.map_or_else(|| "none".to_owned(), |it| words::word(it.as_str()))
        }
        "path" => words::word(&package.path),
        "layer" => (package.layer_origin.as_ref()).map_or_else(unknown, name_of),
        "evidence" => name_of(&package.evidence),
        "licence" => words::word(&licence::Told(finding).to_string()),
        "olderThan" | "newerThan" => published(finding.published),
        _ => match &finding.fixed {
            Some(_) => published(finding.fix_published),
            None => "no fix".to_owned(),
        },
    }
}

impl ImageConditions {
    /// Lists the conditions for an image. All of them hold where [`ImageConditions::hold`] says so.
    pub(crate) fn asked(&self, image: &SeenImage<'_>, moment: &Moment) -> Vec<Asked> {
        let asked = |(condition, alone): (&'static str, Self)| Asked {
            condition,
            wanted: alone.told(),
            got: match &alone.unless {
                Some(unless) => got_of_all(&unless.asked(image, moment)),
                None => image_got(condition, image),
            },
            holds: alone.hold(image, moment),
        };
        self.apart().into_iter().map(asked).collect()
    }

    /// Gives each condition by its name, apart from the others.
    fn apart(&self) -> Vec<(&'static str, Self)> {
        let alone = |set: &dyn Fn(&mut Self)| {
            let mut alone = Self::default();
            set(&mut alone);
            (alone != Self::default()).then_some(alone)
        };
        let parts = [
            (
                "repositories",
                alone(&|it| it.repositories.clone_from(&self.repositories)),
            ),
            ("tags", alone(&|it| it.tags.clone_from(&self.tags))),
            ("digestOnly", alone(&|it| it.digest_only = self.digest_only)),
            (
                "createdBefore",
                alone(&|it| it.created_before = self.created_before),
            ),
            ("user", alone(&|it| it.is_root = self.is_root)),
            ("labels", alone(&|it| it.labels.clone_from(&self.labels))),
            (
                "firstSeenWithin",
                alone(&|it| it.first_seen_within = self.first_seen_within),
            ),
            ("gap", alone(&|it| it.gap.clone_from(&self.gap))),
            (
                "signedBy",
                alone(&|it| it.signed_by.clone_from(&self.signed_by)),
            ),
            (
                "attestedBy",
                alone(&|it| it.attested_by.clone_from(&self.attested_by)),
            ),
            ("unless", alone(&|it| it.unless.clone_from(&self.unless))),
        ];
        let named = parts.into_iter();
        named
            .filter_map(|(name, alone)| Some((name, alone?)))
            .collect()
    }
}

/// Says what is the case of an image, as far as a condition asks for it.
fn image_got(condition: &str, image: &SeenImage<'_>) -> String {
    let facts = image.facts;
    let run = facts.and_then(|facts| facts.run);
    let created = facts.and_then(|facts| facts.created);
    let first_seen = facts.and_then(|facts| facts.first_seen);
    let at = |at: Option<Timestamp>| at.map_or_else(unknown, |at| at.to_string());
    match condition {
        "repositories" => words::word(image.repository),
        "tags" | "digestOnly" => match image.name {
            None => unknown(),
            Some(AskedName::Tag(tag)) => format!("the tag {tag}"),
            Some(AskedName::Digest { .. }) => "a digest".to_owned(),
        },
        "createdBefore" => at(created),
        "user" => run.map_or_else(unknown, |run| {
            let is_root = run.is_root();
            if is_root { "root" } else { "another user" }.to_owned()
        }),
        "labels" => run.map_or_else(unknown, |run| {
            let labels = run.labels.iter();
            let labels = labels.map(|(name, value)| words::word(&format!("{name}={value}")));
            let labels: Vec<String> = labels.collect();
            or_none(words::some_of(labels.into_iter()))
        }),
        "firstSeenWithin" => at(first_seen),
        "gap" => facts.map_or_else(unknown, |facts| {
            let kinds = facts.coverage.gaps.iter();
            let kinds: BTreeSet<String> = kinds.map(|gap| words::gap_kind(gap.kind)).collect();
            or_none(words::some_of(kinds.into_iter()))
        }),
        "signedBy" | "attestedBy" => {
            let signatures = facts.and_then(|facts| facts.signatures);
            signatures.map_or_else(unknown, |signatures| signed(condition, signatures))
        }
        _ => String::new(),
    }
}

/// Says which keys have signed an image, or attested to something of it.
fn signed(condition: &str, signatures: &Signatures) -> String {
    let is_meant = |statement: &Statement| match condition {
        "signedBy" => *statement == Statement::Signature,
        _ => *statement != Statement::Signature,
    };
    let found = signatures.found.iter();
    let found = found.filter(|signed| is_meant(&signed.statement));
    let keys: BTreeSet<String> = found
        .map(|signed| words::word(&format!("{} by {}", signed.statement, signed.key)))
        .collect();
    match &signatures.unknown {
        Some(why) if keys.is_empty() => format!("not known: {}", words::word(why)),
        _ => or_none(words::some_of(keys.into_iter())),
    }
}

/// Says what is the case of everything that is asked for.
pub(crate) fn got_of_all(asked: &[Asked]) -> String {
    let all = asked
        .iter()
        .map(|it| format!("{} {}", it.condition, it.got));
    all.collect::<Vec<_>>().join(" and ")
}

fn unknown() -> String {
    "not known".to_owned()
}

fn or_none(text: String) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

fn or_unasked(asked: Option<&impl serde::Serialize>, unasked: &str) -> String {
    asked.map_or_else(|| unasked.to_owned(), name_of)
}

fn listed(names: &BTreeSet<String>) -> String {
    words::some_of(names.iter().map(|name| words::word(name)))
}

fn globs(globs: &[Glob]) -> String {
    words::some_of(globs.iter().map(|glob| words::word(&glob.to_string())))
}

fn published(at: Option<Timestamp>) -> String {
    at.map_or_else(unknown, |at| format!("published {at}"))
}

/// Gives the name by which a value is written.
fn name_of(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    match value {
        Some(serde_json::Value::String(name)) => name,
        other => other.map_or_else(String::new, |other| other.to_string()),
    }
}
