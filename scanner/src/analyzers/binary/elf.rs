//! Headers of ELF programs, of either word size and order of bytes.
//!
//! Source: System V ABI, "Object Files".

use std::ops::Range;

use super::content::{ByteOrder, ProgramContent};
use super::layout::{Layout, MAX_HEADERS, Mapping, Section, range};

/// Where fields lie, for one word size.
struct Fields {
    word: usize,
    /// In the file's header: offset of the program headers, of the section headers, and the first
    /// of the five counts and sizes of two bytes each that describe both.
    program_at: usize,
    section_at: usize,
    counts: usize,
    /// In a program header: offset, address, size in the file.
    segment: [usize; 3],
    segment_flags: usize,
    segment_bytes: u64,
    /// In a section header: offset, size.
    section: [usize; 2],
    section_bytes: u64,
}

const WIDE: Fields = Fields {
    word: 8,
    program_at: 32,
    section_at: 40,
    counts: 54,
    segment: [8, 16, 32],
    segment_flags: 4,
    segment_bytes: 56,
    section: [24, 32],
    section_bytes: 64,
};

const NARROW: Fields = Fields {
    word: 4,
    program_at: 28,
    section_at: 32,
    counts: 42,
    segment: [4, 8, 16],
    segment_flags: 24,
    segment_bytes: 32,
    section: [16, 20],
    section_bytes: 40,
};

/// Type of a segment that is loaded.
const LOADED: u64 = 1;

/// Types of the segments that say how a file is linked, and which program is to load it.
const DYNAMIC: u64 = 2;
const INTERPRETER: u64 = 3;

/// Where the file's header says of which type it is, and the type that can be loaded by others.
const TYPE_AT: usize = 16;
const SHARED: u64 = 3;

/// The tag of an entry of the dynamic section that holds flags, the flag of a program that may lie
/// anywhere, and the tag of the last entry.
const FLAGS_1: u64 = 0x6fff_fffb;
const PROGRAM_ANYWHERE: u64 = 0x0800_0000;
const END: u64 = 0;

/// Where the file's header says whose conventions it follows and for which machine it is.
const CONVENTIONS_AT: usize = 7;
const MACHINE_AT: usize = 18;

/// Conventions of System V, which linkers write for Linux, and Linux's own.
const LINUX: [u8; 2] = [0, 3];

/// Bytes of the dynamic section that are read; linkers write some hundreds.
const MAX_DYNAMIC_BYTES: u64 = 64 * 1024;

/// Permissions of a segment of code: to be read and run, and not to be written.
const RUNNABLE: u64 = 5;

/// Type of a section that holds the program's own bytes, and flags of one that is loaded and run.
const PROGRAM: u64 = 1;
const CODE: u64 = 2 | 4;

/// Type of a section that takes no bytes of the file.
const NO_BITS: u64 = 8;

/// Bytes of the table of section names that are read.
const MAX_NAMES_BYTES: usize = 256 * 1024;

/// Reads the headers; none where they are not those of an ELF file.
pub(super) fn layout(content: &ProgramContent<'_>) -> Option<Layout> {
    let header = content.read_up_to(0, 64)?;
    let (fields, order) = form(&header)?;
    let segments = segments(content, order, fields, &header).unwrap_or_default();
    let (sections, mut code) = sections(content, order, fields, &header).unwrap_or_default();
    let is_run = |code: &Range<u64>| {
        let mut runnable = segments.iter().filter(|(_, flags)| *flags == RUNNABLE);
        runnable.any(|(segment, _)| {
            let segment = &segment.range;
            segment.start <= code.start && code.end <= segment.end
        })
    };
    code.retain(is_run);
    code.sort_by_key(|range| range.start);
    Some(Layout {
        order,
        platform: platform(&header, fields, order),
        sections,
        code,
        mappings: segments.into_iter().map(|(mapping, _)| mapping).collect(),
    })
}

/// Names what the file runs on. Linux runs programs whatever conventions they state, so other ones name
/// no other system. Source: Go, package `internal/platform`.
fn platform(header: &[u8], fields: &Fields, order: ByteOrder) -> String {
    let conventions = header.get(CONVENTIONS_AT);
    let is_linux = conventions.is_some_and(|stated| LINUX.contains(stated));
    let system = if is_linux { "linux" } else { "" };
    let is_little = matches!(order, ByteOrder::Little);
    let machine = order.field(header, MACHINE_AT, 2);
    let architecture = match (machine, fields.word, is_little) {
        (Some(3), 4, true) => "386",
        (Some(8), 4, false) => "mips",
        (Some(8), 4, true) => "mipsle",
        (Some(8), 8, false) => "mips64",
        (Some(8), 8, true) => "mips64le",
        (Some(21), 8, false) => "ppc64",
        (Some(21), 8, true) => "ppc64le",
        (Some(22), 8, false) => "s390x",
        (Some(40), 4, true) => "arm",
        (Some(62), 8, true) => "amd64",
        (Some(183), 8, true) => "arm64",
        (Some(243), 8, true) => "riscv64",
        (Some(258), 8, true) => "loong64",
        _ => "",
    };
    format!("{system}/{architecture}")
}

/// Tells whether the file is a library, which something else has to load: no program by itself.
///
/// A program is of the same type as a library where it may be loaded anywhere. It names the
/// interpreter that loads it, or its linker marked it.
pub(super) fn is_library(content: &ProgramContent<'_>) -> bool {
    linked_as_library(content).unwrap_or(false)
}

fn linked_as_library(content: &ProgramContent<'_>) -> Option<bool> {
    let header = content.read_up_to(0, 64)?;
    let (fields, order) = form(&header)?;
    if order.field(&header, TYPE_AT, 2)? != SHARED {
        return Some(false);
    }
    let segments = program_headers(content, order, fields, &header)?;
    let kind = |segment: &Vec<u8>| order.field(segment, 0, 4);
    if segments.iter().any(|it| kind(it) == Some(INTERPRETER)) {
        return Some(false);
    }
    let dynamic = segments.iter().find(|it| kind(it) == Some(DYNAMIC))?;
    let [offset, _, size] = fields
        .segment
        .map(|at| order.field(dynamic, at, fields.word));
    let range = range(offset?, size?.min(MAX_DYNAMIC_BYTES))?;
    let section = content.read_range(&range)?;
    let mut entries = section
        .chunks_exact(fields.word * 2)
        .map_while(|entry| {
            let tag = order.field(entry, 0, fields.word)?;
            Some((tag, order.field(entry, fields.word, fields.word)?))
        })
        .take_while(|(tag, _)| *tag != END);
    let is_program = entries.any(|(tag, value)| tag == FLAGS_1 && value & PROGRAM_ANYWHERE != 0);
    Some(!is_program)
}

/// Gives word size and order of bytes, as the file's header states them.
fn form(header: &[u8]) -> Option<(&'static Fields, ByteOrder)> {
    let fields = match header.get(4)? {
        1 => &NARROW,
        2 => &WIDE,
        _ => return None,
    };
    let order = match header.get(5)? {
        1 => ByteOrder::Little,
        2 => ByteOrder::Big,
        _ => return None,
    };
    Some((fields, order))
}

fn program_headers(
    content: &ProgramContent<'_>,
    order: ByteOrder,
    fields: &Fields,
    header: &[u8],
) -> Option<Vec<Vec<u8>>> {
    let at = order.field(header, fields.program_at, fields.word)?;
    let step = order.field(header, fields.counts, 2)?;
    let count = order.field(header, fields.counts + 2, 2)?;
    table(content, at, step, count, fields.segment_bytes)
}

/// Gives the segments that are loaded, with their permissions.
fn segments(
    content: &ProgramContent<'_>,
    order: ByteOrder,
    fields: &Fields,
    header: &[u8],
) -> Option<Vec<(Mapping, u64)>> {
    let table = program_headers(content, order, fields, header)?;
    let loaded = |segment: &[u8]| {
        if order.field(segment, 0, 4)? != LOADED {
            return None;
        }
        let [offset, address, size] = fields
            .segment
            .map(|at| order.field(segment, at, fields.word));
        let mapping = Mapping {
            address: address?,
            range: range(offset?, size?)?,
        };
        Some((mapping, order.field(segment, fields.segment_flags, 4)?))
    };
    Some(table.iter().filter_map(|segment| loaded(segment)).collect())
}

/// Gives the sections, and where those lie that say they are machine code.
fn sections(
    content: &ProgramContent<'_>,
    order: ByteOrder,
    fields: &Fields,
    header: &[u8],
) -> Option<(Vec<Section>, Vec<Range<u64>>)> {
    let at = order.field(header, fields.section_at, fields.word)?;
    let step = order.field(header, fields.counts + 4, 2)?;
    let count = order.field(header, fields.counts + 6, 2)?;
    let names_index = order.field(header, fields.counts + 8, 2)?;
    let table = table(content, at, step, count, fields.section_bytes)?;
    let place = |section: &[u8]| {
        let [offset, size] = fields
            .section
            .map(|at| order.field(section, at, fields.word));
        range(offset?, size?)
    };
    let names = place(table.get(usize::try_from(names_index).ok()?)?)?;
    let names = content.read_up_to(names.start, MAX_NAMES_BYTES)?;
    let named = |section: &Vec<u8>| {
        let at = usize::try_from(order.field(section, 0, 4)?).ok()?;
        let name = names.get(at..)?.split(|byte| *byte == 0).next()?;
        // No name that is looked for is longer.
        let name = name.get(..64).unwrap_or(name).to_vec();
        let mut range = place(section)?;
        if order.field(section, 4, 4)? == NO_BITS {
            range.end = range.start;
        }
        Some(Section { name, range })
    };
    let is_code = |section: &&Vec<u8>| {
        let flags = order.field(section, 8, fields.word).unwrap_or(0);
        order.field(section, 4, 4) == Some(PROGRAM) && flags & CODE == CODE
    };
    let code = table
        .iter()
        .filter(is_code)
        .filter_map(|section| place(section));
    Some((table.iter().filter_map(named).collect(), code.collect()))
}

/// Reads a table of headers.
fn table(
    content: &ProgramContent<'_>,
    at: u64,
    step: u64,
    count: u64,
    least: u64,
) -> Option<Vec<Vec<u8>>> {
    if step < least || count > MAX_HEADERS {
        return None;
    }
    let length = usize::try_from(least).ok()?;
    let header = |index: u64| {
        let at = at.checked_add(index.checked_mul(step)?)?;
        Some(content.read(at, length)?.into_owned())
    };
    (0..count).map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the headers of a file of a type, with segments of these types, the dynamic section
    /// behind them.
    fn file(kind: u16, segments: &[u32], dynamic: &[(u64, u64)]) -> Vec<u8> {
        let start = 64 + 56 * segments.len();
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend(kind.to_le_bytes());
        file.resize(32, 0);
        file.extend(64_u64.to_le_bytes());
        file.resize(54, 0);
        file.extend(56_u16.to_le_bytes());
        file.extend(u16::try_from(segments.len()).unwrap().to_le_bytes());
        file.resize(64, 0);
        for segment in segments {
            let at = file.len();
            file.extend(segment.to_le_bytes());
            file.resize(at + 8, 0);
            file.extend(u64::try_from(start).unwrap().to_le_bytes());
            file.resize(at + 32, 0);
            file.extend(u64::try_from(dynamic.len() * 16).unwrap().to_le_bytes());
            file.resize(at + 56, 0);
        }
        for (tag, value) in dynamic {
            file.extend(tag.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file
    }

    #[test]
    fn a_library_is_what_something_else_loads() {
        let plain = [(1, 7), (0, 0)];
        let anywhere = [(1, 7), (FLAGS_1, PROGRAM_ANYWHERE | 1), (0, 0)];
        let behind_the_end = [(0, 0), (FLAGS_1, PROGRAM_ANYWHERE)];
        for (number, (content, wanted)) in [
            (file(3, &[1, 2], &plain), true),
            (file(3, &[1, 2], &behind_the_end), true),
            (file(3, &[1, 2], &anywhere), false),
            (file(3, &[3, 1, 2], &plain), false),
            (file(3, &[1], &plain), false),
            (file(2, &[1, 2], &plain), false),
            (b"\x7fELF\x02\x01".to_vec(), false),
        ]
        .into_iter()
        .enumerate()
        {
            let is_library = is_library(&ProgramContent::in_memory(&content));
            assert_eq!(is_library, wanted, "case {number}");
        }
    }
}
