//! The detector of secrets: every file in pieces, and the configuration of an image.
//!
//! What is a secret, and that its value leaves nothing, is the work of `sluicegate-secrets`. Here it
//! becomes weaknesses: which kind, where, and the first digits of a salted hash.

use std::borrow::Cow;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};
use sluicegate_model::finding::FindingKind;
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::weakness::{SECRETS, Weakness};
use sluicegate_secrets::{
    ImageTexts, REVISION, Secret, SecretReader, SecretRules, SecretSalt, TextKind,
};

use crate::analyzer::Wants;
use crate::facts::Told;
use crate::fed::{FedAnswer, FedId, FedKind, FedPlugin, FedReader};

/// Most secrets that are told of one file.
const MAX_OF_FILE: usize = 200;

/// Digits of a hash that are kept: enough that two values of one image never share them.
const HASH_DIGITS: usize = 32;

/// Raised with every change of how secrets become weaknesses.
const DETECTOR_REVISION: u16 = 1;

static RULES: LazyLock<SecretRules> = LazyLock::new(SecretRules::built_in);

/// Its version: that of the rules, and of this.
pub(crate) static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{REVISION}.{DETECTOR_REVISION}"));

/// The digest in its name: of its revisions, for it has no file.
static DIGEST: LazyLock<String> =
    LazyLock::new(|| hex::encode(Sha256::digest(format!("{SECRETS} {}", *VERSION))));

/// Finds secrets. It hashes them under a salt that whoever runs it keeps to themselves.
pub struct SecretDetector {
    salt: SecretSalt,
}

impl SecretDetector {
    /// Makes one that hashes under 32 random bytes.
    pub fn new(salt: &[u8; 32]) -> Self {
        Self {
            salt: SecretSalt::new(salt),
        }
    }

    /// Gives the digest in its name: the same wherever it finds the same.
    pub fn digest() -> &'static str {
        &DIGEST
    }
}

impl FedPlugin for SecretDetector {
    fn id(&self) -> FedId<'_> {
        FedId {
            name: SECRETS,
            version: &VERSION,
            digest: &DIGEST,
        }
    }

    fn kind(&self) -> FedKind {
        FedKind::Detector
    }

    fn claims(&self) -> Vec<Wants<'_>> {
        vec![Wants::Every]
    }

    fn max_file_bytes(&self) -> u64 {
        u64::MAX
    }

    fn read(&self, path: &str, content: &[u8]) -> FedAnswer {
        let mut reader = RULES.reader(&self.salt, path, content.len() as u64);
        reader.push(content);
        FedAnswer {
            told: finish(reader),
            work: 0,
        }
    }

    fn detect(&self, _: &Inventory) -> FedAnswer {
        FedAnswer::default()
    }

    fn is_built_in(&self) -> bool {
        true
    }

    fn begin(&self, path: &str, size_bytes: u64) -> Option<Box<dyn FedReader + '_>> {
        Some(Box::new(Reading(
            RULES.reader(&self.salt, path, size_bytes),
        )))
    }

    fn look(&self, config: Option<&ImageConfig>) -> Told {
        let texts = config.and_then(|config| Some((config.texts.as_ref()?, &config.history)));
        let Some((texts, history)) = texts else {
            let why = "the image's configuration can not be read in one way: no secrets were looked for in it";
            return Told {
                gaps: vec![why.to_owned()],
                ..Told::default()
            };
        };
        let labels = texts.labels.iter();
        let steps = history.iter();
        let steps = steps.map(|step| step.created_by.as_deref().unwrap_or_default());
        let (env, command): (Vec<&str>, Vec<&str>) = (
            texts.env.iter().map(String::as_str).collect(),
            texts.command.iter().map(String::as_str).collect(),
        );
        let texts = ImageTexts {
            env: &env,
            labels: &labels
                .map(|(name, value)| (&**name, &**value))
                .collect::<Vec<_>>(),
            history: &steps.collect::<Vec<_>>(),
            command: &command,
        };
        let found = RULES.find_in_config(&self.salt, &texts);
        let weaknesses = found.iter().map(|found| Weakness {
            path: found.place.to_string(),
            line: None,
            column: None,
            ..weakness(&found.secret)
        });
        Told {
            weaknesses: weaknesses.collect(),
            ..Told::default()
        }
    }
}

/// A file that is being read.
struct Reading<'a>(SecretReader<'a>);

impl FedReader for Reading<'_> {
    fn push(&mut self, piece: &[u8]) {
        self.0.push(piece);
    }

    fn finish(self: Box<Self>) -> Told {
        finish(self.0)
    }
}

fn finish(reader: SecretReader<'_>) -> Told {
    let secrets = reader.finish();
    let mut told = Told::default();
    if secrets.len() > MAX_OF_FILE {
        told.gaps.push(format!(
            "{} or more secrets are in the file, of which {MAX_OF_FILE} are told",
            secrets.len()
        ));
    }
    let secrets = secrets.iter().take(MAX_OF_FILE);
    told.weaknesses.extend(secrets.map(weakness));
    told
}

fn weakness(secret: &Secret) -> Weakness {
    let number = |number: u64| u32::try_from(number).ok();
    let hash = secret.hash.to_string();
    Weakness {
        id: format!("SECRET-{}", secret.rule.to_ascii_uppercase()),
        aliases: Vec::new(),
        kind: FindingKind::Secret,
        severity: secret.severity,
        summary: secret.title.to_owned(),
        package: None,
        remedy: Vec::new(),
        path: String::new(),
        line: number(secret.line),
        column: number(secret.column),
        hash: Some(hash.get(..HASH_DIGITS).unwrap_or(&hash).to_owned()),
        is_hidden: false,
    }
}

/// Gives a step of an image's history without the secrets in it.
pub(crate) fn hide_in_command(text: &str) -> Cow<'_, str> {
    RULES.hide(TextKind::Command, text)
}

/// Gives the value of a label without the secrets in it.
pub(crate) fn hide_in_label(name: &str, value: String) -> String {
    let text = format!("{name}={value}");
    match RULES.hide(TextKind::Setting, &text) {
        Cow::Borrowed(_) => value,
        Cow::Owned(hidden) => hidden
            .split_once('=')
            .map_or(hidden.clone(), |(_, value)| value.to_owned()),
    }
}

#[cfg(test)]
mod tests;
