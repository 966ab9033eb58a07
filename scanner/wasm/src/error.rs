//! Why a file is no plugin, each refusal in words for its author.

use crate::limits::{ABI, MAX_CLAIMS, MAX_MANIFEST_BYTES, MAX_MODULE_BYTES, MAX_SECTIONS};

/// Says why a module was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// It is too large.
    #[error("the module has {0} bytes, and a plugin has at most {MAX_MODULE_BYTES}")]
    ModuleTooLarge(usize),
    /// Its bytes are no module, or a cut one.
    #[error("the file is no WebAssembly module: {0}")]
    NotWasm(&'static str),
    /// It has too many sections.
    #[error("the module has more than {MAX_SECTIONS} sections")]
    TooManySections,
    /// It has no manifest.
    #[error("the module has no custom section \"sluicegate\", which holds a plugin's manifest")]
    NoManifest,
    /// It has several.
    #[error("the module has more than one custom section \"sluicegate\"")]
    SeveralManifests,
    /// Its manifest is too large.
    #[error("the manifest has {0} bytes, and may have {MAX_MANIFEST_BYTES}")]
    ManifestTooLarge(usize),
    /// Its manifest is not the JSON that it should be.
    #[error("the manifest is not right")]
    Manifest(#[source] serde_json::Error),
    /// A field of its manifest has a value that it may not have.
    #[error("the manifest's {field} {why}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// It claims too much.
    #[error("the manifest has {0} claims, and may have {MAX_CLAIMS}")]
    TooManyClaims(usize),
    /// It is written for another host.
    #[error("the plugin speaks ABI {0}, and this version of sluicegate speaks {ABI}")]
    Abi(i64),
    /// What it says of its ABI and what it exports differ.
    #[error("the manifest names ABI {manifest}, and the module answers {module}")]
    AbiDiffers {
        /// What the manifest says.
        manifest: u32,
        /// What the module says.
        module: i32,
    },
    /// It wants something of its host that there is not.
    #[error("the module imports {0}; a plugin may import \"sluicegate\" \"log\" and nothing else")]
    Import(String),
    /// Something that its host calls is not there, or has another type.
    #[error("the module must export {name}: {wanted}")]
    Export {
        /// The name.
        name: &'static str,
        /// Its type, as text.
        wanted: &'static str,
    },
    /// The engine does not take it: it is invalid, has a start function, or is over a bound.
    #[error("the module cannot be run: {0}")]
    Module(String),
    /// It does not start, or does not say which ABI it speaks.
    #[error("the module does not start: {0}")]
    Start(String),
}
