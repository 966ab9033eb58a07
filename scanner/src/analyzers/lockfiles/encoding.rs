//! The encodings in which people keep lists by hand: UTF-8, and what editors and shells of Windows
//! write.
//!
//! Source: pip, "Requirements File Format", "Encoding"; Unicode Standard, section 23.8, "Byte Order
//! Mark".

use std::borrow::Cow;

/// Gives a file's text without its byte order mark; what is no text becomes `U+FFFD`.
///
/// UTF-16 is also known by the zero in the first letter, for not every writer sets the mark.
pub(super) fn decode(content: &[u8]) -> Cow<'_, str> {
    match content {
        [0xef, 0xbb, 0xbf, text @ ..] => String::from_utf8_lossy(text),
        [0xff, 0xfe, 0, 0, text @ ..] => from_utf32(text, u32::from_le_bytes).into(),
        [0, 0, 0xfe, 0xff, text @ ..] => from_utf32(text, u32::from_be_bytes).into(),
        [0xff, 0xfe, text @ ..] => from_utf16(text, u16::from_le_bytes).into(),
        [0xfe, 0xff, text @ ..] => from_utf16(text, u16::from_be_bytes).into(),
        [1..=255, 0, 1..=255, 0, ..] => from_utf16(content, u16::from_le_bytes).into(),
        [0, 1..=255, 0, 1..=255, ..] => from_utf16(content, u16::from_be_bytes).into(),
        _ => String::from_utf8_lossy(content),
    }
}

fn from_utf16(text: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = text.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units)
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn from_utf32(text: &[u8], unit: fn([u8; 4]) -> u32) -> String {
    let (units, _) = text.as_chunks::<4>();
    units
        .iter()
        .map(|bytes| char::from_u32(unit(*bytes)).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_encoding_that_pip_reads() {
        let text = "a==1 # ä😀\n";
        let sixteen =
            |unit: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(unit).collect() };
        let thirty_two: Vec<u8> = text
            .chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect();
        let little = sixteen(u16::to_le_bytes);
        let big = sixteen(u16::to_be_bytes);
        for content in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat(),
            [b"\xff\xfe".as_slice(), &little].concat(),
            [b"\xfe\xff".as_slice(), &big].concat(),
            [b"\xff\xfe\0\0".as_slice(), &thirty_two].concat(),
            little,
            big,
        ] {
            assert_eq!(decode(&content), text, "{content:x?}");
        }
    }

    #[test]
    fn what_is_no_text_is_marked() {
        for (content, wanted) in [
            (&b""[..], ""),
            (b"\xff\xfe", ""),
            (b"\xff\xfe\0", ""),
            (b"a\xff", "a\u{fffd}"),
            (b"\xff\xfe\0\xd8", "\u{fffd}"),
            (b"\xff\xfe\0\0\xff\xff\xff\xff", "\u{fffd}"),
            (b"a\0", "a\0"),
        ] {
            assert_eq!(decode(content), wanted, "{content:x?}");
        }
    }
}
