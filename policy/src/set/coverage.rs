//! Which policies cover an image: by bindings, for want of any, or because nothing else does.

use sluicegate_model::{Digest, Scope};

use super::PolicySet;
use crate::binding::Binding;
use crate::built_in::BUILT_IN_NAME;
use crate::rules::Policy;

impl PolicySet {
    /// Lists the policies that apply in a scope to an image, or to what has no digest yet: the built-in
    /// one where no other does.
    pub(crate) fn covering(&self, scope: &Scope, digest: Option<&Digest>) -> Vec<&Policy> {
        let (name, audience) = (scope.repository.to_string(), &scope.audience);
        let by = |means_tag: &dyn Fn(&Binding) -> bool| {
            self.of_bindings(|it| it.covers(&name, digest, audience, means_tag(it)))
        };
        if !self.names_tags() {
            return by(&|_| false);
        }
        if audience.knows_tag() {
            return by(&|binding| audience.bindings().contains(&binding.word()));
        }
        // Nobody knows which of them mean it: the strictest of what may be.
        joined(by(&|_| false), by(&|_| true))
    }

    /// Lists the policies that apply in a scope whatever something is called, and surely.
    pub(crate) fn covering_all(&self, scope: &Scope) -> Vec<&Policy> {
        let (name, audience) = (scope.repository.to_string(), &scope.audience);
        self.of_bindings(|it| it.covers(&name, None, audience, false))
    }

    /// Lists the policies that apply in a scope to any image.
    pub(crate) fn applying(&self, scope: &Scope) -> Vec<&Policy> {
        let name = scope.repository.to_string();
        let applies = |it: &Binding| it.is_for(&scope.audience) && it.covers_repository(&name);
        // Where they are bound to some of its images alone, the built-in one is for the others.
        joined(self.of_bindings(applies), self.covering(scope, None))
    }

    /// Lists the policies that are bound to nothing, and those to which such bindings bind.
    ///
    /// What lies in a delegated directory only ever adds: whether a policy is bound at all, and whether
    /// any covers an image, is what the other files say.
    fn of_bindings(&self, is_meant: impl Fn(&Binding) -> bool) -> Vec<&Policy> {
        let policies = &self.0.policies;
        let is_own = |policy: &&Policy| {
            let mut bindings = self.undelegated(&policy.name).peekable();
            let is_unbound = bindings.peek().is_none() && policy.delegated_by.is_none();
            is_unbound || bindings.any(&is_meant)
        };
        let is_added = |policy: &&Policy| {
            let mut bindings = self.0.bindings.iter();
            bindings.any(|it| it.policy == policy.name && it.delegated_by.is_some() && is_meant(it))
        };
        let is_any_own = policies.iter().any(|policy| is_own(&policy));
        let covers = |policy: &&Policy| is_own(policy) || is_added(policy);
        let mut covering: Vec<&Policy> = policies.iter().filter(covers).collect();
        if !is_any_own || self.built_in_is_bound(&is_meant) {
            covering.push(&self.0.built_in);
        }
        covering
    }

    /// Lists the bindings of a policy that lie in no delegated directory.
    fn undelegated<'a>(&'a self, policy: &'a str) -> impl Iterator<Item = &'a Binding> {
        let bindings = self.0.bindings.iter();
        bindings.filter(move |it| it.policy == policy && it.delegated_by.is_none())
    }

    /// Tells whether such a binding names the built-in policy, and not one of the same name.
    fn built_in_is_bound(&self, is_meant: impl Fn(&Binding) -> bool) -> bool {
        let mut policies = self.0.policies.iter();
        let shadowed = policies.any(|policy| policy.name == BUILT_IN_NAME);
        let mut bound = self.0.bindings.iter();
        !shadowed && bound.any(|it| it.policy == BUILT_IN_NAME && is_meant(it))
    }

    /// Lists the policies that files hold, and the built-in one where that covers anything by name
    /// or for want of others.
    pub(crate) fn own_or_default(&self) -> Vec<&Policy> {
        let mut policies: Vec<&Policy> = self.0.policies.iter().collect();
        let is_bound = |policy: &Policy| self.0.bindings.iter().any(|it| it.policy == policy.name);
        let covers_all = policies.iter().any(|policy| {
            let mut bindings = self.undelegated(&policy.name);
            bindings.next().is_none() && policy.delegated_by.is_none()
        });
        let is_own = |policy: &&Policy| policy.name == BUILT_IN_NAME;
        if !covers_all || (is_bound(&self.0.built_in) && !policies.iter().any(is_own)) {
            policies.push(&self.0.built_in);
        }
        policies
    }

    /// Gives the built-in policy.
    pub(crate) fn default_policy(&self) -> &Policy {
        &self.0.built_in
    }

    /// Lists the patterns to which a policy is bound; none where it covers every image.
    pub(crate) fn patterns_of(&self, policy: &Policy) -> Vec<String> {
        let own = self.undelegated(&policy.name);
        own.flat_map(|binding| &binding.repositories)
            .map(ToString::to_string)
            .collect()
    }

    /// Lists the policies that cover whatever these patterns do, `policy` among them.
    pub(crate) fn beside(&self, policy: &Policy, patterns: &[String]) -> Vec<&Policy> {
        let everything = ["**".to_owned()];
        let patterns: &[String] = if patterns.is_empty() {
            &everything
        } else {
            patterns
        };
        let covers = |name: &str| {
            let mut own = self.0.bindings.iter().filter(|it| it.policy == name);
            patterns.iter().all(|pattern| {
                own.clone()
                    .any(|binding| binding.covers_repository(pattern))
            }) && own.next().is_some()
        };
        let is_unbound =
            |it: &Policy| self.undelegated(&it.name).next().is_none() && it.delegated_by.is_none();
        let policies = self.0.policies.iter();
        let mut beside: Vec<&Policy> = policies
            .filter(|it| it.name == policy.name || is_unbound(it) || covers(&it.name))
            .collect();
        let is_shadowed = self.0.policies.iter().any(|it| it.name == BUILT_IN_NAME);
        if !is_shadowed && covers(BUILT_IN_NAME) {
            beside.push(&self.0.built_in);
        }
        beside
    }
}

/// Joins two lists of policies, each of them once.
fn joined<'a>(mut these: Vec<&'a Policy>, others: Vec<&'a Policy>) -> Vec<&'a Policy> {
    for policy in others {
        if !these.iter().any(|it| std::ptr::eq(*it, policy)) {
            these.push(policy);
        }
    }
    these
}
