//! What kind of file a path names, and so which of its words may be secrets.

/// How the assignments of a file are written, and whether they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Settings: `name: value`, `name=value`, with or without quotes.
    Settings,
    /// Source code: only what stands in quotes is a value.
    Source,
    /// Nothing that the path tells.
    Other,
    /// Prose, translations, lockfiles: only what an issuer's format proves.
    Prose,
}

/// What is known of a file before it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileKind {
    pub(crate) form: Form,
    /// Test data or documentation that a package brings, or a library in machine code: what is in it
    /// is public.
    pub(crate) is_published: bool,
    /// Files that packages of a language or a distribution bring: nobody's own settings.
    pub(crate) is_library: bool,
    pub(crate) is_netrc: bool,
    pub(crate) is_pgpass: bool,
    pub(crate) is_shadow: bool,
}

const SETTINGS: [&str; 26] = [
    "env",
    "yaml",
    "yml",
    "json",
    "toml",
    "ini",
    "cfg",
    "conf",
    "config",
    "properties",
    "props",
    "xml",
    "tfvars",
    "tfstate",
    "npmrc",
    "pypirc",
    "netrc",
    "pgpass",
    "cnf",
    "sh",
    "bash",
    "zsh",
    "profile",
    "dockerfile",
    "service",
    "hcl",
];
const SOURCE: [&str; 27] = [
    "py", "js", "mjs", "cjs", "ts", "tsx", "jsx", "go", "java", "kt", "scala", "groovy", "gradle",
    "rb", "php", "pl", "pm", "cs", "vb", "rs", "c", "h", "cpp", "swift", "lua", "tf", "ps1",
];
const PROSE: [&str; 36] = [
    "md",
    "rst",
    "txt",
    "adoc",
    "html",
    "htm",
    "css",
    "svg",
    "po",
    "pot",
    "mo",
    "map",
    "lock",
    "sum",
    "csv",
    "tex",
    "man",
    "1",
    "3",
    "5",
    "7",
    "8",
    "crt",
    "cer",
    "pub",
    "asc",
    "sig",
    "sha256",
    "md5sums",
    "list",
    "templates",
    "symbols",
    "xsd",
    "dtd",
    "ipynb",
    "strings",
];
const PROSE_NAMES: [&str; 12] = [
    "package-lock.json",
    "npm-shrinkwrap.json",
    "composer.lock",
    "yarn.lock",
    "pnpm-lock.yaml",
    "license",
    "copying",
    "copyright",
    "changelog",
    "readme",
    "pkg-info",
    "metadata",
];
/// Folders of which packages fill every file.
const LIBRARY: [&str; 13] = [
    "usr/share/",
    "usr/lib/",
    "usr/lib64/",
    "usr/include/",
    "usr/libexec/",
    "usr/src/",
    "/node_modules/",
    "/site-packages/",
    "/dist-packages/",
    "/gems/",
    "/vendor/",
    "/pkg/mod/",
    "var/lib/dpkg/",
];
/// Folders that hold, within those, what was published as an example.
const PUBLISHED: [&str; 16] = [
    "/test/",
    "/tests/",
    "/testing/",
    "/testdata/",
    "/test-data/",
    "/spec/",
    "/fixtures/",
    "/doc/",
    "/docs/",
    "/examples/",
    "/example/",
    "/sample/",
    "/samples/",
    "/man/",
    "/locale/",
    "/i18n/",
];

/// Tells what a path says of its file.
pub(crate) fn file_kind(path: &str) -> FileKind {
    let path = format!("/{}", path.trim_start_matches(['.', '/'])).to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let has = |folders: &[&str]| folders.iter().any(|folder| path.contains(folder));
    let is_library = has(&LIBRARY);
    FileKind {
        form: form(&path, name),
        is_published: is_library && has(&PUBLISHED),
        is_library,
        is_netrc: matches!(name, ".netrc" | "_netrc" | "netrc"),
        is_pgpass: matches!(name, ".pgpass" | "pgpass.conf"),
        is_shadow: matches!(name, "shadow" | "shadow-" | "gshadow" | "gshadow-"),
    }
}

fn form(path: &str, name: &str) -> Form {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let is = |table: &[&str]| table.contains(&extension);
    let is_named = |words: &[&str]| words.contains(&name) || words.contains(&stem);
    let is_words = [
        "/locale/",
        "/locales/",
        "/i18n/",
        "/lang/",
        "/l10n/",
        "/translations/",
    ]
    .iter()
    .any(|folder| path.contains(folder));
    let is_minified = [".min", "-min", ".bundle"]
        .iter()
        .any(|end| stem.ends_with(end));
    if is_words || is_minified || is_named(&PROSE_NAMES) || is(&PROSE) {
        Form::Prose
    } else if is(&SOURCE) {
        Form::Source
    } else if is(&SETTINGS) || name.starts_with(".env") || name.starts_with("dockerfile") {
        Form::Settings
    } else {
        Form::Other
    }
}
