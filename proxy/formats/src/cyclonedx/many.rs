//! One document of many images, written as they come: each image is a component that holds its own.
//!
//! Members of a document have no order, so that what is known last stands last. What belongs behind
//! the components is put aside in files until they are all there, so that any number of images takes
//! no more memory than the largest of them.

use std::io::{self, Read, Seek, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sluicegate_model::DigestHasher;
use sluicegate_model::digest::Algorithm;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

use super::super::document::{image_purl, key, second, uuid_of};
use super::super::json::{Each, write_compact};
use super::components::{self, Named, References};
use super::{
    FORMAT, Property, SCHEMA, SPEC_VERSION, composition, properties, tools, vulnerabilities,
};

/// How the document refers to all images together.
const ALL: &str = "images";

/// A document of many images.
pub struct Images<W: Write, S: Read + Write + Seek> {
    out: Hashed<io::BufWriter<W>>,
    has_others: bool,
    compositions: Aside<S>,
    vulnerabilities: Aside<S>,
    newest: Option<Timestamp>,
}

/// An image as a component that holds others.
#[derive(Serialize)]
struct Image<C> {
    #[serde(rename = "bom-ref")]
    reference: String,
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    version: String,
    purl: String,
    components: C,
    properties: Vec<Property>,
}

impl<W: Write, S: Read + Write + Seek> Images<W, S> {
    /// Begins a document. Into the two files is put aside what belongs behind the images.
    pub fn begin(out: W, aside: [S; 2]) -> io::Result<Self> {
        let mut out = Hashed {
            out: io::BufWriter::new(out),
            hasher: DigestHasher::new(Algorithm::Sha256),
        };
        write!(
            out,
            r#"{{"$schema":"{SCHEMA}","bomFormat":"{FORMAT}","specVersion":"{SPEC_VERSION}","version":1,"components":["#
        )?;
        let [compositions, vulnerabilities] = aside.map(Aside::new);
        Ok(Self {
            out,
            has_others: false,
            compositions,
            vulnerabilities,
            newest: None,
        })
    }

    /// Writes an image with what it holds; `None` where that is not known any more.
    pub fn add(&mut self, verdict: &Verdict, inventory: Option<&Inventory>) -> io::Result<()> {
        let unknown = Inventory::default();
        let held = inventory.unwrap_or(&unknown);
        let references = References::of(held, Named::among(&key(verdict)));
        let named = references.named();
        self.out.write_all(between(self.has_others))?;
        self.has_others = true;
        write_compact(&image(verdict, inventory, held, named), &mut self.out)?;
        let composition = match inventory {
            Some(_) => composition(verdict, named),
            None => json!({"aggregate": "unknown", "assemblies": [named.image()]}),
        };
        self.compositions.add(&composition)?;
        for group in vulnerabilities::groups(verdict) {
            if let Some(found) = vulnerabilities::vulnerability(&group, &references) {
                self.vulnerabilities.add(&found)?;
            }
        }
        self.newest = self.newest.max(Some(verdict.provenance.decided_at));
        Ok(())
    }

    /// Ends the document, which is named by what it says.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.write_all(b"\n],\"compositions\":[")?;
        self.compositions.copy_to(&mut self.out)?;
        self.out.write_all(b"\n],\"vulnerabilities\":[")?;
        self.vulnerabilities.copy_to(&mut self.out)?;
        self.out.write_all(b"\n],\"metadata\":")?;
        write_compact(&metadata(self.newest), &mut self.out)?;
        let Hashed { mut out, hasher } = self.out;
        writeln!(out, ",\"serialNumber\":\"urn:uuid:{}\"}}", uuid_of(hasher))?;
        out.flush()
    }
}

fn image<'a>(
    verdict: &Verdict,
    inventory: Option<&Inventory>,
    held: &'a Inventory,
    named: &'a Named,
) -> impl Serialize + 'a {
    let mut properties = properties(verdict);
    let reporter = verdict.domain.shown().into_iter();
    properties.extend(reporter.map(|who| Property::new("sluicegate:reported-by", who)));
    if inventory.is_none() {
        let why = "not kept: the next pull makes it again";
        properties.push(Property::new("sluicegate:inventory", why));
    }
    Image {
        reference: named.image(),
        kind: "container",
        name: verdict.repository.to_string(),
        version: verdict.digest.to_string(),
        purl: image_purl(verdict),
        components: Each(move || components::all(held, named)),
        properties,
    }
}

fn metadata(newest: Option<Timestamp>) -> Value {
    let mut metadata = json!({
        "tools": tools(),
        "component": {"bom-ref": ALL, "type": "platform", "name": "images"},
    });
    if let (Some(newest), Some(members)) = (newest, metadata.as_object_mut()) {
        members.insert("timestamp".into(), json!(second(newest)));
    }
    metadata
}

fn between(has_others: bool) -> &'static [u8] {
    if has_others { b",\n" } else { b"\n" }
}

/// Writes and hashes.
struct Hashed<W: Write> {
    out: W,
    hasher: DigestHasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.out.write(piece)?;
        self.hasher.update(piece.get(..written).unwrap_or(piece));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What is put aside until its place in the document comes.
struct Aside<S: Read + Write + Seek> {
    file: io::BufWriter<S>,
    is_empty: bool,
}

impl<S: Read + Write + Seek> Aside<S> {
    fn new(file: S) -> Self {
        Self {
            file: io::BufWriter::new(file),
            is_empty: true,
        }
    }

    fn add(&mut self, item: &impl Serialize) -> io::Result<()> {
        self.file.write_all(between(!self.is_empty))?;
        self.is_empty = false;
        write_compact(item, &mut self.file)
    }

    fn copy_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.rewind()?;
        io::copy(file, out).map(drop)
    }
}
