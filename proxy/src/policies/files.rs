//! Which files under the given paths are policy files, and their texts.
//!
//! A directory is read with the folders below it. What is hidden belongs to the tool that put it
//! there (`.git`, the `..data` of a mounted ConfigMap) and is passed over, but for `.trivyignore`.
//! What looks as if it should count and does not is named. Each file has the name under which it lies
//! in the outermost of the given directories: by that name a delegation knows whose it is, and a link
//! gives it no other one. Called by `policies` and `policy lint`.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sluicegate_policy::{AttachedFile, SourceFile, Sources, is_trivyignore, named_files};

use super::PolicyError;
use super::attached;

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
    /// The files that those name.
    pub attached: Vec<AttachedFile>,
    /// Files that are not read and look as if somebody thinks they are, each with the reason.
    pub unread: Vec<String>,
}

impl PolicyFiles {
    /// Gives all of it as what a set is made of at an instant.
    pub fn sources(&self, now: Timestamp) -> Sources<'_> {
        Sources {
            files: &self.files,
            attached: &self.attached,
            now,
        }
    }
}

/// Reads every policy file under `paths`, files as given, directories with the folders below them, and
/// the files that those name.
pub fn read_all(paths: &[PathBuf]) -> Result<PolicyFiles, PolicyError> {
    let mut search = Search::default();
    for path in outermost_first(paths) {
        if path.is_dir() {
            search.root = path.canonicalize().unwrap_or_default();
            search.directory(path, 0)?;
        } else {
            search.file(path)?;
        }
    }
    let attached = attached::read(&named_files(&search.files));
    let mut unread = search.passed_over;
    unread.retain(|(path, _)| !attached.paths.contains(path));
    let unread = unread.into_iter().take(MAX_UNREAD);
    Ok(PolicyFiles {
        files: search.files,
        attached: attached.files,
        unread: unread.map(|(_, line)| line).collect(),
    })
}

/// Puts what holds other paths before those.
fn outermost_first(paths: &[PathBuf]) -> Vec<&PathBuf> {
    let mut paths: Vec<&PathBuf> = paths.iter().collect();
    let depth = |path: &PathBuf| {
        path.canonicalize()
            .map_or(0, |real| real.components().count())
    };
    paths.sort_by_cached_key(|path| (!path.is_dir(), depth(path)));
    paths
}

/// What was found so far.
#[derive(Default)]
struct Search {
    files: Vec<SourceFile>,
    /// Files that look as if somebody thinks they are read, each with the reason why they are not.
    passed_over: Vec<(PathBuf, String)>,
    /// Where files and folders really lie: one that is reached twice is read once.
    seen: BTreeSet<PathBuf>,
    /// Where the directory really lies that is read now.
    root: PathBuf,
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
            if self.is_read_elsewhere(&path) {
                continue;
            }
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
        if self.files.len() >= MAX_FILES {
            let reason = format!("more than {MAX_FILES} files");
            return Err(unreadable(io::Error::other(reason)));
        }
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut text = String::new();
        // One byte over the bound, so that the parser sees that there is more and says so.
        file.take(MAX_FILE_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        self.files.push(SourceFile {
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
        if self.passed_over.len() < MAX_FILES {
            let line = format!("{} is not read: {reason}", path.display());
            self.passed_over.push((path.to_owned(), line));
        }
    }

    /// Tells whether a path is a link to what is read where it lies.
    fn is_read_elsewhere(&self, path: &Path) -> bool {
        let real = path
            .is_symlink()
            .then(|| path.canonicalize().ok())
            .flatten();
        let Some(real) = real else {
            return false;
        };
        let is_hidden = |step: &std::ffi::OsStr| step.to_string_lossy().starts_with('.');
        let is_read = real.is_dir() || is_yaml(&real);
        let inside = real.strip_prefix(&self.root);
        inside.is_ok_and(|inside| is_read && !inside.iter().any(is_hidden))
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
    fn a_file_has_the_name_under_which_it_lies() {
        use std::os::unix::fs::symlink;
        let home = tempfile::tempdir().unwrap();
        let shop = home.path().join("teams/shop");
        std::fs::create_dir_all(&shop).unwrap();
        std::fs::write(shop.join("e.yaml"), "").unwrap();
        std::fs::write(home.path().join("z.yaml"), "").unwrap();
        symlink(&shop, home.path().join("a-link")).unwrap();
        symlink(shop.join("e.yaml"), home.path().join("b-link.yaml")).unwrap();
        symlink(home.path().join("z.yaml"), shop.join("a.yaml")).unwrap();
        assert_eq!(read(home.path()).0, ["teams/shop/e.yaml", "z.yaml"]);
        let paths = [shop.join("e.yaml"), shop, home.path().to_owned()];
        let found = read_all(&paths).unwrap();
        let names = found.files.iter().map(|it| it.name.as_str());
        let wanted = ["teams/shop/e.yaml", "z.yaml"].map(|it| home.path().join(it));
        assert_eq!(
            names.collect::<Vec<_>>(),
            wanted
                .iter()
                .map(|it| it.to_str().unwrap())
                .collect::<Vec<_>>()
        );
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
