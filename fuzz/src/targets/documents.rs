//! Targets for documents: manifests, configs, policies, advisories, stored facts.

use std::path::Path;
use std::sync::LazyLock;

use sluicegate_model::Digest;
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::manifest::Manifest;
use sluicegate_model::media_type;
use sluicegate_policy::{
    AttachedFile, AttachedText, LoadError, NamedFile, PolicySet, SourceFile, Sources, built_in_text,
};
use sluicegate_scanner::facts::Readers;
use sluicegate_scanner::feeds::{FeedDirectory, FeedIndex, build_index};
use sluicegate_scanner::{LayerFacts, LayerInput, judge, merge};

use super::Target;
use super::layers::{archive, scan};
use super::seeds;

pub fn targets() -> Vec<Target> {
    vec![
        Target::new(
            "manifest",
            |data| manifest(data, media_type::OCI_MANIFEST),
            seeds::manifests(),
        ),
        Target::new(
            "index",
            |data| manifest(data, media_type::OCI_INDEX),
            seeds::manifests(),
        ),
        Target::new(
            "image-config",
            |data| drop(ImageConfig::parse(data)),
            seeds::configs(),
        ),
        Target::new("policy", policy, vec![built_in_text().as_bytes().to_vec()]),
        Target::new(
            "vex",
            vex,
            vec![seeds::OPENVEX.to_vec(), seeds::CSAF.to_vec()],
        ),
        Target::new("facts", facts, stored_facts()),
        Target::new("sent-facts", sent_facts, stored_facts()),
        Target::new("sent-inventory", sent_inventory, inventories()),
        Target::new(
            "feed-archive",
            |data| feed("Debian:12/all.zip", data),
            vec![records(seeds::OSV)],
        ),
        Target::new("osv-record", osv_record, vec![seeds::OSV.to_vec()]),
        Target::new("feed-index", feed_index, Vec::new()),
        Target::new(
            "kev",
            |data| feed("kev/known_exploited_vulnerabilities.json", data),
            vec![seeds::KEV.to_vec()],
        ),
        Target::new(
            "epss",
            |data| feed("epss/epss_scores.csv.gz", data),
            vec![seeds::gzip(seeds::EPSS)],
        ),
    ]
}

fn manifest(data: &[u8], content_type: &str) {
    let Ok(manifest) = Manifest::parse(data, content_type) else {
        return;
    };
    let again = Manifest::parse(data, manifest.media_type());
    assert!(again.is_ok(), "a manifest is of its own type");
}

fn policy(data: &[u8]) {
    let file = SourceFile {
        name: "fuzzed.yaml".to_owned(),
        text: String::from_utf8_lossy(data).into_owned(),
    };
    if let Err(errors) = PolicySet::parse(&[file]) {
        assert!(!errors.0.is_empty(), "a refusal says why");
    }
}

/// The input as a document that a policy believes.
fn vex(data: &[u8]) {
    let file = |name: &str, text: String| SourceFile {
        name: name.to_owned(),
        text,
    };
    let policy =
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: p}\nspec: {vex: [x.json]}\n";
    let text = AttachedText {
        path: "x.json".to_owned(),
        file: file("x.json", String::from_utf8_lossy(data).into_owned()),
    };
    let named = NamedFile {
        by: "p.yaml".to_owned(),
        path: "x.json".to_owned(),
    };
    let attached = AttachedFile {
        named,
        found: Ok(vec![text]),
    };
    let read = PolicySet::load(&Sources {
        files: &[file("p.yaml", policy.to_owned())],
        attached: &[attached],
        now: jiff::Timestamp::UNIX_EPOCH,
    });
    if let Err(errors) = read {
        let has_place = |error: &LoadError| error.line > 0 && error.column > 0;
        assert!(errors.0.iter().all(has_place), "{errors}");
    }
}

/// What stored facts begin with, in bytes: the format, what the facts weigh, and an empty list of
/// those who made them.
const FACTS_HEAD_BYTES: usize = 15;

/// The input as what the store keeps: behind format and weight, compressed.
fn facts(data: &[u8]) {
    let head = &LayerFacts::default().to_bytes()[..FACTS_HEAD_BYTES];
    let compressed = zstd::bulk::compress(data, 1).expect("compress in memory");
    let stored = [head, &compressed].concat();
    if let Ok(facts) = LayerFacts::from_bytes(&stored) {
        let again = LayerFacts::from_bytes(&facts.to_bytes());
        assert_eq!(again.expect("facts read what they wrote"), facts);
    }
    drop(LayerFacts::from_bytes(data));
}

/// Most bytes that sent facts may expand to here.
const MOST_SENT: u64 = 1024 * 1024;

/// The input as a scanner elsewhere may send it: what can be read lies between two layers of an image.
fn sent_facts(data: &[u8]) {
    let head = &LayerFacts::default().to_bytes()[..FACTS_HEAD_BYTES];
    let compressed = zstd::bulk::compress(data, 1).expect("compress in memory");
    let sent = [head, &compressed].concat();
    let Ok(facts) = LayerFacts::from_bytes_within(&sent, MOST_SENT) else {
        return;
    };
    let others = scan(&archive(&[
        ("etc/os-release", seeds::OS_RELEASE),
        ("var/lib/dpkg/status", seeds::DPKG),
    ]));
    let digests = [&b"base"[..], b"sent", b"top"].map(Digest::of);
    let layers = [&others, &facts, &others];
    let layers = digests.iter().zip(layers);
    let layers: Vec<_> = layers
        .map(|(digest, facts)| LayerInput { digest, facts })
        .collect();
    drop(merge(None, &layers));
}

/// The input as what a pipeline says that an image holds: what can be read is held against an
/// advisory, as our own is.
fn sent_inventory(data: &[u8]) {
    static ADVISORIES: LazyLock<FeedIndex> = LazyLock::new(|| {
        let index = build("Debian:12/all.zip", &records(seeds::OSV));
        index.expect("the seeds are advisories")
    });
    let Ok(inventory) = serde_json::from_slice::<Inventory>(data) else {
        return;
    };
    drop(judge(&inventory, &ADVISORIES, jiff::Timestamp::UNIX_EPOCH));
    let text = serde_json::to_vec(&inventory).expect("an inventory can be written");
    let again: Inventory = serde_json::from_slice(&text).expect("and be read again");
    assert_eq!(again, inventory);
}

fn inventories() -> Vec<Vec<u8>> {
    let facts = scan(&archive(&[
        ("etc/os-release", seeds::OS_RELEASE),
        ("var/lib/dpkg/status", seeds::DPKG),
        (
            "srv/a/node_modules/b/package.json",
            br#"{"name":"b","version":"1.0.0"}"#,
        ),
    ]));
    let digest = Digest::of(b"layer");
    let layer = LayerInput {
        digest: &digest,
        facts: &facts,
    };
    let inventory = merge(None, &[layer]);
    vec![serde_json::to_vec(&inventory).expect("an inventory can be written")]
}

fn stored_facts() -> Vec<Vec<u8>> {
    let layer = archive(&[("var/lib/dpkg/status", seeds::DPKG), ("srv/data", b"x")]);
    let mut facts = scan(&layer);
    facts.readers = Readers::default();
    let stored = facts.to_bytes();
    let text = zstd::stream::decode_all(&stored[FACTS_HEAD_BYTES..]).expect("facts are compressed");
    vec![text, stored]
}

fn feed(file: &str, data: &[u8]) {
    if let Some(index) = build(file, data) {
        drop(index.advisories("Debian:12", "curl").expect("and be read"));
    }
}

/// Builds an index of a directory that has this one file; it lies in memory where that can be. None
/// where the file is none.
fn build(file: &str, data: &[u8]) -> Option<FeedIndex> {
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let directory = directory.expect("make a directory");
    let path = directory.path().join("feeds").join(file);
    std::fs::create_dir_all(path.parent().expect("a file has a directory"))
        .expect("make a directory");
    std::fs::write(&path, data).expect("write a feed");
    let feeds = FeedDirectory::at(directory.path().join("feeds"));
    let out = directory.path().join("index");
    let built = build_index(&[feeds], &out, jiff::Timestamp::UNIX_EPOCH, &|_| {}).ok()?;
    Some(FeedIndex::open(&built).expect("what was built can be opened"))
}

fn osv_record(data: &[u8]) {
    feed("Debian:12/all.zip", &records(data));
}

fn records(record: &[u8]) -> Vec<u8> {
    seeds::zip(&[("RECORD-1.json", record)])
}

fn feed_index(data: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("make a file");
    std::io::Write::write_all(&mut file, data).expect("write a file");
    if let Ok(index) = FeedIndex::open(file.path()) {
        drop(index.advisories("Debian:12", "curl"));
    }
}
