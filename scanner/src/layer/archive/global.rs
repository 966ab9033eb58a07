//! Global extended headers, which readers take for different things.

use crate::layer::header::Block;
use crate::layer::pax::PaxRecords;
use crate::layer::readers::Extensions;

/// Refuses a global header unless every reader does nothing at it, and says why.
///
/// Go's reader, which containerd uses, applies none of its records and forgets the extended
/// headers before it; containerd then removes what lies at its name. Others apply the records.
pub(super) fn check(
    block: &Block,
    global: &PaxRecords,
    extensions: &Extensions,
) -> Result<(), &'static str> {
    // The names that git, GNU tar, Go and Python give it.
    let path = block.own_name();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let is_usual =
        matches!(name, b"pax_global_header" | b"@PaxHeader") || name.starts_with(b"GlobalHead.");
    let why = if *global != PaxRecords::default() {
        "a global header renames or resizes entries"
    } else if !is_usual {
        "a global header has the name of a file"
    } else if !extensions.is_empty() {
        "a global header stands between an entry and its extended header"
    } else {
        return Ok(());
    };
    Err(why)
}
