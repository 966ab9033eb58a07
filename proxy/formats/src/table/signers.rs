//! Who signed an image and whose word on its weaknesses was heard, for a person: or that nobody looked,
//! and why.

use std::collections::BTreeMap;
use std::io::{self, Write};

use sluicegate_model::Digest;
use sluicegate_model::heard::HeardVex;
use sluicegate_model::signature::{Signatures, Signed};

use super::super::appearance::Appearance;
use super::super::grid::to_the_second;
use super::super::text::{counted, printable};
use super::{BELOW, write_line};

/// Hexadecimal digits that tell keys apart.
const SHORT_KEY: usize = 16;
/// What is not heard that a terminal is shown one by one.
const EXAMPLES: usize = 3;

/// Writes one line, and more where there is more to say.
pub(super) fn write(
    signatures: Option<&Signatures>,
    appearance: Appearance,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(known) = signatures else {
        let why = "not looked up: a service looks, where a policy asks who signed";
        return write_line("Signers   ", why, appearance, out);
    };
    write_line("Signers   ", &found(known, appearance), appearance, out)?;
    if let Some(why) = &known.unknown {
        let text = format!("not all is known: {}", printable(why));
        write_line(BELOW, &text, appearance, out)?;
    }
    match &known.vex {
        Some(heard) => write_heard(heard, known.unknown.is_some(), appearance, out),
        None => Ok(()),
    }
}

/// Says which keys have signed, and what.
fn found(known: &Signatures, appearance: Appearance) -> String {
    let at = to_the_second(&known.looked_up_at.to_string());
    if known.statements.is_empty() {
        return format!("not asked for; looked up {at}");
    }
    let mut said: BTreeMap<&Digest, Vec<String>> = BTreeMap::new();
    for Signed { key, statement, .. } in &known.found {
        let statement = printable(statement.as_str());
        let of_key = said.entry(key).or_default();
        if !of_key.contains(&statement) {
            of_key.push(statement);
        }
    }
    let signers = said.iter().map(|(key, said)| {
        let (key, said) = (short(key, appearance), said.join(", "));
        format!("key {key} ({said})")
    });
    let signers: Vec<String> = signers.collect();
    let signers = if signers.is_empty() {
        format!("none of {}", counted(known.keys.len(), "key"))
    } else {
        signers.join(", ")
    };
    format!("{signers}; looked up {at}")
}

/// Says whose documents on weaknesses count, and which do not.
fn write_heard(
    heard: &HeardVex,
    is_unknown: bool,
    appearance: Appearance,
    out: &mut dyn Write,
) -> io::Result<()> {
    if is_unknown {
        let text = "attached VEX does not count as long as not all is known";
        return write_line(BELOW, text, appearance, out);
    }
    for key in &heard.keys {
        let documents = heard.documents.iter().filter(|it| it.key == *key);
        let documents = counted(documents.count(), "VEX document");
        let text = format!("key {}: {documents} heard", short(key, appearance));
        write_line(BELOW, &text, appearance, out)?;
    }
    let examples = match appearance.width {
        Some(_) => EXAMPLES,
        None => usize::MAX,
    };
    for unheard in heard.unheard.iter().take(examples) {
        let (key, why) = (short(&unheard.key, appearance), printable(&unheard.why));
        let text = format!("key {key}: not heard: {why}");
        write_line(BELOW, &text, appearance, out)?;
    }
    match heard.unheard.len().saturating_sub(examples) {
        0 => Ok(()),
        more => writeln!(out, "{BELOW}and {more} more not heard"),
    }
}

/// Gives as much of a key's name as a place shows.
fn short(key: &Digest, appearance: Appearance) -> &str {
    match appearance.width {
        Some(_) => key.hex().get(..SHORT_KEY).unwrap_or(key.hex()),
        None => key.as_str(),
    }
}
