//! Files by path, in a directory or in an archive: what an image layout is read from.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::SourceError;

/// Named files. Paths are relative, with `/` between their parts.
pub(super) trait Files: Send + Sync {
    /// Names the whole, for messages.
    fn place(&self) -> &str;

    /// Opens a regular file; none where there is none of that name.
    fn open(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>, SourceError>;

    /// Gives a file's length in bytes.
    fn len(&self, path: &str) -> Option<u64>;

    /// Reads a small file whole; none where there is none of that name.
    fn read(&self, path: &str, max_bytes: usize) -> Result<Option<Vec<u8>>, SourceError> {
        let Some(file) = self.open(path)? else {
            return Ok(None);
        };
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        let mut content = Vec::new();
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut content);
        let within = Path::new(self.place()).join(path);
        read.map_err(SourceError::file("read", within))?;
        if content.len() > max_bytes {
            let reason = format!("{path} has more than {max_bytes} bytes");
            return Err(SourceError::malformed(self.place(), reason));
        }
        Ok(Some(content))
    }
}

/// The files of a directory.
pub(super) struct Directory {
    path: PathBuf,
    place: String,
}

impl Directory {
    /// Takes a directory as it is.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let metadata = std::fs::metadata(path).map_err(SourceError::file("open", path))?;
        if !metadata.is_dir() {
            let place = path.display().to_string();
            return Err(SourceError::malformed(&place, "it is not a directory"));
        }
        Ok(Self {
            path: path.to_owned(),
            place: path.display().to_string(),
        })
    }
}

impl Files for Directory {
    fn place(&self) -> &str {
        &self.place
    }

    fn open(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>, SourceError> {
        let path = self.path.join(path);
        // A pipe in its place would be waited for; nothing but a file is opened.
        if !path.is_file() {
            return Ok(None);
        }
        let file = File::open(&path).map_err(SourceError::file("open", &path))?;
        Ok(Some(Box::new(file)))
    }

    fn len(&self, path: &str) -> Option<u64> {
        let metadata = std::fs::metadata(self.path.join(path)).ok()?;
        metadata.is_file().then_some(metadata.len())
    }
}
