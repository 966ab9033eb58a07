//! Electron's archives: a list of files in JSON, then their bytes one after the other.
//!
//! Source: Electron, `asar`, "Format"; Chromium, `base/pickle.h`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Deserialize;

use crate::analyzers::entries::{HEAD_BYTES, Member, Reading, Source, ZipError};
use crate::limits::MIB;

/// Where the list begins: after its size, that of its pickle, and two more of the text's.
const LIST_AT: u64 = 16;

/// Largest list of files that is read, in bytes; that of an editor with all its parts has 2 MiB.
const MAX_LIST_BYTES: u64 = 8 * MIB;

#[derive(Deserialize)]
struct AsarNode {
    files: Option<BTreeMap<String, AsarNode>>,
    size: Option<u64>,
    offset: Option<String>,
}

/// Hands every file of an archive to `visit`.
pub(super) fn members(
    reading: &mut Reading<'_>,
    source: Source<'_>,
    inside: &str,
    visit: &mut dyn FnMut(&mut Reading<'_>, &mut dyn Member),
) -> Result<(), ZipError> {
    let broken = |what: &str| ZipError::Broken(what.to_owned());
    let number = |at| source.array(at).map(u32::from_le_bytes).map(u64::from);
    let (Some(header_bytes), Some(list_bytes)) = (number(4), number(12)) else {
        return Err(broken("it ends within its header"));
    };
    if list_bytes > MAX_LIST_BYTES {
        reading.budget(inside, "a longer list of files than is read");
        return Ok(());
    }
    let list = source.up_to(LIST_AT, usize::try_from(list_bytes).unwrap_or(0));
    let root: AsarNode = serde_json::from_slice(&list)
        .map_err(|_| broken("its list of files is not what it should be"))?;
    let content = source
        .rest(8 + header_bytes)
        .ok_or_else(|| broken("it ends within its header"))?;
    let mut waiting = vec![(String::new(), root)];
    while let Some((name, node)) = waiting.pop() {
        for (child, node) in node.files.unwrap_or_default().into_iter().rev() {
            let name = if name.is_empty() {
                child
            } else {
                format!("{name}/{child}")
            };
            waiting.push((name, node));
        }
        let offset = node.offset.and_then(|offset| offset.parse().ok());
        if let (Some(size), Some(offset)) = (node.size, offset) {
            if !reading.takes_entry(inside) {
                return Ok(());
            }
            let part = content.part(offset, size);
            visit(reading, &mut Plain { name, size, part });
        }
    }
    Ok(())
}

/// A file that lies in its archive as it is.
pub(super) struct Plain<'a> {
    pub(super) name: String,
    pub(super) size: u64,
    /// None where it would reach past the end.
    pub(super) part: Option<Source<'a>>,
}

impl Member for Plain<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn stored(&self) -> Option<Source<'_>> {
        self.part
    }

    fn head(&mut self) -> Vec<u8> {
        let head = self.part.map(|part| part.up_to(0, HEAD_BYTES));
        head.unwrap_or_default()
    }

    fn copy(&mut self, most: u64, into: &mut dyn Write) -> Result<bool, ZipError> {
        let outside = || ZipError::Broken("it lies outside of the archive".to_owned());
        let part = self.part.ok_or_else(outside)?;
        if self.size > most {
            return Ok(false);
        }
        io::copy(&mut part.reader(), into).map_err(|error| ZipError::Read(error.to_string()))?;
        Ok(true)
    }
}
