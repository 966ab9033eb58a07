//! Build information of Go programs: the toolchain's version and every module that was linked.
//!
//! It is found by its magic wherever it lies, for sections are renamed and stripped; a program
//! may hold several, and all of them count.
//!
//! Source: Go, package `debug/buildinfo`: since 1.18 two strings follow the header, before it two
//! pointers to strings.

use std::borrow::Cow;
use std::collections::BTreeSet;

use memchr::memmem::Finder;

use super::content::{ByteOrder, ProgramContent};
use super::layout::Layout;
use super::scan;
use crate::facts::Observations;
use modules::List;

mod functions;
mod linked;
mod modules;
mod toolchain;
mod version;

/// What the header starts with.
const MAGIC: &[u8] = b"\xff Go buildinf:";

/// Where size of pointers and flags follow the magic, and where the strings or pointers do.
const POINTER_SIZE_AT: usize = 14;
const FLAGS_AT: usize = 15;
const POINTERS_AT: u64 = 16;
const INLINE_AT: u64 = 32;

/// Flags of the header.
const BIG_ENDIAN: u8 = 1;
const INLINE: u8 = 2;

/// Longest toolchain version read, in bytes; with experiments and commit some hundred.
const MAX_VERSION_BYTES: u64 = 1024;

/// Longest list of modules read, in bytes; a program of 2,000 modules has 200 KiB.
const MAX_MODULES_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes of the marks around the list of modules.
const MARK_BYTES: usize = 16;

/// Most places tried; the magic is a plain text that any program may mention.
const MAX_PLACES: usize = 256;

/// What one header says.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct BuildInfo {
    toolchain: String,
    /// Lines of tab-separated fields; empty where the program was built without modules.
    modules: String,
}

/// Records what every build information in the program names.
pub(super) fn read(
    content: &ProgramContent<'_>,
    layout: &Layout,
    path: &str,
    found: &mut Observations,
) {
    let finder = Finder::new(MAGIC);
    let mut infos = BTreeSet::new();
    let mut places = 0;
    scan::pieces(content, MAGIC.len(), |start, piece| {
        for at in finder.find_iter(piece) {
            places += 1;
            if places <= MAX_PLACES {
                infos.extend(info(content, layout, start + scan::offset(at)));
            }
        }
    });
    // A table of functions is one program's: it says nothing of several.
    let functions = (infos.len() == 1).then(|| functions::packages(content, layout));
    let functions = functions.flatten().unwrap_or_default();
    for info in infos {
        let list = List::read(&info.modules);
        let linked = list.linked(&functions);
        let release = version::add_stdlib(&info.toolchain, linked.of_go(), path, found);
        list.add(release, &linked, path, found);
    }
}

/// Reads the information whose magic lies at an offset; none where it is but a text.
fn info(content: &ProgramContent<'_>, layout: &Layout, at: u64) -> Option<BuildInfo> {
    let header = content.read(at, usize::try_from(INLINE_AT).ok()?)?;
    let flags = *header.get(FLAGS_AT)?;
    let (toolchain, modules) = if flags & INLINE != 0 {
        let (toolchain, next) = inline(content, at.checked_add(INLINE_AT)?, MAX_VERSION_BYTES)?;
        let modules = inline(content, next, MAX_MODULES_BYTES).map(|(modules, _)| modules);
        (toolchain, modules)
    } else {
        let order = if flags & BIG_ENDIAN != 0 {
            ByteOrder::Big
        } else {
            ByteOrder::Little
        };
        let width = match header.get(POINTER_SIZE_AT)? {
            4 => 4,
            8 => 8,
            _ => return None,
        };
        let at_header = usize::try_from(POINTERS_AT).ok()?;
        let pointed = |index: usize, most: u64| {
            let pointer = order.field(&header, at_header + index * width, width)?;
            string(content, layout, order, width, pointer, most)
        };
        (
            pointed(0, MAX_VERSION_BYTES)?,
            pointed(1, MAX_MODULES_BYTES),
        )
    };
    let toolchain = String::from_utf8(toolchain.into_owned()).ok()?;
    let is_plausible = toolchain.starts_with("go") || toolchain.starts_with("devel");
    if !is_plausible || toolchain.chars().any(char::is_control) {
        return None;
    }
    Some(BuildInfo {
        toolchain,
        modules: unmarked(&modules.unwrap_or_default()),
    })
}

/// Reads a string after its length in seven-bit groups; gives the offset after it as well.
fn inline<'a>(content: &ProgramContent<'a>, at: u64, most: u64) -> Option<(Cow<'a, [u8]>, u64)> {
    let lead = content.read_up_to(at, 10)?;
    let mut length = 0_u64;
    let mut taken = 0_u32;
    for byte in lead.iter() {
        length |= u64::from(byte & 0x7f).checked_shl(taken * 7)?;
        taken += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    if length > most {
        return None;
    }
    let at = at.checked_add(u64::from(taken))?;
    let text = content.read(at, usize::try_from(length).ok()?)?;
    Some((text, at.checked_add(length)?))
}

/// Reads the string whose header, a pointer and a length, lies at an address.
fn string<'a>(
    content: &ProgramContent<'a>,
    layout: &Layout,
    order: ByteOrder,
    width: usize,
    address: u64,
    most: u64,
) -> Option<Cow<'a, [u8]>> {
    let header = content.read(layout.offset_of(address)?, width * 2)?;
    let length = order.field(&header, width, width)?;
    if length > most {
        return None;
    }
    let text = layout.offset_of(order.field(&header, 0, width)?)?;
    content.read(text, usize::try_from(length).ok()?)
}

/// Takes the marks off a list of modules.
fn unmarked(modules: &[u8]) -> String {
    let inner = modules.get(MARK_BYTES..modules.len().saturating_sub(MARK_BYTES));
    String::from_utf8_lossy(inner.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests;
