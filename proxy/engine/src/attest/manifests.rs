//! All that is attached to one image: manifests that refer to it, and the one that cosign's earlier form
//! finds by a tag.
//!
//! Sources: image-spec 1.1 "Guidelines for Artifact Usage"; sigstore/cosign `specs/BUNDLE_SPEC.md` and
//! `specs/SIGNATURE_SPEC.md`. The same signatures give the same manifests.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::{Digest, media_type};

use super::Bill;
use super::envelope::{BUNDLE, ENVELOPE, Signed, bundle};
use super::piece::{EMPTY_CONFIG, Header, Piece};
use crate::pull::manifests::KnownManifest;

/// The image that something is attached to.
pub(super) struct Subject {
    media_type: String,
    digest: Digest,
    size: usize,
}

impl Subject {
    pub(super) fn of(image: &KnownManifest) -> Self {
        Self {
            media_type: image.media_type.clone(),
            digest: image.digest.clone(),
            size: image.bytes.len(),
        }
    }
}

/// What is attached to an image, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The signatures that it is made of.
    signed: Digest,
    /// What is listed as referring to the image.
    pub referrers: Vec<Descriptor>,
    /// The manifest that the tag of the image's attestations names.
    pub tag: Digest,
    /// All of its pieces.
    pub(super) pieces: Vec<Named>,
    /// Those before: whoever was told of them a moment ago still gets them.
    pub(super) previous: Vec<Named>,
}

/// A piece, by what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    pub(super) digest: Digest,
    pub(super) is_bill: bool,
}

impl Attached {
    /// Tells whether it is made of these signatures.
    pub(super) fn is_of(&self, signed: &Signed) -> bool {
        self.signed == signed.id()
    }

    /// Tells whether there are bills of materials among it.
    pub(super) fn has_bills(&self) -> bool {
        self.pieces.iter().any(|piece| piece.is_bill)
    }
}

/// Attaches signed statements and bills to an image.
pub(super) fn attach(
    signed: &Signed,
    bills: Vec<Bill>,
    subject: &Subject,
    decided_at: Timestamp,
) -> io::Result<(Attached, Vec<Piece>)> {
    let mut making = Making {
        subject,
        created: decided_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        pieces: Vec::new(),
        referrers: Vec::new(),
    };
    for envelope in &signed.envelopes {
        let text = bundle(&signed.hint, &envelope.text)?;
        let annotations = [
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            (
                "dev.sigstore.bundle.predicateType",
                envelope.predicate.as_str(),
            ),
        ];
        making.refer(BUNDLE, text.into_bytes(), false, &annotations);
    }
    for bill in bills {
        making.refer(bill.media_type, bill.text, true, &[]);
    }
    let tag = making.tagged(signed);
    let named = |piece: &Piece| Named {
        digest: piece.digest.clone(),
        is_bill: piece.header.is_bill,
    };
    let attached = Attached {
        signed: signed.id(),
        referrers: making.referrers,
        tag,
        pieces: making.pieces.iter().map(named).collect(),
        previous: Vec::new(),
    };
    Ok((attached, making.pieces))
}

struct Making<'a> {
    subject: &'a Subject,
    created: String,
    pieces: Vec<Piece>,
    referrers: Vec<Descriptor>,
}

impl Making<'_> {
    fn add(&mut self, media_type: &str, bytes: Vec<u8>, is_bill: bool) -> Descriptor {
        let header = Header {
            subject: self.subject.digest.clone(),
            media_type: media_type.to_owned(),
            is_manifest: media_type == media_type::OCI_MANIFEST,
            is_bill,
        };
        let piece = Piece::new(header, bytes);
        let descriptor = piece.descriptor();
        if self.pieces.iter().all(|it| it.digest != piece.digest) {
            self.pieces.push(piece);
        }
        descriptor
    }

    /// Adds an artifact of one layer that refers to the image.
    fn refer(&mut self, kind: &str, text: Vec<u8>, is_bill: bool, notes: &[(&str, &str)]) {
        let layer = self.add(kind, text, is_bill);
        let created = ("org.opencontainers.image.created", self.created.as_str());
        let notes = notes.iter().chain([&created]);
        let notes = notes.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let annotations: BTreeMap<String, String> = notes.collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "artifactType": kind,
            "config": {
                "mediaType": media_type::OCI_EMPTY,
                "digest": Digest::of(EMPTY_CONFIG),
                "size": EMPTY_CONFIG.len(),
            },
            "layers": [layer],
            "subject": {
                "mediaType": self.subject.media_type,
                "digest": self.subject.digest,
                "size": self.subject.size,
            },
            "annotations": annotations,
        });
        let manifest = manifest.to_string().into_bytes();
        let described = self.add(media_type::OCI_MANIFEST, manifest, false);
        self.referrers.push(Descriptor {
            artifact_type: Some(kind.to_owned()),
            annotations,
            ..described
        });
    }

    /// Adds what the tag of the image's attestations names: an image whose layers are envelopes.
    fn tagged(&mut self, signed: &Signed) -> Digest {
        let mut layers: Vec<Value> = Vec::new();
        let mut contents: Vec<Digest> = Vec::new();
        for envelope in &signed.envelopes {
            let layer = self.add(ENVELOPE, envelope.text.clone().into_bytes(), false);
            contents.push(layer.digest.clone());
            layers.push(json!({
                "mediaType": layer.media_type,
                "digest": layer.digest,
                "size": layer.size,
                "annotations": {
                    "dev.cosignproject.cosign/signature": "",
                    "predicateType": envelope.predicate,
                },
            }));
        }
        let config = json!({
            "architecture": "", "os": "", "config": {}, "created": self.created,
            "rootfs": {"type": "layers", "diff_ids": contents},
        });
        let config = config.to_string().into_bytes();
        let config = self.add(media_type::OCI_CONFIG, config, false);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": config,
            "layers": layers,
        });
        let manifest = manifest.to_string().into_bytes();
        self.add(media_type::OCI_MANIFEST, manifest, false).digest
    }
}
