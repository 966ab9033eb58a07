//! Plays cases against policies.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use sluicegate_model::artifact::Content;
use sluicegate_model::heard::{HeardVex, SignedDocument};
use sluicegate_model::report::Report;
use sluicegate_model::signature::{Signatures, Signed};
use sluicegate_model::verdict::{Decision, Reason};
use sluicegate_model::{Audience, Digest, Repository, Scope};

use crate::askers::Asker;
use crate::case::{Case, CaseClient};
use crate::decide::{FeedStanding, Subject, decide};
use crate::image::{AskedName, Stated};
use crate::set::PolicySet;
use crate::vers::VersionOrder;

/// What is known of an image that a case is about.
#[derive(Clone, Debug)]
pub struct JudgedImage {
    /// The repository that it was judged in.
    pub repository: Repository,
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub content: Content,
    /// Since when it is known.
    pub first_seen: Option<Timestamp>,
    /// What is known of who signed it.
    pub signatures: Option<Signatures>,
    /// What was found in it.
    pub report: Report,
}

/// What came out of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// What came out.
    pub decision: Decision,
    /// The rules that spoke.
    pub rules: BTreeSet<String>,
    /// How that differs from what has to, in words; nothing where it does not.
    pub differences: Vec<String>,
}

impl Case {
    /// Plays it against policies. `now` is when, where the case does not say.
    pub fn play(
        &self,
        set: &PolicySet,
        image: JudgedImage,
        versions: VersionOrder,
        now: Timestamp,
    ) -> CaseResult {
        let now = self.now.unwrap_or(now);
        let asked = self.image.as_ref();
        let repository = asked.map_or(&image.repository, |asked| &asked.repository);
        let tag = asked.and_then(|asked| asked.tag.as_ref());
        let audience = self.audience(set, repository);
        let scope = Scope {
            audience: set.by_tag(audience, repository, tag),
            ..Scope::for_all(repository.clone())
        };
        let refused = set.refuses_name(&scope, self.name_of(&image.digest), now);
        let (decision, reasons) = match refused {
            Some(refusal) => (Decision::Refuse, refusal.reasons),
            None => self.decided(set, &scope, image, versions, now),
        };
        self.result(decision, &reasons)
    }

    fn audience(&self, set: &PolicySet, repository: &Repository) -> Audience {
        let asker = match &self.client {
            None => return Audience::EVERYBODY,
            Some(CaseClient::Principal(principal)) => Asker {
                principal: Some(principal),
                address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            },
            Some(CaseClient::Address(address)) => Asker {
                principal: None,
                address: *address,
            },
        };
        set.audience(repository, &asker)
    }

    fn name_of<'a>(&'a self, digest: &'a Digest) -> Option<AskedName<'a>> {
        let asked = self.image.as_ref()?;
        let by_digest = asked.by_digest.then_some(AskedName::Digest {
            digest,
            was_led_to: false,
        });
        let by_tag = asked.tag.as_ref().map(AskedName::Tag);
        by_digest.or(by_tag)
    }

    fn decided(
        &self,
        set: &PolicySet,
        scope: &Scope,
        image: JudgedImage,
        versions: VersionOrder,
        now: Timestamp,
    ) -> (Decision, Vec<Reason>) {
        let stated = self.signatures(set, scope, &image.digest, now);
        let subject = Subject {
            scope,
            digest: &image.digest,
            content: image.content,
            created: self.created,
            run: self.run.as_ref(),
            first_seen: self.first_seen.or(image.first_seen),
            graces: &[],
            signatures: stated.as_ref().or(image.signatures.as_ref()),
        };
        let mut report = image.report;
        // Exceptions and what is believed are this set's, and not those under which it was judged.
        for finding in &mut report.findings {
            finding.exception = None;
            finding.vex.clear();
        }
        let standing = FeedStanding::default();
        let outcome = decide(set, &subject, report, &standing, versions, now);
        (outcome.decision, outcome.reasons)
    }

    /// Gives who signed the image, where the case says: those and nobody else, of all who are asked for.
    fn signatures(
        &self,
        set: &PolicySet,
        scope: &Scope,
        digest: &Digest,
        now: Timestamp,
    ) -> Option<Signatures> {
        let signers = self.signers.as_ref()?;
        let said = |stated: &Stated| {
            let statement = stated.statement.clone();
            let keys = stated.keys.clone().into_iter();
            keys.map(move |key| Signed {
                key: key.id().clone(),
                statement: statement.clone(),
                manifest: digest.clone(),
            })
        };
        let found: BTreeSet<Signed> = signers.iter().flat_map(said).collect();
        let wanted = set.wanted_signatures(scope);
        let wanted = wanted.as_ref();
        let keys = found.iter().map(|it| it.key.clone());
        let statements = found.iter().map(|it| it.statement.clone());
        let asked = wanted.map_or_else(BTreeSet::new, |it| it.statements().clone());
        Some(Signatures {
            keys: keys
                .chain(wanted.into_iter().flat_map(|it| it.keys()))
                .collect(),
            statements: statements.chain(asked).collect(),
            found: found.into_iter().collect(),
            looked_up_at: now,
            unknown: None,
            vex: Some(self.heard(wanted.map(|it| it.vex_keys()), digest)),
        })
    }

    /// Gives what keys say of the image, and that all are known.
    fn heard(&self, wanted: Option<BTreeSet<Digest>>, digest: &Digest) -> HeardVex {
        let attached = self.attached_vex.iter();
        let documents = attached.map(|it| SignedDocument {
            key: it.key.clone(),
            manifest: digest.clone(),
            digest: Digest::of(it.text.as_bytes()),
            text: it.text.as_str().into(),
        });
        HeardVex {
            keys: wanted.unwrap_or_default(),
            documents: documents.collect(),
            ..HeardVex::default()
        }
    }

    fn result(&self, decision: Decision, reasons: &[Reason]) -> CaseResult {
        let rules = reasons.iter().map(|reason| reason.rule.to_string());
        let rules: BTreeSet<String> = rules.collect();
        let mut differences = Vec::new();
        let wanted = self.expected.decision;
        if wanted != decision {
            let (wanted, got) = (wanted.as_str(), decision.as_str());
            differences.push(format!("decision: wanted {wanted}, got {got}"));
        }
        let wanted = self.expected.rules.as_ref();
        if let Some(wanted) = wanted.filter(|wanted| **wanted != rules) {
            let (wanted, got) = (listed(wanted), listed(&rules));
            differences.push(format!("rules: wanted {wanted}, got {got}"));
        }
        CaseResult {
            decision,
            rules,
            differences,
        }
    }
}

fn listed(rules: &BTreeSet<String>) -> String {
    if rules.is_empty() {
        return "none".to_owned();
    }
    rules.iter().cloned().collect::<Vec<_>>().join(", ")
}
