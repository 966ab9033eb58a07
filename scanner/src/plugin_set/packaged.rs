//! Where packages of an operating system put files, and where only an image's author does.

/// Where packages of an operating system put files.
///
/// Source: Filesystem Hierarchy Standard 3.0.
const PACKAGED: [&str; 12] = [
    "bin", "boot", "etc", "lib", "lib32", "lib64", "libx32", "opt", "sbin", "srv", "usr", "var",
];

/// Tells whether a system's package may have put a file there: a program that an image's author
/// adds under `app` or `usr/local` is nobody's, so hashing it would prove nothing.
pub(super) fn may_be_owned(path: &str) -> bool {
    let top = path.split('/').next().unwrap_or_default();
    PACKAGED.contains(&top) && !path.starts_with("usr/local/")
}
