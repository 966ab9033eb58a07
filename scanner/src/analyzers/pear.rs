//! Installed PEAR and PECL packages: `*.reg` files in PEAR's registry.
//!
//! A file is one PHP array, serialized. It is read as marks and strings, never as PHP would: no
//! object is made, and the lengths it states are only ever compared with what is there. Packages of
//! the first form name no channel: that is their directory's, `.channel.pecl.php.net`. Advisories
//! name the packages as Packagist does, `pear/archive_tar`.
//!
//! Source: PHP manual, "serialize"; PEAR, `PEAR_Registry`.

use sluicegate_model::package::{Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

/// Deepest nesting of arrays that is read; real files have below ten levels.
const MAX_DEPTH: usize = 64;

pub(super) struct Pear;

impl Analyzer for Pear {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/pear",
            revision: 2,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Ending(".reg")]
    }

    /// The largest, with a package's whole change log and file list, stay below 1 MiB.
    fn max_file_bytes(&self) -> u64 {
        8 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        if !file.path.split('/').any(|part| part == ".registry") {
            return Ok(());
        }
        let record = read(file.content)?;
        if record.name.is_empty() || record.version.is_empty() {
            return Err(AnalyzeError::of("it has no name and version"));
        }
        let stated = Some(record.channel.as_str()).filter(|channel| !channel.is_empty());
        let channel = stated.or_else(|| channel_of_directory(file.path));
        let channel = channel.map(str::to_ascii_lowercase);
        let vendor = match channel.as_deref() {
            None | Some("pear.php.net") => "pear",
            Some("pecl.php.net") => "pecl",
            Some(other) => other,
        };
        let name = format!("{vendor}/{}", record.name.to_ascii_lowercase());
        found.add(Package::of_language(
            PackageType::Composer,
            name,
            record.version,
        ));
        Ok(())
    }
}

/// Gives the channel of `.registry/.channel.NAME/x.reg`; what lies beside such directories is of
/// PEAR's own.
fn channel_of_directory(path: &str) -> Option<&str> {
    path.rsplit('/').nth(1)?.strip_prefix(".channel.")
}

#[derive(Debug, Default, PartialEq, Eq)]
struct RegistryRecord {
    name: String,
    channel: String,
    version: String,
}

/// One mark of a serialized value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SerializedMark<'a> {
    Open,
    Close,
    Text(&'a [u8]),
    /// A number, a truth value or nothing.
    Scalar,
}

/// Reads the top-level keys that identify a package; version 2 has an array of versions.
fn read(content: &[u8]) -> Result<RegistryRecord, AnalyzeError> {
    let mut record = RegistryRecord::default();
    let mut rest = content.trim_ascii();
    // For each open array: the key whose value is due, if any.
    let mut open: Vec<Option<&[u8]>> = Vec::new();
    while !rest.is_empty() {
        let (mark, after) =
            next(rest).ok_or_else(|| AnalyzeError::of("it is no serialized PHP array"))?;
        rest = after;
        match mark {
            SerializedMark::Open if open.len() >= MAX_DEPTH => {
                return Err(AnalyzeError::of(format!(
                    "it is nested deeper than {MAX_DEPTH} levels"
                )));
            }
            SerializedMark::Open => open.push(None),
            SerializedMark::Close => {
                open.pop();
                take_key(&mut open);
            }
            SerializedMark::Text(text) => match take_key(&mut open) {
                Some(key) => keep(&open, key, text, &mut record),
                None => put_key(&mut open, text),
            },
            SerializedMark::Scalar => {
                if take_key(&mut open).is_none() {
                    put_key(&mut open, b"");
                }
            }
        }
    }
    Ok(record)
}

fn take_key<'a>(open: &mut [Option<&'a [u8]>]) -> Option<&'a [u8]> {
    open.last_mut().and_then(Option::take)
}

fn put_key<'a>(open: &mut [Option<&'a [u8]>], key: &'a [u8]) {
    if let Some(array) = open.last_mut() {
        *array = Some(key);
    }
}

fn keep(open: &[Option<&[u8]>], key: &[u8], text: &[u8], record: &mut RegistryRecord) {
    let slot = match (open, key) {
        ([_], b"name" | b"package") => &mut record.name,
        ([_], b"channel") => &mut record.channel,
        ([_], b"version") | ([Some(b"version"), _], b"release") => &mut record.version,
        _ => return,
    };
    if slot.is_empty() {
        *slot = String::from_utf8_lossy(text).into_owned();
    }
}

/// Splits the next mark off.
fn next(rest: &[u8]) -> Option<(SerializedMark<'_>, &[u8])> {
    match rest {
        [b'}', after @ ..] => Some((SerializedMark::Close, after)),
        [b'a', b':', after @ ..] => {
            let brace = after.iter().position(|byte| *byte == b'{')?;
            Some((SerializedMark::Open, after.get(brace + 1..)?))
        }
        [b's', b':', after @ ..] => {
            let (length, after) = number(after)?;
            let text = after.strip_prefix(b":\"")?;
            let after = text.get(length..)?.strip_prefix(b"\";")?;
            Some((SerializedMark::Text(text.get(..length)?), after))
        }
        [b'i' | b'b' | b'd' | b'N', ..] => {
            let end = rest.iter().position(|byte| *byte == b';')?;
            Some((SerializedMark::Scalar, rest.get(end + 1..)?))
        }
        _ => None,
    }
}

fn number(text: &[u8]) -> Option<(usize, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let digits = std::str::from_utf8(text.get(..end)?).ok()?;
    Some((digits.parse().ok()?, text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    fn packages(text: &str) -> Vec<(String, String)> {
        let found = analyze(&Pear, "usr/share/php/.registry/x.reg", text.as_bytes());
        let packages = found.packages.into_iter().map(|found| found.package);
        packages
            .map(|package| (package.name, package.version))
            .collect()
    }

    #[test]
    fn reads_both_forms_of_the_registry() {
        let second = "a:4:{s:7:\"attribs\";a:1:{s:7:\"version\";s:3:\"2.0\";}s:4:\"name\";\
            s:11:\"Archive_Tar\";s:7:\"channel\";s:12:\"pear.php.net\";s:7:\"version\";\
            a:2:{s:3:\"api\";s:3:\"9.9\";s:7:\"release\";s:6:\"1.4.14\";}}";
        assert_eq!(
            packages(second),
            [("pear/archive_tar".into(), "1.4.14".into())]
        );
        let first = "a:3:{s:7:\"package\";s:3:\"APC\";i:0;N;s:7:\"version\";s:5:\"3.1.9\";}\n";
        assert_eq!(packages(first), [("pear/apc".into(), "3.1.9".into())]);
        let pecl = first.replacen("a:3:{", "a:4:{s:7:\"channel\";s:12:\"pecl.php.net\";", 1);
        assert_eq!(packages(&pecl), [("pecl/apc".into(), "3.1.9".into())]);
    }

    #[test]
    fn a_package_that_names_no_channel_is_of_its_directorys() {
        let text = "a:2:{s:7:\"package\";s:3:\"APC\";s:7:\"version\";s:5:\"3.1.9\";}";
        for (directory, wanted) in [
            (".registry", "pear/apc"),
            (".registry/.channel.pecl.php.net", "pecl/apc"),
            (".registry/.channel.pear.phpunit.de", "pear.phpunit.de/apc"),
        ] {
            let found = analyze(&Pear, &format!("lib/{directory}/apc.reg"), text.as_bytes());
            assert_eq!(found.packages[0].package.name, wanted);
        }
    }

    #[test]
    fn a_text_that_looks_like_a_key_is_none() {
        let text =
            "a:3:{s:3:\"doc\";s:4:\"name\";s:4:\"name\";s:1:\"a\";s:7:\"version\";s:1:\"1\";}";
        assert_eq!(packages(text), [("pear/a".into(), "1".into())]);
    }

    #[test]
    fn what_is_no_such_array_is_a_gap() {
        let deep = "a:1:{s:1:\"k\";".repeat(MAX_DEPTH + 1);
        for text in [
            "a:1:{s:4:\"name\";s:999:\"x\";}",
            "s:99999999999999999999:\"x\";",
            "O:1:\"X\":0:{}",
            "a:0:{}",
            "PEAR",
            &deep,
        ] {
            let found = analyze(
                &Pear,
                ".registry/.channel.pecl.php.net/x.reg",
                text.as_bytes(),
            );
            assert_eq!((found.packages.len(), found.gaps.len()), (0, 1), "{text}");
        }
        let elsewhere = analyze(&Pear, "windows/system.reg", b"REGEDIT4");
        assert!(elsewhere.is_empty());
    }
}
