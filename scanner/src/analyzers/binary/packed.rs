//! Programs packed so that nothing in them can be read: by UPX, or by anything else that leaves
//! only a loader and noise.
//!
//! UPX's marks are easily removed, so noise counts as well: machine code has about six bits of
//! entropy a byte, text less, compressed or encrypted bytes nearly eight.

use super::content::ProgramContent;
use super::layout::Layout;
use super::scan::offset;

/// UPX's mark: in its loader's header, right after the program headers, and in its trailer.
const UPX_MARK: &[u8] = b"UPX!";

/// How far from the file's start and end UPX's mark lies at most, in bytes.
const MARKED_BYTES: usize = 1_024;

/// Smallest program judged by its noise, in bytes: less holds no program worth packing.
const MIN_BYTES: u64 = 16 * 1024;

/// Bits of entropy a byte above which bytes are noise.
const NOISE_BITS: f64 = 7.2;

/// Samples taken, and bytes of each.
const SAMPLES: u64 = 64;
const SAMPLE_BYTES: usize = 4 * 1024;

/// Tells whether the program is packed.
pub(super) fn is_packed(content: &ProgramContent<'_>, layout: &Layout) -> bool {
    is_marked(content) || is_noise(content, layout)
}

fn is_marked(content: &ProgramContent<'_>) -> bool {
    let last = content.size_bytes().saturating_sub(offset(MARKED_BYTES));
    [0, last].into_iter().any(|at| {
        let part = content.read_up_to(at, MARKED_BYTES).unwrap_or_default();
        part.windows(UPX_MARK.len()).any(|text| text == UPX_MARK)
    })
}

/// Tells whether most of a program without any imports is noise.
///
/// A program that links to libraries may carry compressed data, and still shows what it uses.
fn is_noise(content: &ProgramContent<'_>, layout: &Layout) -> bool {
    let imports = layout
        .sections
        .iter()
        .any(|section| section.name == b".dynsym");
    if imports || content.size_bytes() < MIN_BYTES {
        return false;
    }
    let step = content.size_bytes().div_ceil(SAMPLES);
    let (mut noisy, mut samples) = (0_u32, 0_u32);
    for sample in 0..SAMPLES {
        let Some(bytes) = content.read_up_to(sample * step, SAMPLE_BYTES) else {
            break;
        };
        samples += 1;
        noisy += u32::from(entropy(&bytes) > NOISE_BITS);
    }
    noisy * 3 > samples * 2
}

/// Gives the entropy of bytes, in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let share = |count: &u32| f64::from(*count) / total;
    let present = counts.iter().filter(|count| **count > 0);
    present.map(share).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::binary::testing::elf;

    /// Bytes without any order, the same each time.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        (0..length).map(|_| next()).collect()
    }

    fn packed(program: &[u8]) -> bool {
        let content = ProgramContent::in_memory(program);
        is_packed(&content, &super::super::kinds::layout(&content))
    }

    #[test]
    fn marks_and_noise_are_packed_and_what_can_be_read_is_not() {
        let text = b"what a program says, over and over\0".repeat(3_000);
        let mut marked = elf(&[(".text", &text)]);
        assert!(!packed(&marked));
        marked.splice(124..128, *b"UPX!");
        assert!(packed(&marked));
        let noise = noise(200_000);
        assert!(packed(&elf(&[("", &noise)])));
        assert!(packed(&elf(&[(".rodata", &[0; 10_000]), ("", &noise)])));
        assert!(!packed(&elf(&[(".dynsym", b"printf"), (".data", &noise)])));
        assert!(!packed(&elf(&[(".text", &noise[..8_000])])));
        let mixed = [text.as_slice(), &noise[..50_000]].concat();
        assert!(!packed(&elf(&[(".text", &mixed)])));
    }
}
