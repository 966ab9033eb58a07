//! Which files dpkg's packages own: `info/*.md5sums`, and `status.d/*.md5sums` of distroless.
//!
//! They list every regular file but configuration files. A line that cannot be read claims
//! nothing, so that its file is looked at as nobody's.
//!
//! Source: deb-md5sums(5).

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, Database, WantedFile, Wants};
use crate::analyzers::ledger::Ledger;
use crate::facts::{ContentDigest, Observations};
use crate::limits::MIB;

/// Directory with one list for each package.
pub(crate) const INFO_DIR: &str = "var/lib/dpkg/info";

/// What the lists' names end in.
pub(crate) const ENDING: &str = ".md5sums";

pub(crate) struct Md5sums;

impl Analyzer for Md5sums {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "os/dpkg-files",
            revision: 1,
        }
    }

    fn databases(&self) -> Vec<Database<'_>> {
        vec![Database::Lists(INFO_DIR)]
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Ending(ENDING)]
    }

    /// The largest list of Debian, of 60,000 files, takes 6 MiB.
    fn max_file_bytes(&self) -> u64 {
        16 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let dir = file.path.rsplit('/').nth(1).unwrap_or_default();
        if !matches!(dir, "info" | "status.d") {
            return Ok(());
        }
        let package = package(file.name());
        let mut ledger = Ledger::new(file, found);
        for line in file.content.split(|byte| *byte == b'\n') {
            if let Some((digest, path)) = entry(line) {
                ledger.claim(package, path, Some(digest));
            }
        }
        Ok(())
    }
}

/// Gives the package of `libc6:amd64.md5sums`.
fn package(file_name: &str) -> &str {
    let stem = file_name.strip_suffix(ENDING).unwrap_or(file_name);
    stem.split(':').next().unwrap_or_default()
}

/// Reads `digest  path`.
fn entry(line: &[u8]) -> Option<(ContentDigest, &str)> {
    let (digest, path) = line.split_at_checked(32)?;
    let path = std::str::from_utf8(path.strip_prefix(b"  ")?).ok()?;
    let mut md5 = [0; 16];
    hex::decode_to_slice(digest, &mut md5).ok()?;
    Some((ContentDigest::Md5(md5), path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;
    use crate::facts::PathHash;

    #[test]
    fn reads_lists_where_dpkg_keeps_them() {
        let text = b"900150983cd24fb0d6963f7d28e17f72  usr/bin/a b\n\
            900150983cd24fb0d6963f7d28e17f72  usr/share/doc/a/copyright\n\
            short  usr/bin/c\n\
            zz0150983cd24fb0d6963f7d28e17f72  usr/bin/d\n\
            900150983cd24fb0d6963f7d28e17f72  ./usr/lib/\xff\n\
            900150983cd24fb0d6963f7d28e17f72  ./usr/lib/e";
        for (path, package) in [
            ("var/lib/dpkg/info/libc6:amd64.md5sums", "libc6"),
            ("var/lib/dpkg/status.d/base.md5sums", "base"),
        ] {
            let found = analyze(&Md5sums, path, text);
            let owned: Vec<_> = found.owned.iter().map(|owned| owned.path).collect();
            assert_eq!(
                owned,
                [PathHash::of("usr/bin/a b"), PathHash::of("usr/lib/e")]
            );
            assert_eq!(&*found.owned[0].package, package);
            assert_eq!(found.gaps, []);
        }
        assert!(analyze(&Md5sums, "srv/files.md5sums", text).is_empty());
    }
}
