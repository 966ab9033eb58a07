//! What a plugin says of itself: the JSON in its module's section `sluicegate`.

use serde::Deserialize;

pub use crate::claims::{Around, Claim, Content, InDir, Place};
use crate::error::PluginError;
use crate::limits::{ABI, FILE_MIB, MAX_CLAIMS, MEMORY_MIB, MILLISECONDS};
use crate::names;

/// Longest line of a manifest, in bytes.
const MAX_LINE: usize = 500;

/// A plugin's manifest, checked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name: lower-case letters, digits and `_`. Its ids begin with it.
    pub name: String,
    /// The version, as its author writes it.
    pub version: String,
    /// What it gives.
    pub kind: Kind,
    /// The ABI that it speaks.
    pub abi: u32,
    /// The files that it reads; a detector without any is asked about the inventory.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// What it asks to take.
    #[serde(default)]
    pub limits: Limits,
    /// Its licence, as SPDX writes it.
    #[serde(default)]
    pub licence: String,
    /// Where it comes from.
    #[serde(default)]
    pub home: String,
    /// What it does, in one line.
    #[serde(default)]
    pub description: String,
}

/// What a plugin gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Packages.
    Analyzer,
    /// Weaknesses.
    Detector,
}

/// What a plugin asks to take for one file, or for one inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Time, in milliseconds of a usual machine.
    pub milliseconds: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// The largest file, in MiB.
    pub file_mib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            milliseconds: MILLISECONDS.0,
            memory_mib: MEMORY_MIB.0,
            file_mib: FILE_MIB.0,
        }
    }
}

impl Manifest {
    /// Reads a manifest.
    pub fn read(text: &[u8]) -> Result<Self, PluginError> {
        let manifest: Self = serde_json::from_slice(text).map_err(PluginError::Manifest)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), PluginError> {
        let wrong = |field, why: String| Err(PluginError::Field { field, why });
        if self.abi != ABI {
            return Err(PluginError::Abi(self.abi.into()));
        }
        if let Err(why) = names::check(&self.name) {
            return wrong("name", format!("{why}: got {:?}", self.name));
        }
        let is_version = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let version = &self.version;
        if version.is_empty() || version.len() > 64 || !version.bytes().all(is_version) {
            let wanted = "is of 1 to 64 letters, digits and . - _";
            return wrong("version", format!("{wanted}: got {version:?}"));
        }
        let lines = [
            ("licence", &self.licence),
            ("home", &self.home),
            ("description", &self.description),
        ];
        for (field, line) in lines {
            if line.len() > MAX_LINE || !names::is_plain(line) {
                return wrong(field, format!("is one line of at most {MAX_LINE} bytes"));
            }
        }
        let limits = [
            (
                "limits.milliseconds",
                self.limits.milliseconds,
                MILLISECONDS,
            ),
            ("limits.memory_mib", self.limits.memory_mib, MEMORY_MIB),
            ("limits.file_mib", self.limits.file_mib, FILE_MIB),
        ];
        for (field, asked, (_, most)) in limits {
            if asked == 0 || asked > most {
                return wrong(field, format!("is 1 to {most}: got {asked}"));
            }
        }
        self.check_claims()
    }

    fn check_claims(&self) -> Result<(), PluginError> {
        let claims = self.claims.len();
        if claims > MAX_CLAIMS {
            return Err(PluginError::TooManyClaims(claims));
        }
        let field = "claims";
        if claims == 0 && self.kind == Kind::Analyzer {
            let why = "name no file, and an analyzer reads files".to_owned();
            return Err(PluginError::Field { field, why });
        }
        for (at, claim) in (1..).zip(&self.claims) {
            if let Err(why) = claim.check() {
                let why = format!("are wrong: number {at} {why}");
                return Err(PluginError::Field { field, why });
            }
        }
        Ok(())
    }
}
