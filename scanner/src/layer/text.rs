//! Tells text documents from other bytes: JSON, XML, PEM, signed text, SPDX.
//!
//! A document is the whole of the bytes, in UTF-8, without control characters.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::de::IgnoredAny;

use crate::facts::Document;

const SIGNED_TEXT: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE_END: &str = "-----END PGP SIGNATURE-----";
const SPDX: &str = "SPDXVersion:";

/// Tells whether bytes that begin so may be a document.
pub(super) fn may_begin(head: &[u8]) -> bool {
    let first = head.trim_ascii_start();
    matches!(first.first(), None | Some(b'{' | b'[' | b'<' | b'-'))
        || first.starts_with(SPDX.as_bytes())
        || first.starts_with(b"#")
}

/// Tells which document the bytes are; none where they are something else.
pub(super) fn document(bytes: &[u8]) -> Option<Document> {
    if !may_begin(bytes) {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let is_control = |found: char| found.is_control() && !matches!(found, '\t' | '\n' | '\r');
    if text.contains(is_control) {
        return None;
    }
    match text.trim_ascii_start().bytes().next()? {
        b'{' | b'[' => is_json(text).then_some(Document::Json),
        b'<' => is_xml(text).then_some(Document::Xml),
        b'-' if text.trim_ascii_start().starts_with(SIGNED_TEXT) => {
            let ends = text.trim_ascii_end().ends_with(SIGNATURE_END);
            ends.then_some(Document::SignedText)
        }
        b'-' => is_pem(text).then_some(Document::Pem),
        _ => is_spdx(text).then_some(Document::Spdx),
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Tells whether the text is one element and what may stand around it.
fn is_xml(text: &str) -> bool {
    let mut reader = Reader::from_str(text);
    let (mut depth, mut roots) = (0_u32, 0_u32);
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => {
                roots += u32::from(depth == 0);
                depth += 1;
            }
            Ok(Event::Empty(_)) => roots += u32::from(depth == 0),
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Text(found)) if depth == 0 && !found.trim_ascii().is_empty() => return false,
            Ok(Event::CData(_)) if depth == 0 => return false,
            Ok(Event::Eof) => return depth == 0 && roots == 1,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// Tells whether the text is armoured blocks and nothing between them.
fn is_pem(text: &str) -> bool {
    let label = |line: &str, word: &str| {
        let inner = line.strip_prefix(word)?.strip_suffix("-----")?;
        Some(inner.to_owned())
    };
    let is_inside = |line: &str| {
        let is_armour = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        line.bytes().all(is_armour) || line.split_once(": ").is_some()
    };
    let (mut open, mut blocks) = (None, 0);
    for line in text.lines().map(str::trim_ascii).filter(|l| !l.is_empty()) {
        match &open {
            None => match label(line, "-----BEGIN ") {
                Some(name) => open = Some(name),
                None => return false,
            },
            Some(name) if label(line, "-----END ").as_ref() == Some(name) => {
                (open, blocks) = (None, blocks + 1);
            }
            Some(_) if is_inside(line) => {}
            Some(_) => return false,
        }
    }
    open.is_none() && blocks > 0
}

/// Tells whether the text names its version of SPDX before anything but comments.
fn is_spdx(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with(SPDX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYH\nKoZIzj0=\n-----END PUBLIC KEY-----\n";

    #[test]
    fn documents_are_told_by_their_whole_text() {
        for (text, wanted) in [
            (" {\"a\":[1,2]}\n", Document::Json),
            ("[]", Document::Json),
            ("<?xml version=\"1.0\"?>\n<bom><a/></bom>\n", Document::Xml),
            (PEM, Document::Pem),
            (&format!("{PEM}\n{PEM}"), Document::Pem),
            (
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nname: x\n-----BEGIN PGP SIGNATURE-----\n\nwsBc\n-----END PGP SIGNATURE-----\n",
                Document::SignedText,
            ),
            (
                "# made by\nSPDXVersion: SPDX-2.3\nPackageName: x\n",
                Document::Spdx,
            ),
        ] {
            assert_eq!(document(text.as_bytes()), Some(wanted), "{text}");
        }
    }

    #[test]
    fn anything_around_a_document_makes_it_none() {
        for text in [
            "",
            "  ",
            "5",
            "\"text\"",
            "{\"a\":1}{\"b\":2}",
            "{\"a\":1} trailing",
            "{\"a\":1}\0\0\0",
            "<a/><b/>",
            "<a>",
            "<a/>text",
            "SPDX",
            "#!/bin/sh\n",
            "-----BEGIN A-----\nAAAA\n-----END B-----\n",
            "-----BEGIN A-----\n\u{1f}\u{8b}\n-----END A-----\n",
            &format!("{PEM}between\n{PEM}"),
            &format!("{PEM}ustar"),
        ] {
            assert_eq!(document(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(document(b"{\"a\":\"\xff\"}"), None, "not UTF-8");
    }
}
