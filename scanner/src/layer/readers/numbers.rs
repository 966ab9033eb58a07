//! The numbers of a header as each program reads them; none where it reads no number.
//!
//! | | Go | GNU tar | libarchive | Python |
//! |---|---|---|---|---|
//! | blanks before | spaces and zeros | one zero, then white space | spaces and tabs | white space |
//! | ends at | zero; else an error | zero or white space; else an error | what is no digit | zero; else an error |
//! | only blanks | 0 | error, 0 where all are zeros | 0 | 0 |
//! | sign | error | error | minus | both |
//! | base 256 begins with | a byte past 127 | `80`, `ff` | a byte past 127 | `80`, `ff` |
//!
//! GNU tar's own base 64 of 1999, which begins with a sign, is taken for an error here.
//!
//! Source: Go, `archive/tar`, `strconv.go`; GNU tar, `list.c`; libarchive,
//! `archive_read_support_format_tar.c`; Python, `tarfile.py`.

use std::ops::Range;

use crate::facts::Reader;
use crate::layer::header::{Block, until_nul};

/// Reads a number as a program does.
pub(super) fn number(reader: Reader, field: &[u8]) -> Option<i128> {
    let first = *field.first()?;
    match reader {
        Reader::Go if first & 0x80 != 0 => go_binary(field),
        Reader::Go => go_octal(field),
        Reader::Gnu => gnu(field),
        Reader::Libarchive if first & 0x80 != 0 => Some(libarchive_binary(field)),
        Reader::Libarchive => Some(libarchive_octal(field)),
        Reader::Python if matches!(first, 0x80 | 0xff) => python_binary(field),
        Reader::Python => python_octal(field),
    }
}

/// Gives the number of a field as a program reads it; none where that is no size.
pub(in crate::layer) fn size_at(reader: Reader, block: &Block, at: Range<usize>) -> Option<u64> {
    let read = number(reader, block.field(at))?;
    u64::try_from(read)
        .ok()
        .filter(|size| i64::try_from(*size).is_ok())
}

/// Reads a sum as a program does.
pub(super) fn sum(reader: Reader, field: &[u8]) -> Option<i128> {
    let is_octal = |byte: &u8| matches!(byte, b' ' | 0 | b'0'..=b'7');
    match reader {
        Reader::Go => go_octal(field),
        Reader::Gnu => gnu_octal(field),
        Reader::Libarchive => field.iter().all(is_octal).then(|| libarchive_octal(field)),
        Reader::Python => number(reader, field),
    }
}

/// Tells whether a number is written as all tools write it, so that all programs read it alike:
/// octal digits, or nothing, then blanks.
pub(super) fn is_plain(field: &[u8]) -> bool {
    let rest = field.iter().skip_while(|byte| matches!(byte, b'0'..=b'7'));
    let mut rest = rest.peekable();
    let has_digits = field.first().is_some_and(u8::is_ascii_digit);
    rest.all(|byte| *byte == 0 || (has_digits && *byte == b' '))
}

fn octal(digits: &[u8]) -> Option<i128> {
    let mut value = 0_i128;
    for digit in digits {
        if !matches!(digit, b'0'..=b'7') {
            return None;
        }
        value = value
            .checked_mul(8)?
            .checked_add(i128::from(digit - b'0'))?;
    }
    Some(value)
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !matches!(byte, b'0'..=b'7'));
    text.split_at(end.unwrap_or(text.len()))
}

fn go_octal(field: &[u8]) -> Option<i128> {
    let is_pad = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_pad(byte));
    let Some(start) = start else { return Some(0) };
    let end = field.iter().rposition(|byte| !is_pad(byte))? + 1;
    octal(until_nul(field.get(start..end)?))
}

fn go_binary(field: &[u8]) -> Option<i128> {
    let is_negative = field.first()? & 0x40 != 0;
    let mut value = 0_u64;
    for (at, byte) in field.iter().enumerate() {
        let byte = if is_negative { !byte } else { *byte };
        let byte = if at == 0 { byte & 0x7f } else { byte };
        if value >> 56 > 0 {
            return None;
        }
        value = value << 8 | u64::from(byte);
    }
    let value = i128::from(i64::try_from(value).ok()?);
    Some(if is_negative { -value - 1 } else { value })
}

fn gnu(field: &[u8]) -> Option<i128> {
    let text = gnu_start(field)?;
    match text {
        [0x80 | 0xff, _, ..] => binary(text, 0x40),
        _ => gnu_octal(field),
    }
}

/// Skips what GNU tar lets stand before a number; none where nothing follows.
fn gnu_start(field: &[u8]) -> Option<&[u8]> {
    let field = field.strip_prefix(&[0]).unwrap_or(field);
    let start = field.iter().position(|byte| !is_space(*byte))?;
    field.get(start..)
}

fn gnu_octal(field: &[u8]) -> Option<i128> {
    let (digits, rest) = digits(gnu_start(field)?);
    let ends = rest
        .first()
        .is_none_or(|byte| *byte == 0 || is_space(*byte));
    if ends { octal(digits) } else { None }
}

/// Reads a number in two's complement, whose sign is `sign` in its first byte.
fn binary(bytes: &[u8], sign: u8) -> Option<i128> {
    let (first, rest) = bytes.split_first()?;
    let start = i128::from(first & (sign - 1)) - i128::from(first & sign);
    let value = rest.iter().try_fold(start, |value, byte| {
        value.checked_mul(256)?.checked_add(i128::from(*byte))
    })?;
    let is_sound = i64::try_from(value).is_ok();
    is_sound.then_some(value)
}

fn libarchive_octal(field: &[u8]) -> i128 {
    let start = field.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
    let text = start
        .and_then(|start| field.get(start..))
        .unwrap_or_default();
    let (is_negative, text) = match text.strip_prefix(b"-") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let value = octal(digits(text).0).unwrap_or(i128::from(i64::MAX));
    if is_negative { -value } else { value }
}

fn libarchive_binary(field: &[u8]) -> i128 {
    let is_negative = field.first().is_some_and(|first| first & 0x40 != 0);
    let most = i128::from(if is_negative { i64::MIN } else { i64::MAX });
    binary(field, 0x40).unwrap_or(most)
}

fn python_binary(field: &[u8]) -> Option<i128> {
    let (first, rest) = field.split_first()?;
    let bits = u32::try_from(rest.len()).ok()?.checked_mul(8)?;
    let value = rest.iter().try_fold(0_i128, |value, byte| {
        value.checked_mul(256)?.checked_add(i128::from(*byte))
    })?;
    Some(if *first == 0xff {
        value - 1_i128.checked_shl(bits)?
    } else {
        value
    })
}

/// Reads what Python's `int` takes for an octal number.
fn python_octal(field: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(until_nul(field)).ok()?;
    if !text.is_ascii() {
        return None;
    }
    let text = text.trim_matches(is_space_of_python);
    if text.is_empty() {
        return Some(0);
    }
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text
        .strip_prefix("0o")
        .or_else(|| text.strip_prefix("0O"))
        .map_or(text, |text| text.strip_prefix('_').unwrap_or(text));
    let groups = text.split('_').map(|group| {
        let is_whole = !group.is_empty();
        is_whole.then_some(group)
    });
    let digits: String = groups.collect::<Option<_>>()?;
    let value = octal(digits.as_bytes())?;
    Some(if is_negative { -value } else { value })
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_space_of_python(letter: char) -> bool {
    matches!(letter, ' ' | '\t'..='\r' | '\x1c'..='\x1f')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_each_program_reads_them() {
        let none = None;
        let table: [(&[u8], [Option<i128>; 4]); 13] = [
            (b"00000000012\0", [Some(10); 4]),
            (b"         12 ", [Some(10); 4]),
            (b"\0\0\0\0\0\0\0\0\0\0\0\0", [Some(0); 4]),
            (b"            ", [Some(0), none, Some(0), Some(0)]),
            (b"\x0000000000012", [Some(10), Some(10), Some(0), Some(0)]),
            (
                b"12 \x0034\0\0\0\0\0\0\0",
                [none, Some(10), Some(10), Some(10)],
            ),
            (b"12\x0034\0\0\0\0\0\0\0\0", [Some(10); 4]),
            (b"-12\0\0\0\0\0\0\0\0\0", [none, none, Some(-10), Some(-10)]),
            (b"12x\0\0\0\0\0\0\0\0\0", [none, none, Some(10), none]),
            (b"0o1_2\0\0\0\0\0\0\0", [none, none, Some(0), Some(10)]),
            (b"\x80\0\0\0\0\0\0\0\0\0\0\x0a", [Some(10); 4]),
            (
                b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf6",
                [Some(-10); 4],
            ),
            (
                b"\x90\0\0\0\0\0\0\0\0\0\0\x0a",
                [none, none, Some(i128::from(i64::MAX)), none],
            ),
        ];
        for (field, wanted) in table {
            let read = Reader::ALL.map(|reader| number(reader, field));
            assert_eq!(read, wanted, "{}", field.escape_ascii());
        }
    }
}
