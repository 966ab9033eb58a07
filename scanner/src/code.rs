//! Directories that an installer makes for one package each, known by their path.
//!
//! Code in such a directory without the record that names its package was hidden, or copied in by
//! hand. `layer/walk.rs` keeps a few files of each as witnesses; the merge looks for the records.
//!
//! Source: npm documentation, "folders"; PyPA, "Recording installed projects"; RubyGems guides,
//! "Gem directories"; Composer documentation, "vendor-dir"; .NET documentation, "Dependency
//! manifest"; conda documentation, "Conda environments".

/// Most files of one directory that are kept as witnesses.
pub(crate) const WITNESSES: u8 = 3;

/// Whose packages a directory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Installer {
    /// `node_modules/name` and `node_modules/@scope/name`.
    Npm,
    /// `site-packages/name` and `dist-packages/name`, with or without an ending of code.
    Python,
    /// `gems/name-version`, and Bundler's checkouts.
    Gem,
    /// `vendor/maker/name`.
    Composer,
    /// Any directory with assemblies: the one installer that gives packages none of their own.
    Dotnet,
}

/// Modules that tools put among installed ones and that belong to no distribution.
/// Source: Python documentation, `site`; virtualenv.
const SITE_MODULES: [&str; 3] = ["sitecustomize", "usercustomize", "_virtualenv"];

/// Where `pip install --target` puts the programs of what it installs, beside the packages.
const SCRIPTS: &str = "bin";

/// What makes a directory of Python's code one that is imported.
const PACKAGE_OF_PYTHON: &str = "__init__.py";

/// What the manifest beside an application of .NET ends in; one without packages names none.
pub(crate) const MANIFEST_OF_DOTNET: &str = ".deps.json";

/// What conda leaves in an environment beside its records, below the environment's directory.
const CONDA_MARKS: [&str; 3] = [
    "conda-meta/history",
    "condabin/conda",
    "etc/profile.d/conda.sh",
];

/// The directory of one package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Root<'a> {
    pub(crate) installer: Installer,
    /// The directory of all packages, such as `app/node_modules`.
    pub(crate) parent: &'a str,
    /// The whole path of the package's own; of a module that is one file, without its ending.
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
        // Whatever else lies in a `vendor` belongs to who brought that directory.
        let found = installer(parent)
            .filter(|it| *it != Installer::Composer || is_code(Installer::Composer, path));
        let Some(installer) = found else {
            continue;
        };
        let mut slashes = inside.match_indices('/').map(|(at, _)| at);
        let is_double = installer == Installer::Composer
            || installer == Installer::Npm && inside.starts_with('@');
        let end = match installer {
            _ if is_double => slashes.nth(1),
            Installer::Python => slashes.next().or_else(|| module(inside).map(str::len)),
            _ => slashes.next(),
        };
        let root = Root {
            installer,
            parent,
            path: path.get(..slash + 1 + end?)?,
        };
        return is_package(&root).then_some(root);
    }
    let (directory, _) = path.rsplit_once('/')?;
    let (_, ending) = path.rsplit_once('.')?;
    (ending == "dll").then_some(Root {
        installer: Installer::Dotnet,
        parent: directory,
        path: directory,
    })
}

/// Gives the name of the module that a file of Python is.
pub(crate) fn module(file_name: &str) -> Option<&str> {
    let (stem, endings) = file_name.split_once('.')?;
    let ending = endings.rsplit('.').next()?;
    (!stem.is_empty() && matches!(ending, "py" | "pyc" | "so")).then_some(stem)
}

/// Gives the environment that a file which conda leaves beside its records lies in; the path ends
/// in a slash or is empty.
pub(crate) fn conda_environment(path: &str) -> Option<&str> {
    let mut marks = CONDA_MARKS.iter();
    let environment = marks.find_map(|mark| path.strip_suffix(mark))?;
    (environment.is_empty() || environment.ends_with('/')).then_some(environment)
}

/// Tells whether a file is code of the package whose directory it is in.
pub(crate) fn is_code(installer: Installer, path: &str) -> bool {
    let ending = path.rsplit('/').next().unwrap_or_default().rsplit_once('.');
    let ending = ending.map_or("", |(_, ending)| ending);
    match installer {
        Installer::Npm => matches!(ending, "js" | "cjs" | "mjs" | "node" | "wasm"),
        // What is cached is not run without the code beside it.
        Installer::Python => matches!(ending, "py" | "pyc" | "so") && !is_cached(path),
        Installer::Gem => matches!(ending, "rb" | "so"),
        Installer::Composer => ending == "php",
        Installer::Dotnet => ending == "dll",
    }
}

fn is_cached(path: &str) -> bool {
    path.split('/').any(|part| part == "__pycache__")
}

/// Tells whether a file lies where a package of npm, a gem or an application of .NET has its record,
/// whatever it holds, or where conda leaves a mark beside its own.
pub(crate) fn is_record(path: &str) -> bool {
    let is_gem = path.ends_with(".gemspec") && path.split('/').any(|part| part == "specifications");
    let of_npm = || {
        let root = root(path).filter(|root| root.installer == Installer::Npm)?;
        path.strip_prefix(root.path)
    };
    is_gem
        || path.ends_with(MANIFEST_OF_DOTNET)
        || of_npm() == Some("/package.json")
        || root(path).is_some_and(|root| path == imported(&root) && may_be_scripts(&root))
        || conda_environment(path).is_some()
}

/// Gives the file that makes the directory one that is imported, were it one of Python.
pub(crate) fn imported(root: &Root<'_>) -> String {
    format!("{}/{PACKAGE_OF_PYTHON}", root.path)
}

/// Tells whether a directory beside Python's packages is for programs, if it is not imported.
pub(crate) fn may_be_scripts(root: &Root<'_>) -> bool {
    root.installer == Installer::Python && root.name() == SCRIPTS
}

fn installer(directory: &str) -> Option<Installer> {
    match directory.rsplit('/').next().unwrap_or_default() {
        "node_modules" => Some(Installer::Npm),
        "site-packages" | "dist-packages" => Some(Installer::Python),
        "gems" => Some(Installer::Gem),
        "vendor" => Some(Installer::Composer),
        _ => None,
    }
}

/// Tells whether a directory of gems has Bundler's checkouts, which carry their record within.
pub(crate) fn has_checkouts(gems: &str) -> bool {
    gems.strip_suffix("/gems")
        .is_some_and(|above| above.rsplit('/').next() == Some("bundler"))
}

fn is_package(root: &Root<'_>) -> bool {
    let name = root.name();
    match root.installer {
        Installer::Npm => !name.starts_with('.') && is_nested_by_npm(root.parent),
        Installer::Python => {
            name != "__pycache__" && is_identifier(name) && !SITE_MODULES.contains(&name)
        }
        Installer::Gem if has_checkouts(root.parent) => true,
        Installer::Composer => name.split('/').all(is_word_of_composer),
        Installer::Dotnet => true,
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

/// Source: Composer documentation, "The composer.json schema", `name`.
fn is_word_of_composer(part: &str) -> bool {
    let is_plain =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(is_plain)
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
        for (path, wanted) in JAVASCRIPT.iter().chain(OTHERS) {
            assert_eq!(root(path).map(|root| root.path), *wanted, "{path}");
        }
    }

    /// Paths of Node, and the directory of the package that each lies in.
    const JAVASCRIPT: &[(&str, Option<&str>)] = &[
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
    ];

    /// The same of other languages.
    const OTHERS: &[(&str, Option<&str>)] = &[
        (
            "usr/lib/python3/dist-packages/yaml/__init__.py",
            Some("usr/lib/python3/dist-packages/yaml"),
        ),
        ("v/site-packages/six.py", Some("v/site-packages/six")),
        (
            "v/site-packages/_cffi.cpython-311-x86_64-linux-gnu.so",
            Some("v/site-packages/_cffi"),
        ),
        ("v/site-packages/81d243bd__mypyc.cpython-311.so", None),
        ("v/site-packages/sitecustomize.py", None),
        ("v/site-packages/x.pth", None),
        ("v/site-packages/__pycache__/six.pyc", None),
        ("v/site-packages/a-1.dist-info/x.py", None),
        ("v/site-packages/numpy.libs/x.so", None),
        ("usr/lib/python3.11/json/decoder.py", None),
        (
            "usr/lib/ruby/gems/3.1.0/gems/rake-13.0.6/lib/rake.rb",
            Some("usr/lib/ruby/gems/3.1.0/gems/rake-13.0.6"),
        ),
        ("usr/lib/ruby/gems/3.1.0/gems/rake/lib/rake.rb", None),
        (
            "bundle/ruby/3.1.0/bundler/gems/a-1f/lib/a.rb",
            Some("bundle/ruby/3.1.0/bundler/gems/a-1f"),
        ),
        (
            "app/vendor/symfony/http-kernel/Kernel.php",
            Some("app/vendor/symfony/http-kernel"),
        ),
        ("app/vendor/composer/ClassLoader.php", None),
        ("app/vendor/bin/phpunit.php", None),
        ("app/vendor/Github/x/y.php", None),
        (
            "app/node_modules/a/vendor/b/c/x.js",
            Some("app/node_modules/a"),
        ),
        ("app/Newtonsoft.Json.dll", Some("app")),
        ("app/node_modules/a/x.dll", Some("app/node_modules/a")),
        ("x.dll", None),
    ];

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
            (Installer::Python, "a/__pycache__/x.cpython-311.pyc", false),
            (Installer::Gem, "a/x.rb", true),
            (Installer::Composer, "a/b/x.php", true),
            (Installer::Composer, "a/b/x.inc", false),
            (Installer::Dotnet, "a/x.dll", true),
        ] {
            assert_eq!(is_code(installer, path), wanted, "{path}");
        }
        assert!(is_record("lib/specifications/default/a-1.gemspec"));
        assert!(!is_record("src/a.gemspec"));
        assert!(is_record("node_modules/@s/a/package.json"));
        assert!(!is_record("node_modules/a/b/package.json"));
        assert!(is_record("opt/conda/conda-meta/history"));
        assert!(is_record("app/shop.deps.json"));
        assert_eq!(conda_environment("opt/x/condabin/conda"), Some("opt/x/"));
        assert_eq!(conda_environment("conda-meta/history"), Some(""));
        assert_eq!(conda_environment("opt/xconda-meta/history"), None);
    }
}
