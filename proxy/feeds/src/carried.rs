//! What a feed carries beside advisories, in signed files alone: plugins, which are code, and knowledge.
//!
//! Names come from others and become names of files: only plain ones pass. What is in the files is
//! looked at by whoever uses them. Called by `bundle`, and by whoever uses what came.

use sluicegate_scanner::fed::{MAX_FED, MAX_FED_BYTES};

/// The folder of plugins, each a file `NAME.wasm`.
pub const PLUGINS: &str = "plugins";
/// The folder of knowledge that ages, each a file of any name.
pub const KNOWLEDGE: &str = "knowledge";

/// How the names of plugins' files end.
const PLUGIN_ENDING: &str = ".wasm";
/// Most files of knowledge.
const MAX_KNOWLEDGE: usize = 32;
/// Largest file of knowledge, in bytes.
const MAX_KNOWLEDGE_BYTES: u64 = 256 * 1024 * 1024;
/// Longest name of a file, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// What a file beside advisories is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// A plugin.
    Plugin,
    /// Knowledge.
    Knowledge,
}

impl Carried {
    /// Tells what lies at a path of a feed; none where nothing of this can lie there.
    pub(super) fn at(path: &str) -> Option<Self> {
        let (folder, name) = path.split_once('/')?;
        match folder {
            PLUGINS => {
                let stem = name.strip_suffix(PLUGIN_ENDING)?;
                (is_plain(name) && !stem.contains('.')).then_some(Self::Plugin)
            }
            KNOWLEDGE => is_plain(name).then_some(Self::Knowledge),
            _ => None,
        }
    }

    /// Names the folder.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Plugin => PLUGINS,
            Self::Knowledge => KNOWLEDGE,
        }
    }

    /// Says how a file of it is called.
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::Plugin => "NAME.wasm",
            Self::Knowledge => "of at most 64 letters, digits, '.', '_' and '-'",
        }
    }

    /// Gives how many there may be.
    pub(super) fn most(self) -> usize {
        match self {
            Self::Plugin => MAX_FED,
            Self::Knowledge => MAX_KNOWLEDGE,
        }
    }

    /// Gives how many bytes one may have.
    pub(super) fn most_bytes(self) -> u64 {
        match self {
            Self::Plugin => MAX_FED_BYTES,
            Self::Knowledge => MAX_KNOWLEDGE_BYTES,
        }
    }
}

/// Tells whether a name can be a file's, whatever the file system.
fn is_plain(name: &str) -> bool {
    let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(is_sound)
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_of_the_two_folders_are_carried() {
        assert_eq!(Carried::at("plugins/acme_2.wasm"), Some(Carried::Plugin));
        assert_eq!(Carried::at("knowledge/jars.idx"), Some(Carried::Knowledge));
        for path in [
            "plugins/acme",
            "plugins/.wasm",
            "plugins/acme.2.wasm",
            "plugins/../acme.wasm",
            "plugins/a/acme.wasm",
            "plugins/-acme.wasm",
            "plugins/acme .wasm",
            "Plugins/acme.wasm",
            "knowledge/",
            "knowledge/..",
            "knowledge/a..b",
            "knowledge/.hidden",
            "knowledge/a/b",
            "other/file",
        ] {
            assert_eq!(Carried::at(path), None, "{path}");
        }
        assert_eq!(Carried::at(&format!("knowledge/{}", "x".repeat(65))), None);
    }
}
