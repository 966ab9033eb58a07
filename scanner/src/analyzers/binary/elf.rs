//! Headers of ELF programs, of either word size and order of bytes.
//!
//! Source: System V ABI, "Object Files".

use std::ops::Range;

use super::content::{Content, Order};
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
pub(super) fn layout(content: &Content<'_>) -> Option<Layout> {
    let header = content.read_up_to(0, 64)?;
    let fields = match header.get(4)? {
        1 => &NARROW,
        2 => &WIDE,
        _ => return None,
    };
    let order = match header.get(5)? {
        1 => Order::Little,
        2 => Order::Big,
        _ => return None,
    };
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
        sections,
        code,
        mappings: segments.into_iter().map(|(mapping, _)| mapping).collect(),
    })
}

/// Gives the segments that are loaded, with their permissions.
fn segments(
    content: &Content<'_>,
    order: Order,
    fields: &Fields,
    header: &[u8],
) -> Option<Vec<(Mapping, u64)>> {
    let at = order.field(header, fields.program_at, fields.word)?;
    let step = order.field(header, fields.counts, 2)?;
    let count = order.field(header, fields.counts + 2, 2)?;
    let table = table(content, at, step, count, fields.segment_bytes)?;
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
    content: &Content<'_>,
    order: Order,
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
    content: &Content<'_>,
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
