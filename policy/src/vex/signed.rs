//! Documents that are attached to an image and signed: what each says, and what of it a policy hears.
//!
//! What a key said and says no more is read like a document of its own in OpenVEX, whatever it was said
//! in, which outvotes what is older and quiets nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sluicegate_model::Digest;
use sluicegate_model::heard::{HeardVex, Remembered, VexMark};
use sluicegate_model::signature::Signatures;

use super::product::Subject;
use super::{SignedBy, Statement, Vex, VexDocument};
use crate::attached::AttachedText;
use crate::binding::SourceFile;

/// Most words of one document: for each something is remembered.
const MAX_SAID: usize = 1_000;
/// Longest name of a product, in bytes.
const MAX_PRODUCT_BYTES: usize = 2 * 1024;
/// Most other names of a weakness.
const MAX_ALIASES: usize = 20;

/// What a product is recognized by.
const MARKS: [&str; 3] = ["@id", "identifiers", "hashes"];
const PARTS: &str = "subcomponents";

/// Says why a document that a key has signed is not heard: its author's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// It has another form.
    #[error("wanted a JSON document")]
    Form,
    /// It has a mistake.
    #[error("{0}")]
    Mistake(String),
    /// It says more than is remembered.
    #[error("it says something of more than {MAX_SAID} products")]
    TooMuch,
    /// A name is longer than is remembered.
    #[error("a product takes more than {MAX_PRODUCT_BYTES} bytes to name")]
    LongProduct,
    /// A weakness has more names than are remembered.
    #[error("a weakness has more than {MAX_ALIASES} other names")]
    ManyAliases,
}

/// Reads what a document says, a word for each product, or part of one, and weakness. Products of CSAF
/// are told as OpenVEX names them.
///
/// *Errors*: it has a mistake, or says more than can be remembered.
pub fn said_in(text: &str) -> Result<Vec<VexMark>, NotHeard> {
    let document = read(text).map_err(NotHeard::Mistake)?;
    let root: Value = serde_json::from_str(text).map_err(|_| NotHeard::Form)?;
    let written = root.get("@context").is_some().then(|| statements(&root));
    let mut said = Vec::new();
    for (at, statement) in document.statements.iter().enumerate() {
        if statement.aliases.len() > MAX_ALIASES {
            return Err(NotHeard::ManyAliases);
        }
        let products = match written {
            Some(written) => written.get(at).map(products).unwrap_or_default(),
            None => statement.subjects.iter().map(Subject::written).collect(),
        };
        for product in products {
            let product = product.to_string();
            if product.len() > MAX_PRODUCT_BYTES {
                return Err(NotHeard::LongProduct);
            }
            if said.len() >= MAX_SAID {
                return Err(NotHeard::TooMuch);
            }
            said.push(mark(statement, product));
        }
    }
    Ok(said)
}

fn statements(root: &Value) -> &[Value] {
    let written = root.get("statements").and_then(Value::as_array);
    written.map(Vec::as_slice).unwrap_or_default()
}

fn mark(statement: &Statement, product: String) -> VexMark {
    VexMark {
        product,
        vulnerability: statement.name.clone(),
        aliases: statement.aliases.clone(),
        status: statement.status,
        at: statement.at,
    }
}

fn read(text: &str) -> Result<VexDocument, String> {
    let text = AttachedText {
        path: String::new(),
        file: SourceFile {
            name: String::new(),
            text: text.to_owned(),
        },
    };
    let read = VexDocument::read(&text);
    read.map_err(|mistakes| {
        mistakes
            .into_iter()
            .next()
            .map_or_else(String::new, |it| it.message)
    })
}

/// Lists the products of a statement, each with at most one of its parts.
fn products(statement: &Value) -> Vec<Value> {
    let beside = items(statement, PARTS);
    let mut all = Vec::new();
    for product in items(statement, "products") {
        let parts: Vec<&Value> = items(product, PARTS).iter().chain(beside).collect();
        let whole = recognized(product);
        if parts.is_empty() {
            all.push(Value::Object(whole));
            continue;
        }
        for part in parts {
            let mut with_part = whole.clone();
            with_part.insert(PARTS.to_owned(), json!([recognized(part)]));
            all.push(Value::Object(with_part));
        }
    }
    all
}

fn items<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    let items = of.get(name).and_then(Value::as_array);
    items.map(Vec::as_slice).unwrap_or_default()
}

/// Keeps of a component what it is recognized by.
fn recognized(component: &Value) -> Map<String, Value> {
    match component {
        Value::String(id) => Map::from_iter([("@id".to_owned(), json!(id))]),
        component => {
            let marks = MARKS.into_iter().filter_map(|name| {
                let mark = component.get(name).filter(|it| !it.is_null())?;
                Some((name.to_owned(), mark.clone()))
            });
            marks.collect()
        }
    }
}

impl Vex {
    /// Puts in order what some keys say of an image, as far as all of it is known: a word that nobody
    /// could look for may be the newest.
    pub(crate) fn heard(keys: &BTreeSet<Digest>, signatures: Option<&Signatures>) -> Self {
        let known = signatures.filter(|it| it.unknown.is_none());
        let Some(heard) = known.and_then(|it| it.vex.as_ref()) else {
            return Self::default();
        };
        if keys.is_empty() || !heard.keys.is_superset(keys) {
            return Self::default();
        }
        // What is beyond bounds, or was heard once and cannot be read any more, quiets nothing.
        let documents = documents(keys, heard);
        documents
            .map(|it| Self::of(it).unwrap_or_default())
            .unwrap_or_default()
    }
}

fn documents(keys: &BTreeSet<Digest>, heard: &HeardVex) -> Option<Vec<Arc<VexDocument>>> {
    let mut documents = Vec::new();
    for signed in heard.documents.iter().filter(|it| keys.contains(&it.key)) {
        let document = read(&signed.text).ok()?;
        documents.push(Arc::new(VexDocument {
            path: signed.digest.to_string(),
            digest: signed.digest.clone(),
            signed: Some(SignedBy {
                key: signed.key.clone(),
                manifest: signed.manifest.clone(),
                is_gone: false,
            }),
            ..document
        }));
    }
    for remembered in heard.remembered.iter().filter(|it| keys.contains(&it.key)) {
        documents.push(Arc::new(gone(remembered)?));
    }
    Some(documents)
}

/// Makes a document of a word that a key says no more.
fn gone(remembered: &Remembered) -> Option<VexDocument> {
    let Remembered {
        key,
        manifest,
        said,
    } = remembered;
    let product: Value = serde_json::from_str(&said.product).ok()?;
    let text = json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "remembered",
        "author": key,
        "timestamp": said.at,
        "version": 1,
        "statements": [{
            "vulnerability": {"name": said.vulnerability, "aliases": said.aliases},
            "products": [product],
            "status": said.status,
        }],
    });
    let document = read(&text.to_string()).ok()?;
    Some(VexDocument {
        signed: Some(SignedBy {
            key: key.clone(),
            manifest: manifest.clone(),
            is_gone: true,
        }),
        ..document
    })
}
