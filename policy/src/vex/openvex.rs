//! OpenVEX, up to version 0.2.0.
//!
//! Source: <https://github.com/openvex/spec>, "OpenVEX Specification", and its schema. Before 0.2.0 a
//! weakness and a product were plain texts, and the parts of products stood beside them.

use jiff::Timestamp;
use sluicegate_model::Digest;
use sluicegate_model::strict_yaml::{Fields, Node, Value};
use sluicegate_model::vex::VexStatus;

use super::Statement;
use super::product::Subject;
use super::reading::Reading;

/// What the versions that are understood call themselves.
const CONTEXTS: [&str; 5] = [
    "https://openvex.dev/ns",
    "https://openvex.dev/ns/",
    "https://openvex.dev/ns/v0.0.1",
    "https://openvex.dev/ns/v0.0.2",
    "https://openvex.dev/ns/v0.2.0",
];
const STATUSES: [VexStatus; 4] = [
    VexStatus::NotAffected,
    VexStatus::Fixed,
    VexStatus::UnderInvestigation,
    VexStatus::Affected,
];

impl Reading {
    /// Reads a document: its id, its author, and the statements.
    pub(super) fn openvex(&mut self, root: &Node) -> Option<(String, String, Vec<Statement>)> {
        let mut fields = self.kept(Fields::of(root))?;
        let context = self.kept(fields.require("@context"))?;
        if !context.text().is_ok_and(|text| CONTEXTS.contains(&text)) {
            self.note(context.wanted("OpenVEX up to version 0.2.0: https://openvex.dev/ns/v0.2.0"));
            return None;
        }
        let id = self.kept(fields.require("@id"));
        let author = self.kept(fields.require("author"));
        let at = self.kept(fields.require("timestamp"));
        let statements = self.kept(fields.require("statements"));
        let id = id.and_then(|node| self.filled(node));
        let author = author.and_then(|node| self.filled(node));
        let at = at.and_then(|node| self.instant(node));
        let items = self.items(statements).iter();
        let at = at?;
        let statements = items.filter_map(|item| self.statement(item, at)).collect();
        Some((id?, author?, statements))
    }

    fn statement(&mut self, node: &Node, of_document: Timestamp) -> Option<Statement> {
        let mut fields = self.kept(Fields::of(node))?;
        let weakness = fields.require("vulnerability");
        let (status, products) = (fields.require("status"), fields.require("products"));
        let parts = fields.take("subcomponents");
        let (at, updated) = (fields.take("timestamp"), fields.take("last_updated"));
        let (why, words) = (
            fields.take("justification"),
            fields.take("impact_statement"),
        );
        for beside in [
            "@id",
            "version",
            "supplier",
            "status_notes",
            "vuln_description",
            "action_statement",
            "action_statement_timestamp",
        ] {
            fields.take(beside);
        }
        self.finish(fields);
        let weakness = self
            .kept(weakness)
            .and_then(|node| self.named_weakness(node));
        let status = self.kept(status).and_then(|node| self.status(node));
        let at = match updated.or(at) {
            Some(node) => self.instant(node)?,
            None => of_document,
        };
        let justification = match why {
            Some(node) => Some(self.justification(node)?),
            None => None,
        };
        let words = match words {
            Some(node) => Some(self.kept(node.text())?.trim().to_owned()),
            None => None,
        };
        let products = self.kept(products);
        let subjects = self.products(products, parts);
        let (name, aliases) = weakness?;
        Some(Statement {
            name,
            aliases,
            status: status?,
            justification,
            words: words.filter(|words| !words.is_empty()),
            at,
            subjects,
        })
    }

    fn status(&mut self, node: &Node) -> Option<VexStatus> {
        let text = node.text().unwrap_or_default();
        let found = STATUSES.into_iter().find(|status| status.as_str() == text);
        if found.is_none() {
            let words = STATUSES.map(VexStatus::as_str).join(", ");
            self.note(node.wanted(&format!("one of {words}")));
        }
        found
    }

    /// Reads what a weakness is called, and its other names.
    fn named_weakness(&mut self, node: &Node) -> Option<(String, Vec<String>)> {
        if let Value::Text(_) = node.value {
            return Some((self.name(node)?, Vec::new()));
        }
        let mut fields = self.kept(Fields::of(node))?;
        let name = self.kept(fields.require("name"))?;
        let aliases = fields.take("aliases");
        let aliases = self.items(aliases).iter();
        let aliases = aliases.filter_map(|alias| self.name(alias)).collect();
        Some((self.name(name)?, aliases))
    }

    /// Reads products with their parts, as far as anybody can say what they are.
    fn products(&mut self, products: Option<&Node>, parts: Option<&Node>) -> Vec<Subject> {
        let parts = self.items(parts);
        let mut subjects = Vec::new();
        if let Some(node) = products
            && node.list().is_ok_and(<[Node]>::is_empty)
        {
            self.note(node.wanted("at least one product"));
        }
        for product in self.items(products) {
            match self.named_product(product, parts) {
                Some(found) => subjects.extend(found),
                None => break,
            }
        }
        subjects
    }

    /// Reads a product with its own parts and these; none where there are too many.
    fn named_product(&mut self, node: &Node, parts: &[Node]) -> Option<Vec<Subject>> {
        let mut own = None;
        let wholes = self.component(node, &mut own);
        let own = self.items(own);
        self.count(node, (own.len() + parts.len()).max(1))?;
        let parts: Vec<&Node> = own.iter().chain(parts).collect();
        if parts.is_empty() {
            return Some(wholes);
        }
        let mut subjects = Vec::new();
        for part in parts {
            for part in self.component(part, &mut None) {
                if wholes.is_empty() {
                    subjects.push(part.part_of(None));
                }
                subjects.extend(wholes.iter().map(|whole| part.part_of(Some(whole))));
            }
        }
        Some(subjects)
    }

    /// Reads everything that a component may be recognized by, and where its parts stand.
    fn component<'a>(&mut self, node: &'a Node, parts: &mut Option<&'a Node>) -> Vec<Subject> {
        if let Value::Text(text) = &node.value {
            return recognized(text).into_iter().collect();
        }
        let Some(mut fields) = self.kept(Fields::of(node)) else {
            return Vec::new();
        };
        let (id, identifiers) = (fields.take("@id"), fields.take("identifiers"));
        let hashes = fields.take("hashes");
        *parts = fields.take("subcomponents");
        fields.take("supplier");
        self.finish(fields);
        let id = id.and_then(|node| self.kept(node.text()));
        let purl = identifiers.and_then(|node| self.text_in(node, "purl"));
        let mut texts: Vec<&str> = id.into_iter().chain(purl).collect();
        texts.dedup();
        let mut subjects: Vec<Subject> = texts.iter().filter_map(|text| recognized(text)).collect();
        // Of a package they are those of a file that is not looked at here.
        let is_package = texts
            .iter()
            .any(|it| it.starts_with("pkg:") && !is_image(it));
        if subjects.is_empty() && !is_package {
            let digest = hashes.and_then(|node| self.digest(node));
            subjects.extend(digest.map(Subject::image));
        }
        subjects
    }

    fn digest(&mut self, hashes: &Node) -> Option<Digest> {
        let of = |(key, name): (&'static str, &str), reading: &mut Self| {
            let value = reading.text_in(hashes, key)?.to_ascii_lowercase();
            format!("{name}:{value}").parse().ok()
        };
        let sha256 = of(("sha-256", "sha256"), self);
        sha256.or_else(|| of(("sha-512", "sha512"), self))
    }

    fn text_in<'a>(&mut self, node: &'a Node, key: &'static str) -> Option<&'a str> {
        let mut fields = self.kept(Fields::of(node))?;
        let text = fields.take(key)?;
        self.kept(text.text())
    }
}

fn is_image(purl: &str) -> bool {
    ["pkg:oci/", "pkg:docker/"]
        .iter()
        .any(|kind| purl.starts_with(kind))
}

/// Reads a package URL, or a digest alone.
fn recognized(text: &str) -> Option<Subject> {
    let digest = || text.parse().ok().map(Subject::image);
    Subject::of_purl(text, None, None).or_else(digest)
}
