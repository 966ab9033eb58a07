//! The parts of an image config that judging needs.
//!
//! Source: OCI image-spec, config.md.

use serde::{Deserialize, Serialize};

use crate::absent;
use crate::config_texts::ConfigTexts;
use crate::digest::DiffId;
use crate::manifest::Platform;
use crate::run_config::RunConfig;
use crate::strict_json;

/// Largest config read, in bytes.
pub const MAX_CONFIG_BYTES: usize = 8 * 1024 * 1024;

/// An image's platform, layer identities and history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// The operating system.
    #[serde(default, deserialize_with = "absent::or_default")]
    pub os: String,
    /// The processor architecture.
    #[serde(default, deserialize_with = "absent::or_default")]
    pub architecture: String,
    /// The processor's variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// When the image was built, as its author says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The layers' uncompressed digests.
    #[serde(default, deserialize_with = "absent::or_default")]
    pub rootfs: RootFs,
    /// One entry for each build step, as the image's author says.
    #[serde(default, deserialize_with = "absent::or_default")]
    pub history: Vec<HistoryEntry>,
    /// How it is to be run; none where that is not known.
    #[serde(skip)]
    pub run: Option<RunConfig>,
    /// The texts in which secrets may stand; none where they are not known.
    #[serde(skip)]
    pub texts: Option<ConfigTexts>,
}

/// The layers' uncompressed digests, base first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// One for each layer of the manifest.
    #[serde(default, deserialize_with = "absent::or_default")]
    pub diff_ids: Vec<DiffId>,
}

/// One build step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The instruction, as the image's author says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Whether the step made no layer.
    #[serde(default, deserialize_with = "absent::or_default")]
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Parses a config blob.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        strict_json::check(text, &["rootfs", "diff_ids"])?;
        let parsed: Self = serde_json::from_slice(text)?;
        Ok(Self {
            run: RunConfig::parse(text),
            texts: ConfigTexts::parse(text),
            ..parsed
        })
    }

    /// Gives the platform the image is for.
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_what_absence_is() {
        let nulls = r#"{"os":null,"architecture":null,"variant":null,"created":null,
            "rootfs":null,"history":null,"config":null}"#;
        let parsed = ImageConfig::parse(nulls.as_bytes()).unwrap();
        let root = ImageConfig {
            run: Some(RunConfig::default()),
            texts: Some(ConfigTexts::default()),
            ..ImageConfig::default()
        };
        assert_eq!(parsed, root);
        let inner = r#"{"rootfs":{"type":null,"diff_ids":null},
            "history":[{"created_by":null,"empty_layer":null}]}"#;
        let parsed = ImageConfig::parse(inner.as_bytes()).unwrap();
        assert_eq!(parsed.rootfs, RootFs::default());
        assert_eq!(parsed.history, [HistoryEntry::default()]);
    }
}
