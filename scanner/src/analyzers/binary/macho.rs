//! Headers of Mach-O programs, of either word size and order of bytes; of a fat one, the first.
//!
//! Source: Apple, `mach-o/loader.h` and `mach-o/fat.h`.

use super::content::{ByteOrder, ProgramContent};
use super::layout::{Layout, MAX_HEADERS, Mapping, Section, range};

/// The load commands that map a segment, for 32 and for 64 bits.
const SEGMENT: u64 = 0x1;
const SEGMENT_64: u64 = 0x19;

/// Longest load command read, in bytes.
const MAX_COMMAND_BYTES: u64 = 1024 * 1024;

/// Reads the headers; none where they are not those of a Mach-O file.
pub(super) fn layout(content: &ProgramContent<'_>) -> Option<Layout> {
    let mut start = 0;
    let mut head = content.read(0, 20)?;
    if head.starts_with(&[0xca, 0xfe, 0xba, 0xbe]) {
        start = ByteOrder::Big.field(&head, 16, 4)?;
        head = content.read(start, 20)?;
    }
    let (order, wide) = match head.get(..4)? {
        [0xcf, 0xfa, 0xed, 0xfe] => (ByteOrder::Little, true),
        [0xce, 0xfa, 0xed, 0xfe] => (ByteOrder::Little, false),
        [0xfe, 0xed, 0xfa, 0xcf] => (ByteOrder::Big, true),
        [0xfe, 0xed, 0xfa, 0xce] => (ByteOrder::Big, false),
        _ => return None,
    };
    let architecture = match order.field(&head, 4, 4)? {
        // What a fat file holds is for several machines.
        _ if start > 0 => "",
        0x0100_0007 => "amd64",
        0x0100_000c => "arm64",
        _ => "",
    };
    let count = order.field(&head, 16, 4)?;
    if count > MAX_HEADERS {
        return None;
    }
    let mut layout = Layout {
        order,
        platform: format!("darwin/{architecture}"),
        ..Layout::empty()
    };
    let mut at = start.checked_add(if wide { 32 } else { 28 })?;
    for _ in 0..count {
        let lead = content.read(at, 8)?;
        let length = order.field(&lead, 4, 4)?;
        if !(8..=MAX_COMMAND_BYTES).contains(&length) {
            break;
        }
        let command = content.read(at, usize::try_from(length).ok()?)?;
        match order.field(&command, 0, 4)? {
            SEGMENT_64 if wide => segment(&mut layout, &command, start, &WIDE)?,
            SEGMENT if !wide => segment(&mut layout, &command, start, &NARROW)?,
            _ => {}
        }
        at = at.checked_add(length)?;
    }
    Some(layout)
}

/// Where fields of a segment and its sections lie, for one word size.
struct Fields {
    word: usize,
    /// In the segment: address, offset, size in the file, count of sections.
    segment: [usize; 4],
    segment_bytes: usize,
    /// In a section: size, offset.
    section: [usize; 2],
    section_bytes: usize,
}

const WIDE: Fields = Fields {
    word: 8,
    segment: [24, 40, 48, 64],
    segment_bytes: 72,
    section: [40, 48],
    section_bytes: 80,
};

const NARROW: Fields = Fields {
    word: 4,
    segment: [24, 32, 36, 48],
    segment_bytes: 56,
    section: [36, 40],
    section_bytes: 68,
};

fn segment(layout: &mut Layout, command: &[u8], start: u64, fields: &Fields) -> Option<()> {
    let order = layout.order;
    let [address_at, offset_at, size_at, count_at] = fields.segment;
    let offset = order.field(command, offset_at, fields.word)?;
    let size = order.field(command, size_at, fields.word)?;
    layout.mappings.push(Mapping {
        address: order.field(command, address_at, fields.word)?,
        range: range(start.checked_add(offset)?, size)?,
    });
    let count = order.field(command, count_at, 4)?;
    let [size_at, offset_at] = fields.section;
    let sections = command.get(fields.segment_bytes..)?;
    let wanted = usize::try_from(count).ok()?;
    for header in sections.chunks_exact(fields.section_bytes).take(wanted) {
        let name = header.get(..16)?.split(|byte| *byte == 0).next()?.to_vec();
        let offset = order.field(header, offset_at, 4)?;
        let size = order.field(header, size_at, fields.word)?;
        layout.sections.push(Section {
            name,
            range: range(start.checked_add(offset)?, size)?,
        });
    }
    Some(())
}
