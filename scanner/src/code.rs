//! Directories that an installer makes for one package each, known by their path.
//!
//! Code in such a directory without the record that names its package was hidden, or copied in by
//! hand. `layer/walk.rs` keeps a few files of each as witnesses; the merge looks for the records.
//!
//! Source: npm documentation, "folders"; PyPA, "Recording installed projects"; RubyGems guides,
//! "Gem directories".

/// Most files of one directory that are kept as witnesses.
pub(crate) const WITNESSES: u8 = 3;

/// Whose packages a directory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Installer {
    /// `node_modules/name` and `node_modules/@scope/name`.
    Npm,
    /// `site-packages/name` and `dist-packages/name`.
    Python,
    /// `gems/name-version`.
    Gem,
}

/// The directory of one package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Root<'a> {
    pub(crate) installer: Installer,
    /// The directory of all packages, such as `app/node_modules`.
    pub(crate) parent: &'a str,
    /// The whole path of the package's own.
    pub(crate) path: &'a str,
}

impl<'a> Root<'a> {
    /// Gives the directory's name below its parent.
    pub(crate) fn name(&self) -> &'a str {
        self.path.get(self.parent.len() + 1..).unwrap_or_default()
    }
}

/// Gives the package's directory that a file is in, if an installer made one.
pub(crate) fn root(path: &str) -> Option<Root<'_>> {
    for (slash, _) in path.rmatch_indices('/') {
        let (parent, inside) = (path.get(..slash)?, path.get(slash + 1..)?);
        let Some(installer) = installer(parent) else {
            continue;
        };
        let mut slashes = inside.match_indices('/').map(|(at, _)| at);
        let is_scoped = installer == Installer::Npm && inside.starts_with('@');
        let end = if is_scoped {
            slashes.nth(1)
        } else {
            slashes.next()
        };
        let root = Root {
            installer,
            parent,
            path: path.get(..slash + 1 + end?)?,
        };
        return is_package(&root).then_some(root);
    }
    None
}

/// Tells whether a file is code of the package whose directory it is in.
pub(crate) fn is_code(installer: Installer, path: &str) -> bool {
    let ending = path.rsplit('/').next().unwrap_or_default().rsplit_once('.');
    let ending = ending.map_or("", |(_, ending)| ending);
    match installer {
        Installer::Npm => matches!(ending, "js" | "cjs" | "mjs" | "node" | "wasm"),
        Installer::Python => matches!(ending, "py" | "pyc" | "so"),
        Installer::Gem => matches!(ending, "rb" | "so"),
    }
}

/// Tells whether a file lies where a package of npm or a gem has its record, whatever it holds.
pub(crate) fn is_record(path: &str) -> bool {
    let is_gem = path.ends_with(".gemspec") && path.split('/').any(|part| part == "specifications");
    let of_npm = || {
        let root = root(path).filter(|root| root.installer == Installer::Npm)?;
        path.strip_prefix(root.path)
    };
    is_gem || of_npm() == Some("/package.json")
}

fn installer(directory: &str) -> Option<Installer> {
    let (above, name) = directory.rsplit_once('/').unwrap_or(("", directory));
    match name {
        "node_modules" => Some(Installer::Npm),
        "site-packages" | "dist-packages" => Some(Installer::Python),
        // Bundler's checkouts carry their record within.
        "gems" if !above.ends_with("bundler") => Some(Installer::Gem),
        _ => None,
    }
}

fn is_package(root: &Root<'_>) -> bool {
    let name = root.name();
    match root.installer {
        Installer::Npm => !name.starts_with('.') && is_nested_by_npm(root.parent),
        Installer::Python => name != "__pycache__" && is_identifier(name),
        Installer::Gem => name
            .split('-')
            .skip(1)
            .any(|part| part.starts_with(|c: char| c.is_ascii_digit())),
    }
}

/// Tells whether a `node_modules` is where npm would put one, and not among a package's tests.
fn is_nested_by_npm(directory: &str) -> bool {
    let Some((above, _)) = directory.rsplit_once('/') else {
        return true;
    };
    let Some((_, holder)) = above.rsplit_once("node_modules/") else {
        return true;
    };
    let depth = holder.matches('/').count();
    holder.starts_with('.') || depth == usize::from(holder.starts_with('@'))
}

fn is_identifier(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_part) && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_directory_of_one_package() {
        let table = [
            ("app/node_modules/a/lib/x.js", Some("app/node_modules/a")),
            ("node_modules/a/x.js", Some("node_modules/a")),
            ("node_modules/@s/a/x.js", Some("node_modules/@s/a")),
            (
                "node_modules/a/node_modules/b/x.js",
                Some("node_modules/a/node_modules/b"),
            ),
            (
                "node_modules/@s/a/node_modules/b/x.js",
                Some("node_modules/@s/a/node_modules/b"),
            ),
            (
                "node_modules/.pnpm/a@1/node_modules/a/x.js",
                Some("node_modules/.pnpm/a@1/node_modules/a"),
            ),
            ("node_modules/a/test/x/node_modules/b/x.js", None),
            ("node_modules/x.js", None),
            ("node_modules/.bin/x.js", None),
            ("node_modules/@s/x.js", None),
            (
                "usr/lib/python3/dist-packages/yaml/__init__.py",
                Some("usr/lib/python3/dist-packages/yaml"),
            ),
            ("v/site-packages/six.py", None),
            ("v/site-packages/__pycache__/six.pyc", None),
            ("v/site-packages/a-1.dist-info/x.py", None),
            ("v/site-packages/numpy.libs/x.so", None),
            ("usr/lib/python3.11/json/decoder.py", None),
            (
                "usr/lib/ruby/gems/3.1.0/gems/rake-13.0.6/lib/rake.rb",
                Some("usr/lib/ruby/gems/3.1.0/gems/rake-13.0.6"),
            ),
            ("usr/lib/ruby/gems/3.1.0/gems/rake/lib/rake.rb", None),
            ("bundle/ruby/3.1.0/bundler/gems/a-1f/lib/a.rb", None),
        ];
        for (path, wanted) in table {
            assert_eq!(root(path).map(|root| root.path), wanted, "{path}");
        }
    }

    #[test]
    fn code_is_told_from_data() {
        for (installer, path, wanted) in [
            (Installer::Npm, "a/x.js", true),
            (Installer::Npm, "a/x.json", false),
            (Installer::Npm, "a.js/LICENSE", false),
            (
                Installer::Python,
                "a/x.cpython-311-x86_64-linux-gnu.so",
                true,
            ),
            (Installer::Python, "a/x.txt", false),
            (Installer::Gem, "a/x.rb", true),
        ] {
            assert_eq!(is_code(installer, path), wanted, "{path}");
        }
        assert!(is_record("lib/specifications/default/a-1.gemspec"));
        assert!(!is_record("src/a.gemspec"));
        assert!(is_record("node_modules/@s/a/package.json"));
        assert!(!is_record("node_modules/a/b/package.json"));
    }
}
