//! Directories that are handed to teams, and how far what lies there reaches.
//!
//! What a file there says beyond its bounds is a mistake of that file, so that a set which is in force
//! holds nothing of the kind. Files are known by their names alone: whoever reads them gives each the
//! name under which it lies.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::glob::Glob;

use crate::pattern::ImagePattern;

/// What the end of a day is behind its beginning: a day that is named stands for its end.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// A checked delegation.
#[derive(Debug)]
pub(crate) struct Delegation {
    pub name: String,
    pub text: String,
    /// The directory, as the files in it are named.
    pub directory: String,
    pub repositories: Vec<Glob>,
    pub max_exception_life: SignedDuration,
    /// The same, as it is written.
    pub life: String,
    /// Whether an exception has to name its images.
    pub images_required: bool,
}

/// How far a file reaches.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub delegation: Arc<Delegation>,
    /// When an exception ends at the latest.
    pub latest: Timestamp,
}

impl Delegation {
    /// Tells whether a file, or a directory, lies in the directory.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let path = plain(path);
        let inside = path.strip_prefix(&self.directory);
        inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Tells whether it reaches a repository, by its canonical name.
    pub(crate) fn covers_repository(&self, repository: &str) -> bool {
        let mut repositories = self.repositories.iter();
        repositories.any(|pattern| pattern.matches(repository))
    }

    /// Gives all images that it reaches.
    pub(crate) fn images(&self) -> Vec<ImagePattern> {
        let repositories = self.repositories.iter().cloned();
        repositories.map(ImagePattern::of_repositories).collect()
    }

    /// Lists the repositories for people.
    pub(crate) fn reach(&self) -> String {
        let repositories = self.repositories.iter().map(ToString::to_string);
        repositories.collect::<Vec<_>>().join(", ")
    }

    /// Gives how far a file in the directory reaches when it is read.
    pub(crate) fn bounds(self: &Arc<Self>, now: Timestamp) -> Bounds {
        let latest = now.checked_add(self.max_exception_life);
        let latest = latest.and_then(|latest| latest.checked_add(A_DAY));
        Bounds {
            delegation: Arc::clone(self),
            latest: latest.unwrap_or(Timestamp::MAX),
        }
    }
}

/// Gives the path of a directory below the folder of a file.
pub(crate) fn below(file: &str, directory: &str) -> String {
    let folder = file.rsplit_once('/').map(|(folder, _)| folder);
    plain(&format!("{}/{directory}", folder.unwrap_or(".")))
}

/// Gives a path without steps that lead nowhere.
fn plain(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let steps = path.split('/').filter(|step| !matches!(*step, "" | "."));
    format!("{root}{}", steps.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_holds_what_lies_in_it_and_not_what_is_called_alike() {
        let of = |file: &str| Delegation {
            name: "shop".into(),
            text: String::new(),
            directory: below(file, "teams/shop"),
            repositories: Vec::new(),
            max_exception_life: SignedDuration::ZERO,
            life: String::new(),
            images_required: true,
        };
        for (delegating, file, wanted) in [
            ("./p/d.yaml", "./p/teams/shop/e.yaml", true),
            ("p/d.yaml", "./p//teams/shop/x/e.yaml", true),
            ("/p/d.yaml", "/p/teams/shop/e.yaml", true),
            ("d.yaml", "teams/shop/e.yaml", true),
            ("/p/d.yaml", "/p/teams/shop2/e.yaml", false),
            ("/p/d.yaml", "/p/teams/e.yaml", false),
            ("/p/d.yaml", "p/teams/shop/e.yaml", false),
        ] {
            assert_eq!(of(delegating).holds(file), wanted, "{delegating} {file}");
        }
    }
}
