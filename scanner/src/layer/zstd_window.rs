//! How much memory a zstd frame asks for, and who may have it.
//!
//! A frame's window lies in memory whole while the frame is decoded. Up to 8 MiB, what every decoder
//! must have (RFC 8878, section 3.1.1.1.2), a layer simply gets it. More, up to 128 MiB, is asked of
//! whoever shares memory out, and goes to one layer of the process at a time. Still more is never
//! given. `decompress.rs` asks at each frame.

use std::io;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::Duration;

use zstd::stream::raw::{DParameter, Decoder};

use crate::limits::{Limits, MIB, Stop};

use super::decompress_error::DecompressError;

/// First bytes of a zstd frame. Source: RFC 8878, section 3.1.1.
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Longest header of a frame, in bytes. Source: RFC 8878, section 3.1.1.1: 4 + 1 + 1 + 4 + 8.
pub(super) const MAX_HEADER_BYTES: usize = 18;

/// Largest window that is given to every layer, in bytes.
const MAX_FREE_WINDOW_BYTES: u64 = 8 * MIB;

/// Largest window, as a power of two: 128 MiB, the most that zstd itself takes by default.
const MAX_WINDOW_LOG: u32 = 27;

/// How often a layer that waits for a large window looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Held by the one layer with a large window.
static LARGE_WINDOW: Mutex<()> = Mutex::new(());

/// A decoder for the frames of one layer, with what it may take of memory.
pub(super) struct FrameDecoder {
    decoder: Decoder<'static>,
    large: Option<MutexGuard<'static, ()>>,
}

impl FrameDecoder {
    pub(super) fn new() -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
        Ok(Self {
            decoder,
            large: None,
        })
    }

    /// Makes ready for the frame with this header: waits where it needs a large window.
    pub(super) fn prepare(
        &mut self,
        header: &[u8],
        limits: &Limits,
    ) -> Result<(), DecompressError> {
        let window = window_bytes(header).unwrap_or(0);
        let most = 1_u64 << MAX_WINDOW_LOG;
        if window > most {
            let detail = format!("a zstd frame needs {window} bytes of memory, at most {most} are");
            return Err(DecompressError::Budget(format!("{detail} given")));
        }
        let is_large = window > MAX_FREE_WINDOW_BYTES;
        if is_large && self.large.is_none() {
            limits.allowance.ask_for(window);
            self.large = Some(wait_for_large_window(&limits.stop)?);
        } else if !is_large && self.large.is_some() {
            // The large window is freed before another layer may have one.
            let format = "zstd";
            *self = Self::new().map_err(|cause| DecompressError::Corrupt { format, cause })?;
        }
        Ok(())
    }

    pub(super) fn raw(&mut self) -> &mut Decoder<'static> {
        &mut self.decoder
    }
}

fn wait_for_large_window(stop: &Stop) -> Result<MutexGuard<'static, ()>, DecompressError> {
    loop {
        match LARGE_WINDOW.try_lock() {
            Ok(guard) => return Ok(guard),
            // Nothing is guarded but the right itself.
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if stop.is_requested() => {
                return Err(DecompressError::Stopped);
            }
            Err(TryLockError::WouldBlock) => thread::sleep(LOOK_AGAIN),
        }
    }
}

/// Gives the window of a frame, in bytes; nothing for a skippable frame or a cut header.
///
/// Source: RFC 8878, section 3.1.1.1.
fn window_bytes(header: &[u8]) -> Option<u64> {
    let (magic, rest) = header.split_first_chunk::<4>()?;
    if *magic != ZSTD_MAGIC {
        return None;
    }
    let (descriptor, rest) = rest.split_first()?;
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let window = *rest.first()?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // The whole content is the window; its size follows the dictionary's number.
    let dictionary_bytes = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let size = rest.get(*dictionary_bytes..)?;
    Some(match descriptor >> 6 {
        0 => u64::from(*size.first()?),
        1 => u64::from(u16::from_le_bytes(*size.first_chunk()?)) + 256,
        2 => u64::from(u32::from_le_bytes(*size.first_chunk()?)),
        _ => u64::from_le_bytes(*size.first_chunk()?),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::limits::Allowance;

    #[test]
    fn windows_are_read_as_they_were_written() {
        let content = vec![7; 3 << 20];
        for log in [17, 20, 24] {
            let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(log).unwrap();
            encoder.include_contentsize(false).unwrap();
            std::io::Write::write_all(&mut encoder, &content).unwrap();
            let frame = encoder.finish().unwrap();
            assert_eq!(window_bytes(&frame), Some(1 << log));
        }
        for size in [0, 200, 1_000, 70_000] {
            let frame = zstd::bulk::compress(&content[..size], 1).unwrap();
            assert_eq!(window_bytes(&frame), u64::try_from(size).ok());
        }
        assert_eq!(
            window_bytes(b"\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\0\0\x01"),
            Some(1 << 56)
        );
        for header in [&b""[..], b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18\0\0\0\0\0"] {
            assert_eq!(window_bytes(header), None);
        }
    }

    #[test]
    fn a_large_window_is_asked_for_and_a_small_one_is_not() {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let count = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        let limits = Limits {
            allowance: Allowance::new(count),
            ..Limits::default()
        };
        let mut decoder = FrameDecoder::new().unwrap();
        for (header, wanted) in [(b"\x28\xb5\x2f\xfd\0\0", 0), (b"\x28\xb5\x2f\xfd\0\x70", 1)] {
            decoder.prepare(header, &limits).unwrap();
            assert_eq!(asked.load(Ordering::Relaxed), wanted);
        }
    }

    #[test]
    fn one_layer_at_a_time_has_a_large_window() {
        let large = b"\x28\xb5\x2f\xfd\0\x70";
        let small = b"\x28\xb5\x2f\xfd\0\0";
        let mut first = FrameDecoder::new().unwrap();
        let free = Limits::default();
        first.prepare(large, &free).unwrap();
        let stopped = Limits::default();
        stopped.stop.request();
        let mut second = FrameDecoder::new().unwrap();
        second.prepare(small, &stopped).unwrap();
        assert!(second.prepare(large, &stopped).is_err());
        first.prepare(small, &free).unwrap();
        // Other tests may want it at this moment, so this one waits.
        second.prepare(large, &free).unwrap();
        let beyond = b"\x28\xb5\x2f\xfd\0\x89";
        assert!(second.prepare(beyond, &free).is_err());
    }
}
