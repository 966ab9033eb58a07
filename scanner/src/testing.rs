//! Layers built in code, for the tests of this crate.

use std::io::Write;

use sluicegate_model::advisory::{Advisory, Scope, Triage};
use sluicegate_model::digest::{DiffId, Digest};
use sluicegate_model::image_config::{ImageConfig, RootFs};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::severity::Severity;
use tar::{Builder, EntryType, Header};

use crate::facts::{BinaryFacts, Event, FileFacts, LayerFacts};
use crate::image::layers::LayerInput;
use crate::inventory::merge;
use crate::limits::Limits;

/// A tar archive that grows entry by entry, in the order of the calls.
pub(crate) struct Layer(Builder<Vec<u8>>);

impl Layer {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(EntryType::Regular, path, "", content.as_ref())
    }

    pub(crate) fn dir(self, path: &str) -> Self {
        self.entry(EntryType::Directory, &format!("{path}/"), "", b"")
    }

    pub(crate) fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, path, target, b"")
    }

    pub(crate) fn hardlink(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Link, path, target, b"")
    }

    /// Adds an entry as it is, names unchecked; they must fit the header.
    pub(crate) fn entry(self, kind: EntryType, path: &str, target: &str, content: &[u8]) -> Self {
        self.bytes(kind, path.as_bytes(), target, content)
    }

    /// Adds an empty file, or a directory, with a mode.
    pub(crate) fn mode(mut self, kind: EntryType, path: &str, mode: u32) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(mode);
        let slash = if kind == EntryType::Directory {
            "/"
        } else {
            ""
        };
        header.set_path(format!("{path}{slash}")).unwrap();
        header.set_cksum();
        self.0.append(&header, &b""[..]).unwrap();
        self
    }

    /// Adds a file whose name may be no text.
    pub(crate) fn raw(self, path: &[u8], content: &str) -> Self {
        self.bytes(EntryType::Regular, path, "", content.as_bytes())
    }

    fn bytes(mut self, kind: EntryType, path: &[u8], target: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len().try_into().unwrap());
        header.set_mode(0o644);
        let fields = header.as_gnu_mut().unwrap();
        fields.name[..path.len()].copy_from_slice(path);
        fields.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    /// Adds a PAX header for the next entry.
    pub(crate) fn pax(mut self, key: &str, value: &str) -> Self {
        self.0
            .append_pax_extensions([(key, value.as_bytes())])
            .unwrap();
        self
    }

    /// Gives the archive, with its end marker.
    pub(crate) fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    pub(crate) fn facts(self) -> LayerFacts {
        scan(&self.tar())
    }
}

pub(crate) fn scan(content: &[u8]) -> LayerFacts {
    crate::scan_layer(content, &Limits::default())
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A program in whose content nothing is known.
pub(crate) const PROGRAM: BinaryFacts = BinaryFacts {
    size_bytes: 1_000,
    identified: false,
    packed: false,
    is_library: false,
};

/// One that is packed.
pub(crate) const PACKED: BinaryFacts = BinaryFacts {
    packed: true,
    ..PROGRAM
};

/// Adds a program to a layer, as analyzers find it.
pub(crate) fn with_program(mut facts: LayerFacts, path: &str, program: BinaryFacts) -> LayerFacts {
    let mut file = FileFacts {
        path: path.to_owned(),
        ..FileFacts::default()
    };
    file.found.binary = Some(program);
    facts.events.push(Event::File(Box::new(file)));
    facts
}

/// An advisory that says nothing of any version.
pub(crate) fn advisory(id: &str) -> Advisory {
    Advisory {
        id: id.to_owned(),
        aliases: Vec::new(),
        upstream: Vec::new(),
        related: Vec::new(),
        severity: Severity::Unknown,
        basis: None,
        cvss: None,
        published: None,
        informational: false,
        triage: Triage::default(),
        scope: Scope::default(),
        versions: Vec::new(),
        ranges: Vec::new(),
        releases: Vec::new(),
    }
}

/// The digest that [`image`] gives the layer at `index`.
pub(crate) fn layer_digest(index: usize) -> Digest {
    Digest::of(&[u8::try_from(index).unwrap()])
}

/// A config that fits the layers.
pub(crate) fn config(layers: &[LayerFacts]) -> ImageConfig {
    let unread = || DiffId(Digest::of(b"unread"));
    ImageConfig {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        rootfs: RootFs {
            diff_ids: layers
                .iter()
                .map(|facts| facts.diff_id.clone().unwrap_or_else(unread))
                .collect(),
        },
        ..ImageConfig::default()
    }
}

/// Merges layers under a config that fits them.
pub(crate) fn image(layers: &[LayerFacts]) -> Inventory {
    image_with(Some(&config(layers)), layers)
}

pub(crate) fn image_with(config: Option<&ImageConfig>, layers: &[LayerFacts]) -> Inventory {
    let digests: Vec<_> = (0..layers.len()).map(layer_digest).collect();
    let inputs: Vec<_> = digests
        .iter()
        .zip(layers)
        .map(|(digest, facts)| LayerInput { digest, facts })
        .collect();
    merge(config, &inputs)
}
