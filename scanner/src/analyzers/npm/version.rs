//! Versions of npm packages as npm reads them. Pure.
//!
//! Source: node-semver, "Functions", `clean`.

/// Takes off the blanks around a version, and `=` and `v` before its first number; what begins with
/// anything else stays as it is.
pub(in crate::analyzers) fn clean(stated: &str) -> &str {
    let stated = stated.trim();
    let bare = stated.trim_start_matches(['=', 'v', ' ']);
    if bare.starts_with(|first: char| first.is_ascii_digit()) {
        bare
    } else {
        stated
    }
}
