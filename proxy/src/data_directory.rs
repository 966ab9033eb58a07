//! The data directory, private: what is new is made so, what an earlier version left readable is
//! closed, and what cannot be closed is told.
//!
//! Closing the directory itself protects everything beneath it, so that a start never waits for a
//! walk. The files beneath are closed once, in the background, and again when something has opened
//! them meanwhile.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sluicegate_machine::private::{self, OTHERS};

/// The file that says that everything beneath has been closed once.
const CLOSED: &str = ".private";
/// Directories that belong to everybody: closing one would break the machine.
/// Source: Filesystem Hierarchy Standard 3.0, chapters 3 to 6.
const SHARED: [&str; 19] = [
    "/",
    "/dev/shm",
    "/etc",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/run",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/local",
    "/var/log",
    "/var/opt",
    "/var/tmp",
];
/// What the service keeps right beneath the data directory.
const OWN: [&str; 6] = [
    "verdicts",
    "verdicts.redb",
    "content",
    "decisions",
    "feeds",
    "inspect",
];
/// The bit that says that everybody may put files into a directory.
const STICKY: u32 = 0o1000;

/// What was done to the data directory.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    /// What others can still read, a line each.
    pub(crate) problems: Vec<String>,
    /// Whether files beneath may still be open.
    is_unfinished: bool,
}

/// Makes the directory if it is missing, and closes it and what lies right beneath it.
///
/// A mode that is not ours to change is no reason not to serve: it is told.
///
/// *Errors*: the directory cannot be made.
pub(crate) fn close(data: &Path) -> io::Result<Closed> {
    private::create_dir_all(data)?;
    let data = &data.canonicalize()?;
    let mut closed = Closed {
        is_unfinished: !data.join(CLOSED).exists(),
        ..Closed::default()
    };
    if is_shared(data)? {
        let message = format!(
            "the data directory \"{}\" belongs to everybody, who can see what is in it; give the \
             service one of its own",
            data.display()
        );
        closed.problems.push(message);
        // Closing these protects all beneath them; what else lies there is not ours.
        for own in OWN {
            let path = data.join(own);
            closed.take(&path, close_one(&path));
        }
        closed.is_unfinished = false;
        return Ok(closed);
    }
    closed.take(data, close_one(data));
    for entry in fs::read_dir(data).into_iter().flatten().flatten() {
        let path = entry.path();
        let outcome = close_one(&path);
        // Beneath a directory that is closed, an open file is open to nobody.
        let is_reachable = !closed.problems.is_empty();
        match outcome {
            Err(_) if !is_reachable => {}
            outcome => closed.take(&path, outcome),
        }
    }
    Ok(closed)
}

impl Closed {
    fn take(&mut self, path: &Path, outcome: Result<bool, StaysOpen>) {
        match outcome {
            Ok(was_open) => self.is_unfinished |= was_open,
            Err(why) => {
                let path = path.display();
                let problem = format!("other users of this machine can read \"{path}\": {why}");
                self.problems.push(problem);
            }
        }
    }

    /// Does the rest without anybody waiting for it.
    pub(crate) fn finish_in_background(self, data: PathBuf) {
        tokio::task::spawn_blocking(move || self.finish(&data));
    }

    /// Closes what lies deeper, if that is still to be done. Blocks for as long as a walk takes.
    pub(crate) fn finish(&self, data: &Path) {
        let Some(data) = data.canonicalize().ok().filter(|_| self.is_unfinished) else {
            return;
        };
        let mut walk = Walk::default();
        for entry in fs::read_dir(&data).into_iter().flatten().flatten() {
            walk.close_all(entry.path());
        }
        if walk.closed > 0 || walk.failed > 0 {
            let (closed, failed) = (walk.closed, walk.failed);
            tracing::info!(closed, failed, "data directory closed to other users");
        }
        // On a full disk the walk is done again at the next start.
        if let Err(error) = private::create(&data.join(CLOSED)) {
            tracing::debug!(%error, "cannot note that the data directory is closed");
        }
    }
}

#[derive(Debug, Default)]
struct Walk {
    closed: u64,
    failed: u64,
}

impl Walk {
    fn close_all(&mut self, path: PathBuf) {
        let mut waiting = vec![path];
        while let Some(path) = waiting.pop() {
            match close_one(&path) {
                Ok(was_open) => self.closed += u64::from(was_open),
                Err(_) => self.failed += 1,
            }
            // A link's target is somebody else's.
            if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
                let beneath = fs::read_dir(&path).into_iter().flatten().flatten();
                waiting.extend(beneath.map(|entry| entry.path()));
            }
        }
    }
}

/// Says why something stays open to others: this machine's fault.
#[derive(Debug, thiserror::Error)]
enum StaysOpen {
    #[error(transparent)]
    Unseen(io::Error),
    #[error("its mode is {mode:04o}, and changing it failed: {source}")]
    Unchanged { mode: u32, source: io::Error },
    #[error("its mode is {mode:04o}, and the file system keeps it")]
    Kept { mode: u32 },
}

/// Closes one file or directory; tells whether it was open. What is gone meanwhile, and what a link
/// leads to, is not ours to close.
///
/// *Errors*: it stays open, with the reason.
fn close_one(path: &Path) -> Result<bool, StaysOpen> {
    let found = match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => return Ok(false),
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(StaysOpen::Unseen(error)),
    };
    if !is_open(&found) {
        return Ok(false);
    }
    let mode = found.permissions().mode() & 0o7777;
    match fs::set_permissions(path, PermissionsExt::from_mode(mode & !OTHERS)) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(StaysOpen::Unchanged { mode, source }),
    }
    // Some file systems take a mode and forget it.
    match path.metadata() {
        Ok(found) if is_open(&found) => Err(StaysOpen::Kept { mode }),
        Ok(_) | Err(_) => Ok(true),
    }
}

/// Tells whether a directory is one that everybody uses.
fn is_shared(data: &Path) -> io::Result<bool> {
    let is_sticky = data.metadata()?.permissions().mode() & STICKY != 0;
    Ok(is_sticky || SHARED.iter().any(|shared| data == Path::new(shared)))
}

fn is_open(found: &Metadata) -> bool {
    found.permissions().mode() & OTHERS != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    /// Makes what an earlier version left: every directory 0755, every file 0644.
    fn left_open(home: &Path) -> PathBuf {
        let data = home.join("data");
        let folder = data.join("content/blobs/sha256/ab");
        fs::create_dir_all(&folder).unwrap();
        for file in [folder.join("abcd"), data.join("content/x"), data.join("y")] {
            fs::write(&file, "secret").unwrap();
            set_mode(&file, 0o644);
        }
        for folder in folder.ancestors().take(5) {
            set_mode(folder, 0o755);
        }
        data
    }

    #[test]
    fn a_new_directory_is_private() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("a/data");
        let closed = close(&data).unwrap();
        assert_eq!((closed.problems.len(), mode(&data)), (0, 0o700));
    }

    #[test]
    fn what_an_earlier_version_left_open_is_closed_the_top_at_once() {
        let home = tempfile::tempdir().unwrap();
        let data = left_open(home.path());
        let closed = close(&data).unwrap();
        assert!(closed.problems.is_empty(), "{closed:?}");
        assert_eq!(mode(&data), 0o700);
        assert_eq!(mode(&data.join("content")), 0o700);
        assert_eq!(mode(&data.join("y")), 0o600);
        assert_eq!(mode(&data.join("content/x")), 0o644, "not waited for");
        closed.finish(&data);
        for (path, wanted) in [
            ("content/x", 0o600),
            ("content/blobs/sha256/ab", 0o700),
            ("content/blobs/sha256/ab/abcd", 0o600),
        ] {
            assert_eq!(mode(&data.join(path)), wanted, "{path}");
        }
    }

    #[test]
    fn nothing_is_walked_again_unless_something_was_opened() {
        let home = tempfile::tempdir().unwrap();
        let data = left_open(home.path());
        close(&data).unwrap().finish(&data);
        assert!(!close(&data).unwrap().is_unfinished);
        // A volume's group is given everything again when it is mounted.
        for opened in [data.clone(), data.join("content"), data.join("y")] {
            let before = mode(&opened);
            set_mode(&opened, before | 0o070);
            assert!(close(&data).unwrap().is_unfinished, "{opened:?}");
            assert_eq!(mode(&opened), before);
        }
    }

    #[test]
    fn a_link_and_its_target_are_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let data = left_open(home.path());
        let elsewhere = home.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("theirs"), "").unwrap();
        set_mode(&elsewhere.join("theirs"), 0o644);
        set_mode(&elsewhere, 0o755);
        std::os::unix::fs::symlink(&elsewhere, data.join("content/link")).unwrap();
        std::os::unix::fs::symlink(&elsewhere, data.join("link")).unwrap();
        close(&data).unwrap().finish(&data);
        assert_eq!(mode(&elsewhere), 0o755);
        assert_eq!(mode(&elsewhere.join("theirs")), 0o644);
        // The data directory itself may be a link.
        let through = home.path().join("through");
        std::os::unix::fs::symlink(&data, &through).unwrap();
        set_mode(&data, 0o755);
        close(&through).unwrap();
        assert_eq!(mode(&data), 0o700);
    }

    #[test]
    fn a_directory_that_belongs_to_everybody_is_told_and_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let shared = home.path().join("shared");
        fs::create_dir(&shared).unwrap();
        for folder in ["content", "theirs"] {
            fs::create_dir(shared.join(folder)).unwrap();
            set_mode(&shared.join(folder), 0o755);
        }
        set_mode(&shared, 0o1777);
        let closed = close(&shared).unwrap();
        assert_eq!(mode(&shared), 0o1777);
        assert_eq!(mode(&shared.join("content")), 0o700);
        assert_eq!(mode(&shared.join("theirs")), 0o755);
        assert!(
            closed.problems[0].contains("belongs to everybody"),
            "{closed:?}"
        );
        assert!(is_shared(Path::new("/var/lib")).unwrap());
        assert!(!is_shared(home.path()).unwrap());
    }
}
