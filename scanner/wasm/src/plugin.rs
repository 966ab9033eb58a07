//! A plugin that was loaded: the scanner's trait over a compiled module.

use std::fmt;

use sha2::Digest as _;
use sluicegate_model::inventory::Inventory;
use sluicegate_scanner::analyzer::Wants;
use sluicegate_scanner::facts::Told;
use sluicegate_scanner::fed::{FedAnswer, FedId, FedKind, FedPlugin};

use crate::answer::check_answer;
use crate::call::{self, Outcome, Question};
use crate::error::PluginError;
use crate::limits::ABI;
use crate::manifest::{Kind, Manifest};
use crate::module::Compiled;
use crate::{claims::Claim, question, sections};

/// Longest reason for a failure that is kept, in characters.
const MAX_WHY: usize = 300;

/// A plugin in WebAssembly, compiled.
pub struct WasmPlugin {
    manifest: Manifest,
    digest: String,
    compiled: Compiled,
}

/// What a plugin said of one file, with what it logged, for its author.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// What counts, and what it took.
    pub answer: FedAnswer,
    /// What it logged.
    pub log: Vec<String>,
}

/// Loads a plugin: reads its manifest, compiles its module and asks it which ABI it speaks.
pub fn load(bytes: &[u8]) -> Result<WasmPlugin, PluginError> {
    let manifest = Manifest::read(sections::manifest(bytes)?)?;
    let asked = if manifest.claims.is_empty() {
        "detect"
    } else {
        "analyze"
    };
    let compiled = Compiled::of(bytes, asked)?;
    let abi = call::abi(&compiled, &manifest.limits).map_err(PluginError::Start)?;
    if u32::try_from(abi) != Ok(ABI) {
        return Err(PluginError::AbiDiffers {
            manifest: manifest.abi,
            module: abi,
        });
    }
    Ok(WasmPlugin {
        digest: hex::encode(sha2::Sha256::digest(bytes)),
        manifest,
        compiled,
    })
}

impl WasmPlugin {
    /// Gives what it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Gives the SHA-256 of its file, 64 digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Has it read a file.
    pub fn hear(&self, path: &str, content: &[u8]) -> Heard {
        self.ask(&Question::Analyze {
            path,
            file: content,
        })
    }

    /// Has it look at an inventory.
    pub fn hear_of(&self, inventory: &Inventory) -> Heard {
        let Some(text) = question::of(inventory) else {
            let told = Told::failed("the image's inventory is too large to be handed to it");
            let answer = FedAnswer { told, work: 0 };
            let log = Vec::new();
            return Heard { answer, log };
        };
        self.ask(&Question::Detect { inventory: &text })
    }

    fn ask(&self, question: &Question<'_>) -> Heard {
        let Outcome { answer, work, log } =
            call::ask(&self.compiled, &self.manifest.limits, question);
        let told = match answer {
            Ok(bytes) => check_answer(&self.manifest, &bytes).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let told =
            told.unwrap_or_else(|why| Told::failed(why.chars().take(MAX_WHY).collect::<String>()));
        Heard {
            answer: FedAnswer { told, work },
            log,
        }
    }
}

impl FedPlugin for WasmPlugin {
    fn id(&self) -> FedId<'_> {
        FedId {
            name: &self.manifest.name,
            version: &self.manifest.version,
            digest: &self.digest,
        }
    }

    fn kind(&self) -> FedKind {
        match self.manifest.kind {
            Kind::Analyzer => FedKind::Analyzer,
            Kind::Detector => FedKind::Detector,
        }
    }

    fn claims(&self) -> Vec<Wants<'_>> {
        self.manifest.claims.iter().map(Claim::wants).collect()
    }

    fn max_file_bytes(&self) -> u64 {
        u64::from(self.manifest.limits.file_mib) << 20
    }

    fn read(&self, path: &str, content: &[u8]) -> FedAnswer {
        self.hear(path, content).answer
    }

    fn detect(&self, inventory: &Inventory) -> FedAnswer {
        self.hear_of(inventory).answer
    }
}

impl fmt::Debug for WasmPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            manifest, digest, ..
        } = self;
        write!(f, "{} {} {digest}", manifest.name, manifest.version)
    }
}
