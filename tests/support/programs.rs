//! What a machine fetches or builds once for the tests, and where it is kept: above all today's
//! clients, which Debian does not have yet and `tests/build-programs` builds.
//!
//! `tests/programs.txt` lists them with their versions. Those that are always built must be there;
//! the others are used where they are, so a test on them asks first.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const LIST: &str = include_str!("../programs.txt");

/// Gives the path of a program that is always built, panics where it is not.
#[track_caller]
pub fn required(name: &str) -> PathBuf {
    let path = path(name);
    assert!(
        path.exists(),
        "{} is not built; tests/build-programs builds it",
        path.display()
    );
    path
}

/// Gives the path of a program that is built with `--long`, none where it is not, and says so.
pub fn built(name: &str) -> Option<PathBuf> {
    let path = path(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("{name} is not built, so nothing was tried; tests/build-programs --long builds it");
    None
}

fn path(name: &str) -> PathBuf {
    let version_of = |line: &str| {
        let mut row = line.split_whitespace();
        let package = (row.next()? == name).then(|| row.next())??;
        package
            .rsplit_once('@')
            .map(|(_, version)| version.to_owned())
    };
    let version = LIST
        .lines()
        .find_map(version_of)
        .unwrap_or_else(|| panic!("tests/programs.txt has no version of {name}"));
    cache().join(format!("{name}@{version}")).join(name)
}

/// Gives the directory of what tests fetch or build once, which outlives a checkout.
pub fn cache() -> PathBuf {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    folder("SLUICEGATE_TEST_CACHE").unwrap_or_else(|| {
        let kept = folder("XDG_CACHE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".cache")))
            .expect("a home directory");
        kept.join("sluicegate-tests")
    })
}

/// Writes a program in shell that can be started at once.
///
/// Another process writes it: what a test holds open for writing is held as well by whatever another
/// test starts in that moment, and what is open for writing cannot be started.
pub fn write(path: &Path, text: &str) {
    let mut writer = Command::new("install")
        .args(["-m", "0755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("start install");
    let mut input = writer.stdin.take().expect("its input");
    input.write_all(text.as_bytes()).expect("write a program");
    drop(input);
    let status = writer.wait().expect("wait for install");
    assert!(status.success(), "install {}: {status}", path.display());
}

/// Gives the `PATH` of this process with a folder before all others.
pub fn path_with(folder: &Path) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    format!("{}:{}", folder.display(), path.to_string_lossy())
}
