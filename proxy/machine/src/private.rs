//! Files and directories that nobody else on the machine can read: how every one of ours is made.
//!
//! Modes are given when a file is made, so that there is no moment in which others could open it,
//! whatever umask the program was started with. [`shut_out_others`] does the same for what
//! libraries make. What a person asked for by name, such as a report, is theirs to share. What root
//! makes in the directory of a service that runs as somebody else is that one's, for else the
//! service could not read it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt, fchown, lchown,
};
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::Mode;

/// What a directory of ours lets its owner do, and nobody else.
const DIRECTORY: u32 = 0o700;
/// What a file of ours lets its owner do, and nobody else.
const FILE: u32 = 0o600;
/// What group and others may do.
pub const OTHERS: u32 = 0o077;
/// What a file for others may let them do, unless the umask says no.
const SHARED_FILE: u32 = 0o666;

/// The umask that the program was started with.
static INHERITED: OnceLock<Mode> = OnceLock::new();

/// Lets nobody else read what this process makes from now on. Call it before there are threads.
pub fn shut_out_others() {
    let inherited = rustix::process::umask(Mode::from_bits_truncate(OTHERS));
    let _only_the_first_was_inherited = INHERITED.set(inherited);
}

/// Makes a directory and those above it that are missing.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let mut missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    while let Some(path) = missing.pop() {
        match create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    if path.is_dir() {
        return Ok(());
    }
    // Says what is in the way.
    DirBuilder::new().recursive(true).create(path)
}

/// Makes a directory that must not be there yet.
pub fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(DIRECTORY).create(path)?;
    give_away(path, |owner, group| lchown(path, owner, group));
    Ok(())
}

/// Starts the options for opening a file that may have to be made.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE);
    options
}

/// Makes a file, or empties the one that is there.
pub fn create(path: &Path) -> io::Result<File> {
    let file = options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    give_away(path, |owner, group| fchown(&file, owner, group));
    Ok(file)
}

/// Makes a file that must not be there yet.
pub fn create_new(path: &Path) -> io::Result<File> {
    let file = options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)?;
    give_away(path, |owner, group| fchown(&file, owner, group));
    Ok(file)
}

/// Puts a whole file in the place of the one at a path, or makes it; durable on return. Whoever reads
/// it meanwhile, or after a crash, has the old one or the new one.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = Path::new(&beside);
    let mut file = create(beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    let around = path
        .parent()
        .filter(|around| !around.as_os_str().is_empty());
    File::open(around.unwrap_or(Path::new(".")))?.sync_all()
}

/// Keeps every other process from the same work until the file is let go.
pub fn lock(path: &Path, work: &str) -> io::Result<File> {
    let file = create(path)?;
    let busy = |error| io::Error::other(format!("another {work} is under way ({error})"));
    file.try_lock().map_err(busy)?;
    Ok(file)
}

/// Gives what root has made to the owner of the directory it lies in.
fn give_away(path: &Path, chown: impl FnOnce(Option<u32>, Option<u32>) -> io::Result<()>) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let Some(Ok(around)) = path.parent().map(Path::metadata) else {
        return;
    };
    if around.uid() != 0 {
        // Where that fails it stays root's, as private as before.
        let _best_effort = chown(Some(around.uid()), Some(around.gid()));
    }
}

/// Makes or empties a file that a person named for what they asked for: as readable as their umask
/// lets new files be. One that was there keeps its mode.
pub fn create_for_person(path: &Path) -> io::Result<File> {
    match options().write(true).create_new(true).open(path) {
        Ok(file) => {
            if let Some(inherited) = INHERITED.get() {
                let mode = SHARED_FILE & !inherited.bits();
                file.set_permissions(PermissionsExt::from_mode(mode))?;
            }
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => File::create(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_made_is_private_from_the_start() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        create_dir_all(&folder).unwrap();
        create_dir(&folder.join("c")).unwrap();
        for made in ["a", "a/b", "a/b/c"] {
            assert_eq!(mode(&home.path().join(made)), 0o700, "{made}");
        }
        create(&folder.join("1")).unwrap();
        create_new(&folder.join("2")).unwrap();
        for made in ["1", "2"] {
            assert_eq!(mode(&folder.join(made)), 0o600, "{made}");
        }
        assert!(create_new(&folder.join("2")).is_err());
        assert!(create_dir_all(&folder.join("2/below")).is_err());
        create_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_root_makes_for_a_service_is_the_services() {
        let home = tempfile::tempdir().unwrap();
        if !rustix::process::geteuid().is_root() {
            return;
        }
        lchown(home.path(), Some(65532), Some(65533)).unwrap();
        create_dir_all(&home.path().join("a/b")).unwrap();
        create(&home.path().join("a/b/1")).unwrap();
        create_new(&home.path().join("a/b/2")).unwrap();
        for made in ["a", "a/b", "a/b/1", "a/b/2"] {
            let made = home.path().join(made).metadata().unwrap();
            assert_eq!((made.uid(), made.gid()), (65532, 65533));
            assert_eq!(made.permissions().mode() & 0o077, 0);
        }
    }
}
