//! Shell variables of `os-release` and `lsb-release`: quotes, backslashes and comments as a shell
//! reads them, and nothing that a shell would run.
//!
//! Source: os-release(5); POSIX shell, section 2.2, "Quoting".

/// Gives a variable's value; the last assignment counts, as in a shell.
pub(super) fn value(text: &str, key: &str) -> String {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
        .next_back()
        .map(unquote)
        .unwrap_or_default()
}

/// Takes off quotes and backslashes as a shell would.
fn unquote(word: &str) -> String {
    let mut plain = String::new();
    let mut quote = None;
    let mut characters = word.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quote) {
            // Within double quotes a backslash stands for itself before most characters.
            ('\\', Some('"')) => {
                let escapes = |next: &char| matches!(next, '"' | '\\' | '$' | '`');
                plain.push(characters.next_if(escapes).unwrap_or('\\'));
            }
            ('\\', None) => plain.extend(characters.next()),
            ('"' | '\'', None) => quote = Some(character),
            (_, Some(open)) if character == open => quote = None,
            (' ' | '\t' | '#' | ';', None) => break,
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_way_of_quoting() {
        let table = [
            ("ID=debian", "debian"),
            ("ID=\"debian\"", "debian"),
            ("ID='debian' # comment", "debian"),
            ("ID=deb\\ian", "debian"),
            ("ID=\"a\\\"b\\$c\\d\"", "a\"b$c\\d"),
            ("ID='a\\b'", "a\\b"),
            ("  ID=ubuntu\nID=\"Debian\"", "Debian"),
            ("#ID=x\nNAME=y\nID_LIKE=z\nID=debian\r", "debian"),
            ("ID=", ""),
            ("ID_LIKE=debian", ""),
        ];
        for (text, wanted) in table {
            assert_eq!(value(text, "ID"), wanted, "{text}");
        }
    }
}
