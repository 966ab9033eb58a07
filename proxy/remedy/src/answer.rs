//! A remedy as programs are told of it, and read back by commands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_model::image::Tag;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository};

use crate::dockerfile;
use crate::step::{Batch, Place, Remedy, Step, Unmendable, Whose};

/// What would have to be done for policy to allow an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Remedy")]
pub struct RemedyAnswer {
    /// The image's manifest.
    pub digest: Digest,
    /// The repository in which it is judged.
    pub repository: Repository,
    /// What policy says of the image as it is.
    pub decision: Decision,
    /// What it would say after all of the steps.
    pub decision_after: Decision,
    /// The upgrades, that which mends the worst first. None of them can be left out.
    pub steps: Vec<StepAnswer>,
    /// What stays, whatever is upgraded.
    pub unmendable: Vec<UnmendableAnswer>,
    /// What is done for all of the steps together, in this order.
    pub commands: Vec<CommandsAnswer>,
    /// The same as a piece of a Dockerfile; null where there are no steps.
    pub dockerfile: Option<String>,
    /// The newest other tag of the repository that was judged here and is allowed; null where none is
    /// known, or nobody asked.
    pub compliant_tag: Option<CompliantTag>,
}

/// One upgrade: all that has to be raised together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RemedyStep")]
pub struct StepAnswer {
    /// The source package of a system's packages, else the package.
    pub package: String,
    /// The type of the package, as package URLs name it.
    pub r#type: String,
    /// What is installed of it.
    pub installed: Vec<String>,
    /// The version that is there.
    pub from: String,
    /// The lowest version that policy does not refuse for what advisories say of it.
    pub to: String,
    /// Whose it is.
    pub whose: WhoseAnswer,
    /// The layers that brought it.
    pub layers: Vec<StepLayerAnswer>,
    /// Where it is.
    pub paths: Vec<String>,
    /// What it mends, by id.
    pub mends: Vec<String>,
    /// The lines that do this step alone; empty where `no_command` says why.
    pub commands: Vec<String>,
    /// Why no command is given; null where there are some.
    pub no_command: Option<String>,
}

/// A layer that brought a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RemedyLayer")]
pub struct StepLayerAnswer {
    /// The layer.
    pub digest: Digest,
    /// The instruction that made it, as the image's history says.
    pub created_by: Option<String>,
}

/// Whose a package is, by the layer that brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Whose")]
pub enum WhoseAnswer {
    /// Whoever built the image.
    Yours,
    /// Whoever built the image that it is built on.
    Base,
    /// The image does not tell.
    Unknown,
}

/// Something that no upgrade mends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Unmendable")]
pub struct UnmendableAnswer {
    /// What: a finding with its package, or a rule.
    pub what: String,
    /// The package's version, of a finding on one.
    pub version: Option<String>,
    /// Where it is.
    pub paths: Vec<String>,
    /// Why no upgrade mends it, and what would.
    pub why: String,
}

/// What is done with one tool for all of one owner's steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RemedyCommands")]
pub struct CommandsAnswer {
    /// Whose the packages are.
    pub whose: WhoseAnswer,
    /// Where the lines are run.
    pub place: PlaceAnswer,
    /// With what.
    pub tool: String,
    /// The lines, each of which has to succeed before the next.
    pub lines: Vec<String>,
}

/// Where commands are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "RemedyPlace")]
pub enum PlaceAnswer {
    /// In the image, while it is built.
    Image,
    /// Where the sources of the program are, before it is built.
    Sources,
}

/// Another tag of a repository, which policy allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompliantTag {
    /// The tag.
    pub tag: Tag,
    /// Where it points, as far as is known here.
    pub digest: Digest,
    /// What policy says of that.
    pub decision: Decision,
}

impl RemedyAnswer {
    /// Says what is told of a remedy.
    pub fn of(repository: Repository, digest: Digest, remedy: &Remedy) -> Self {
        Self {
            digest,
            repository,
            decision: remedy.decision,
            decision_after: remedy.decision_after,
            steps: remedy.steps.iter().map(StepAnswer::of).collect(),
            unmendable: remedy.unmendable.iter().map(UnmendableAnswer::of).collect(),
            commands: remedy.batches.iter().map(CommandsAnswer::of).collect(),
            dockerfile: dockerfile::written(remedy),
            compliant_tag: None,
        }
    }
}

impl StepAnswer {
    fn of(step: &Step) -> Self {
        let commands = step.how.iter().flatten();
        Self {
            package: step.package.clone(),
            r#type: step.package_type.purl_type().to_owned(),
            installed: step.installed.clone(),
            from: step.from.clone(),
            to: step.to.clone(),
            whose: WhoseAnswer::of(step.whose),
            layers: (step.layers.iter())
                .map(|layer| StepLayerAnswer {
                    digest: layer.digest.clone(),
                    created_by: layer.created_by.clone(),
                })
                .collect(),
            paths: step.paths.clone(),
            mends: step.mends.clone(),
            commands: commands.map(|command| command.line.clone()).collect(),
            no_command: step.how.as_ref().err().cloned(),
        }
    }
}

impl UnmendableAnswer {
    fn of(left: &Unmendable) -> Self {
        Self {
            what: left.what.clone(),
            version: left.version.clone(),
            paths: left.paths.clone(),
            why: left.why.clone(),
        }
    }
}

impl CommandsAnswer {
    fn of(batch: &Batch) -> Self {
        Self {
            whose: WhoseAnswer::of(batch.whose),
            place: match batch.place {
                Place::Image => PlaceAnswer::Image,
                Place::Sources => PlaceAnswer::Sources,
            },
            tool: batch.tool.to_owned(),
            lines: batch.lines.clone(),
        }
    }
}

impl WhoseAnswer {
    fn of(whose: Whose) -> Self {
        match whose {
            Whose::Yours => Self::Yours,
            Whose::Base => Self::Base,
            Whose::Unknown => Self::Unknown,
        }
    }
}
