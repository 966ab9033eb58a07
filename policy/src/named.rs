//! What the name alone decides under which something is asked for, before anything is fetched.

use jiff::Timestamp;
use sluicegate_model::Scope;
use sluicegate_model::verdict::{Decision, PolicyReference, Reason, RuleId};

use crate::conditions::Moment;
use crate::decide::{image_reason, reason};
use crate::image::{AskedName, SeenImage};
use crate::rules::{Policy, Rule};
use crate::set::PolicySet;
use crate::words;

/// A name that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRefusal {
    /// Which policies decided.
    pub policy: PolicyReference,
    /// The rules that refused, at least one.
    pub reasons: Vec<Reason>,
}

impl NameRefusal {
    /// Gives the line that a client shows which was refused.
    pub fn message(&self) -> String {
        words::refused_name(&self.policy, &self.reasons)
    }
}

impl PolicySet {
    /// Tells why an image is refused by the name under which it is asked for, or without one whatever
    /// is asked for in a repository; nothing where that is for verdicts to say.
    pub fn refuses_name(
        &self,
        scope: &Scope,
        name: Option<AskedName<'_>>,
        now: Timestamp,
    ) -> Option<NameRefusal> {
        self.speaks_of_name(scope, name, now, Decision::Refuse)
    }

    /// Gives the warning that comes with what policies would refuse by its tag, were their mode not
    /// `annotate`: no verdict tells that.
    pub fn notes_name(&self, scope: &Scope, name: AskedName<'_>, now: Timestamp) -> Option<String> {
        let noted = self.speaks_of_name(scope, Some(name), now, Decision::Annotate)?;
        Some(words::noted_name(&noted.policy, &noted.reasons))
    }

    /// Lets those policies speak from whose refusal this comes out.
    fn speaks_of_name(
        &self,
        scope: &Scope,
        name: Option<AskedName<'_>>,
        now: Timestamp,
        effect: Decision,
    ) -> Option<NameRefusal> {
        if !self.decides_by_name(scope) {
            return None;
        }
        let repository = scope.repository.to_string();
        let image = SeenImage {
            repository: &repository,
            name,
            facts: None,
        };
        // Names are not compared, and nothing about them passes.
        let moment = Moment::of(now, |_, _, _| None);
        let digest = match name {
            Some(AskedName::Digest { digest, .. }) => Some(digest),
            _ => None,
        };
        let policies = match name {
            Some(_) => self.covering(scope, digest),
            None => self.covering_all(scope),
        };
        let mut reasons: Vec<Reason> = Vec::new();
        for policy in &policies {
            if policy.ceiling(Decision::Refuse) != effect {
                continue;
            }
            // What says nothing of tags and digests is told by the verdict as well.
            let is_noted_later = effect != Decision::Refuse && !policy.names_references();
            let refused = refusals(policy, &image, &moment).filter(|_| !is_noted_later);
            for reason in refused {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
        (!reasons.is_empty()).then(|| NameRefusal {
            policy: PolicyReference {
                name: names.join("+"),
                digest: self.digest_for(scope),
            },
            reasons,
        })
    }
}

/// Lets the rules speak of which it is sure, whatever the image turns out to be, that they refuse.
fn refusals<'a>(
    policy: &'a Policy,
    image: &'a SeenImage<'a>,
    moment: &'a Moment,
) -> impl Iterator<Item = Reason> + use<'a> {
    let sure = move |rule: &&Rule| {
        let conditions = rule.image.as_ref().filter(|_| !rule.is_on_findings);
        let holds = conditions.and_then(|conditions| conditions.hold(image, moment));
        rule.action == Decision::Refuse && holds == Some(true)
    };
    let spoken = policy.rules.iter().filter(sure);
    let spoken = spoken.filter_map(|rule| image_reason(rule, image, moment));
    let unlisted = is_surely_unlisted(policy, image, moment);
    let unlisted = unlisted.then(|| {
        reason(
            RuleId::NOT_LISTED,
            Decision::Refuse,
            words::UNLISTED.to_owned(),
        )
    });
    spoken.chain(unlisted)
}

/// Tells whether nothing on a list of what is allowed can mean the image. What a name that was on the
/// list has led to is.
fn is_surely_unlisted(policy: &Policy, image: &SeenImage<'_>, moment: &Moment) -> bool {
    if !policy.is_allow_list
        || matches!(
            image.name,
            Some(AskedName::Digest {
                was_led_to: true,
                ..
            })
        )
    {
        return false;
    }
    let mut allowing = policy.rules.iter();
    let may_mean = |rule: &Rule| rule.action == Decision::Allow && rule.may_mean(image, moment);
    !allowing.any(may_mean)
}
