//! The reason phrase of HTTP/1.1, which says in words why a request failed.
//!
//! A HEAD has no body, and many clients show nothing of a refused one but its status line
//! (measured). HTTP/2 has no phrase and drops it.

use hyper::Response;
use hyper::ext::ReasonPhrase;

/// Longest phrase, in bytes: some proxies bound the whole status line.
const MAX_BYTES: usize = 400;
/// What leads to the address of a verdict: the end of a line that a cut should spare.
const DETAILS: &str = ". Details: ";
/// What leads to what can be done about it, right before that.
const FIRST: &str = ". First step: ";
/// What stands where something was left out.
const CUT: &str = "...";

/// Says why a request failed, in one line that is shortened where it is too long.
pub(super) fn set<B>(response: &mut Response<B>, line: &str) {
    let line = shortened(&sluicegate_policy::one_line(line));
    if let Ok(phrase) = ReasonPhrase::try_from(line) {
        response.extensions_mut().insert(phrase);
    }
}

/// Cuts a line of ASCII in its middle, so that the address at its end stays whole, and before it what
/// can be done where there is room for both.
fn shortened(line: &str) -> String {
    if line.len() <= MAX_BYTES {
        return line.to_owned();
    }
    let ends = [(FIRST, MAX_BYTES * 2 / 3), (DETAILS, MAX_BYTES / 2)];
    let mut ends = ends.into_iter().filter_map(|(begin, most)| {
        let end = line.rfind(begin).and_then(|at| line.get(at..))?;
        (end.len() < most).then_some(end)
    });
    let end = ends.next();
    let room = MAX_BYTES - CUT.len() - end.map_or(0, str::len);
    let kept = line.get(..room).unwrap_or_default();
    format!("{kept}{CUT}{}", end.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(line: &str) -> String {
        let mut response = Response::new(());
        set(&mut response, line);
        let phrase = response.extensions().get::<ReasonPhrase>().unwrap();
        String::from_utf8(phrase.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_phrase_is_one_short_line_of_ascii() {
        assert_eq!(phrase("no such endpoint"), "no such endpoint");
        assert_eq!(
            phrase("a\r\nset-cookie: b\u{1b}\u{e9}"),
            "a??set-cookie: b??"
        );
        let long = phrase(&"x".repeat(5_000));
        assert_eq!(long.len(), MAX_BYTES);
        assert!(long.ends_with("x..."), "{long}");
    }

    #[test]
    fn where_to_read_more_outlives_the_cut() {
        let details = format!(
            "{DETAILS}https://gate.test/api/v1/verdicts/sha256:{}",
            "a".repeat(64)
        );
        let line = phrase(&format!("{}{details}", "x".repeat(900)));
        assert_eq!(line.len(), MAX_BYTES);
        assert!(line.ends_with(&format!("x...{details}")), "{line}");
        let both = format!("{FIRST}upgrade openssl to 3.0.11 or later{details}");
        let line = phrase(&format!("{}{both}", "x".repeat(900)));
        assert_eq!(line.len(), MAX_BYTES);
        assert!(line.ends_with(&format!("x...{both}")), "{line}");
        let endless = phrase(&format!("{}{DETAILS}{}", "x".repeat(900), "y".repeat(900)));
        assert_eq!(endless.len(), MAX_BYTES);
    }
}
