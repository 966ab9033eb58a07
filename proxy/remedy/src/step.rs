//! What is said of an image that is refused: steps, and what no step mends.

use sluicegate_model::Digest;
use sluicegate_model::package::{LayerOrigin, PackageType};
use sluicegate_model::verdict::Decision;

/// What would have to be done for policy to allow an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// What policy says of the image as it is.
    pub decision: Decision,
    /// What it would say after all of the steps.
    pub decision_after: Decision,
    /// The steps, that which mends the worst first. None of them can be left out.
    pub steps: Vec<Step>,
    /// What stays, whatever is upgraded.
    pub unmendable: Vec<Unmendable>,
    /// What is done for all of the steps together, in this order.
    pub batches: Vec<Batch>,
    /// As whom the image runs, where that is somebody else than root and can be written down.
    pub user: Option<String>,
}

/// One upgrade: all that has to be raised together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The source package's name of a system's package, else the package's own.
    pub package: String,
    /// What kind of package it is.
    pub package_type: PackageType,
    /// What is installed of it, by name and sorted: of one source several packages.
    pub installed: Vec<String>,
    /// The version that is there.
    pub from: String,
    /// The lowest version that policy does not refuse for what advisories say of it.
    pub to: String,
    /// Whose it is.
    pub whose: Whose,
    /// The layers that brought it, each once.
    pub layers: Vec<StepLayer>,
    /// Where it is, sorted.
    pub paths: Vec<String>,
    /// What it is refused for that the step mends, by id and sorted.
    pub mends: Vec<String>,
    /// How it is done, or why that cannot be said in a command.
    pub how: Result<Vec<Command>, String>,
}

/// A layer that brought something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepLayer {
    /// The layer.
    pub digest: Digest,
    /// The instruction that made it, where the history tells.
    pub created_by: Option<String>,
}

/// Whose a package is, by the layer that brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// Whoever built the image.
    Yours,
    /// Whoever built the image that it is built on.
    Base,
    /// The image does not tell.
    Unknown,
}

impl Whose {
    /// Everybody.
    pub const ALL: [Self; 3] = [Self::Base, Self::Unknown, Self::Yours];

    /// Tells it by what is known of a layer.
    pub fn of(origin: Option<LayerOrigin>) -> Self {
        match origin {
            Some(LayerOrigin::Base) => Self::Base,
            Some(LayerOrigin::Own) => Self::Yours,
            None => Self::Unknown,
        }
    }
}

/// Something that no upgrade mends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmendable {
    /// What: a finding with its package, or a rule.
    pub what: String,
    /// The package's version, of a finding on one.
    pub version: Option<String>,
    /// Where it is; of a rule nowhere.
    pub paths: Vec<String>,
    /// Why no upgrade mends it, and what would.
    pub why: String,
}

/// Where a command is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the image, while it is built.
    Image,
    /// Where the sources of the program are, before it is built.
    Sources,
}

/// One line for a shell, or a piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Where it is run.
    pub place: Place,
    /// Whose lines they are: those of one manager are done together.
    pub tool: &'static str,
    /// The line.
    pub line: String,
}

/// What is done with one tool for all of one owner's steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Whose the packages are.
    pub whose: Whose,
    /// Where it is run.
    pub place: Place,
    /// With what.
    pub tool: &'static str,
    /// The lines, each of which has to succeed before the next.
    pub lines: Vec<String>,
}
