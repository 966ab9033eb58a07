//! The policy of an image that no other covers.

/// Its name.
pub const BUILT_IN_NAME: &str = "default";

/// Gives the built-in policy as a file: the single source, parsed like any other.
pub fn built_in_text() -> &'static str {
    include_str!("default.yaml")
}
