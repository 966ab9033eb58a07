//! What one part gave for its inputs, as text that is hashed.

use std::fmt::Write as _;

use serde::Serialize;
use sha2::Digest as _;

use super::pins::{MODE, Row};

/// Notes, one line each: what was put in, and what came out.
#[derive(Default)]
pub(super) struct Transcript(String);

impl Transcript {
    /// Notes what came out of an input.
    pub(super) fn note(&mut self, input: impl std::fmt::Display, output: &impl Serialize) {
        let output = serde_json::to_string(output).unwrap();
        let _ = writeln!(self.0, "{input} => {output}");
    }

    /// Gives the row of the part that this is about.
    pub(super) fn row(self, name: &str, revision: u32) -> Row {
        assert!(self.0.lines().count() > 2, "{name} has no corpus");
        if std::env::var_os(MODE).is_some_and(|mode| mode == "show") {
            let folder = std::env::temp_dir().join("sluicegate-golden");
            std::fs::create_dir_all(&folder).unwrap();
            let file = folder.join(name.replace('/', "-"));
            std::fs::write(file, &self.0).unwrap();
        }
        let digest = sha2::Sha256::digest(self.0.as_bytes());
        Row {
            name: name.to_owned(),
            revision,
            digest: hex::encode(&digest[..16]),
        }
    }
}
