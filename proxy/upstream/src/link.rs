//! Reads `Link`: where an upstream says that its list goes on. Pure. Source: RFC 8288.

use http::HeaderMap;
use http::header::LINK;

/// Longest query of a next page that is taken over, in bytes; ours has room for it in a URL.
const MAX_QUERY_BYTES: usize = 2048;

/// Gives the parameters of the next page: of the first link that has `next` among its relations.
///
/// Only the query counts: which host and path a list is asked of is not the upstream's choice.
/// *Errors*: a next page that cannot be named, for a list that only seems to end is a wrong one.
pub(super) fn next_page(
    headers: &HeaderMap,
) -> Result<Option<Vec<(String, String)>>, &'static str> {
    let values = headers.get_all(LINK).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let Some(target) = texts.flat_map(links).find_map(|link| link.next()) else {
        return Ok(None);
    };
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    if query.is_empty() {
        return Err("its next page has no parameters");
    }
    if query.len() > MAX_QUERY_BYTES {
        return Err("the address of its next page is too long");
    }
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    Ok(Some(pairs.into_owned().collect()))
}

/// One `<target>; name=value; ...`.
struct Link<'a> {
    target: &'a str,
    parameters: &'a str,
}

impl<'a> Link<'a> {
    fn next(&self) -> Option<&'a str> {
        let relations = self.parameters.split(';').filter_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let is_relation = name.trim().eq_ignore_ascii_case("rel");
            is_relation.then(|| value.trim().trim_matches('"'))
        });
        let mut named = relations.flat_map(str::split_ascii_whitespace);
        named
            .any(|relation| relation.eq_ignore_ascii_case("next"))
            .then_some(self.target)
    }
}

/// Splits a header value: commas inside `<>` and quotes separate nothing.
fn links(value: &str) -> Vec<Link<'_>> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((target, after)) = after.split_once('>') else {
            return found;
        };
        let mut is_quoted = false;
        let end = after.find(|c: char| {
            is_quoted ^= c == '"';
            c == ',' && !is_quoted
        });
        let (parameters, others) = after.split_at(end.unwrap_or(after.len()));
        found.push(Link { target, parameters });
        rest = others;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, value.parse().unwrap());
        }
        let pairs = next_page(&headers).unwrap()?;
        let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        Some(pairs.collect::<Vec<_>>().join("&"))
    }

    #[test]
    fn the_next_page_is_where_the_link_says() {
        for (values, wanted) in [
            (
                vec!["</v2/x/tags/list?last=b&n=2>; rel=\"next\""],
                Some("last=b&n=2"),
            ),
            (vec!["<https://other.test/x?n=2>; rel=next"], Some("n=2")),
            (
                vec!["</x?n=2>; title=\"a, b\"; rel=\"last next\""],
                Some("n=2"),
            ),
            (
                vec!["</x?p=1>; rel=\"prev\", </x?n=2>; rel=\"next\""],
                Some("n=2"),
            ),
            (
                vec!["</x?p=1>; rel=\"prev\"", "</x?n=2>; REL=Next"],
                Some("n=2"),
            ),
            (vec!["</x?p=1,2>; rel=\"next\""], Some("p=1,2")),
            (vec!["</x?n=2>; rel=\"prev\""], None),
            (vec!["</x?n=2>; rel=\"nextone\""], None),
            (vec!["nonsense"], None),
            (vec!["<"], None),
            (vec![], None),
        ] {
            assert_eq!(next(&values).as_deref(), wanted, "{values:?}");
        }
    }

    #[test]
    fn a_next_page_that_cannot_be_named_is_no_end() {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, "</x>; rel=\"next\"".parse().unwrap());
        assert!(next_page(&headers).is_err());
        let long = format!("</x?n={}>; rel=\"next\"", "1".repeat(MAX_QUERY_BYTES));
        headers.insert(LINK, long.parse().unwrap());
        assert!(next_page(&headers).is_err());
    }
}
