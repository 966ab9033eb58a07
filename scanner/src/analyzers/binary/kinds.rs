//! Which kind of program a file is, and so who reads its headers.

use super::content::Content;
use super::layout::Layout;
use super::{elf, macho, pe};

/// Reads the headers of whatever kind of program it is.
pub(super) fn layout(content: &Content<'_>) -> Layout {
    let head = content.read_up_to(0, 4).unwrap_or_default();
    let read = match head.as_ref() {
        [0x7f, b'E', b'L', b'F'] => elf::layout(content),
        [b'M', b'Z', ..] => pe::layout(content),
        _ => macho::layout(content),
    };
    read.unwrap_or_else(Layout::empty)
}
