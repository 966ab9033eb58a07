//! What somebody may do, and in which repositories.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::glob::Glob;
use crate::image::Repository;

/// One thing that somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Pull images.
    Pull,
    /// Ask for scans.
    Scan,
    /// Read verdicts and what images hold.
    ReadVerdicts,
    /// Read all else that the service knows: the log, events, policies, how it stands.
    ReadService,
    /// Make and end keys.
    Administer,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Pulls images.
    Puller,
    /// Asks for scans and reads the verdicts on them.
    Scanner,
    /// Reads everything and starts nothing.
    Auditor,
    /// All of it, and the keys of others.
    Admin,
}

impl Role {
    /// Every role, the one that may least first.
    pub const ALL: [Self; 4] = [Self::Puller, Self::Scanner, Self::Auditor, Self::Admin];

    /// Lists what somebody in this role may do.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::{Administer, Pull, ReadService, ReadVerdicts, Scan};
        match self {
            Self::Puller => &[Pull],
            Self::Scanner => &[Scan, ReadVerdicts],
            Self::Auditor => &[ReadVerdicts, ReadService],
            Self::Admin => &[Pull, Scan, ReadVerdicts, ReadService, Administer],
        }
    }

    /// Gives the name used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Puller => "puller",
            Self::Scanner => "scanner",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says that a word is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role: wanted puller, scanner, auditor or admin")]
pub struct NoRole(String);

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(text: &str) -> Result<Self, NoRole> {
        let named = Self::ALL.into_iter().find(|role| role.as_str() == text);
        named.ok_or_else(|| NoRole(text.chars().take(40).collect()))
    }
}

/// The repositories that somebody knows of: to them there are no others.
///
/// *Shape*: patterns over canonical names, as bindings have them; without any, every repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reach(Option<Arc<[Glob]>>);

impl Reach {
    /// Every repository.
    pub const EVERYTHING: Self = Self(None);

    /// Reaches what these patterns match; every repository where there is none.
    pub fn of(patterns: &[String]) -> Self {
        let globs: Arc<[Glob]> = patterns.iter().map(|text| Glob::new(text)).collect();
        Self(Some(globs).filter(|globs| !globs.is_empty()))
    }

    /// Tells whether a repository is among them.
    pub fn has(&self, repository: &Repository) -> bool {
        self.has_named(repository.as_str())
    }

    /// Tells the same by a canonical name.
    pub fn has_named(&self, repository: &str) -> bool {
        let matches = |globs: &Arc<[Glob]>| globs.iter().any(|glob| glob.matches(repository));
        self.0.as_ref().is_none_or(matches)
    }

    /// Tells whether a pattern may match a name of one of them, by what each says before its first
    /// wildcard.
    pub fn may_have(&self, pattern: &str) -> bool {
        let begins = |glob: &Glob| {
            let (one, other) = (literal(&glob.to_string()), literal(pattern));
            one.starts_with(&other) || other.starts_with(&one)
        };
        self.0.as_ref().is_none_or(|globs| globs.iter().any(begins))
    }

    /// Tells whether it is every repository.
    pub fn is_everything(&self) -> bool {
        self.0.is_none()
    }
}

/// Gives what a pattern says before its first wildcard.
fn literal(pattern: &str) -> String {
    pattern
        .chars()
        .take_while(|it| !matches!(it, '*' | '?'))
        .collect()
}

/// What somebody may do, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rights {
    permissions: &'static [Permission],
    reach: Reach,
    /// What a token was asked for: it is for nothing else, whatever its holder may read.
    token: Option<Arc<BTreeSet<Repository>>>,
}

impl Rights {
    /// Grants these in every repository.
    pub const fn everywhere(permissions: &'static [Permission]) -> Self {
        Self {
            permissions,
            reach: Reach::EVERYTHING,
            token: None,
        }
    }

    /// Grants a role in some repositories.
    pub fn of(role: Role, reach: Reach) -> Self {
        Self {
            permissions: role.permissions(),
            reach,
            token: None,
        }
    }

    /// Narrows them to the repositories that a token was asked for.
    #[must_use]
    pub fn for_token(self, repositories: BTreeSet<Repository>) -> Self {
        Self {
            token: Some(Arc::new(repositories)),
            ..self
        }
    }

    /// Tells whether this may be done anywhere.
    pub fn allow(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// The repositories that whoever has them knows of.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Tells whether a token, where one was used, was asked for this repository.
    pub fn are_for(&self, repository: &Repository) -> bool {
        let token = self.token.as_ref();
        token.is_none_or(|repositories| repositories.contains(repository))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(name: &str) -> Repository {
        name.parse().unwrap()
    }

    #[test]
    fn only_an_admin_may_everything_and_nobody_else_makes_keys() {
        use Permission::{Administer, Pull, ReadService, ReadVerdicts, Scan};
        let all = [Pull, Scan, ReadVerdicts, ReadService, Administer];
        let may = |role: Role| {
            all.map(|permission| Rights::of(role, Reach::EVERYTHING).allow(permission))
        };
        assert_eq!(may(Role::Puller), [true, false, false, false, false]);
        assert_eq!(may(Role::Scanner), [false, true, true, false, false]);
        assert_eq!(may(Role::Auditor), [false, false, true, true, false]);
        assert_eq!(may(Role::Admin), [true; 5]);
    }

    #[test]
    fn roles_are_read_by_their_names_alone() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        for wrong in ["", "Admin", "root", "puller "] {
            let said = wrong.parse::<Role>().unwrap_err().to_string();
            assert!(said.contains("puller, scanner, auditor or admin"), "{said}");
        }
    }

    #[test]
    fn a_reach_ends_where_its_patterns_do_and_is_everything_without_any() {
        let team = Reach::of(&["docker.io/team/**".to_owned(), "quay.io/x".to_owned()]);
        assert!(team.has(&repository("docker.io/team/app")) && team.has(&repository("quay.io/x")));
        assert!(!team.has(&repository("docker.io/teams/app")) && !team.is_everything());
        assert!(Reach::of(&[]).is_everything() && Reach::of(&[]).has(&repository("a.io/b")));
    }

    #[test]
    fn a_pattern_may_be_of_a_reach_unless_both_begin_otherwise() {
        let team = Reach::of(&["docker.io/team/**".to_owned()]);
        for (pattern, wanted) in [
            ("docker.io/team/app", true),
            ("docker.io/**", true),
            ("**/nginx", true),
            ("docker.io/other/*", false),
            ("quay.io/**", false),
        ] {
            assert_eq!(team.may_have(pattern), wanted, "{pattern}");
        }
    }

    #[test]
    fn a_token_is_for_what_it_was_asked_for() {
        let rights = Rights::of(Role::Puller, Reach::EVERYTHING);
        let (one, other) = (repository("a.io/one"), repository("a.io/other"));
        assert!(rights.are_for(&one) && rights.are_for(&other));
        let rights = rights.for_token(BTreeSet::from([one.clone()]));
        assert!(rights.are_for(&one) && !rights.are_for(&other));
        let nothing = rights.for_token(BTreeSet::new());
        assert!(!nothing.are_for(&one));
    }
}
