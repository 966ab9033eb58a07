//! Which files under the given paths are policy files, and their texts.
//!
//! A directory is read with the folders below it. What is hidden belongs to the tool that put it
//! there (`.git`, the `..data` of a mounted ConfigMap) and is passed over, but for `.trivyignore`.
//! What looks as if it should count and does not is named. Called by `policies` and `policy lint`.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sluicegate_policy::{SourceFile, is_trivyignore};

use super::PolicyError;

/// Largest policy file read, in bytes.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Most files of all policy directories.
const MAX_FILES: usize = 10_000;
/// Most folders below one another; a link that leads back up ends here at the latest.
const MAX_DEPTH: usize = 16;
/// Most files that are named as not read.
const MAX_UNREAD: usize = 100;
/// Endings of pages for people, which nobody takes for policies.
const PAGES: [&str; 4] = ["md", "txt", "rst", "adoc"];

/// What lies under the given paths.
#[derive(Debug, Default)]
pub struct PolicyFiles {
    /// The files that are read, each once, in the order of paths and names.
    pub files: Vec<SourceFile>,
    /// Files that are not read and look as if somebody thinks they are, each with the reason.
    pub unread: Vec<String>,
}

/// Reads every policy file under `paths`: files as given, directories with the folders below them.
pub fn read_all(paths: &[PathBuf]) -> Result<PolicyFiles, PolicyError> {
    let mut search = Search::default();
    for path in paths {
        if path.is_dir() {
            search.directory(path, 0)?;
        } else {
            search.file(path)?;
        }
    }
    Ok(search.found)
}

/// What was found so far.
#[derive(Default)]
struct Search {
    found: PolicyFiles,
    /// Where files and folders really lie: one that is reached twice is read once.
    seen: BTreeSet<PathBuf>,
}

impl Search {
    fn directory(&mut self, directory: &Path, depth: usize) -> Result<(), PolicyError> {
        let unreadable = |source| PolicyError::Unreadable {
            path: directory.to_owned(),
            source,
        };
        if depth > MAX_DEPTH {
            let reason = format!("more than {MAX_DEPTH} folders below one another");
            return Err(unreadable(io::Error::other(reason)));
        }
        if !self.is_new(directory).map_err(unreadable)? {
            return Ok(());
        }
        let entries = std::fs::read_dir(directory).map_err(unreadable)?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut paths = paths.collect::<io::Result<Vec<_>>>().map_err(unreadable)?;
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_policy = is_yaml(&path) || is_trivyignore(&name);
            let is_hidden = name.starts_with('.') && !is_trivyignore(&name);
            if path.is_dir() {
                if !is_hidden {
                    self.directory(&path, depth + 1)?;
                }
            } else if is_policy && !is_hidden {
                // A link that leads nowhere is an error: what it named was a policy once.
                self.file(&path)?;
            } else {
                self.pass_over(&path, is_hidden);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), PolicyError> {
        let unreadable = |source| PolicyError::Unreadable {
            path: path.to_owned(),
            source,
        };
        if !self.is_new(path).map_err(unreadable)? {
            return Ok(());
        }
        if self.found.files.len() >= MAX_FILES {
            let reason = format!("more than {MAX_FILES} files");
            return Err(unreadable(io::Error::other(reason)));
        }
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut text = String::new();
        // One byte over the bound, so that the parser sees that there is more and says so.
        file.take(MAX_FILE_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        self.found.files.push(SourceFile {
            name: path.display().to_string(),
            text,
        });
        Ok(())
    }

    fn pass_over(&mut self, path: &Path, is_hidden: bool) {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        let reason = match (is_hidden, is_yaml(path)) {
            (true, true) => "hidden files are not read",
            (true, false) => return,
            (false, _) if PAGES.contains(&&*ending) => return,
            (false, _) => "its name does not end in .yaml or .yml",
        };
        if self.found.unread.len() < MAX_UNREAD {
            let line = format!("{} is not read: {reason}", path.display());
            self.found.unread.push(line);
        }
    }

    fn is_new(&mut self, path: &Path) -> io::Result<bool> {
        Ok(self.seen.insert(path.canonicalize()?))
    }
}

fn is_yaml(path: &Path) -> bool {
    let ending = path.extension();
    ending.is_some_and(|ending| ending == "yaml" || ending == "yml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(directory: &Path) -> (Vec<String>, Vec<String>) {
        let found = read_all(&[directory.to_owned()]).unwrap();
        let bare = |name: &str| name.replace(&format!("{}/", directory.display()), "");
        let files = found.files.iter().map(|file| bare(&file.name)).collect();
        (files, found.unread.iter().map(|line| bare(line)).collect())
    }

    #[test]
    fn folders_below_a_directory_are_read_and_what_is_not_is_named() {
        let home = tempfile::tempdir().unwrap();
        for path in [
            "a.yaml",
            "teams/shop/exceptions/e.yml",
            "teams/.trivyignore",
            "teams/app.trivyignore.yaml",
            ".trivyignore.yml",
            ".git/config.yaml",
            "..2026_11_28/a.yaml",
            "teams/.draft.yaml",
            "teams/b.yaml.off",
            "teams/README.md",
            "exceptions.json",
        ] {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let (files, unread) = read(home.path());
        let wanted = [
            ".trivyignore.yml",
            "a.yaml",
            "teams/.trivyignore",
            "teams/app.trivyignore.yaml",
            "teams/shop/exceptions/e.yml",
        ];
        assert_eq!(files, wanted);
        let ending = "is not read: its name does not end in .yaml or .yml";
        let wanted = [
            format!("exceptions.json {ending}"),
            "teams/.draft.yaml is not read: hidden files are not read".to_owned(),
            format!("teams/b.yaml.off {ending}"),
        ];
        assert_eq!(unread, wanted);
    }

    #[test]
    fn links_are_followed_once_and_one_that_leads_nowhere_is_an_error() {
        use std::os::unix::fs::symlink;
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("..data/team");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("p.yaml"), "").unwrap();
        symlink(&data, home.path().join("team")).unwrap();
        symlink(home.path(), data.join("up")).unwrap();
        assert_eq!(read(home.path()).0, ["team/p.yaml"]);
        let both = [home.path().to_owned(), home.path().join("team")];
        assert_eq!(read_all(&both).unwrap().files.len(), 1, "named twice");

        symlink("/nowhere/x.yaml", home.path().join("x.yaml")).unwrap();
        let error = read_all(&[home.path().to_owned()]).unwrap_err();
        assert!(error.to_string().contains("x.yaml"), "{error}");
    }
}
