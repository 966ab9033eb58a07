//! Why a decision came out as it did: every rule, hit or not, the values that decided, and what the
//! smallest change is that would turn it.
//!
//! The decision itself is [`decide`]'s; rules are asked by the code that it asks.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::report::Report;
use sluicegate_model::verdict::{Decision, PolicyReference, Reason, RuleId};
use sluicegate_model::vex::VexStatement;

use crate::conditions::{Block, Candidate, Moment};
use crate::decide::{FeedStanding, Subject, artifact_reason, decide, own_reasons, take_unasked};
use crate::image::SeenImage;
use crate::parts::{Asked, got_of_all};
use crate::rules::{Policy, Rule};
use crate::set::PolicySet;
use crate::spared::Graces;
use crate::vers::VersionOrder;
use crate::words;

/// Findings of a rule that are shown with their values.
const SHOWN: usize = 10;
/// Findings among which the one is looked for that a rule misses by least.
const COMPARED: usize = 1_000;

/// A decision with all that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What came out.
    pub decision: Decision,
    /// Which policies decided.
    pub policy: PolicyReference,
    /// The exceptions without which a stricter decision would have come out, by name.
    pub allowed_by: Vec<String>,
    /// Each policy that covers the image.
    pub policies: Vec<ExplainedPolicy>,
    /// What would turn the decision: to a less strict one where it is not allowed, else to a stricter
    /// one; none where no rule of these policies can.
    pub turn: Option<Turn>,
}

/// A policy that covers the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedPolicy {
    /// Its name.
    pub name: String,
    /// The strictest that its mode lets through.
    pub ceiling: Decision,
    /// What it says unasked: of what could not be read, of advisories that are too old, of artifacts,
    /// of what no rule allows. Only what spoke.
    pub built_in: Vec<Reason>,
    /// Its rules, in their order.
    pub rules: Vec<ExplainedRule>,
}

/// A rule, whether it spoke or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedRule {
    /// Its id.
    pub id: RuleId,
    /// What it asks for.
    pub action: Decision,
    /// What of that the policy's mode lets through, and its grace for what was served before.
    pub effect: Decision,
    /// Whether it speaks; none where that is for the name to say under which the image is asked for.
    pub speaks: Option<bool>,
    /// What it asks of the image.
    pub image: Vec<Asked>,
    /// How many findings it hits.
    pub hits: u64,
    /// The first of those, worst first; where it hits none, the one that it misses by least.
    pub findings: Vec<ExplainedFinding>,
}

/// A finding that a rule was held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedFinding {
    /// The weakness.
    pub id: String,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The smallest version without the weakness.
    pub fixed: Option<String>,
    /// Whether the rule hits it.
    pub is_hit: bool,
    /// What the rule asks of it. An `exception` is asked of every finding.
    pub asked: Vec<Asked>,
}

/// What would turn a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What would come out then.
    pub to: Decision,
    /// All that would have to change for that.
    pub changes: Vec<Change>,
}

/// One of the changes that turn a decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The rule that it concerns.
    pub rule: RuleId,
    /// What would have to be different.
    pub what: String,
    /// How.
    pub how: String,
}

/// Explains the decision on a report; `decide` has the arguments.
pub fn explain(
    set: &PolicySet,
    subject: &Subject<'_>,
    mut report: Report,
    feeds: &FeedStanding,
    versions: VersionOrder,
    now: Timestamp,
) -> Explanation {
    let moment = Moment::of(now, versions);
    let unlisted = take_unasked(set, subject, &mut report, &moment);
    let outcome = decide(set, subject, report, feeds, versions, now);
    let report = &outcome.report;
    let candidates = report.findings.iter().chain(&unlisted);
    let candidates: Vec<Candidate<'_>> = candidates.map(Candidate::of).collect();
    let repository = subject.scope.repository.to_string();
    let image = subject.seen(&repository, &report.coverage);
    let policies = set.covering(subject.scope, Some(subject.digest));
    let graces = Graces(subject.graces);
    let explained = policies.iter().map(|policy| ExplainedPolicy {
        name: policy.name.clone(),
        ceiling: policy.ceiling(Decision::Refuse),
        built_in: (artifact_reason(policy, subject.content).into_iter())
            .chain(own_reasons(policy, report, feeds, &image, &moment))
            .collect(),
        rules: (policy.rules.iter())
            .map(|rule| {
                let mut told = explained(policy, rule, &image, &candidates, &moment);
                if told.effect == Decision::Refuse && graces.spare(policy, rule, &moment) {
                    told.effect = Decision::Annotate;
                }
                told
            })
            .collect(),
    });
    let explained: Vec<ExplainedPolicy> = explained.collect();
    let turn = match outcome.decision {
        Decision::Allow => raised(&explained, Decision::Allow),
        stricter => Some(lowered(
            &policies,
            &explained,
            &candidates,
            stricter,
            &moment,
        )),
    };
    Explanation {
        decision: outcome.decision,
        policy: outcome.policy,
        allowed_by: outcome.allowed_by,
        policies: explained,
        turn,
    }
}

fn explained(
    policy: &Policy,
    rule: &Rule,
    image: &SeenImage<'_>,
    candidates: &[Candidate<'_>],
    moment: &Moment,
) -> ExplainedRule {
    let means = rule.means(image, moment);
    let is_hit = |it: &&Candidate<'_>| is_hit(policy, rule, it, moment);
    let hits: Vec<&Candidate<'_>> = if rule.is_on_findings && means {
        candidates.iter().filter(is_hit).collect()
    } else {
        Vec::new()
    };
    let asked = |it: &Candidate<'_>| asked((policy, rule), it, !hits.is_empty(), moment);
    let findings = if !hits.is_empty() {
        hits.iter().take(SHOWN).map(|it| asked(it)).collect()
    } else if rule.is_on_findings {
        let near = candidates.iter().filter(|it| is_near(rule, it.finding));
        nearest(near, asked).into_iter().collect()
    } else {
        Vec::new()
    };
    let conditions = rule.image.as_ref();
    let speaks = if rule.is_on_findings {
        !hits.is_empty()
    } else {
        means && rule.action != Decision::Allow
    };
    ExplainedRule {
        id: rule.id.clone(),
        action: rule.action,
        effect: policy.ceiling(rule.action),
        speaks: (!rule.names_references()).then_some(speaks),
        image: conditions.map_or_else(Vec::new, |it| it.asked(image, moment)),
        hits: hits.len() as u64,
        findings,
    }
}

/// Tells whether a rule may miss a finding by little: every package has a licence, which says nothing of
/// how near a rule is that asks for something else.
fn is_near(rule: &Rule, finding: &Finding) -> bool {
    let is_licence = finding.kind == FindingKind::Licence;
    is_licence == rule.asks_for(FindingKind::Licence)
}

/// Finds the finding of which the fewest conditions do not hold.
fn nearest<'a>(
    candidates: impl Iterator<Item = &'a Candidate<'a>>,
    asked: impl Fn(&Candidate<'_>) -> ExplainedFinding,
) -> Option<ExplainedFinding> {
    let compared = candidates.take(COMPARED).map(asked);
    compared.min_by_key(|it| it.missing().count())
}

/// Tells whether a rule hits a finding that nothing quiets for its policy.
fn is_hit(policy: &Policy, rule: &Rule, candidate: &Candidate<'_>, moment: &Moment) -> bool {
    let finding = candidate.finding;
    finding.exception.is_none() && vex(policy, finding).is_none() && rule.hits(candidate, moment)
}

/// Gives the document that quiets a finding for a policy; none where none does.
fn vex<'a>(policy: &Policy, finding: &'a Finding) -> Option<&'a VexStatement> {
    let mut statements = finding.vex.iter();
    statements.find(|it| it.policies.contains(&policy.name))
}

/// Lists what a rule asks of a finding, what quiets it first.
fn asked(
    (policy, rule): (&Policy, &Rule),
    candidate: &Candidate<'_>,
    is_hit: bool,
    moment: &Moment,
) -> ExplainedFinding {
    let finding = candidate.finding;
    let exception = finding.exception.iter().map(|name| Asked {
        condition: "exception",
        wanted: "none".to_owned(),
        got: words::word(name),
        holds: Some(false),
    });
    let vex = vex(policy, finding).map(|statement| Asked {
        condition: "vex",
        wanted: "none".to_owned(),
        got: words::word(&statement.document),
        holds: Some(false),
    });
    let mut asked: Vec<Asked> = exception.chain(vex).collect();
    asked.extend(rule.when.asked(candidate, Block::When, moment));
    if let Some(unless) = &rule.unless {
        let spares = unless.hold(candidate, Block::Unless, moment);
        let parts = unless.asked(candidate, Block::Unless, moment);
        let wanted = parts.iter();
        let wanted = wanted.map(|it| format!("{} {}", it.condition, it.wanted));
        asked.push(Asked {
            condition: "unless",
            wanted: format!("not {}", wanted.collect::<Vec<_>>().join(" and ")),
            got: got_of_all(&parts),
            holds: Some(!spares),
        });
    }
    ExplainedFinding {
        id: finding.id.clone(),
        package: finding.package.name.clone(),
        version: finding.package.version.clone(),
        fixed: finding.fixed.clone(),
        is_hit,
        asked,
    }
}

impl ExplainedFinding {
    /// Lists what does not hold.
    fn missing(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|it| it.holds != Some(true))
    }

    fn called(&self) -> String {
        called(&self.id, &self.package, &self.version)
    }
}

fn called(id: &str, package: &str, version: &str) -> String {
    let (id, package) = (words::word(id), words::word(package));
    format!("{id} in {package} {}", words::word(version))
}

/// Gives all that would have to change for a less strict decision, and what would come out then.
fn lowered(
    policies: &[&Policy],
    explained: &[ExplainedPolicy],
    candidates: &[Candidate<'_>],
    decision: Decision,
    moment: &Moment,
) -> Turn {
    let own = (policies.iter().zip(explained)).flat_map(|(policy, told)| {
        told.built_in
            .iter()
            .map(|it| (policy.ceiling(it.action), it))
    });
    let rules = (policies.iter().zip(explained))
        .flat_map(|(policy, told)| {
            let rules = policy.rules.iter().zip(&told.rules);
            rules.map(|(rule, told)| ((*policy, rule), told))
        })
        .filter(|(_, told)| told.speaks == Some(true));
    let mut changes = BTreeSet::new();
    let mut others = Decision::Allow;
    for (effect, reason) in own {
        if effect == decision {
            changes.insert(unsaid(reason));
        } else {
            others = others.max(effect);
        }
    }
    for ((policy, rule), told) in rules.clone().filter(|(_, told)| told.effect == decision) {
        changes.extend(silencing((policy, rule), told, candidates, moment));
    }
    let gone: BTreeSet<&str> = changes.iter().map(|change| &*change.what).collect();
    for ((policy, rule), told) in rules.filter(|(_, told)| told.effect != decision) {
        let still = silencing((policy, rule), told, candidates, moment);
        let is_still = |change: &Change| !rule.is_on_findings || !gone.contains(&*change.what);
        if still.iter().any(is_still) {
            others = others.max(told.effect);
        }
    }
    Turn {
        to: others,
        changes: changes.into_iter().collect(),
    }
}

/// Lists what would have to change for a rule to fall silent.
fn silencing(
    (policy, rule): (&Policy, &Rule),
    told: &ExplainedRule,
    candidates: &[Candidate<'_>],
    moment: &Moment,
) -> Vec<Change> {
    if !rule.is_on_findings {
        let holding = told.image.iter().filter(|it| it.holds != Some(false));
        let parts: Vec<String> = holding
            .map(|it| format!("{} is {}", it.condition, it.got))
            .collect();
        return vec![Change {
            rule: rule.id.clone(),
            what: "the image".to_owned(),
            how: format!("one of these would have to differ: {}", parts.join("; ")),
        }];
    }
    let hits = candidates.iter();
    let hits = hits.filter(|it| is_hit(policy, rule, it, moment));
    hits.map(|it| change(rule, it.finding)).collect()
}

fn change(rule: &Rule, finding: &Finding) -> Change {
    let package = &finding.package;
    Change {
        rule: rule.id.clone(),
        what: called(&finding.id, &package.name, &package.version),
        how: match &finding.fixed {
            Some(version) => format!("upgrade to {}, or an exception", words::word(version)),
            None if finding.kind == FindingKind::Licence => {
                "another licence, another package, or an exception".to_owned()
            }
            None => "no fix is known: another package, or an exception".to_owned(),
        },
    }
}

fn unsaid(reason: &Reason) -> Change {
    Change {
        rule: reason.rule.clone(),
        what: "the image".to_owned(),
        how: format!("this would have to be different: {}", reason.message),
    }
}

/// Gives the smallest change that makes a rule speak which is stricter than what came out.
fn raised(explained: &[ExplainedPolicy], decision: Decision) -> Option<Turn> {
    let rules = explained.iter().flat_map(|policy| &policy.rules);
    let stricter = rules.filter(|rule| rule.effect > decision && rule.speaks == Some(false));
    let turns = stricter.filter_map(|rule| {
        let mut missing: Vec<String> = rule
            .image
            .iter()
            .filter(|it| it.holds == Some(false))
            .map(missed)
            .collect();
        let what = match rule.findings.first() {
            Some(nearest) => {
                missing.extend(nearest.missing().map(missed));
                nearest.called()
            }
            // A rule on findings of an image that has none is not near to anything.
            None if rule.image.is_empty() => return None,
            None => "the image".to_owned(),
        };
        let change = Change {
            rule: rule.id.clone(),
            what,
            how: missing.join("; "),
        };
        let turn = Turn {
            to: rule.effect,
            changes: vec![change],
        };
        Some((missing.len(), turn))
    });
    let nearest = turns.min_by_key(|(missing, turn)| (*missing, std::cmp::Reverse(turn.to)));
    nearest.map(|(_, turn)| turn)
}

fn missed(asked: &Asked) -> String {
    let Asked {
        condition,
        wanted,
        got,
        ..
    } = asked;
    format!("{condition} is {got}, wanted {wanted}")
}
