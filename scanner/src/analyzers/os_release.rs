//! Files that name the operating system: `os-release` and its elder relatives.
//!
//! Each is read by its name wherever it lies; the merge decides which ones count.
//!
//! Source: os-release(5); lsb_release(1).

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::distro::WITNESSES;
use crate::facts::{Observations, OsClaim};
use crate::limits::KIB;

pub(super) struct OsRelease;

impl Analyzer for OsRelease {
    fn id(&self) -> AnalyzerId {
        AnalyzerId {
            name: "os/release",
            revision: 1,
        }
    }

    fn wants(&self) -> &'static [Wants] {
        &[
            Wants::Named("os-release"),
            Wants::Named("lsb-release"),
            Wants::Named("debian_version"),
            Wants::Named("alpine-release"),
            Wants::Exact("etc/redhat-release"),
            Wants::Exact("etc/centos-release"),
            Wants::Exact("etc/fedora-release"),
            Wants::Exact("etc/system-release"),
            Wants::Exact("etc/oracle-release"),
            Wants::Exact("etc/SuSE-release"),
            Wants::Exact("etc/arch-release"),
            Wants::Exact("etc/gentoo-release"),
        ]
    }

    /// Such files have a few lines.
    fn max_file_bytes(&self) -> u64 {
        256 * KIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let text = String::from_utf8_lossy(file.content);
        let claim = match file.name() {
            "os-release" => OsClaim {
                id: value(&text, "ID").to_ascii_lowercase(),
                version: value(&text, "VERSION_ID"),
                codename: value(&text, "VERSION_CODENAME"),
            },
            "lsb-release" => OsClaim {
                id: value(&text, "DISTRIB_ID").to_ascii_lowercase(),
                version: value(&text, "DISTRIB_RELEASE"),
                codename: value(&text, "DISTRIB_CODENAME"),
            },
            "debian_version" => debian(text.trim()),
            "alpine-release" => OsClaim {
                id: "alpine".to_owned(),
                version: text.trim().to_owned(),
                codename: String::new(),
            },
            name => elder(name, text.trim()),
        };
        if claim != OsClaim::default() {
            found.os = Some(claim);
        } else if WITNESSES.contains(&file.path) {
            return Err(AnalyzeError("it names no operating system".to_owned()));
        }
        Ok(())
    }
}

/// Reads `NAME release N.N (Codename)`, as systems without `os-release` have it.
fn elder(file_name: &str, text: &str) -> OsClaim {
    let family = file_name.strip_suffix("-release").unwrap_or_default();
    let after = text.split(" release ").nth(1).unwrap_or_default();
    OsClaim {
        id: family.to_ascii_lowercase(),
        version: after
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned(),
        codename: String::new(),
    }
}

/// Reads `12.11`, or `trixie/sid` before a release.
fn debian(text: &str) -> OsClaim {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    OsClaim {
        id: "debian".to_owned(),
        version: if is_number {
            text.to_owned()
        } else {
            String::new()
        },
        codename: if is_number {
            String::new()
        } else {
            text.to_owned()
        },
    }
}

/// Gives a shell variable's value; the last assignment counts, as in a shell.
fn value(text: &str, key: &str) -> String {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
        .next_back()
        .map(unquote)
        .unwrap_or_default()
}

/// Takes off quotes and backslashes as a shell would.
fn unquote(word: &str) -> String {
    let mut plain = String::new();
    let mut quote = None;
    let mut characters = word.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None | Some('"')) => plain.extend(characters.next()),
            ('"' | '\'', None) => quote = Some(character),
            (_, Some(open)) if character == open => quote = None,
            (' ' | '\t' | '#' | ';', None) => break,
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn reads_every_way_of_quoting() {
        let table = [
            ("ID=debian", "debian"),
            ("ID=\"debian\"", "debian"),
            ("ID='debian' # comment", "debian"),
            ("ID=deb\\ian", "debian"),
            ("  ID=ubuntu\nID=\"Debian\"", "debian"),
            ("#ID=x\nNAME=y\nID_LIKE=z\nID=debian\r", "debian"),
        ];
        for (text, wanted) in table {
            let found = analyze(&OsRelease, "etc/os-release", text.as_bytes());
            assert_eq!(found.os.unwrap_or_default().id, wanted, "{text}");
        }
    }

    #[test]
    fn a_file_that_names_nothing_is_a_gap() {
        let found = analyze(&OsRelease, "etc/os-release", b"\n# nothing\n");
        assert_eq!(found.os, None);
        assert_eq!(found.gaps.len(), 1);
        assert!(analyze(&OsRelease, "usr/share/x/os-release", b"").is_empty());
    }

    #[test]
    fn elder_systems_are_named_by_their_release_file() {
        let text = b"CentOS release 6.10 (Final)\n";
        let claim = analyze(&OsRelease, "etc/centos-release", text).os.unwrap();
        assert_eq!(
            (claim.id.as_str(), claim.version.as_str()),
            ("centos", "6.10")
        );
    }
}
