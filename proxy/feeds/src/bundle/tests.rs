//! Bundles that are sound are imported; all others change nothing, whoever made them.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use sha2::Digest as _;
use tar::EntryType;
use tempfile::TempDir;

use super::*;

mod carried;

const NOON: &str = "2026-11-23T12:00:00Z";
const FILE: &str = "PyPI/all.zip";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn after_noon(minutes: i64) -> Timestamp {
    at(NOON) + SignedDuration::from_mins(minutes)
}

/// An archive with one record.
fn archive(id: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("X.json", zip::write::SimpleFileOptions::default())
        .unwrap();
    let record = format!(r#"{{"id": "{id}", "modified": "{NOON}", "affected": []}}"#);
    zip.write_all(record.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Keys, a place for snapshots with version 5 in use, and what is offered to it.
struct Site {
    home: TempDir,
    keys: [SigningKey; 2],
    imported: Imported,
}

impl Site {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let key = |name: &str| {
            let path = home.path().join(name);
            SigningKey::create(&path).unwrap();
            SigningKey::read(&path).unwrap()
        };
        let keys = [key("a"), key("b")];
        let imported = Imported::under(home.path());
        let site = Self {
            home,
            keys,
            imported,
        };
        let outcome = site.import(&Forged::new(5).bundle(&site.keys[..1]));
        assert!(matches!(outcome, Ok(ImportOutcome::New(_))), "{outcome:?}");
        site
    }

    fn trust(&self) -> Trust {
        Trust::new(vec![self.keys[0].public()], 1).unwrap()
    }

    fn put(&self, bundle: &[u8]) -> PathBuf {
        let path = self.home.path().join("bundle");
        std::fs::write(&path, bundle).unwrap();
        path
    }

    fn import(&self, bundle: &[u8]) -> Result<ImportOutcome, BundleError> {
        self.import_at(bundle, at(NOON))
    }

    fn import_at(&self, bundle: &[u8], now: Timestamp) -> Result<ImportOutcome, BundleError> {
        self.imported.import(&self.put(bundle), &self.trust(), now)
    }

    /// Asserts that a bundle is refused for the right reason, and that version 5 stays in use.
    fn refuses(&self, bundle: &[u8], reason: &str) {
        let error = self.import(bundle).expect_err(reason).to_string();
        assert!(error.contains(reason), "{reason:?} is in {error:?}");
        self.is_at(5);
    }

    fn is_at(&self, version: u64) {
        let (snapshot, place) = self.imported.current().unwrap().unwrap();
        assert_eq!(snapshot.version, version);
        let id = format!("v{version}");
        assert_eq!(std::fs::read(place.join(FILE)).unwrap(), archive(&id));
        assert!(!place.with_file_name("unfinished").exists());
    }
}

/// A bundle in the making.
#[derive(Clone)]
struct Forged {
    manifest: Manifest,
    entries: Vec<Vec<u8>>,
}

impl Forged {
    fn new(version: u64) -> Self {
        Self::of(version, &[(FILE, &archive(&format!("v{version}")))])
    }

    fn of(version: u64, files: &[(&str, &[u8])]) -> Self {
        let entry = |(path, content): &(&str, &[u8])| FileEntry {
            path: (*path).to_owned(),
            sha256: hex::encode(sha2::Sha256::digest(content)),
            length: content.len() as u64,
        };
        Self {
            manifest: Manifest {
                format: FORMAT.to_owned(),
                version,
                created: at(NOON),
                expires: after_noon(60),
                files: files.iter().map(entry).collect(),
            },
            entries: files
                .iter()
                .map(|(path, content)| tar_entry(path, EntryType::Regular, content))
                .collect(),
        }
    }

    fn text(&self) -> Vec<u8> {
        serde_json::to_vec(&self.manifest).unwrap()
    }

    fn bundle(&self, keys: &[SigningKey]) -> Vec<u8> {
        let text = self.text();
        let signatures = keys.iter().map(|key| key.sign(&text)).collect();
        self.signed(&text, signatures)
    }

    fn signed(&self, text: &[u8], signatures: Vec<Vec<u8>>) -> Vec<u8> {
        let signatures = signatures.iter().map(|s| STANDARD.encode(s)).collect();
        let signatures = serde_json::to_vec(&Signatures { signatures }).unwrap();
        let mut tar = tar_entry(MANIFEST, EntryType::Regular, text);
        tar.extend(tar_entry(SIGNATURES, EntryType::Regular, &signatures));
        tar.extend(self.entries.concat());
        tar.extend([0; 1024]);
        zstd::encode_all(tar.as_slice(), 1).unwrap()
    }
}

fn tar_entry(path: &str, kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let name = &mut header.as_old_mut().name;
    name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_size(content.len() as u64);
    header.set_entry_type(kind);
    header.set_cksum();
    let mut entry = header.as_bytes().to_vec();
    entry.extend(content);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

#[test]
fn what_was_exported_is_imported_once() {
    let site = Site::new();
    let feeds = site.home.path().join("feeds");
    let files = [
        (FILE, archive("v9")),
        ("PyPI/delta.zip", archive("D")),
        (KEV, br#"{"vulnerabilities": []}"#.to_vec()),
        ("PyPI/held.csv", b"not exported".to_vec()),
    ];
    for (path, content) in &files {
        let path = feeds.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let bundle = site.home.path().join("out.tar.zst");
    let times = (at(NOON), after_noon(60));
    let contents = Contents::open(&feeds).unwrap();
    // What is replaced after the files were opened is not part of the bundle.
    std::fs::rename(feeds.join(FILE), feeds.join("elsewhere")).unwrap();
    let packed = pack(contents, 9, times, &site.keys, &bundle).unwrap();
    assert_eq!(packed.files, 3);
    let outcome = site.imported.import(&bundle, &site.trust(), at(NOON));
    let Ok(ImportOutcome::New(snapshot)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((snapshot.created, snapshot.expires), times);
    site.is_at(9);
    let (_, place) = site.imported.current().unwrap().unwrap();
    for (path, content) in &files[..3] {
        assert_eq!(std::fs::read(place.join(path)).unwrap(), *content);
    }
    assert!(!place.join("PyPI/held.csv").exists());
    let again = site.imported.import(&bundle, &site.trust(), at(NOON));
    assert_eq!(again.unwrap(), ImportOutcome::Same(snapshot));
    let empty = Contents::open(&site.home.path().join("imported"));
    assert!(empty.is_err(), "nothing to export");
}

#[test]
fn only_enough_distinct_trusted_keys_are_believed() {
    let site = Site::new();
    let (forged, text) = (Forged::new(6), Forged::new(6).text());
    let [a, b] = &site.keys;
    site.refuses(&forged.bundle(&[]), "0 of the 1");
    site.refuses(&forged.bundle(&site.keys[1..]), "0 of the 1");
    let of_another = vec![a.sign(&Forged::new(7).text())];
    site.refuses(&forged.signed(&text, of_another), "0 of the 1");
    let mut cut = a.sign(&text);
    cut.pop();
    site.refuses(
        &forged.signed(&text, vec![cut, vec![], vec![0; 64]]),
        "0 of the 1",
    );
    // Signed for no purpose: the bare text.
    let document = std::fs::read(site.home.path().join("a")).unwrap();
    let body = String::from_utf8(document).unwrap();
    let der = STANDARD.decode(body.lines().nth(1).unwrap()).unwrap();
    let bare = ring::signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).unwrap();
    let bare = vec![bare.sign(&text).as_ref().to_vec()];
    site.refuses(&forged.signed(&text, bare), "0 of the 1");
    // One key that signs twice, or is named twice, is one.
    let both = Trust::new(vec![a.public(), b.public()], 2).unwrap();
    let twice = site.put(&forged.signed(&text, vec![a.sign(&text), a.sign(&text)]));
    let error = site.imported.import(&twice, &both, at(NOON)).unwrap_err();
    assert!(error.to_string().contains("1 of the 2"), "{error}");
    assert!(Trust::new(vec![a.public(), a.public()], 2).is_err());
    assert!(Trust::new(vec![a.public()], 0).is_err());
    site.is_at(5);
    let signed = site.put(&forged.bundle(&site.keys));
    assert!(site.imported.import(&signed, &both, at(NOON)).is_ok());
    site.is_at(6);
}

#[test]
fn older_versions_and_a_second_one_of_the_same_are_refused() {
    let site = Site::new();
    let keys = &site.keys[..1];
    site.refuses(
        &Forged::new(4).bundle(keys),
        "version 5 was imported before",
    );
    let other = Forged::of(5, &[(FILE, &archive("other"))]);
    site.refuses(&other.bundle(keys), "another bundle with version 5");
    let same = site.import(&Forged::new(5).bundle(keys));
    assert!(matches!(same, Ok(ImportOutcome::Same(_))));
    assert!(site.import(&Forged::new(u64::MAX).bundle(keys)).is_ok());
    let error = site.import(&Forged::new(6).bundle(keys)).unwrap_err();
    assert!(matches!(error, BundleError::Rollback { .. }), "{error}");
}

#[test]
fn bundles_out_of_their_time_are_refused() {
    let site = Site::new();
    let bundle = Forged::new(6).bundle(&site.keys[..1]);
    for (minutes, reason) in [(66, "expired at"), (-6, "in the future")] {
        let error = site.import_at(&bundle, after_noon(minutes)).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        site.is_at(5);
    }
    // Clocks may be a little apart.
    assert!(site.import_at(&bundle, after_noon(64)).is_ok());
    let (snapshot, _) = site.imported.current().unwrap().unwrap();
    assert!(!snapshot.is_expired(after_noon(64)) && snapshot.is_expired(after_noon(66)));
}

#[test]
fn files_that_are_not_those_that_were_signed_are_refused() {
    let site = Site::new();
    let (good, kev) = (archive("v6"), br#"{"vulnerabilities": []}"#);
    let both: &[(&str, &[u8])] = &[(FILE, &good), (KEV, kev)];
    let entry = |path: &str, content: &[u8]| tar_entry(path, EntryType::Regular, content);
    let swapped = archive("v7");
    for (entries, reason) in [
        (vec![], "PyPI/all.zip: it is missing"),
        (
            vec![entry(FILE, &good)],
            "known_exploited_vulnerabilities.json: it is missing",
        ),
        (vec![entry(KEV, kev), entry(FILE, &good)], "is in its place"),
        (
            vec![entry(FILE, &good), entry("npm/all.zip", &good)],
            "is in its place",
        ),
        (
            vec![entry(FILE, &swapped), entry(KEV, kev)],
            "not what was signed",
        ),
        (
            vec![entry(FILE, &good[1..]), entry(KEV, kev)],
            "were signed",
        ),
        (
            vec![entry(FILE, &[&good[..], b"x"].concat()), entry(KEV, kev)],
            "were signed",
        ),
        (
            vec![
                entry(FILE, &good),
                entry(KEV, kev),
                entry("npm/all.zip", &good),
            ],
            "something follows",
        ),
        (vec![vec![0xff; 512]], "no tar header"),
    ] {
        let forged = Forged {
            entries,
            ..Forged::of(6, both)
        };
        site.refuses(&forged.bundle(&site.keys[..1]), reason);
    }
    // Signed, and yet of no use.
    let broken = Forged::of(6, &[(FILE, b"no zip")]);
    site.refuses(&broken.bundle(&site.keys[..1]), "no whole zip");
}

#[test]
fn entries_that_are_no_plain_files_are_refused() {
    let site = Site::new();
    let kinds = [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Directory,
        EntryType::GNUSparse,
        EntryType::GNULongName,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
    ];
    for kind in kinds {
        let forged = Forged {
            entries: vec![tar_entry(FILE, kind, &archive("v6"))],
            ..Forged::new(6)
        };
        site.refuses(&forged.bundle(&site.keys[..1]), "no plain file");
    }
}

#[test]
fn manifests_that_name_other_places_are_refused() {
    let site = Site::new();
    for path in [
        "../PyPI/all.zip",
        "/etc/all.zip",
        "PyPI/../../all.zip",
        "PyPI//all.zip",
        "PyPI/all.zip/",
        "PyPI/x/all.zip",
        "..",
        "PyPI/held.csv",
        "current.json",
        "kev/other.json",
        ".incoming/all.zip",
        "PyPI\\all.zip",
        "",
    ] {
        let forged = Forged::of(6, &[(FILE, &archive("v6")), (path, b"x")]);
        site.refuses(&forged.bundle(&site.keys[..1]), "no path of a feed");
    }
    let twice = Forged::of(6, &[(FILE, &archive("v6")), (FILE, &archive("v6"))]);
    site.refuses(&twice.bundle(&site.keys[..1]), "listed twice");
    let nothing = Forged::of(6, &[(KEV, br#"{"vulnerabilities": []}"#)]);
    site.refuses(&nothing.bundle(&site.keys[..1]), "no ecosystem");
    let mut huge = Forged::new(6);
    huge.manifest.files[0].length = u64::MAX;
    site.refuses(&huge.bundle(&site.keys[..1]), "bytes of files");
    let mut other = Forged::new(6);
    other.manifest.format = "sluicegate-feeds/2".to_owned();
    site.refuses(&other.bundle(&site.keys[..1]), "format is not");
    let text = br#"{"format": "sluicegate-feeds/1", "more": 1}"#;
    let signature = vec![site.keys[0].sign(text)];
    site.refuses(&Forged::new(6).signed(text, signature), "unknown field");
}

#[test]
fn bundle_that_is_cut_anywhere_is_refused() {
    use BundleError::{Json, Malformed, Packing, Truncated};
    let site = Site::new();
    let bundle = Forged::new(6).bundle(&site.keys[..1]);
    for length in 0..bundle.len() {
        let error = site.import(&bundle[..length]).unwrap_err();
        let is_of_shape = matches!(error, Truncated | Malformed(_) | Json { .. } | Packing(_));
        assert!(is_of_shape, "cut after {length} bytes: {error}");
    }
    site.is_at(5);
    for at in 0..bundle.len() {
        let mut damaged = bundle.clone();
        damaged[at] ^= 0x10;
        // Bytes that say nothing about the content may change; then it is the same bundle.
        if site.import(&damaged).is_ok() {
            site.is_at(6);
            return;
        }
    }
}

#[test]
fn endless_data_ends_at_the_first_bound() {
    let site = Site::new();
    let keys = &site.keys[..1];
    let good = Forged::new(6).bundle(keys);
    site.refuses(&[&good[..], b"more"].concat(), "something follows");
    site.refuses(&[&good[..], &good[..]].concat(), "something follows");
    site.refuses(
        b"PK\x03\x04 no zstd at all, but long enough",
        "cannot be unpacked",
    );
    // 1 GiB of blanks, packed: as manifest, as signatures, and after a file.
    let bomb = |before: &[u8]| {
        let mut packed = zstd::Encoder::new(Vec::new(), 1).unwrap();
        packed.write_all(before).unwrap();
        for _ in 0..1024 {
            packed.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
        packed.finish().unwrap()
    };
    let header = |path: &str, size: u64| {
        let mut entry = tar_entry(path, EntryType::Regular, b"");
        let mut header = tar::Header::from_byte_slice(&entry).clone();
        header.set_size(size);
        header.set_cksum();
        entry.copy_from_slice(header.as_bytes());
        entry
    };
    site.refuses(&bomb(&header(MANIFEST, 1 << 30)), "wanted at most");
    let manifest = tar_entry(MANIFEST, EntryType::Regular, &Forged::new(6).text());
    let signatures = [manifest, header(SIGNATURES, 1 << 30)].concat();
    site.refuses(&bomb(&signatures), "wanted at most");
    let tar = zstd::decode_all(good.as_slice()).unwrap();
    site.refuses(&bomb(&tar[..tar.len() - 1024]), "something follows");
    site.refuses(&bomb(&tar), "something follows");
}

#[test]
fn key_files_are_read_in_every_usual_form() {
    let site = Site::new();
    let public = site.keys[0].public();
    assert_eq!(PublicKey::named(&public.to_string()).unwrap(), public);
    let word = public.to_string();
    let raw = STANDARD.decode(&word["ed25519:".len()..]).unwrap();
    let der = [&[48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0][..], &raw].concat();
    let body = STANDARD.encode(&der);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
    let place = site.home.path().join("public");
    let name = place.to_str().unwrap();
    for content in [der, pem.into_bytes(), format!("{word}\n").into_bytes()] {
        std::fs::write(&place, content).unwrap();
        assert_eq!(PublicKey::named(name).unwrap(), public);
    }
    for content in ["", "ed25519:", "ed25519:AAAA", "-----BEGIN PUBLIC KEY-----"] {
        std::fs::write(&place, content).unwrap();
        assert!(PublicKey::named(name).is_err(), "{content:?}");
        assert!(SigningKey::read(&place).is_err(), "{content:?}");
    }
    assert!(
        SigningKey::create(&site.home.path().join("a")).is_err(),
        "never replaced"
    );
    let key = site.home.path().join("a").metadata().unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}

#[test]
fn import_that_ended_half_way_is_swept_and_memory_that_is_damaged_is_told() {
    let site = Site::new();
    let unfinished = site.home.path().join("imported/unfinished/PyPI");
    std::fs::create_dir_all(&unfinished).unwrap();
    std::fs::write(unfinished.join("all.zip"), b"half").unwrap();
    let keys = &site.keys[..1];
    assert!(site.import(&Forged::new(6).bundle(keys)).is_ok());
    site.is_at(6);
    for version in 7..10 {
        assert!(site.import(&Forged::new(version).bundle(keys)).is_ok());
    }
    let kept = std::fs::read_dir(site.home.path().join("imported")).unwrap();
    let names = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        names.filter(|name| name.starts_with("snapshot-")).count(),
        2
    );
    std::fs::write(site.home.path().join("imported/current.json"), b"{").unwrap();
    assert!(matches!(
        site.imported.current(),
        Err(BundleError::Damaged { .. })
    ));
    let error = site.import(&Forged::new(11).bundle(keys)).unwrap_err();
    assert!(
        error.to_string().contains("import a bundle again"),
        "{error}"
    );
}
