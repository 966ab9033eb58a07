//! How each step is done: one line with the manager of its packages, or why there is none.

mod language;
mod npm;
mod python;
mod system;
mod words;

use std::collections::BTreeSet;

use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Evidence, PackageType};

use crate::step::{Batch, Command, Place, Step, Whose};
use system::Manager;

/// What an image has to upgrade packages with.
pub(crate) struct Surroundings {
    /// The manager of the system's packages, by the type of those.
    manager: Option<Manager>,
    has_npm: bool,
    /// Names of packages that are there for several architectures.
    several: BTreeSet<String>,
    /// As whom it runs, where that is not root.
    pub(crate) user: Option<String>,
}

impl Surroundings {
    pub(crate) fn of(inventory: &Inventory) -> Self {
        let installed = inventory.components.iter();
        let installed = installed.filter(|it| it.evidence == Evidence::Installed);
        let names: BTreeSet<&str> = (installed.clone())
            .filter(|it| it.package.package_type.is_operating_system())
            .map(|it| it.package.name.as_str())
            .collect();
        let mut seen = BTreeSet::new();
        let again = installed.clone().filter(|it| {
            let package = &it.package;
            package.package_type == PackageType::Deb && !seen.insert(package.name.as_str())
        });
        let several = again.map(|it| it.package.name.clone()).collect();
        let has_npm = installed
            .clone()
            .any(|it| it.package.package_type == PackageType::Npm && npm::is_npm_itself(&it.path));
        let run = inventory.run.as_ref().filter(|run| !run.is_root());
        Self {
            manager: Manager::of(&names),
            has_npm,
            several,
            user: run
                .map(|run| run.user.clone())
                .filter(|user| words::is_user(user)),
        }
    }
}

/// Says how a step is done by itself.
pub(crate) fn of_step(
    step: &Step,
    members: &[&Component],
    surroundings: &Surroundings,
) -> Result<Vec<Command>, String> {
    let kind = step.package_type;
    let names = step.installed.iter().chain([&step.package]);
    if let Some(odd) = names.clone().find(|name| !words::is_name(kind, name)) {
        return Err(format!("{odd:?} is no name that is put into a command"));
    }
    let mut versions = [&step.from, &step.to].into_iter();
    if let Some(odd) = versions.find(|version| !words::is_version(kind, version)) {
        return Err(format!("{odd:?} is no version that is put into a command"));
    }
    if kind.is_operating_system() {
        let manager = system::manager(kind, surroundings)?;
        let lines = manager.lines(&[step], &surroundings.several);
        return Ok(vec![joined(Place::Image, manager.as_str(), &lines)]);
    }
    if let Some(claimed) = members.iter().find(|it| it.evidence == Evidence::Claimed) {
        let path = &claimed.path;
        return Err(format!(
            "{path:?} says that it is a part of something else: take a newer one of that"
        ));
    }
    if let Some(owner) = members.iter().find_map(|it| it.standing.owner()) {
        let owner = &owner.package.name;
        return Err(format!(
            "it is a file of the system's package {owner:?}: take a newer one"
        ));
    }
    match kind {
        PackageType::Npm => npm::commands(step, surroundings.has_npm),
        PackageType::Python => Ok(python::commands(step)),
        _ => language::command(step).map(|command| vec![command]),
    }
}

/// Puts together what one owner does with one tool.
pub(crate) fn batches(steps: &[Step], surroundings: &Surroundings) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for whose in Whose::ALL {
        let own: Vec<&Step> = steps.iter().filter(|step| step.whose == whose).collect();
        let of_system: Vec<&Step> = (own.iter().copied())
            .filter(|step| step.package_type.is_operating_system() && step.how.is_ok())
            .collect();
        if let Some(manager) = surroundings.manager.filter(|_| !of_system.is_empty()) {
            batches.push(Batch {
                whose,
                place: Place::Image,
                tool: manager.as_str(),
                lines: manager.lines(&of_system, &surroundings.several),
            });
        }
        let others = own
            .iter()
            .filter(|step| !step.package_type.is_operating_system());
        for command in others.flat_map(|step| step.how.iter().flatten()) {
            let is_same = |it: &&mut Batch| {
                it.whose == whose && it.place == command.place && it.tool == command.tool
            };
            match batches.iter_mut().find(is_same) {
                Some(batch) if batch.lines.contains(&command.line) => {}
                Some(batch) => batch.lines.push(command.line.clone()),
                None => batches.push(Batch {
                    whose,
                    place: command.place,
                    tool: command.tool,
                    lines: vec![command.line.clone()],
                }),
            }
        }
    }
    batches
}

fn joined(place: Place, tool: &'static str, lines: &[String]) -> Command {
    Command {
        place,
        tool,
        line: lines.join(" && "),
    }
}
