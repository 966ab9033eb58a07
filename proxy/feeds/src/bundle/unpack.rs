//! A bundle that is being checked: what it claims, then its files, each against the manifest.
//!
//! Only plain entries in the manifest's order are read, each exactly as long as it says; links,
//! devices and extensions of the tar format are refused, and no name from the tar becomes a path.
//! Called by `imported`. Source: POSIX.1-2017, pax (the ustar format).

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;
use sluicegate_machine::private;

use super::keys::Trust;
use super::pack::file_error;
use super::{
    BundleError, FileEntry, MANIFEST, MAX_MANIFEST_BYTES, MAX_SIGNATURES, MAX_SIGNATURES_BYTES,
    Manifest, SIGNATURES, Signatures, kind_of,
};
use crate::broken::Broken;
use crate::record::sync_directory;
use crate::whole::is_whole;

/// Bytes of a block of a tar.
const BLOCK: usize = 512;
/// Largest window of zstd, as a power of two: 8 MiB. What is written needs 2 MiB at most.
const MAX_WINDOW_LOG: u32 = 23;

type Stream = zstd::Decoder<'static, BufReader<File>>;

/// A bundle whose signatures have been checked, and no file of it yet.
pub(super) struct Bundle {
    stream: Stream,
    pub(super) manifest: Manifest,
    /// The trusted keys that signed it.
    pub(super) signed_by: Vec<String>,
    /// The manifest as it was signed.
    pub(super) text: Vec<u8>,
}

impl Bundle {
    /// Opens a bundle and checks who signed its manifest.
    pub(super) fn open(path: &Path, trust: &Trust) -> Result<Self, BundleError> {
        let file = File::open(path).map_err(file_error("open", path))?;
        let mut stream = zstd::Decoder::with_buffer(BufReader::new(file))
            .and_then(|mut stream| {
                stream.window_log_max(MAX_WINDOW_LOG)?;
                Ok(stream.single_frame())
            })
            .map_err(file_error("open", path))?;
        let text = read_small(&mut stream, MANIFEST, MAX_MANIFEST_BYTES)?;
        let signatures = read_small(&mut stream, SIGNATURES, MAX_SIGNATURES_BYTES)?;
        let signatures: Signatures =
            serde_json::from_slice(&signatures).map_err(BundleError::json(SIGNATURES))?;
        let signatures: Vec<Vec<u8>> = signatures
            .signatures
            .iter()
            .take(MAX_SIGNATURES)
            .filter_map(|signature| STANDARD.decode(signature).ok())
            .collect();
        let signed_by = trust
            .check(&text, &signatures)
            .map_err(|(found, wanted)| BundleError::Unsigned { found, wanted })?;
        let manifest = Manifest::read(&text)?;
        Ok(Self {
            stream,
            manifest,
            signed_by,
            text,
        })
    }

    /// Writes every file into a new directory, durably, and makes sure that nothing follows.
    ///
    /// *Errors*: anything that is not as the manifest says.
    pub(super) fn unpack(mut self, directory: &Path) -> Result<(), BundleError> {
        private::create_dir_all(directory).map_err(file_error("create", directory))?;
        for entry in &self.manifest.files {
            let place = directory.join(&entry.path);
            unpack_file(&mut self.stream, entry, &place)?;
        }
        expect_end(self.stream)?;
        let place = directory.join(MANIFEST);
        private::create(&place)
            .and_then(|mut file| file.write_all(&self.text).and_then(|()| file.sync_all()))
            .map_err(file_error("write", &place))?;
        sync_directory(directory).map_err(file_error("sync", directory))
    }
}

fn unpack_file(stream: &mut Stream, entry: &FileEntry, place: &Path) -> Result<(), BundleError> {
    let wrong = |why: Broken| BundleError::Content {
        path: entry.path.clone(),
        why,
    };
    let length = read_header(stream, &entry.path)?;
    if length != entry.length {
        return Err(wrong(Broken::Length {
            got: length,
            signed: entry.length,
        }));
    }
    let folder = place.parent().unwrap_or(place);
    private::create_dir_all(folder).map_err(file_error("create", folder))?;
    let mut file = private::create_new(place).map_err(file_error("create", place))?;
    let mut hasher = sha2::Sha256::new();
    let mut left = length;
    let mut piece = vec![0; 256 * 1024];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        let room = piece.get_mut(..most).unwrap_or_default();
        let read = stream.read(room).map_err(stream_error)?;
        let bytes = room.get(..read).filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or(BundleError::Truncated)?;
        hasher.update(bytes);
        file.write_all(bytes).map_err(file_error("write", place))?;
        left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
    }
    skip_padding(stream, length)?;
    if hex::encode(hasher.finalize()) != entry.sha256 {
        return Err(wrong(Broken::Unsigned));
    }
    file.sync_all().map_err(file_error("sync", place))?;
    sync_directory(folder).map_err(file_error("sync", folder))?;
    match kind_of(&entry.path) {
        Some(kind) => is_whole(place, kind).map_err(wrong),
        None => Err(wrong(Broken::Placeless)),
    }
}

fn read_small(stream: &mut Stream, name: &str, limit: u64) -> Result<Vec<u8>, BundleError> {
    let length = read_header(stream, name)?;
    if length > limit {
        let reason = format!("{name} has {length} bytes, wanted at most {limit}");
        return Err(BundleError::Malformed(reason));
    }
    let mut content = Vec::new();
    let read = stream.take(length).read_to_end(&mut content);
    let read = read.map_err(stream_error)?;
    if u64::try_from(read).unwrap_or(u64::MAX) < length {
        return Err(BundleError::Truncated);
    }
    skip_padding(stream, length)?;
    Ok(content)
}

/// Reads the header of the entry that must come now, and gives its length.
fn read_header(stream: &mut Stream, name: &str) -> Result<u64, BundleError> {
    let block = read_block(stream)?;
    let malformed = |reason: &str| BundleError::Malformed(format!("{name}: {reason}"));
    if is_zero(&block) {
        return Err(malformed("it is missing"));
    }
    let header = tar::Header::from_byte_slice(&block);
    // The sum counts its own field as blanks.
    let sum: u32 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                32
            } else {
                u32::from(*byte)
            }
        })
        .sum();
    if !header.cksum().is_ok_and(|stated| stated == sum) {
        return Err(malformed("what is in its place is no tar header"));
    }
    let found = header.path_bytes();
    if *found != *name.as_bytes() {
        let found = String::from_utf8_lossy(&found).escape_debug().to_string();
        return Err(malformed(&format!("\"{found}\" is in its place")));
    }
    if header.entry_type() != tar::EntryType::Regular {
        return Err(malformed("it is no plain file"));
    }
    header
        .entry_size()
        .map_err(|_| malformed("its length cannot be read"))
}

fn skip_padding(stream: &mut Stream, length: u64) -> Result<(), BundleError> {
    let beyond = usize::try_from(length % 512).unwrap_or_default();
    let mut padding = vec![0; (BLOCK - beyond) % BLOCK];
    stream.read_exact(&mut padding).map_err(stream_error)
}

/// Makes sure that the tar and the file end here.
fn expect_end(mut stream: Stream) -> Result<(), BundleError> {
    let trailing = || BundleError::Malformed("something follows the last file".to_owned());
    for _ in 0..2 {
        if !is_zero(&read_block(&mut stream)?) {
            return Err(trailing());
        }
    }
    if stream.read(&mut [0]).map_err(stream_error)? > 0 {
        return Err(trailing());
    }
    let mut file = stream.into_inner();
    let rest = file.fill_buf().map_err(stream_error)?;
    if rest.is_empty() {
        Ok(())
    } else {
        Err(trailing())
    }
}

fn read_block(stream: &mut Stream) -> Result<[u8; BLOCK], BundleError> {
    let mut block = [0; BLOCK];
    stream.read_exact(&mut block).map_err(stream_error)?;
    Ok(block)
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

fn stream_error(error: std::io::Error) -> BundleError {
    match error.kind() {
        ErrorKind::UnexpectedEof => BundleError::Truncated,
        _ => BundleError::Packing(error),
    }
}
