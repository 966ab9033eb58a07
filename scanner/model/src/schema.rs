//! JSON Schemas of the values that are written as one text; the others derive theirs.
//!
//! The description of the API is made of these, so that it says what is written.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::digest::{DiffId, Digest};
use crate::image::{Repository, Tag};

/// Stands for an instant, whose own type knows no schema: `#[schemars(with = "Instant")]`.
#[derive(Debug)]
pub struct Instant(pub Timestamp);

/// Gives a type the schema of a text.
macro_rules! text {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text!(Digest, "Digest", {
    "type": "string",
    "description": "A content digest: sha256 or sha512, a colon, and lower-case hexadecimal digits.",
    "pattern": "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$",
});

text!(DiffId, "DiffId", {
    "type": "string",
    "description": "The digest of a layer's uncompressed bytes.",
    "pattern": "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$",
});

text!(Repository, "Repository", {
    "type": "string",
    "description": "A canonical repository name, such as docker.io/library/nginx.",
    "pattern": "^[^/]+/.+$",
});

text!(Tag, "Tag", {
    "type": "string",
    "description": "A tag.",
    "pattern": "^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$",
});

impl JsonSchema for Instant {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}
