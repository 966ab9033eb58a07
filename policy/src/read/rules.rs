//! Rules: what they ask for, and when they speak.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use sluicegate_model::finding::FindingKind;
use sluicegate_model::strict_yaml::{Fields, Node};
use sluicegate_model::verdict::{Decision, RuleId};

use super::{DocumentReader, NOT_YET};
use crate::conditions::Conditions;
use crate::rules::{Rule, Template};

/// How old the digest may be that a tag falls back to, where a rule does not say.
const FALLBACK_MAX_AGE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What a tag can fall back to.
pub(crate) const FALLBACKS: [(&str, ()); 1] = [("lastAllowedDigest", ())];
/// Most rules of one policy: each is held against each finding.
const MAX_RULES: usize = 1_000;

impl DocumentReader<'_> {
    /// Reads rules; those of a list of what is allowed allow images, whatever is found in them.
    pub(super) fn rules(&mut self, node: &Node, is_allow_list: bool) -> Vec<Rule> {
        let items = self.kept(node.list()).unwrap_or_default();
        if items.len() > MAX_RULES {
            let wanted = format!("at most {MAX_RULES} rules");
            self.mistakes.push(node.wanted(&wanted));
            return Vec::new();
        }
        let (mut rules, mut ids) = (Vec::new(), BTreeSet::new());
        for item in items {
            let Some(rule) = self.rule(item) else {
                continue;
            };
            if !ids.insert(rule.id.clone()) {
                let message = format!("rule id {:?} is used twice", rule.id.as_str());
                self.mistakes.push(item.mistake(message));
            }
            if is_allow_list && rule.action == Decision::Allow && rule.is_on_findings {
                let message =
                    "what is allowed is said by `image` alone: no finding allows an image";
                self.mistakes.push(item.mistake(message));
            }
            rules.push(rule);
        }
        rules
    }

    fn rule(&mut self, node: &Node) -> Option<Rule> {
        let mut fields = self.kept(Fields::of(node))?;
        let (id, action) = (fields.require("id"), fields.require("action"));
        let (when, unless) = (fields.take("when"), fields.take("unless"));
        let (image, message) = (fields.take("image"), fields.take("message"));
        let before = self.mistakes.len();
        fields.reject("cel", NOT_YET, &mut self.mistakes);
        let is_of_later_version = self.mistakes.len() > before;
        let grace = fields.take("graceForServed");
        let (fallback, oldest) = (fields.take("fallback"), fields.take("fallbackMaxAge"));
        fields.finish(&mut self.mistakes);
        let is_on_findings = when.or(unless).is_some();
        if !is_on_findings && image.is_none() && !is_of_later_version {
            let message = "\"when\", \"unless\" or \"image\" is missing";
            self.mistakes.push(node.mistake(message));
        }
        let before = self.mistakes.len();
        let id = self.kept(id).and_then(|node| self.rule_id(node));
        let action = self.kept(action).and_then(|node| self.action(node));
        let when = match when {
            Some(node) => self.conditions(node),
            None => Some(Conditions::default()),
        };
        let spared_block = unless;
        let unless = unless.and_then(|node| self.unless(node));
        let spared = [grace, fallback].into_iter().flatten().next();
        let grace = grace.and_then(|node| self.grace(node, is_on_findings));
        let fallback = self.fallback(fallback, oldest);
        let conditions = image.and_then(|node| self.image_conditions(node));
        let place = message;
        let message = message.and_then(|node| self.template(node));
        let is_plain = message.as_ref().is_none_or(|it| it.plain().is_some());
        if let Some(place) = place.filter(|_| !is_on_findings && !is_plain) {
            let message = "a rule on images has no finding to fill in";
            self.mistakes.push(place.mistake(message));
        }
        if let Some(place) = spared.filter(|_| action.is_some_and(|it| it != Decision::Refuse)) {
            let message = "only a rule that refuses leaves anything to be spared from it";
            self.mistakes.push(place.mistake(message));
        }
        if self.mistakes.len() > before || is_of_later_version {
            return None;
        }
        let rule = Rule {
            id: id?,
            when: when?,
            unless,
            is_on_findings,
            image: conditions,
            action: action?,
            message,
            grace,
            fallback,
        };
        (self.check_licences(spared_block, &rule) && self.check_names(image, &rule)).then_some(rule)
    }

    /// Refuses a rule that spares licences, and does not choose any.
    fn check_licences(&mut self, place: Option<&Node>, rule: &Rule) -> bool {
        let unless = rule.unless.as_ref();
        let spares = unless.is_some_and(|unless| unless.ask_for(FindingKind::Licence));
        let is_idle = spares && !rule.asks_for(FindingKind::Licence);
        if let Some(place) = place.filter(|_| is_idle) {
            let message = "what is asked of licences spares findings of kind licence alone, which \
                           `when` does not ask for: `when: {kind: licence}` does";
            self.mistakes.push(place.mistake(message));
        }
        !is_idle
    }

    /// Refuses a rule on tags or digests that is on more: it is decided before anything is fetched, and
    /// what decides later knows neither.
    fn check_names(&mut self, place: Option<&Node>, rule: &Rule) -> bool {
        let (Some(place), Some(image)) = (place, &rule.image) else {
            return true;
        };
        if !image.name_references() {
            return true;
        }
        let problem = if rule.fallback.is_some() {
            "what refuses a name has nothing to fall back to: it is decided before anything is known"
        } else if rule.is_on_findings || !image.name_alone() {
            "`tags` and `digestOnly` are decided before anything is fetched, and stand with \
             `repositories` alone"
        } else if rule.action == Decision::Annotate {
            "`tags` and `digestOnly` refuse or allow; there is nothing yet that a note could be on"
        } else {
            return true;
        };
        self.mistakes.push(place.mistake(problem));
        false
    }

    /// Reads how long digests keep working that were served before. Only a change of the feeds begins
    /// that, and only findings follow from one.
    fn grace(&mut self, node: &Node, is_on_findings: bool) -> Option<SignedDuration> {
        if !is_on_findings {
            let message = "no advisory makes a rule on images hit: there is nothing to wait for";
            self.mistakes.push(node.mistake(message));
        }
        self.age(node)
    }

    /// Reads what a tag answers with in place of what is refused, as how old that may be.
    fn fallback(&mut self, node: Option<&Node>, oldest: Option<&Node>) -> Option<SignedDuration> {
        let given = oldest.map_or(Some(FALLBACK_MAX_AGE), |node| self.age(node));
        match (node, oldest) {
            (Some(node), _) => {
                self.word(node, &FALLBACKS)?;
                given
            }
            (None, Some(oldest)) => {
                let message = "`fallbackMaxAge` is of a `fallback`, and there is none";
                self.mistakes.push(oldest.mistake(message));
                None
            }
            (None, None) => None,
        }
    }

    /// Reads what a rule spares. An empty block would spare everything.
    fn unless(&mut self, node: &Node) -> Option<Conditions> {
        let conditions = self.conditions(node)?;
        if conditions == Conditions::default() {
            let message = "an empty `unless` spares every finding: the rule would never hit";
            self.mistakes.push(node.mistake(message));
            return None;
        }
        Some(conditions)
    }

    fn rule_id(&mut self, node: &Node) -> Option<RuleId> {
        let id = RuleId::from(self.name(node)?);
        if RuleId::BUILT_IN.contains(&id) {
            let message = format!("rule id {:?} is the name of a built-in rule", id.as_str());
            self.mistakes.push(node.mistake(message));
        }
        Some(id)
    }

    fn template(&mut self, node: &Node) -> Option<Template> {
        let text = self.kept(node.text())?;
        self.kept(Template::parse(text).map_err(|why| node.mistake(why.to_string())))
    }
}
