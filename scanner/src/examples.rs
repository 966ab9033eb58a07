//! Many paths in one line: a few of them, and how many more there are.

/// Most paths that are named.
const SHOWN: usize = 3;

/// Most characters of one of them.
const MAX_CHARACTERS: usize = 160;

/// Gives `a, b, c (and K more)`, in the order given.
pub(crate) fn examples<'a>(paths: impl IntoIterator<Item = &'a str>) -> String {
    let mut paths = paths.into_iter();
    let shown: Vec<String> = paths.by_ref().take(SHOWN).map(shorten).collect();
    let more = paths.count();
    let line = shown.join(", ");
    match more {
        0 => line,
        more => format!("{line} (and {more} more)"),
    }
}

fn shorten(path: &str) -> String {
    path.chars().take(MAX_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_three_and_counts_the_rest() {
        assert_eq!(examples([]), "");
        assert_eq!(examples(["a", "b", "c"]), "a, b, c");
        assert_eq!(examples(["a", "b", "c", "d", "e"]), "a, b, c (and 2 more)");
        assert_eq!(examples(["x".repeat(999).as_str()]).len(), MAX_CHARACTERS);
    }
}
