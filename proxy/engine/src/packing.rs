//! zstd, as what is kept is packed: a thread of somebody's own that may wait has its contexts made
//! once, for making them takes as long as packing an image's findings.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

use crate::{blocking, reused};

/// zstd's own default: past it time doubles for a few percent of size.
const LEVEL: i32 = 3;
/// zstd's fastest regular level. Texts that repeat themselves take as little room by it.
const QUICK_LEVEL: i32 = 1;

thread_local! {
    static CONTEXTS: RefCell<Contexts> = RefCell::default();
}

/// They end with their thread.
#[derive(Default)]
struct Contexts {
    packing: Option<Compressor<'static>>,
    unpacking: Option<Decompressor<'static>>,
}

/// Compresses bytes to one frame that says how many there were.
pub fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    pack_at(LEVEL, bytes)
}

/// Does the same in less time, for what repeats itself or is small.
pub fn pack_quickly(bytes: &[u8]) -> io::Result<Vec<u8>> {
    pack_at(QUICK_LEVEL, bytes)
}

fn pack_at(level: i32, bytes: &[u8]) -> io::Result<Vec<u8>> {
    if !blocking::may_wait() {
        return zstd::bulk::compress(bytes, level);
    }
    CONTEXTS.with_borrow_mut(|contexts| {
        let packing = match contexts.packing.take() {
            Some(packing) => packing,
            None => Compressor::new(level)?,
        };
        let packing = contexts.packing.insert(packing);
        packing.set_compression_level(level)?;
        packing.compress(bytes)
    })
}

/// Gives the bytes of a frame, at most `max` of them.
pub fn unpack(packed: &[u8], max: usize) -> io::Result<Vec<u8>> {
    if !blocking::may_wait() {
        return zstd::bulk::decompress(packed, max);
    }
    CONTEXTS.with_borrow_mut(|contexts| {
        let unpacking = match contexts.unpacking.take() {
            Some(unpacking) => unpacking,
            None => Decompressor::new()?,
        };
        let unpacking = contexts.unpacking.insert(unpacking);
        let stated = zstd::zstd_safe::get_frame_content_size(packed);
        let Some(bytes) = stated.ok().flatten() else {
            return unpacking.decompress(packed, max);
        };
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(max);
        let mut text = reused::with_room(bytes);
        unpacking.decompress_to_buffer(packed, &mut text)?;
        // The memory may be of a longer one.
        if text.len() != bytes {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_with_contexts_packs_as_any_other() {
        let texts = [vec![b'a'; 100_000], b"b".to_vec(), Vec::new()];
        let packed = texts.each_ref().map(|text| pack(text).unwrap());
        let own = std::thread::spawn(move || {
            blocking::let_this_thread_wait();
            for _ in 0..2 {
                for (text, packed) in texts.iter().zip(&packed) {
                    assert_eq!(pack(text).unwrap(), *packed);
                    let quickly = pack_quickly(text).unwrap();
                    assert_eq!(unpack(&quickly, text.len()).unwrap(), *text);
                    assert_eq!(unpack(packed, text.len()).unwrap(), *text);
                    assert!(unpack(&packed[1..], text.len()).is_err());
                }
            }
            assert!(unpack(&packed[0], 99_999).is_err());
        });
        own.join().unwrap();
    }
}
