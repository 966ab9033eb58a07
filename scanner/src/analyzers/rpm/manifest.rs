//! The text manifest that distroless images of Azure Linux keep in place of a database.
//!
//! Each line has ten fields apart by tabs: name, version-release, two times, vendor, epoch, size,
//! architecture, epoch as a number, source package.
//!
//! Source: Azure Linux, distroless images' `container-manifest-2`.

use super::package::{Stated, assemble, is_word};
use super::records::RpmRecords;

/// Hands over every line's package.
pub(super) fn read(text: &[u8], records: &mut RpmRecords) {
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            continue;
        }
        let package = std::str::from_utf8(line).ok().and_then(stated);
        match package {
            Some(stated) => records.package(assemble(&stated), None),
            None => records.unreadable("a line of the manifest names no package"),
        }
    }
}

fn stated(line: &str) -> Option<Stated<'_>> {
    let fields: Vec<_> = line.split('\t').map(str::trim).collect();
    let field = |at: usize| fields.get(at).copied().filter(|text| is_word(text));
    Some(Stated {
        name: field(0)?,
        version_release: field(1)?,
        architecture: field(7),
        epoch: field(8).and_then(|epoch| epoch.parse().ok()).unwrap_or(0),
        source_rpm: field(9),
        module: None,
        licence: None,
    })
}
