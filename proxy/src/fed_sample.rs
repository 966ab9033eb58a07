//! Plugins and bundles with plugins, made for tests.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use sha2::Digest as _;
use sluicegate_feeds::bundle::{Contents, Imported, SigningKey, Trust, pack};
use sluicegate_feeds::mirror::directory_of;
use sluicegate_feeds::signed::{folder, sign};

/// Assembles a plugin that reads `acme.conf` and has nothing to say.
pub fn plugin(name: &str, version: &str) -> Vec<u8> {
    let text = r#"(module
        (memory (export "memory") 1)
        (func (export "sluicegate_abi") (result i32) i32.const 1)
        (func (export "alloc") (param i32) (result i32) i32.const 4096)
        (func (export "analyze") (param i32 i32 i32 i32) (result i64) i64.const 0))"#;
    let manifest = format!(
        r#"{{"name":"{name}","version":"{version}","kind":"detector","abi":1,
            "claims":[{{"name":"acme.conf"}}]}}"#
    );
    let section = [&[10][..], b"sluicegate", manifest.as_bytes()].concat();
    let length = u8::try_from(section.len()).unwrap();
    // One byte holds seven bits of a length.
    let length = [length & 0x7f | 0x80, length >> 7];
    [
        wat::parse_str(text).unwrap(),
        vec![0],
        length.to_vec(),
        section,
    ]
    .concat()
}

/// Somebody who makes bundles, and a data directory that imports them.
pub struct Publisher {
    /// The data directory.
    pub data: PathBuf,
    key: SigningKey,
    place: PathBuf,
}

impl Publisher {
    /// Makes a key, and a data directory, under this one.
    pub fn new(home: &Path) -> Self {
        std::fs::create_dir_all(home).unwrap();
        let path = home.join("feeds.key");
        SigningKey::create(&path).unwrap();
        Self {
            data: home.join("data"),
            key: SigningKey::read(&path).unwrap(),
            place: home.to_owned(),
        }
    }

    /// Names who signs.
    pub fn signer(&self) -> String {
        self.key.public().to_string()
    }

    /// Imports a bundle with these plugins.
    pub fn publish(&self, version: u64, plugins: &[(&str, Vec<u8>)]) {
        let source = self.place.join(format!("source-{version}"));
        std::fs::create_dir_all(source.join("PyPI")).unwrap();
        std::fs::create_dir_all(source.join("plugins")).unwrap();
        std::fs::write(source.join("PyPI/all.zip"), archive()).unwrap();
        for (name, content) in plugins {
            std::fs::write(source.join("plugins").join(name), content).unwrap();
        }
        let now = Timestamp::now();
        let times = (now, now + SignedDuration::from_hours(1));
        let bundle = self.place.join("bundle");
        let contents = Contents::open(&source).unwrap();
        let keys = std::slice::from_ref(&self.key);
        pack(contents, version, times, keys, &bundle).unwrap();
        let trust = Trust::new(vec![self.key.public()], 1).unwrap();
        let imported = Imported::under(&self.data.join("feeds"));
        imported.import(&bundle, &trust, now).unwrap();
    }
}

impl Publisher {
    /// Has a URL offer these plugins, as a sync leaves them.
    pub fn offer(&self, url: &str, version: u64, plugins: &[(&str, Vec<u8>)]) {
        let source = self.place.join(format!("offered-{version}"));
        let _ = std::fs::remove_dir_all(&source);
        std::fs::create_dir_all(&source).unwrap();
        let mirror = directory_of(&url.parse().unwrap(), &self.data.join("feeds"));
        std::fs::create_dir_all(folder(&mirror)).unwrap();
        for (name, content) in plugins {
            std::fs::write(source.join(name), content).unwrap();
            let digest = hex::encode(sha2::Sha256::digest(content));
            std::fs::write(folder(&mirror).join(digest), content).unwrap();
        }
        let keys = std::slice::from_ref(&self.key);
        assert_eq!(sign(&source, version, keys).unwrap(), plugins.len());
        let read = |name: &str| std::fs::read_to_string(source.join(name)).unwrap();
        let signed: serde_json::Value = serde_json::from_str(&read("manifest.sig")).unwrap();
        let (list, signatures) = (read("manifest.json"), &signed["signatures"]);
        let current = serde_json::json!({"list": list, "signatures": signatures});
        std::fs::write(folder(&mirror).join("current.json"), current.to_string()).unwrap();
    }
}

fn archive() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("X.json", options).unwrap();
    let record = br#"{"id": "X", "modified": "2026-01-01T00:00:00Z", "affected": []}"#;
    zip.write_all(record).unwrap();
    zip.finish().unwrap().into_inner()
}
