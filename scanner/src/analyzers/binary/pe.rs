//! Headers of PE programs: Windows, and .NET everywhere.
//!
//! Source: Microsoft, "PE Format".

use super::content::{ByteOrder, ProgramContent};
use super::layout::{Layout, MAX_HEADERS, Mapping, Section, range};

/// Where the DOS header says that the PE header lies.
const PE_OFFSET_AT: usize = 0x3c;

/// Size of signature and file header together, after which the optional header follows.
const FILE_HEADER_BYTES: u64 = 24;

const SECTION_BYTES: u64 = 40;

/// The optional header's mark of 64 bits.
const PE32_PLUS: u64 = 0x20b;

/// Reads the headers; none where they are not those of a PE file.
pub(super) fn layout(content: &ProgramContent<'_>) -> Option<Layout> {
    let order = ByteOrder::Little;
    let dos = content.read(0, 64)?;
    let at = order.field(&dos, PE_OFFSET_AT, 4)?;
    let header = content.read(at, 24)?;
    if !header.starts_with(b"PE\0\0") {
        return None;
    }
    let count = order.field(&header, 6, 2)?;
    let optional_bytes = order.field(&header, 20, 2)?;
    if count > MAX_HEADERS {
        return None;
    }
    let optional_at = at.checked_add(FILE_HEADER_BYTES)?;
    let optional = content.read(optional_at, 32)?;
    let base = if order.field(&optional, 0, 2)? == PE32_PLUS {
        order.field(&optional, 24, 8)?
    } else {
        order.field(&optional, 28, 4)?
    };
    let table_at = optional_at.checked_add(optional_bytes)?;
    let mut layout = Layout {
        platform: format!("windows/{}", architecture(order.field(&header, 4, 2))),
        ..Layout::empty()
    };
    for index in 0..count {
        let header = content.read(table_at.checked_add(index * SECTION_BYTES)?, 40)?;
        let name = header.get(..8)?.split(|byte| *byte == 0).next()?.to_vec();
        let address = order.field(&header, 12, 4)?.checked_add(base)?;
        let range = range(order.field(&header, 20, 4)?, order.field(&header, 16, 4)?)?;
        layout.mappings.push(Mapping {
            address,
            range: range.clone(),
        });
        layout.sections.push(Section { name, range });
    }
    Some(layout)
}

/// Names a machine as Go does; empty where Go has no programs for it.
fn architecture(machine: Option<u64>) -> &'static str {
    match machine {
        Some(0x14c) => "386",
        Some(0x1c4) => "arm",
        Some(0x8664) => "amd64",
        Some(0xaa64) => "arm64",
        _ => "",
    }
}
