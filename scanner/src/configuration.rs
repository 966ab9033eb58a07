//! The detector of careless configurations: as whom an image runs, programs that run as their owner
//! whoever starts them, and what anybody in the image can put in the place of a program.
//!
//! Modes come from the headers of archives. What is on `PATH` is known once the image is, so every file
//! and directory that all can write is told of, and `inventory/paths.rs` leaves those that matter.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};
use sluicegate_model::finding::FindingKind;
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::severity::Severity;
use sluicegate_model::weakness::{CONFIGURATION, Weakness};

use crate::analyzer::Wants;
use crate::facts::Told;
use crate::fed::{EntryMode, FedAnswer, FedId, FedKind, FedPlugin};

/// Raised with every change of what is found.
const REVISION: u16 = 1;

/// The id of what all can write, a directory or a file in one.
pub(crate) const WRITABLE: &str = "IMAGE-WRITABLE-PATH";

/// Bits of a mode. Source: POSIX.1-2017, sys/stat.h.
const SET_USER: u32 = 0o4000;
const SET_GROUP: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const EXECUTABLE: u32 = 0o111;
const WRITABLE_FOR_ALL: u32 = 0o002;

/// Programs that distributions install so: they are made for it.
const WELL_KNOWN: [&str; 24] = [
    "at",
    "bbsuid",
    "chage",
    "chfn",
    "chsh",
    "crontab",
    "dbus-daemon-launch-helper",
    "doas",
    "expiry",
    "fusermount",
    "fusermount3",
    "gpasswd",
    "mount",
    "newgidmap",
    "newgrp",
    "newuidmap",
    "pam_timestamp_check",
    "passwd",
    "pkexec",
    "polkit-agent-helper-1",
    "su",
    "sudo",
    "umount",
    "unix_chkpwd",
];

/// Its version.
pub(crate) static VERSION: LazyLock<String> = LazyLock::new(|| REVISION.to_string());

/// The digest in its name: of its revision, for it has no file.
static DIGEST: LazyLock<String> =
    LazyLock::new(|| hex::encode(Sha256::digest(format!("{CONFIGURATION} {}", *VERSION))));

/// Finds careless configurations.
pub struct ConfigurationDetector;

impl ConfigurationDetector {
    /// Gives the digest in its name: the same wherever it finds the same.
    pub fn digest() -> &'static str {
        &DIGEST
    }
}

impl FedPlugin for ConfigurationDetector {
    fn id(&self) -> FedId<'_> {
        FedId {
            name: CONFIGURATION,
            version: &VERSION,
            digest: &DIGEST,
        }
    }

    fn kind(&self) -> FedKind {
        FedKind::Detector
    }

    fn claims(&self) -> Vec<Wants<'_>> {
        vec![Wants::Headers]
    }

    fn max_file_bytes(&self) -> u64 {
        0
    }

    fn read(&self, _: &str, _: &[u8]) -> FedAnswer {
        FedAnswer::default()
    }

    fn detect(&self, _: &Inventory) -> FedAnswer {
        FedAnswer::default()
    }

    fn is_built_in(&self) -> bool {
        true
    }

    fn see(&self, entry: EntryMode<'_>) -> Told {
        let EntryMode {
            path,
            is_directory,
            mode,
        } = entry;
        let has = |bits: u32| mode & bits != 0;
        let mut told = Told::default();
        if !is_directory && has(SET_USER | SET_GROUP) && has(EXECUTABLE) {
            told.weaknesses.push(set_user(path, has(SET_USER)));
        }
        if has(WRITABLE_FOR_ALL) && (is_directory || has(EXECUTABLE)) {
            told.weaknesses.push(writable(is_directory, has(STICKY)));
        }
        told
    }

    fn look(&self, config: Option<&ImageConfig>) -> Told {
        let Some(run) = config.and_then(|config| config.run.as_ref()) else {
            let why = "the image's configuration can not be read in one way: as whom it runs is not known";
            return Told {
                gaps: vec![why.to_owned()],
                ..Told::default()
            };
        };
        let root = run.is_root().then(|| Weakness {
            path: "config: User".to_owned(),
            ..weakness(
                "IMAGE-ROOT-USER",
                Severity::Medium,
                "it runs as root, for its configuration names nobody else",
            )
        });
        Told {
            weaknesses: root.into_iter().collect(),
            ..Told::default()
        }
    }
}

fn set_user(path: &str, is_user: bool) -> Weakness {
    let name = path.rsplit('/').next().unwrap_or_default();
    let severity = if WELL_KNOWN.contains(&name) {
        Severity::Low
    } else {
        Severity::Medium
    };
    let summary = if is_user {
        "whoever starts it has its owner's rights (setuid)"
    } else {
        "whoever starts it has its group's rights (setgid)"
    };
    weakness("IMAGE-SETUID-FILE", severity, summary)
}

fn writable(is_directory: bool, is_sticky: bool) -> Weakness {
    let summary = match (is_directory, is_sticky) {
        (true, false) => "everybody can replace what is in this directory of PATH",
        (true, true) => "everybody can put programs in this directory of PATH",
        (false, _) => "everybody can write this program of PATH",
    };
    weakness(WRITABLE, Severity::High, summary)
}

fn weakness(id: &str, severity: Severity, summary: &str) -> Weakness {
    Weakness {
        id: id.to_owned(),
        aliases: Vec::new(),
        kind: FindingKind::Configuration,
        severity,
        summary: summary.to_owned(),
        package: None,
        remedy: Vec::new(),
        path: String::new(),
        line: None,
        column: None,
        hash: None,
        is_hidden: false,
    }
}

/// Tells whether a weakness is that all may replace what is in a directory.
pub(crate) fn is_replaceable(weakness: &Weakness) -> bool {
    weakness.summary == writable(true, false).summary
}

#[cfg(test)]
mod tests;
