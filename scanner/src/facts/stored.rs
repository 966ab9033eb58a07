//! What a layer's stored bytes are to those who do not scan them: runtimes and readers of artifacts.
//!
//! Runtimes choose an unpacker by how a blob begins, whatever its media type says (measured with
//! Docker and podman). So whether a manifest can be unpacked is told by these facts, never by its
//! labels. `layer/tap.rs` makes them, `artifact.rs` decides by them.

use serde::{Deserialize, Serialize};

/// The form of a layer's stored bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredForm {
    /// The compression that they begin with, of those that some runtime undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Whether they begin with a tar header whose checksum is right, signed or unsigned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tar_header: bool,
    /// The text document that they are, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
}

/// A compression that some runtime undoes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Read by the scanner.
    Gzip,
    /// Not read by the scanner.
    Bzip2,
    /// Not read by the scanner.
    Xz,
    /// Read by the scanner.
    Zstd,
}

/// A kind of text in which signatures, SBOMs and attestations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Document {
    /// One JSON object or array. Source: RFC 8259.
    Json,
    /// One XML document.
    Xml,
    /// Armoured blocks and nothing between them. Source: RFC 7468.
    Pem,
    /// A signed message in clear. Source: RFC 9580, section 7.
    SignedText,
    /// SPDX in its tag-value form. Source: SPDX 2.3, section 5.
    Spdx,
}

impl StoredForm {
    /// Tells whether a runtime that looks at the bytes would take them for something to unpack.
    pub fn begins_like_an_archive(&self) -> bool {
        self.compression.is_some() || self.tar_header
    }
}
