//! What reading both formats has in common: places of mistakes, words, instants, bounds.
//!
//! Keys that nobody asks for are passed over in the head of a document, which says nothing of
//! products. In what a statement is made of they are refused by `openvex`, as its schema does: one
//! that is not understood could narrow what is meant.

use jiff::Timestamp;
use sluicegate_model::Digest;
use sluicegate_model::json_tree;
use sluicegate_model::strict_yaml::{Fields, Mistake, Node};
use sluicegate_model::vex::VexJustification;

use super::{MAX_BYTES, VexDocument};
use crate::attached::AttachedText;

/// Most mistakes that are told of one file: who mends one of thousands alike mends all.
const MAX_MISTAKES: usize = 20;
/// Longest name of a weakness, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// Most products that lists and groups of one file name, all together.
const MAX_NAMED: usize = 500_000;

/// What is read so far.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) mistakes: Vec<Mistake>,
    named: usize,
}

impl Reading {
    pub(super) fn document(&mut self, text: &AttachedText) -> Option<VexDocument> {
        let read = json_tree::parse(&text.file.text, MAX_BYTES);
        let root = self.kept(read)?;
        let mut fields = self.kept(Fields::of(&root))?;
        let head = if fields.take("@context").is_some() {
            self.openvex(&root)
        } else if fields.take("document").is_some() {
            self.csaf(&root)
        } else {
            let wanted = "wanted OpenVEX, which has \"@context\", or CSAF, which has \"document\"";
            self.note(root.mistake(wanted));
            None
        };
        let (id, author, statements) = head?;
        Some(VexDocument {
            path: text.path.clone(),
            digest: Digest::of(text.file.text.as_bytes()),
            id,
            author,
            signed: None,
            statements,
        })
    }

    pub(super) fn note(&mut self, mistake: Mistake) {
        if self.mistakes.len() < MAX_MISTAKES {
            self.mistakes.push(mistake);
        }
    }

    pub(super) fn kept<T>(&mut self, read: Result<T, Mistake>) -> Option<T> {
        read.map_err(|mistake| self.note(mistake)).ok()
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(&mut self, fields: Fields<'_>) {
        let mut unknown = Vec::new();
        fields.finish(&mut unknown);
        for mistake in unknown {
            self.note(mistake);
        }
    }

    /// Gives a text that holds more than blanks.
    pub(super) fn filled(&mut self, node: &Node) -> Option<String> {
        let text = self.kept(node.text())?.trim();
        if text.is_empty() {
            self.note(node.wanted("text"));
            return None;
        }
        Some(text.to_owned())
    }

    /// Gives what a weakness is called.
    pub(super) fn name(&mut self, node: &Node) -> Option<String> {
        let name = self.filled(node)?;
        if name.len() > MAX_NAME_BYTES {
            self.note(node.mistake(format!("a name has at most {MAX_NAME_BYTES} bytes")));
            return None;
        }
        Some(name)
    }

    pub(super) fn instant(&mut self, node: &Node) -> Option<Timestamp> {
        self.kept(node.parsed("an instant, such as 2026-01-31T12:00:00Z"))
    }

    pub(super) fn justification(&mut self, node: &Node) -> Option<VexJustification> {
        let text = self.kept(node.text())?;
        let mut all = VexJustification::ALL.into_iter();
        let found = all.find(|one| one.as_str() == text);
        if found.is_none() {
            let words = VexJustification::ALL.map(VexJustification::as_str);
            self.note(node.wanted(&format!("one of {}", words.join(", "))));
        }
        found
    }

    /// Counts products that a list names; none where all lists together name too many.
    pub(super) fn count(&mut self, node: &Node, products: usize) -> Option<()> {
        self.named = self.named.saturating_add(products);
        if self.named > MAX_NAMED {
            self.note(node.mistake(format!(
                "all lists together name more than {MAX_NAMED} products"
            )));
            return None;
        }
        Some(())
    }

    /// Gives the items of a list that may be absent.
    pub(super) fn items<'a>(&mut self, node: Option<&'a Node>) -> &'a [Node] {
        let items = node.and_then(|node| self.kept(node.list()));
        items.unwrap_or_default()
    }
}
