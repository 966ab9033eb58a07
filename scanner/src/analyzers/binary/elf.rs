//! Headers of ELF programs, of either word size and order of bytes.
//!
//! Source: System V ABI, "Object Files".

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
    segment_bytes: 32,
    section: [16, 20],
    section_bytes: 40,
};

/// Type of a segment that is loaded.
const LOADED: u64 = 1;

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
    Some(Layout {
        order,
        sections: sections(content, order, fields, &header).unwrap_or_default(),
        mappings: mappings(content, order, fields, &header).unwrap_or_default(),
    })
}

fn mappings(
    content: &Content<'_>,
    order: Order,
    fields: &Fields,
    header: &[u8],
) -> Option<Vec<Mapping>> {
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
        Some(Mapping {
            address: address?,
            range: range(offset?, size?)?,
        })
    };
    Some(table.iter().filter_map(|segment| loaded(segment)).collect())
}

fn sections(
    content: &Content<'_>,
    order: Order,
    fields: &Fields,
    header: &[u8],
) -> Option<Vec<Section>> {
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
        if order.field(section, 4, 4)? == NO_BITS {
            return None;
        }
        let at = usize::try_from(order.field(section, 0, 4)?).ok()?;
        let name = names.get(at..)?.split(|byte| *byte == 0).next()?;
        // No name that is looked for is longer.
        let name = name.get(..64).unwrap_or(name).to_vec();
        Some(Section {
            name,
            range: place(section)?,
        })
    };
    Some(table.iter().filter_map(named).collect())
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
