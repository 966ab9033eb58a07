//! What ledgers keep of verdicts, summaries and events: texts in JSON, whichever ledger it is.
//!
//! What was once written is read for ever. These forms are what is written, apart from the values of
//! the engine and from what the API answers; whoever keeps them says their version beside them, and
//! pins their texts. They stand with the port and not with one of its adapters, for a verdict's text
//! is packed before any ledger is asked, and its digest is what tells a stored verdict from another.

mod event;
mod finding;
mod happening;
mod signatures;
mod summary;
mod verdict;

use std::ops::Range;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use sluicegate_model::finding::Finding;
use sluicegate_model::form::{Each, Form, ReadAs, WrittenAs};
use sluicegate_model::verdict::Verdict;

pub(super) use verdict::{StoredPolicyReference, StoredProvenance};

use super::summary::Summary;
use crate::events::Event;

/// Gives the text of a verdict.
pub fn verdict_text(verdict: &Verdict) -> serde_json::Result<Vec<u8>> {
    text::<verdict::StoredVerdict>(verdict)
}

/// Reads the text of a verdict; none where it is damaged.
pub fn read_verdict(text: &[u8]) -> Option<Verdict> {
    read::<verdict::StoredVerdict>(text)
}

/// Writes the text of findings, as it stands in that of their verdict, behind what is there.
pub(super) fn write_findings(findings: &[Finding], text: &mut Vec<u8>) -> serde_json::Result<()> {
    let mut serializer = serde_json::Serializer::new(text);
    Each::<finding::StoredFinding>::serialize(findings, &mut serializer)
}

/// Reads the text of findings; none where it is damaged.
pub(super) fn read_findings(text: &[u8]) -> Option<Vec<Finding>> {
    let read: Vec<ReadAs<finding::StoredFinding>> = serde_json::from_slice(text).ok()?;
    Some(read.into_iter().map(|ReadAs(finding)| finding).collect())
}

/// What stands before the findings of a verdict, and behind them. Quotes within a JSON string are
/// escaped, so that neither can be part of one; no findings of a reason follow a list.
const BEFORE_FINDINGS: &[u8] = br#"],"findings":["#;
const BEHIND_FINDINGS: &[u8] = br#"],"coverage":{"#;

/// Finds the text of the findings in that of their verdict; an error where it is damaged.
pub(super) fn findings_in(text: &[u8]) -> serde_json::Result<Range<usize>> {
    let start = memmem::find(text, BEFORE_FINDINGS).map(|at| at + BEFORE_FINDINGS.len() - 1);
    let end = memmem::rfind(text, BEHIND_FINDINGS).map(|at| at + 1);
    match start.zip(end) {
        Some((start, end)) if start < end => Ok(start..end),
        _ => findings_anywhere_in(text),
    }
}

/// Does the same in a text of another order, by reading all of it.
fn findings_anywhere_in(text: &[u8]) -> serde_json::Result<Range<usize>> {
    #[derive(Deserialize)]
    struct Found<'a> {
        #[serde(borrow)]
        findings: &'a RawValue,
    }
    let found: Found<'_> = serde_json::from_slice(text)?;
    let findings = found.findings.get();
    // It is borrowed from the text.
    let start = findings.as_ptr().addr() - text.as_ptr().addr();
    Ok(start..start + findings.len())
}

/// Gives the text of a verdict with no findings, made of one with some.
pub(super) fn without(text: &[u8], findings: &Range<usize>) -> Option<Vec<u8>> {
    let (before, after) = (text.get(..findings.start)?, text.get(findings.end..)?);
    Some([before, b"[]", after].concat())
}

/// Gives the text of what lists say of a verdict.
pub fn summary_text(summary: &Summary) -> serde_json::Result<Vec<u8>> {
    text::<summary::StoredSummary>(summary)
}

/// Reads the text of what lists say of a verdict; none where it is damaged.
pub fn read_summary(text: &[u8]) -> Option<Summary> {
    read::<summary::StoredSummary>(text)
}

/// Gives the text of an event.
pub fn event_text(event: &Event) -> serde_json::Result<Vec<u8>> {
    text::<event::StoredEvent>(event)
}

/// Reads the text of an event; none where it is damaged.
pub fn read_event(text: &[u8]) -> Option<Event> {
    read::<event::StoredEvent>(text)
}

fn text<F: Form>(value: &F::Of) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&WrittenAs::<F>(value))
}

fn read<F: Form>(text: &[u8]) -> Option<F::Of> {
    let ReadAs(value) = serde_json::from_slice::<ReadAs<F>>(text).ok()?;
    Some(value)
}
