//! Text as URLs and package URLs carry it.
//!
//! Source: RFC 3986, section 2.1.

/// Writes every byte by number that is neither an ASCII letter or digit nor among `bare`.
pub fn encoded(text: &str, bare: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || bare.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_bare_are_written_by_number() {
        assert_eq!(encoded("a b/ä~", b"~"), "a%20b%2F%C3%A4~");
    }
}
