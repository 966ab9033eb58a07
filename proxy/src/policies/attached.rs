//! The files that policy files name: read within bounds, below the folder of the file that names them.
//!
//! What cannot be read is no error here but a reason, which is told at the place of the path.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sluicegate_model::Digest;
use sluicegate_policy::{AttachedFile, AttachedText, NamedFile, SourceFile};

/// Largest file, in bytes: advisories on a whole distribution take some.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Most bytes of all of them together: their texts are kept in memory.
const MAX_ALL_BYTES: u64 = 64 * 1024 * 1024;
/// Most files in a folder that is named.
const MAX_IN_FOLDER: usize = 1_000;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Attached {
    pub(super) files: Vec<AttachedFile>,
    /// Where it lies.
    pub(super) paths: BTreeSet<PathBuf>,
    bytes: u64,
}

/// Says why a file is not taken.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("it leads out of the folder of the file that names it")]
    Outside,
    #[error("it is no file and no folder")]
    NoFile,
    #[error("{0} is no text")]
    NoText(String),
    #[error("{0} has more than {MAX_FILE_BYTES} bytes")]
    Large(String),
    #[error("all files that policies name have more than {MAX_ALL_BYTES} bytes together")]
    TooMuch,
    #[error("the folder holds more than {MAX_IN_FOLDER} files")]
    Many,
}

/// Reads what is named, each file or folder once for each file that names it.
pub(super) fn read(named: &[NamedFile]) -> Attached {
    let mut attached = Attached::default();
    for named in named {
        let found = attached.found(named).map_err(|why| why.to_string());
        attached.files.push(AttachedFile {
            named: named.clone(),
            found,
        });
    }
    attached
}

/// Gives a digest of everything that was read, to tell whether any of it changed.
pub(super) fn digest_of(attached: &[AttachedFile]) -> Digest {
    let mut lines = String::new();
    for file in attached {
        let _never_fails = writeln!(lines, "{:?}", file.named.by);
        match &file.found {
            Ok(texts) => texts.iter().for_each(|it| {
                let digest = Digest::of(it.file.text.as_bytes());
                let _never_fails = writeln!(lines, "{:?} {:?} {digest}", it.path, it.file.name);
            }),
            Err(why) => {
                let _never_fails = writeln!(lines, "{:?} {why:?}", file.named.path);
            }
        }
    }
    Digest::of(lines.as_bytes())
}

impl Attached {
    fn found(&mut self, named: &NamedFile) -> Result<Vec<AttachedText>, NotTaken> {
        let folder = Path::new(&named.by).parent().unwrap_or(Path::new(""));
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let path = folder.join(&named.path);
        let home = folder.canonicalize()?;
        if !path.is_dir() {
            return Ok(vec![self.text(&path, &home, &named.path)?]);
        }
        let mut texts = Vec::new();
        for name in listed(&path)? {
            let path = path.join(&name);
            texts.push(self.text(&path, &home, &format!("{}/{name}", named.path))?);
        }
        Ok(texts)
    }

    fn text(&mut self, path: &Path, home: &Path, name: &str) -> Result<AttachedText, NotTaken> {
        let real = path.canonicalize()?;
        if !real.starts_with(home) {
            return Err(NotTaken::Outside);
        }
        // Whoever opened a pipe would wait for a writer.
        if !std::fs::metadata(&real)?.is_file() {
            return Err(NotTaken::NoFile);
        }
        let mut bytes = Vec::new();
        let mut file = File::open(&real)?.take(MAX_FILE_BYTES + 1);
        let read = file.read_to_end(&mut bytes)? as u64;
        if read > MAX_FILE_BYTES {
            return Err(NotTaken::Large(name.to_owned()));
        }
        self.bytes = self.bytes.saturating_add(read);
        if self.bytes > MAX_ALL_BYTES {
            return Err(NotTaken::TooMuch);
        }
        let text = String::from_utf8(bytes).map_err(|_| NotTaken::NoText(name.to_owned()))?;
        self.paths.insert(path.to_owned());
        Ok(AttachedText {
            path: name.to_owned(),
            file: SourceFile {
                name: path.display().to_string(),
                text,
            },
        })
    }
}

/// Names the JSON files in a folder that are not hidden, in order.
fn listed(folder: &Path) -> Result<Vec<String>, NotTaken> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && Path::new(&name).extension().is_some_and(|it| it == "json") {
            names.push(name);
        }
        if names.len() > MAX_IN_FOLDER {
            return Err(NotTaken::Many);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn named(home: &Path, path: &str) -> NamedFile {
        NamedFile {
            by: home.join("p.yaml").display().to_string(),
            path: path.to_owned(),
        }
    }

    fn told(home: &Path, path: &str) -> Result<Vec<String>, String> {
        let mut attached = read(&[named(home, path)]);
        let found = attached.files.remove(0).found?;
        Ok(found.into_iter().map(|it| it.path).collect())
    }

    #[test]
    fn a_file_or_the_json_of_a_folder_is_read_below_the_naming_file() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        std::fs::create_dir_all(home.join("vex/empty")).unwrap();
        for name in [
            "vex/b.json",
            "vex/a.json",
            "vex/.c.json",
            "vex/README.md",
            "out.json",
        ] {
            std::fs::write(home.join(name), "{}").unwrap();
        }
        assert_eq!(told(home, "vex/a.json").unwrap(), ["vex/a.json"]);
        assert_eq!(told(home, "vex").unwrap(), ["vex/a.json", "vex/b.json"]);
        assert_eq!(told(home, "vex/empty").unwrap(), [""; 0]);
        assert!(
            told(home, "vex/none.json")
                .unwrap_err()
                .contains("No such file")
        );

        symlink(home.join("out.json"), home.join("vex/link.json")).unwrap();
        assert_eq!(told(home, "vex/link.json").unwrap(), ["vex/link.json"]);
        symlink("/etc/hostname", home.join("vex/far.json")).unwrap();
        let why = "it leads out of the folder of the file that names it";
        assert_eq!(told(home, "vex/far.json").unwrap_err(), why);
        assert_eq!(told(&home.join("vex"), "link.json").unwrap_err(), why);
        std::fs::write(home.join("bytes.json"), [0xff]).unwrap();
        assert_eq!(
            told(home, "bytes.json").unwrap_err(),
            "bytes.json is no text"
        );
    }

    #[test]
    fn no_more_is_read_than_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let large = File::create(home.join("large.json")).unwrap();
        large.set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(
            told(home, "large.json")
                .unwrap_err()
                .contains("more than 16777216 bytes")
        );
        large.set_len(MAX_FILE_BYTES).unwrap();
        let five = vec![named(home, "large.json"); 5];
        let read = read(&five).files;
        assert!(read[..4].iter().all(|it| it.found.is_ok()));
        assert!(read[4].found.as_ref().unwrap_err().contains("together"));
    }

    #[test]
    fn what_changed_has_another_digest() {
        let home = tempfile::tempdir().unwrap();
        let digest = || digest_of(&read(&[named(home.path(), "a.json")]).files);
        let none = digest();
        std::fs::write(home.path().join("a.json"), "{}").unwrap();
        let first = digest();
        std::fs::write(home.path().join("a.json"), "[]").unwrap();
        assert!(none != first && first != digest());
    }
}
