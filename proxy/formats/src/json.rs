//! JSON as every format here writes it: indented, ASCII where a terminal would act on a character.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, PrettyFormatter, Serializer};
use sluicegate_model::form::WrittenAs;
use sluicegate_model::verdict::Verdict;

use super::answers::VerdictAnswer;
use super::text::is_treacherous;

/// Writes the verdict as the API shows it.
pub fn write(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    write_document(&WrittenAs::<VerdictAnswer>(verdict), out)
}

/// Writes one document and a line feed.
pub fn write_document(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut buffered = io::BufWriter::new(out);
    let mut serializer =
        Serializer::with_formatter(&mut buffered, Printable(PrettyFormatter::new()));
    document.serialize(&mut serializer)?;
    buffered.write_all(b"\n")?;
    buffered.flush()
}

/// Gives one document without room between its parts, for answers and log lines.
pub fn compact(document: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    document.serialize(&mut Serializer::with_formatter(
        &mut text,
        Printable(CompactFormatter),
    ))?;
    Ok(text)
}

/// Writes one document without room between its parts, as it is made.
pub(super) fn write_compact(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Printable(CompactFormatter));
    Ok(document.serialize(&mut serializer)?)
}

/// Writes by their number the characters of a finished JSON text that would act on a terminal.
///
/// *Shape*: outside its strings JSON has nothing but ASCII and white space, so all of them stand in
/// strings, where `\u` means the same character.
pub fn printable(text: &str) -> String {
    let mut written = Vec::with_capacity(text.len());
    // A vector takes everything.
    let _never_fails = write_printable(&mut written, text, |c| c != '\n' && is_treacherous(c));
    String::from_utf8(written).unwrap_or_default()
}

fn write_printable<W: ?Sized + Write>(
    writer: &mut W,
    text: &str,
    is_escaped: impl Fn(char) -> bool,
) -> io::Result<()> {
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_escaped(*c)) {
        let (before, from) = rest.split_at(at);
        writer.write_all(before.as_bytes())?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(writer, "\\u{unit:04x}")?;
        }
        rest = from.get(c.len_utf8()..).unwrap_or_default();
    }
    writer.write_all(rest.as_bytes())
}

/// A list that is made while it is written.
///
/// *Shape*: calls `F` once for each time it is written.
pub struct Each<F>(pub F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Lays out as another does, and writes characters that would act on a terminal by their number.
///
/// JSON itself escapes only those below U+0020. Source: RFC 8259, section 7.
struct Printable<F>(F);

impl<F: Formatter> Formatter for Printable<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_printable(writer, fragment, is_treacherous)
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use sluicegate_model::Digest;
    use sluicegate_model::form::ReadAs;
    use sluicegate_model::samples;
    use sluicegate_model::signature::{Signatures, Signed, Statement};
    use sluicegate_model::verdict::Verdict;

    use super::{VerdictAnswer, compact, is_treacherous, printable, write, write_document};

    fn written(document: &impl serde::Serialize) -> String {
        let mut out = Vec::new();
        write_document(document, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// Gives what is known where one of two keys has signed the image, and not all was seen.
    fn signatures() -> Signatures {
        let keys = [Digest::of(b"key"), Digest::of(b"other key")];
        let spdx = Statement::Attestation("https://spdx.dev/Document".into());
        Signatures {
            found: vec![Signed {
                key: Digest::of(b"key"),
                statement: Statement::Signature,
                manifest: Digest::of(b"manifest"),
            }],
            keys: keys.into(),
            statements: [Statement::Signature, spdx].into(),
            looked_up_at: "2026-11-20T10:00:00Z".parse().unwrap(),
            unknown: Some("the list of referrers: connection refused".into()),
            vex: None,
        }
    }

    #[test]
    fn a_verdict_is_written_as_ever() {
        let written = |verdict: &Verdict| {
            let mut out = Vec::new();
            write(verdict, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let [plain, whole] = [samples::verdict(), samples::verdict_with_everything()];
        assert_eq!(written(&plain), include_str!("json/verdict.json"));
        assert_eq!(written(&whole), include_str!("json/with_everything.json"));
    }

    #[test]
    fn a_verdict_comes_back_as_it_was() {
        let mut verdict = samples::verdict();
        verdict.first_seen = Some(verdict.provenance.scanned_at);
        verdict.findings[0].published = verdict.first_seen;
        verdict.findings[1].fix_published = verdict.first_seen;
        verdict.findings[2].vex = vec![samples::vex_statement()];
        verdict.signatures = Some(signatures());
        let mut out = Vec::new();
        write(&verdict, &mut out).unwrap();
        assert!(out.ends_with(b"}\n"));
        let ReadAs(read) = serde_json::from_slice::<ReadAs<VerdictAnswer>>(&out).unwrap();
        assert_eq!(read, verdict);
    }

    #[test]
    fn who_signed_is_written_by_the_names_of_the_contract() {
        let mut verdict = samples::verdict();
        verdict.signatures = Some(signatures());
        let mut out = Vec::new();
        write(&verdict, &mut out).unwrap();
        let read: Value = serde_json::from_slice(&out).unwrap();
        let [key, manifest] = ["key", "manifest"].map(|it| Digest::of(it.as_bytes()));
        let other = Digest::of(b"other key");
        let mut keys = [&key, &other].map(Digest::as_str);
        keys.sort_unstable();
        let wanted = serde_json::json!({
            "keys": keys,
            "types": ["signature", "https://spdx.dev/Document"],
            "found": [{"key": key.as_str(), "type": "signature", "digest": manifest.as_str()}],
            "looked_up_at": "2026-11-20T10:00:00Z",
            "unknown": "the list of referrers: connection refused",
        });
        assert_eq!(read["signatures"], wanted);
    }

    #[test]
    fn characters_that_act_on_a_terminal_are_written_by_number() {
        let text = "a\u{1b}[2J\u{9b}31m\u{202e}\u{e0041}\u{7f}ß";
        let written = written(&text);
        assert_eq!(
            written,
            "\"a\\u001b[2J\\u009b31m\\u202e\\udb40\\udc41\\u007fß\"\n"
        );
        let back: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(back, text);
    }

    #[test]
    fn a_finished_text_keeps_its_meaning() {
        let document = serde_json::json!({"k\u{85}": "a\u{1b}\u{9b}\u{2028}\u{e0041}\nß\\u0041"});
        let text = printable(&format!("{document}\n"));
        assert!(
            text.ends_with("}\n") && text.contains("\\u009b\\u2028"),
            "{text}"
        );
        assert!(!text.trim_end().contains(is_treacherous), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
        let compact = String::from_utf8(compact(&document).unwrap()).unwrap();
        assert_eq!(text.trim_end(), compact);
    }

    #[test]
    fn empty_and_nested_values_are_indented_like_any_other_json() {
        let value = serde_json::json!({"a": [], "b": {"c": [1, {"d": null}]}});
        let plain = serde_json::to_string_pretty(&value).unwrap();
        assert_eq!(written(&value), format!("{plain}\n"));
    }
}
