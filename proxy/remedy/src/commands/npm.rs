//! `npm`, by where a package lies: beside the project's others, within another, or among the global ones.

use std::collections::BTreeSet;

use sluicegate_model::package::PackageType;

use super::words;
use crate::step::{Command, Place, Step};

/// Where npm's packages lie.
const FOLDER: &str = "node_modules";
/// Where those lie that are installed for the whole system.
const GLOBAL: [&str; 4] = ["usr/local/lib", "usr/lib", "usr/local/share", "usr/share"];

/// A package by its path.
struct Lies<'a> {
    /// The folder with the first `node_modules`.
    project: &'a str,
    /// The names of the packages in each other, outermost first; the last is its own.
    within: Vec<String>,
}

impl<'a> Lies<'a> {
    fn at(path: &'a str) -> Option<Self> {
        let folder = path.strip_suffix("/package.json")?;
        let at = folder.find(&format!("{FOLDER}/"))?;
        let project = folder.get(..at)?.trim_end_matches('/');
        let below = folder.get(at..)?.strip_prefix(FOLDER)?.strip_prefix('/')?;
        let between = format!("/{FOLDER}/");
        let within = below.split(&between).map(str::to_owned);
        Some(Self {
            project,
            within: within.collect(),
        })
    }

    fn is_global(&self) -> bool {
        GLOBAL.contains(&self.project)
    }
}

/// Tells whether a path is that of the manager itself.
pub(super) fn is_npm_itself(path: &str) -> bool {
    Lies::at(path).is_some_and(|it| it.is_global() && it.within == ["npm"])
}

/// Gives a line for each place.
pub(super) fn commands(step: &Step, has_npm: bool) -> Result<Vec<Command>, String> {
    let mut lines = BTreeSet::new();
    for path in &step.paths {
        lines.insert(line(step, path, has_npm)?);
    }
    let commands = lines.into_iter().map(|(place, line)| Command {
        place,
        tool: "npm",
        line,
    });
    Ok(commands.collect())
}

fn line(step: &Step, path: &str, has_npm: bool) -> Result<(Place, String), String> {
    let wanted = format!("'{}@{}'", step.package, step.to);
    let in_sources = |line: String| (Place::Sources, line);
    let Some(lies) = Lies::at(path) else {
        return Ok(in_sources(format!("npm install {wanted}")));
    };
    let names = lies.within.iter();
    if let Some(odd) = names
        .clone()
        .find(|name| !words::is_name(PackageType::Npm, name))
    {
        return Err(format!(
            "it lies in {odd:?}, which is no package of npm's own layout: raise it with the manager that laid it there"
        ));
    }
    let line = match (lies.within.as_slice(), lies.is_global()) {
        ([outermost, _, ..], true) => {
            return Err(format!(
                "it is a part of {outermost}, which is installed for the whole system: take a newer one of that"
            ));
        }
        (_, true) => format!("npm install --global {wanted}"),
        ([.., parent, own], false) => {
            let own = format!("'overrides[{parent}][{own}]={}'", step.to);
            format!("npm pkg set {own} && npm install")
        }
        (_, false) => format!("npm install {wanted}"),
    };
    if !has_npm {
        return Ok(in_sources(line));
    }
    if lies.is_global() {
        return Ok((Place::Image, line));
    }
    let is_root = lies.project.is_empty();
    Ok(if is_root || words::is_path(lies.project) {
        (Place::Image, format!("cd '/{}' && {line}", lies.project))
    } else {
        in_sources(line)
    })
}
