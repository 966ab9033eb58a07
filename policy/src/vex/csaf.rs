//! CSAF 2.0: security advisories and VEX documents, with their trees of products.
//!
//! Source: OASIS, "Common Security Advisory Framework Version 2.0", and its schema. A product is
//! recognized by its package URL, its version by that or by the branches that lead to it. What is to
//! be done (`remediations`) and how bad it is say nothing here.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sluicegate_model::strict_yaml::{Fields, Node};
use sluicegate_model::vex::{VexJustification, VexStatus};

use super::Statement;
use super::product::Subject;
use super::reading::Reading;
use crate::vers::VersRange;

/// What a list of products says of them.
const LISTS: [(&str, VexStatus); 7] = [
    ("first_affected", VexStatus::Affected),
    ("known_affected", VexStatus::Affected),
    ("last_affected", VexStatus::Affected),
    ("first_fixed", VexStatus::Fixed),
    ("fixed", VexStatus::Fixed),
    ("known_not_affected", VexStatus::NotAffected),
    ("under_investigation", VexStatus::UnderInvestigation),
];
/// How often relationships are gone through that rest on one another.
const MAX_ROUNDS: usize = 8;

/// The products of a document, by id; none where nobody can say what one is.
type Products = HashMap<String, Option<Subject>>;

/// What a document says of products.
#[derive(Default)]
struct Tree {
    products: Products,
    groups: HashMap<String, Vec<String>>,
}

/// What the branches say that lead to a product.
#[derive(Clone, Copy, Default)]
struct Branches<'a> {
    version: Option<&'a str>,
    range: Option<&'a str>,
}

/// Why products are not affected, by id.
#[derive(Default)]
struct Reasons {
    flags: HashMap<String, VexJustification>,
    words: HashMap<String, String>,
}

impl Reading {
    /// Reads a document: its id, its author, and the statements.
    pub(super) fn csaf(&mut self, root: &Node) -> Option<(String, String, Vec<Statement>)> {
        let mut fields = self.kept(Fields::of(root))?;
        let head = self.kept(fields.require("document"))?;
        let (id, author, at) = self.head(head)?;
        let tree = match fields.take("product_tree") {
            Some(node) => self.tree(node)?,
            None => Tree::default(),
        };
        let mut statements = Vec::new();
        let weaknesses = fields.take("vulnerabilities");
        for node in self.items(weaknesses) {
            self.weakness(node, &tree, at, &mut statements)?;
        }
        Some((id, author, statements))
    }

    fn head(&mut self, node: &Node) -> Option<(String, String, Timestamp)> {
        let mut fields = self.kept(Fields::of(node))?;
        let version = self.kept(fields.require("csaf_version"))?;
        if version.text() != Ok("2.0") {
            self.note(version.wanted("CSAF 2.0"));
        }
        let publisher = self.kept(fields.require("publisher"))?;
        let tracking = self.kept(fields.require("tracking"))?;
        let mut publisher = self.kept(Fields::of(publisher))?;
        let (name, namespace) = (publisher.require("name"), publisher.take("namespace"));
        let name = self.kept(name).and_then(|node| self.filled(node));
        let namespace = namespace.and_then(|node| self.filled(node));
        let mut tracking = self.kept(Fields::of(tracking))?;
        let (id, at) = (
            tracking.require("id"),
            tracking.require("current_release_date"),
        );
        let status = tracking.take("status");
        let id = self.kept(id).and_then(|node| self.filled(node));
        let at = self.kept(at).and_then(|node| self.instant(node));
        if let Some(draft) = status.filter(|status| status.text() == Ok("draft")) {
            self.note(draft.mistake("a draft says nothing yet: wanted interim or final"));
        }
        let name = name?;
        let author = namespace.map_or_else(|| name.clone(), |from| format!("{name} ({from})"));
        Some((id?, author, at?))
    }

    fn tree(&mut self, node: &Node) -> Option<Tree> {
        let mut fields = self.kept(Fields::of(node))?;
        let (branches, names) = (fields.take("branches"), fields.take("full_product_names"));
        let (groups, relations) = (fields.take("product_groups"), fields.take("relationships"));
        let mut tree = Tree::default();
        for branch in self.items(branches) {
            self.branch(branch, Branches::default(), &mut tree.products);
        }
        for name in self.items(names) {
            self.product(name, Branches::default(), &mut tree.products);
        }
        self.relations(relations, &mut tree.products);
        for group in self.items(groups) {
            let mut fields = self.kept(Fields::of(group))?;
            let (id, products) = (fields.require("group_id"), fields.take("product_ids"));
            let id = self.kept(id).and_then(|node| self.filled(node))?;
            let products = self.items(products);
            self.count(group, products.len())?;
            let products = products.iter().filter_map(|it| self.known(it, &tree));
            let products = products.collect();
            tree.groups.insert(id, products);
        }
        Some(tree)
    }

    fn branch<'a>(&mut self, node: &'a Node, mut above: Branches<'a>, products: &mut Products) {
        let Some(mut fields) = self.kept(Fields::of(node)) else {
            return;
        };
        let (category, name) = (fields.require("category"), fields.require("name"));
        let (inner, product) = (fields.take("branches"), fields.take("product"));
        let category = self.kept(category).and_then(|node| self.kept(node.text()));
        let name = self.kept(name).and_then(|node| self.kept(node.text()));
        let is_version = |text: &&str| {
            let number = text.strip_prefix('v').unwrap_or(text);
            number.starts_with(|c: char| c.is_ascii_digit())
        };
        match category {
            // Some write the package's name here as well, and the version in its URL.
            Some("product_version") => above.version = name.filter(is_version),
            Some("product_version_range") => above.range = name,
            _ => {}
        }
        for branch in self.items(inner) {
            self.branch(branch, above, products);
        }
        if let Some(product) = product {
            self.product(product, above, products);
        }
    }

    fn product(&mut self, node: &Node, above: Branches<'_>, products: &mut Products) {
        let Some((id, purl)) = self.full_name(node) else {
            return;
        };
        let subject = purl.and_then(|purl| match above.range.map(VersRange::parse) {
            None => Subject::of_purl(purl, above.version, None),
            Some(Ok(range)) => Subject::of_purl(purl, None, Some(range)),
            // In words, or of versions that have no order here.
            Some(Err(_not_comparable)) => None,
        });
        self.add(node, id, subject, products);
    }

    /// Reads the id of a product, and its package URL.
    fn full_name<'a>(&mut self, node: &'a Node) -> Option<(String, Option<&'a str>)> {
        let mut fields = self.kept(Fields::of(node))?;
        let id = self.kept(fields.require("product_id"))?;
        let helper = fields.take("product_identification_helper");
        let purl = match helper {
            Some(helper) => self.kept(Fields::of(helper))?.take("purl"),
            None => None,
        };
        let purl = purl.and_then(|node| self.kept(node.text()));
        Some((self.filled(id)?, purl))
    }

    fn add(&mut self, node: &Node, id: String, subject: Option<Subject>, products: &mut Products) {
        let shown: String = id.chars().take(80).collect();
        if products.insert(id, subject).is_some() {
            self.note(node.mistake(format!("another product has the id {shown:?}")));
        }
    }

    /// Reads products that are parts of others, or are installed on them.
    fn relations(&mut self, node: Option<&Node>, products: &mut Products) {
        let mut left: Vec<&Node> = self.items(node).iter().collect();
        for _ in 0..MAX_ROUNDS {
            let before = left.len();
            left.retain(|relation| self.relation(relation, products).is_none());
            if left.is_empty() || left.len() == before {
                break;
            }
        }
        for relation in left {
            self.note(relation.mistake("it relates products that are not there"));
        }
    }

    /// Reads one, where both products are known.
    fn relation(&mut self, node: &Node, products: &mut Products) -> Option<()> {
        let mut fields = self.kept(Fields::of(node))?;
        let (name, part) = (
            fields.require("full_product_name"),
            fields.require("product_reference"),
        );
        let whole = fields.require("relates_to_product_reference");
        let name = self.kept(name)?;
        let part = self.kept(part).and_then(|node| self.kept(node.text()))?;
        let whole = self.kept(whole).and_then(|node| self.kept(node.text()))?;
        let (part, whole) = (products.get(part)?, products.get(whole)?);
        let subject = part.as_ref().map(|part| part.part_of(whole.as_ref()));
        let (id, _own) = self.full_name(name)?;
        self.add(name, id, subject, products);
        Some(())
    }

    /// Gives the id of a product that is in the tree.
    fn known(&mut self, node: &Node, tree: &Tree) -> Option<String> {
        let id = self.kept(node.text())?;
        if !tree.products.contains_key(id) {
            self.note(node.wanted("the id of a product in the tree"));
            return None;
        }
        Some(id.to_owned())
    }

    fn weakness(
        &mut self,
        node: &Node,
        tree: &Tree,
        at: Timestamp,
        statements: &mut Vec<Statement>,
    ) -> Option<()> {
        let mut fields = self.kept(Fields::of(node))?;
        let (cve, ids) = (fields.take("cve"), fields.take("ids"));
        let status = fields.take("product_status");
        let (flags, threats) = (fields.take("flags"), fields.take("threats"));
        let mut names: Vec<String> = cve.and_then(|node| self.name(node)).into_iter().collect();
        for id in self.items(ids) {
            let text = self
                .kept(Fields::of(id))
                .map(|mut fields| fields.require("text"));
            let text = text.and_then(|text| self.kept(text));
            names.extend(text.and_then(|node| self.name(node)));
        }
        let Some(status) = status else {
            return Some(());
        };
        let mut names = names.into_iter();
        let Some(name) = names.next() else {
            self.note(node.mistake("\"cve\" or \"ids\" is missing"));
            return Some(());
        };
        let aliases: Vec<String> = names.collect();
        let reasons = self.reasons(flags, threats, tree)?;
        let mut lists = self.kept(Fields::of(status))?;
        for (list, status) in LISTS {
            let listed = lists.take(list);
            for made in self.list(listed, status, &reasons, tree)? {
                statements.push(Statement {
                    name: name.clone(),
                    aliases: aliases.clone(),
                    at,
                    ..made
                });
            }
        }
        Some(())
    }

    /// Reads a list of products of one status as statements, one for each reason.
    fn list(
        &mut self,
        node: Option<&Node>,
        status: VexStatus,
        reasons: &Reasons,
        tree: &Tree,
    ) -> Option<Vec<Statement>> {
        let items = self.items(node);
        if let Some(node) = node {
            self.count(node, items.len())?;
        }
        let mut by_reason: BTreeMap<_, Vec<Subject>> = BTreeMap::new();
        for item in items {
            let Some(id) = self.known(item, tree) else {
                continue;
            };
            let is_justified = status == VexStatus::NotAffected;
            let flag = reasons.flags.get(&id).filter(|_| is_justified);
            let words = reasons.words.get(&id).filter(|_| is_justified);
            let subjects = by_reason.entry((flag, words)).or_default();
            subjects.extend(tree.products.get(&id).cloned().flatten());
        }
        let made = by_reason.into_iter();
        let made = made.map(|((flag, words), subjects)| Statement {
            name: String::new(),
            aliases: Vec::new(),
            status,
            justification: flag.copied(),
            words: words.cloned(),
            at: Timestamp::MIN,
            subjects,
        });
        Some(made.collect())
    }

    /// Reads why products are not affected: flags, and threats that describe the impact. Such as name
    /// no product say it of none.
    fn reasons(
        &mut self,
        flags: Option<&Node>,
        threats: Option<&Node>,
        tree: &Tree,
    ) -> Option<Reasons> {
        let mut reasons = Reasons::default();
        for flag in self.items(flags) {
            let mut fields = self.kept(Fields::of(flag))?;
            let label = self.kept(fields.require("label"));
            let label = label.and_then(|node| self.justification(node))?;
            for id in self.meant(flag, &mut fields, tree)? {
                reasons.flags.insert(id, label);
            }
        }
        for threat in self.items(threats) {
            let mut fields = self.kept(Fields::of(threat))?;
            let (category, details) = (fields.take("category"), fields.take("details"));
            if category.is_none_or(|category| category.text() != Ok("impact")) {
                continue;
            }
            let Some(words) = details.and_then(|node| self.filled(node)) else {
                continue;
            };
            for id in self.meant(threat, &mut fields, tree)? {
                reasons.words.insert(id, words.clone());
            }
        }
        Some(reasons)
    }

    /// Lists the products that are named one by one or by their groups.
    fn meant(&mut self, node: &Node, fields: &mut Fields<'_>, tree: &Tree) -> Option<Vec<String>> {
        let (products, groups) = (fields.take("product_ids"), fields.take("group_ids"));
        let products = self.items(products);
        self.count(node, products.len())?;
        let products = products.iter().filter_map(|it| self.known(it, tree));
        let mut meant: Vec<String> = products.collect();
        for group in self.items(groups) {
            let found = group.text().ok().and_then(|id| tree.groups.get(id));
            let Some(found) = found else {
                self.note(group.wanted("the id of a group in the tree"));
                continue;
            };
            self.count(group, found.len())?;
            meant.extend(found.iter().cloned());
        }
        Some(meant)
    }
}
