//! Which files apk's packages own: the `F:`, `R:` and `Z:` lines of a record.
//!
//! `F:` names a directory, each `R:` after it a file there, and a `Z:` after that its digest.
//!
//! Source: apk-tools, "Apk installed database"; apk-v2(5), "Checksums".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::analyzers::ledger::Ledger;
use crate::analyzers::stanza::text;
use crate::facts::ContentDigest;

/// Records the files of one record.
pub(super) fn claim(lines: &[&[u8]], package: &str, ledger: &mut Ledger<'_>) {
    let mut directory = "";
    let mut file: Option<String> = None;
    for line in lines {
        let Some((key, value)) = line.split_first_chunk::<2>() else {
            continue;
        };
        match key {
            b"F:" => {
                if let Some(path) = file.take() {
                    ledger.claim(package, &path, None);
                }
                directory = text(value).unwrap_or_default();
            }
            b"R:" => {
                if let Some(path) = file.take() {
                    ledger.claim(package, &path, None);
                }
                file = text(value).map(|name| format!("{directory}/{name}"));
            }
            b"Z:" => {
                if let Some(path) = file.take() {
                    ledger.claim(package, &path, text(value).and_then(digest));
                }
            }
            _ => {}
        }
    }
    if let Some(path) = file {
        ledger.claim(package, &path, None);
    }
}

/// Reads `Q1` and a SHA-1, or `Q2` and a SHA-256, in Base64.
fn digest(text: &str) -> Option<ContentDigest> {
    let decoded = |text: &str| STANDARD.decode(text).ok();
    if let Some(sha1) = text.strip_prefix("Q1") {
        return decoded(sha1)?.try_into().ok().map(ContentDigest::Sha1);
    }
    let sha256 = text.strip_prefix("Q2")?;
    decoded(sha256)?.try_into().ok().map(ContentDigest::Sha256)
}

#[cfg(test)]
mod tests {
    use super::super::{Apk, INSTALLED};
    use crate::analyzers::tests::analyze;
    use crate::facts::{FileDigests, PathHash};

    #[test]
    fn reads_directories_files_and_digests() {
        let text =
            b"P:a\nV:1\nF:\nR:top\nF:lib\nR:x\na:0:0:755\nZ:Q1qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\n\
            R:y\nR:z\nZ:Q1broken\nF:usr/share/man/man1\nR:a.1\n\nP:b\nV:1\nF:bin\nR:b\n";
        let found = analyze(&Apk, INSTALLED, text);
        let owned: Vec<_> = found
            .owned
            .iter()
            .map(|owned| (&*owned.package, owned.path, owned.digest.is_some()))
            .collect();
        let wanted = [
            ("a", "top", false),
            ("a", "lib/x", true),
            ("a", "lib/y", false),
            ("a", "lib/z", false),
            ("b", "bin/b", false),
        ]
        .map(|(package, path, has_digest)| (package, PathHash::of(path), has_digest));
        assert_eq!(owned, wanted);
        let kept = found.owned[1].digest.unwrap();
        assert!(FileDigests::of(b"abc").agree(&kept));
        assert_eq!(found.gaps, []);
    }
}
