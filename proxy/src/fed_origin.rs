//! Where a plugin came from and who signed it, as it is kept in a small file beside it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sluicegate_machine::private;

/// Most bytes of such a file.
const MAX_BYTES: u64 = 16 * 1024;

/// Where a plugin came from, and whose word that is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// A directory, a bundle, a URL or a reference, in words.
    pub source: String,
    /// The keys that signed it; none of a file of this machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<String>,
}

/// An origin with the file that it is of.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// The plugin's SHA-256, 64 digits: another file in its place came from elsewhere.
    digest: String,
    origin: Origin,
}

impl Origin {
    /// A file of this machine that nobody signed.
    pub fn unsigned(source: String) -> Self {
        Self {
            source,
            signed_by: Vec::new(),
        }
    }

    /// Writes it beside a plugin with this SHA-256.
    pub fn keep_beside(&self, plugin: &Path, digest: &str) -> io::Result<()> {
        let kept = Kept {
            digest: digest.to_owned(),
            origin: self.clone(),
        };
        let text = serde_json::to_vec_pretty(&kept)?;
        private::replace(&place_beside(plugin), &text)
    }
}

/// Names the file in which a plugin's origin is kept.
pub fn place_beside(plugin: &Path) -> PathBuf {
    plugin.with_extension("json")
}

/// Reads where the plugin with this SHA-256 came from; none where nothing is kept of it.
pub fn kept_beside(plugin: &Path, digest: &str) -> Option<Origin> {
    let mut text = Vec::new();
    let file = File::open(place_beside(plugin)).ok()?;
    file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    let kept: Kept = serde_json::from_slice(&text).ok()?;
    (kept.digest == digest).then_some(kept.origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_of_one_file_alone() {
        let place = tempfile::tempdir().unwrap();
        let plugin = place.path().join("acme.wasm");
        assert_eq!(kept_beside(&plugin, "ab"), None);
        let origin = Origin {
            source: "oci://registry.test/acme".to_owned(),
            signed_by: vec!["key".to_owned()],
        };
        origin.keep_beside(&plugin, "ab").unwrap();
        assert_eq!(kept_beside(&plugin, "ab"), Some(origin));
        assert_eq!(kept_beside(&plugin, "cd"), None, "another file lies there");
        std::fs::write(place_beside(&plugin), "{").unwrap();
        assert_eq!(kept_beside(&plugin, "ab"), None);
    }
}
