//! What documents say of one another: bindings of policies, delegations of directories.

use super::Loading;
use crate::built_in::BUILT_IN_NAME;
use crate::delegation::below;

impl Loading {
    /// Refuses bindings of what is not there, or what a delegation hands to others.
    pub(super) fn check_bindings(&mut self) {
        let mut mistakes = Vec::new();
        for (binding, file, place) in self.bindings.values() {
            let message = match self.policies.get(&binding.policy) {
                None if binding.policy == BUILT_IN_NAME => continue,
                None => format!("no policy is called {:?}", binding.policy),
                Some(read) => match &read.policy.delegated_by {
                    Some(by) if binding.delegated_by.as_ref() != Some(by) => format!(
                        "policy {:?} lies in the directory of delegation {by:?}, and only a binding \
                         there names it",
                        binding.policy
                    ),
                    _ => continue,
                },
            };
            mistakes.push((file.clone(), place.clone(), message));
        }
        for (file, place, message) in mistakes {
            self.mistake(&file, &place, message);
        }
    }

    /// Refuses policies of a delegated directory that would cover every image, and directories that
    /// are handed out twice.
    pub(super) fn check_delegated(&mut self) {
        let mut mistakes = Vec::new();
        for read in self.policies.values() {
            let name = &read.policy.name;
            let mut bindings = self.bindings.values();
            let is_bound = bindings.any(|(binding, ..)| binding.policy == *name);
            if let Some(by) = read.policy.delegated_by.as_ref().filter(|_| !is_bound) {
                let message = format!(
                    "no binding names policy {name:?}: it would cover every image, which is beyond \
                     delegation {by:?}"
                );
                mistakes.push((read.file.clone(), read.place.clone(), message));
            }
        }
        for (delegation, file, place) in self.delegated.values() {
            let directory = below(file, &delegation.directory);
            let mut others = self.delegations.iter();
            let other = others.find(|it| it.name != delegation.name && it.holds(&directory));
            if let Some(other) = other {
                let message = format!("delegation {:?} holds this directory already", other.name);
                mistakes.push((file.clone(), place.clone(), message));
            }
        }
        for (file, place, message) in mistakes {
            self.mistake(&file, &place, message);
        }
    }
}
