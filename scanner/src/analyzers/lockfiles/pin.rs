//! What a lockfile pins, and the lines that it says so in.

/// A name and the one version that is to be installed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pin {
    pub(super) name: String,
    pub(super) version: String,
}

impl Pin {
    /// Makes a pin where both are something, and neither a variable nor broken text.
    pub(super) fn new(name: &str, version: &str) -> Option<Self> {
        let is_whole =
            |text: &str| !text.is_empty() && !text.contains(['$', '{', '}', '%', '\u{fffd}']);
        (is_whole(name) && is_whole(version)).then(|| Self {
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }
}

/// Gives the lines without the blanks at their ends.
pub(super) fn text_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_end)
}
