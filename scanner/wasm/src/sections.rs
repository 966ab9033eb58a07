//! A module's bytes to the text of its manifest, without running or compiling anything of it.
//!
//! Source: WebAssembly Core Specification 2.0, section 5.5, "Modules".

use crate::error::PluginError;
use crate::limits::{MAX_MANIFEST_BYTES, MAX_MODULE_BYTES, MAX_SECTIONS};

/// How a module of the core specification begins; a component begins otherwise.
const BEGINNING: &[u8] = b"\0asm\x01\0\0\0";

/// The number of custom sections.
const CUSTOM: u8 = 0;

/// The name of the section that holds the manifest.
const NAME: &[u8] = b"sluicegate";

/// Finds the manifest.
pub(crate) fn manifest(module: &[u8]) -> Result<&[u8], PluginError> {
    if module.len() > MAX_MODULE_BYTES {
        return Err(PluginError::ModuleTooLarge(module.len()));
    }
    let mut rest = module.strip_prefix(BEGINNING).ok_or(PluginError::NotWasm(
        "it does not begin as a core module does",
    ))?;
    let mut found = None;
    for _ in 0..MAX_SECTIONS {
        let Some((kind, after)) = rest.split_first() else {
            return found.ok_or(PluginError::NoManifest);
        };
        let cut = || PluginError::NotWasm("a section ends after the file does");
        let (length, after) = number(after).ok_or_else(cut)?;
        let (content, after) = after.split_at_checked(length).ok_or_else(cut)?;
        rest = after;
        if *kind != CUSTOM {
            continue;
        }
        let named = number(content).and_then(|(length, name)| name.split_at_checked(length));
        let (name, text) = named.ok_or_else(cut)?;
        if name != NAME {
            continue;
        }
        if text.len() > MAX_MANIFEST_BYTES {
            return Err(PluginError::ManifestTooLarge(text.len()));
        }
        if found.replace(text).is_some() {
            return Err(PluginError::SeveralManifests);
        }
    }
    Err(PluginError::TooManySections)
}

/// Reads a number in LEB128 of at most 32 bits.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((usize::try_from(value).ok()?, bytes.get(at + 1..)?));
        }
    }
    None
}
