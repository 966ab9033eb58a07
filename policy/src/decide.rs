//! The decision on one report: every covering policy speaks, the strictest wins.

use std::collections::{BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::artifact::Content;
use sluicegate_model::coverage::{Coverage, CoverageStatus};
use sluicegate_model::finding::Finding;
use sluicegate_model::report::Report;
use sluicegate_model::run_config::RunConfig;
use sluicegate_model::signature::Signatures;
use sluicegate_model::verdict::{Decision, Grace, PolicyReference, Reason, RuleId};
use sluicegate_model::vex::{VexStatement, cited};
use sluicegate_model::{Digest, Scope};

use crate::conditions::{Candidate, Moment};
use crate::exception::InForce;
use crate::image::{ImageFacts, SeenImage};
use crate::rules::{Policy, Rule, Template};
use crate::set::PolicySet;
use crate::spared::{self, Graces};
use crate::spoken::{Refusing, Spoken, ordered};
use crate::unasked;
use crate::vers::VersionOrder;
use crate::vex::{Claim, Vex};
use crate::words;

/// How long a verdict stands on a bundle that is past its time.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// What is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Where, and for whom.
    pub scope: &'a Scope,
    /// The manifest's digest.
    pub digest: &'a Digest,
    /// What the manifest is.
    pub content: Content,
    /// When the image was built, as its author says.
    pub created: Option<Timestamp>,
    /// How it is to be run, as its author says.
    pub run: Option<&'a RunConfig>,
    /// Since when it is known here; none where nobody keeps that.
    pub first_seen: Option<Timestamp>,
    /// The times that policies gave to it.
    pub graces: &'a [Grace],
    /// What is known of who signed it; none where nobody could look.
    pub signatures: Option<&'a Signatures>,
}

/// How the feed snapshot stands, beside how old its records are.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeedStanding {
    /// When an imported bundle in it passes its time, the first of them; none without one.
    pub expires: Option<Timestamp>,
}

/// The decision and everything that led to it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What came out.
    pub decision: Decision,
    /// The rules that spoke; the first is the one that decided.
    pub reasons: Vec<Reason>,
    /// What of the report it is refused for.
    pub refusing: Refusing,
    /// Which policies decided.
    pub policy: PolicyReference,
    /// The exceptions and VEX documents without which a stricter decision would have come out, by name.
    pub allowed_by: Vec<String>,
    /// The times that rules which refuse it could give to it, and have never given, from now on: for
    /// whoever knows whether it was served before they hit.
    pub ungiven: Vec<Grace>,
    /// The next instant at which something in the decision changes by itself.
    pub valid_until: Option<Timestamp>,
    /// What was decided on, each finding with the exception that covers it, and with what is said of it.
    pub report: Report,
}

/// A policy that covers the image.
struct Covering<'a> {
    policy: &'a Policy,
    /// For each finding what quiets it for this policy; empty where nothing quiets any.
    quieted: Vec<Vec<Claim<'a>>>,
}

impl<'a> Covering<'a> {
    /// Finds what quiets findings for a policy, of its own documents and of what it heard.
    fn of(
        (policy, heard): (&'a Policy, &'a Vex),
        findings: &[Finding],
        image: &Digest,
        moment: &Moment,
    ) -> Self {
        Self {
            policy,
            quieted: policy.vex.on(heard, findings, image, moment),
        }
    }

    fn quieting(&self, at: usize) -> &[Claim<'a>] {
        self.quieted.get(at).map_or(&[], Vec::as_slice)
    }
}

impl<'a> Subject<'a> {
    pub(crate) fn seen(&self, repository: &'a str, coverage: &'a Coverage) -> SeenImage<'a> {
        SeenImage {
            repository,
            name: None,
            facts: Some(ImageFacts {
                content: self.content,
                created: self.created,
                run: self.run,
                first_seen: self.first_seen,
                coverage,
                signatures: self.signatures,
            }),
        }
    }
}

/// Decides on a report. `versions` orders the versions of packages. Licences that no rule hits are left
/// out.
pub fn decide(
    set: &PolicySet,
    subject: &Subject<'_>,
    mut report: Report,
    feeds: &FeedStanding,
    versions: VersionOrder,
    now: Timestamp,
) -> Outcome {
    take_unasked(set, subject, &mut report, &Moment::of(now, versions));
    weighed(set, subject, report, feeds, Moment::of(now, versions))
}

/// Takes the licences out of a report that no rule hits.
pub(crate) fn take_unasked(
    set: &PolicySet,
    subject: &Subject<'_>,
    report: &mut Report,
    moment: &Moment,
) -> Vec<Finding> {
    let policies = set.covering(subject.scope, Some(subject.digest));
    let repository = subject.scope.repository.to_string();
    let image = subject.seen(&repository, &report.coverage);
    unasked::take(&mut report.findings, &policies, &image, moment)
}

fn weighed(
    set: &PolicySet,
    subject: &Subject<'_>,
    mut report: Report,
    feeds: &FeedStanding,
    moment: Moment,
) -> Outcome {
    let now = moment.now;
    let exceptions = set.exceptions_for(subject.scope, subject.digest);
    let exceptions = InForce::of(&exceptions, now);
    exceptions.cover(&mut report.findings, &moment);
    let policies = set.covering(subject.scope, Some(subject.digest));
    let heard = policies.iter().map(|it| it.heard(subject.signatures));
    let heard: Vec<Vex> = heard.collect();
    let (findings, digest) = (&report.findings, subject.digest);
    let policies = policies.into_iter().zip(&heard);
    let policies = policies.map(|it| Covering::of(it, findings, digest, &moment));
    let policies: Vec<Covering<'_>> = policies.collect();
    note_vex(&mut report.findings, &policies);
    let candidates: Vec<Candidate<'_>> = report.findings.iter().map(Candidate::of).collect();
    let repository = subject.scope.repository.to_string();
    let image = subject.seen(&repository, &report.coverage);
    let graces = Graces(subject.graces);
    let (mut spoken, mut given, mut ungiven) = (Vec::new(), BTreeSet::new(), Vec::new());
    for covering in &policies {
        let policy = covering.policy;
        let kind = artifact_reason(policy, subject.content);
        spoken.extend(kind.map(|reason| Spoken::of(policy, reason)));
        for (rule, mut said) in rule_reasons(covering, &image, &candidates, &moment) {
            if said.effect == Decision::Refuse && graces.spare(policy, rule, &moment) {
                said.effect = Decision::Annotate;
                given.insert(spared::named(rule));
            } else if said.effect == Decision::Refuse {
                ungiven.extend(graces.ungiven(policy, rule, now));
            }
            spoken.push(said);
        }
        let own = own_reasons(policy, &report, feeds, &image, &moment).into_iter();
        spoken.extend(own.map(|reason| Spoken::of(policy, reason)));
    }
    let effects = spoken.iter().map(|it| it.effect);
    let decision = effects.max().unwrap_or(Decision::Allow);
    let seen = (&image, &moment);
    let mut allowed_by = allowed_by(decision, &policies, seen, &candidates, &exceptions);
    if decision < Decision::Refuse {
        allowed_by.extend(given);
    }
    let names = policies.iter().map(|it| it.policy.name.as_str());
    let names: Vec<&str> = names.collect();
    Outcome {
        decision,
        refusing: Refusing::of(&spoken),
        reasons: ordered(spoken),
        policy: PolicyReference {
            name: names.join("+"),
            digest: set.digest_for(subject.scope),
        },
        allowed_by,
        ungiven,
        valid_until: moment.next_turn(),
        report,
    }
}

/// Puts beside findings what quiets them, and for which policies.
fn note_vex(findings: &mut [Finding], policies: &[Covering<'_>]) {
    for covering in policies {
        let name = &covering.policy.name;
        for (finding, claims) in findings.iter_mut().zip(&covering.quieted) {
            for claim in claims {
                let said = claim.statement.shown(claim.document, name);
                add_statement(&mut finding.vex, said);
            }
        }
    }
}

/// Adds a statement, or only for whom it counts.
fn add_statement(statements: &mut Vec<VexStatement>, said: VexStatement) {
    let is_same = |known: &&mut VexStatement| {
        let known = VexStatement {
            policies: said.policies.clone(),
            ..(**known).clone()
        };
        known == said
    };
    match statements.iter_mut().find(is_same) {
        Some(known) => known.policies.extend(said.policies),
        None => statements.push(said),
    }
}

/// Names the exceptions and VEX documents that a less strict decision rests on.
///
/// Rules hit single findings and the strictest rule decides, so that one finding without what spares it
/// is enough to see whether that matters. Where several spare it, each alone would do and all are named:
/// nobody may be left out because somebody else allowed the same.
fn allowed_by(
    decision: Decision,
    policies: &[Covering<'_>],
    (image, moment): (&SeenImage<'_>, &Moment),
    candidates: &[Candidate<'_>],
    exceptions: &InForce<'_>,
) -> Vec<String> {
    let is_stricter = |candidate: &Candidate<'_>, policy: &Policy| {
        let rules = policy.rules.iter();
        let mut strict = rules.filter(|rule| {
            let is_stricter = policy.ceiling(rule.action) > decision;
            is_stricter && rule.is_on_findings && rule.means(image, moment)
        });
        strict.any(|rule| rule.hits(candidate, moment))
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let is_excepted = candidate.finding.exception.is_some();
        for covering in policies {
            let claims = covering.quieting(at);
            let is_spared = is_excepted || !claims.is_empty();
            if !is_spared || !is_stricter(candidate, covering.policy) {
                continue;
            }
            names.extend(claims.iter().map(|claim| cited(&claim.document.path)));
            if is_excepted {
                let on = exceptions.on(candidate.finding).into_iter();
                names.extend(on.map(|exception| exception.name.clone()));
            }
        }
    }
    names.into_iter().collect()
}

/// Speaks where the policy does not name the artifact's kind. What is in it speaks as an image's
/// content does.
pub(crate) fn artifact_reason(policy: &Policy, content: Content) -> Option<Reason> {
    let kind = content.artifact()?;
    let is_named = policy.artifacts_allowed.contains(&kind);
    (!is_named).then(|| {
        reason(
            RuleId::ARTIFACT,
            policy.artifacts_default,
            words::artifact(kind),
        )
    })
}

/// Lets a policy itself speak: of what could not be read, of advisories that are too old, of images
/// that none of its rules allows.
pub(crate) fn own_reasons(
    policy: &Policy,
    report: &Report,
    feeds: &FeedStanding,
    image: &SeenImage<'_>,
    moment: &Moment,
) -> Vec<Reason> {
    let inconclusive = match report.coverage.status {
        CoverageStatus::Complete => None,
        CoverageStatus::Partial => Some(policy.on_partial),
        CoverageStatus::Unscannable => Some(policy.on_unscannable),
    };
    let inconclusive = inconclusive.map(|action| {
        let message = words::coverage(&report.coverage);
        reason(RuleId::INCONCLUSIVE, action, message)
    });
    let unlisted = (!is_listed(policy, image, moment)).then(|| {
        let message = words::UNLISTED.to_owned();
        reason(RuleId::NOT_LISTED, Decision::Refuse, message)
    });
    let own = [unlisted, inconclusive, stale(policy, report, feeds, moment)];
    own.into_iter().flatten().collect()
}

/// Tells whether an image is on the list of what is allowed, where a policy has one. Rules on tags and
/// digests have spoken before anything was fetched.
fn is_listed(policy: &Policy, image: &SeenImage<'_>, moment: &Moment) -> bool {
    let mut rules = policy.rules.iter();
    let is_on_it = |rule: &Rule| {
        let may = || rule.names_references() && rule.may_mean(image, moment);
        let does = || !rule.is_on_findings && rule.means(image, moment);
        rule.action == Decision::Allow && (may() || does())
    };
    !policy.is_allow_list || rules.any(is_on_it)
}

/// Speaks where what is known of the image's ecosystems is too old to say that it is clean, else
/// notes when it will be.
///
/// That a source was asked a moment ago makes its records no younger: a dead mirror answers too.
fn stale(
    policy: &Policy,
    report: &Report,
    feeds: &FeedStanding,
    moment: &Moment,
) -> Option<Reason> {
    let (max_age, action) = policy.max_feed_age?;
    let now = moment.now;
    let mut told = Vec::new();
    if let Some(expires) = feeds.expires {
        if expires <= now {
            told.push(words::expired(expires));
            // The next bundle may hold the very same records, and then changes nothing else.
            if let Ok(again) = now.checked_add(LOOK_AGAIN) {
                moment.note(again);
            }
        } else {
            moment.note(expires);
        }
    }
    let mut old = Vec::new();
    for known in &report.knowledge {
        let most = max_age.of(known);
        // A time in the future would keep it young for longer than the policy says.
        match known.newest.map(|newest| newest.min(now).checked_add(most)) {
            Some(Ok(stale_at)) if stale_at > now => moment.note(stale_at),
            // No time ever ends it.
            Some(Err(_beyond_all_time)) => {}
            Some(Ok(_)) | None => old.push((known, most)),
        }
    }
    old.sort_by_key(|(known, _)| known.newest);
    told.extend(words::stale(&old, now));
    (!told.is_empty()).then(|| reason(RuleId::STALE_FEEDS, action, told.join("; ")))
}

/// Lets the rules of a policy speak. Those on tags and digests have, before anything was fetched.
fn rule_reasons<'p>(
    covering: &Covering<'p>,
    image: &SeenImage<'_>,
    candidates: &[Candidate<'_>],
    moment: &Moment,
) -> Vec<(&'p Rule, Spoken)> {
    let policy = covering.policy;
    let mut reasons = Vec::new();
    for rule in &policy.rules {
        if rule.names_references() || !rule.means(image, moment) {
            // It is silent.
        } else if rule.is_on_findings {
            let spoken = rule_reason(rule, covering, candidates, moment);
            reasons.extend(spoken.map(|said| (rule, said)));
        } else if rule.action != Decision::Allow {
            let spoken = image_reason(rule, image, moment);
            reasons.extend(spoken.map(|reason| (rule, Spoken::of(policy, reason))));
        }
    }
    reasons
}

/// Speaks for a rule that needs no finding.
pub(crate) fn image_reason(rule: &Rule, image: &SeenImage<'_>, moment: &Moment) -> Option<Reason> {
    let conditions = rule.image.as_ref()?;
    let is_known = conditions.hold(image, moment).is_some();
    let signatures = image.facts.and_then(|facts| facts.signatures);
    let why = signatures.and_then(|it| it.unknown.as_deref());
    let why = why.filter(|_| conditions.asks_who_signed());
    let mut message = words::image(&conditions.told(), is_known, why);
    if let Some(own) = rule.message.as_ref().and_then(Template::plain) {
        message = format!("{message}. {own}");
    }
    Some(reason(rule.id.clone(), rule.action, message))
}

fn rule_reason(
    rule: &Rule,
    covering: &Covering<'_>,
    candidates: &[Candidate<'_>],
    moment: &Moment,
) -> Option<Spoken> {
    let counts = |(at, candidate): &(usize, &Candidate<'_>)| {
        let is_spared = candidate.finding.exception.is_some() || !covering.quieting(*at).is_empty();
        !is_spared && rule.hits(candidate, moment)
    };
    let hits = candidates.iter().enumerate().filter(counts);
    let (places, hits): (Vec<usize>, Vec<&Finding>) =
        hits.map(|(at, candidate)| (at, candidate.finding)).unzip();
    let first = hits.first()?;
    let mut seen = HashSet::new();
    let ids = hits.iter().map(|finding| &finding.id);
    let ids = ids.filter(|id| seen.insert(*id)).cloned().collect();
    let mut message = words::findings(&hits);
    if let Some(template) = &rule.message {
        message = format!("{message}. {}", template.filled(first));
    }
    let said = Reason {
        findings: ids,
        ..reason(rule.id.clone(), rule.action, message)
    };
    Some(Spoken {
        hits: places,
        ..Spoken::of(covering.policy, said)
    })
}

pub(crate) fn reason(rule: RuleId, action: Decision, message: String) -> Reason {
    Reason {
        rule,
        action,
        message: words::one_line(&message),
        findings: Vec::new(),
    }
}
