//! Names in archives as paths in the image.
//!
//! A path has no leading slash, no `.` or empty component and no `..`; the root is the empty path.
//! Names that are no UTF-8 keep their bytes in an escaped form, so that two never become one.

use std::borrow::Cow;

/// A name with no place in the image: it climbs out of the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escapes;

/// Cleans a name into `into`, which is overwritten.
pub(crate) fn clean(name: &[u8], into: &mut String) -> Result<(), Escapes> {
    into.clear();
    let text = readable(name);
    for component in text.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                if into.is_empty() {
                    return Err(Escapes);
                }
                into.truncate(into.rfind('/').unwrap_or(0));
            }
            _ => {
                if !into.is_empty() {
                    into.push('/');
                }
                into.push_str(component);
            }
        }
    }
    Ok(())
}

/// Gives the text of a name, bytes escaped where it is no UTF-8.
pub(crate) fn readable(name: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(name).map_or_else(
        |_| Cow::Owned(name.escape_ascii().to_string()),
        Cow::Borrowed,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_names_against_the_root() {
        let table = [
            ("./", Ok("")),
            ("./etc//passwd", Ok("etc/passwd")),
            ("/etc/./passwd/", Ok("etc/passwd")),
            ("a/../etc/x", Ok("etc/x")),
            ("../x", Err(Escapes)),
            ("a/../../x", Err(Escapes)),
            ("..x/y", Ok("..x/y")),
        ];
        for (name, wanted) in table {
            let mut path = "stale".to_owned();
            let got = clean(name.as_bytes(), &mut path);
            assert_eq!(got.map(|()| path.as_str()), wanted, "{name}");
        }
    }

    #[test]
    fn keeps_names_apart_that_are_no_text() {
        let (mut left, mut right) = (String::new(), String::new());
        assert_eq!(clean(b"a/\xff", &mut left), Ok(()));
        assert_eq!(clean(b"a/\xfe", &mut right), Ok(()));
        assert_ne!(left, right);
    }
}
