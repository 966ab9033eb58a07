//! What keys say of an image's weaknesses in documents attached to it: heard with its pull, remembered,
//! and never by an older word.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use sluicegate_model::heard::HeardVex;
use sluicegate_model::{Digest, media_type};
use sluicegate_scanner::feeds::{FeedDirectory, FeedIndex, build_index};

use super::images::{Image, document, files, index};
use super::signer::{BUNDLE, Signer, bundled, tag};
use super::stage::{Stage, TAG_TTL};
use crate::gate::GateMode;
use crate::testkit::Fault;

const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const VEX: &str = "https://openvex.dev/ns";
const PACKAGE: &str = "pkg:npm/badlib@1.0.0";
const EARLY: &str = "2026-01-01T00:00:00Z";
const LATE: &str = "2026-02-01T00:00:00Z";

/// Advisories of which one is on the package of the images here.
fn advisories() -> FeedIndex {
    let home = tempfile::tempdir().unwrap();
    let record = json!({
        "schema_version": "1.6.0", "id": "GHSA-1111-2222-3333", "aliases": ["CVE-2026-1"],
        "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [{"package": {"ecosystem": "npm", "name": "badlib"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}],
    });
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("GHSA-1111-2222-3333.json", options).unwrap();
    zip.write_all(record.to_string().as_bytes()).unwrap();
    let root = home.path().join("feed");
    std::fs::create_dir_all(root.join("npm")).unwrap();
    std::fs::write(root.join("npm/all.zip"), zip.finish().unwrap().into_inner()).unwrap();
    let now = "2026-01-02T00:00:00Z".parse().unwrap();
    let out = home.path().join("out");
    let path = build_index(&[FeedDirectory::at(root)], &out, now, &|_| {}).unwrap();
    FeedIndex::open(&path).unwrap()
}

/// An image with a package that has a weakness.
fn weak(name: &str) -> Image {
    let package = json!({"name": "badlib", "version": "1.0.0"}).to_string();
    let layer = files(&[
        ("app/node_modules/badlib/package.json", &package),
        (name, name),
    ]);
    Image::of(vec![layer])
}

fn hearing(signer: &Signer) -> String {
    format!(
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: heard}}\nspec:\n  onInconclusive: \
         allow\n  trustVex: [{}]\n  rules: [{{id: critical, when: {{severityAtLeast: critical}}, action: \
         refuse}}]\n",
        signer.key()
    )
}

/// An image that is refused for what is in it, and whose word is heard.
fn staged(name: &str) -> (Stage, Image, Signer) {
    let (image, signer) = (weak(name), Signer::new());
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_index(advisories());
    stage.snapshots.set_policies(&hearing(&signer));
    (stage, image, signer)
}

fn said(status: &str, at: &str) -> Value {
    let mut statement = json!({
        "vulnerability": {"name": "CVE-2026-1"}, "products": [PACKAGE], "status": status,
    });
    if status == "not_affected" {
        statement["justification"] = "vulnerable_code_not_in_execute_path".into();
    }
    openvex(&json!([statement]), at)
}

fn openvex(statements: &Value, at: &str) -> Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:vex", "author": "psirt",
        "timestamp": at, "version": 1, "statements": statements,
    })
}

impl Stage {
    /// Attaches a word to the image, as what refers to it.
    fn attach(&self, signer: &Signer, digest: &Digest, said: &Value) {
        let bundle = bundled(&signer.stated(VEX, digest, said));
        self.refer("app", digest, Some(BUNDLE), &bundle);
    }

    async fn heard(&self, digest: &Digest) -> HeardVex {
        let known = self.signatures("app", digest).await.unwrap();
        known.vex.unwrap()
    }
}

async fn pass_ttl() {
    tokio::time::advance(TAG_TTL + Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_word_that_appears_quiets_and_a_newer_one_judges_anew() {
    let (stage, image, signer) = staged("appears");
    let digest = image.digest();
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    stage.attach(&signer, &digest, &said("not_affected", EARLY));
    assert_eq!(
        stage.pulled("app", "1").await,
        "refuse",
        "until the tag's time is over"
    );
    pass_ttl().await;
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    let heard = stage.heard(&digest).await;
    assert_eq!((heard.documents.len(), heard.unheard.len()), (1, 0));
    stage.attach(&signer, &digest, &said("affected", LATE));
    pass_ttl().await;
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    assert_eq!(stage.upstream.count(image.layers[0].digest().as_str()), 1);
}

#[tokio::test(start_paused = true)]
async fn an_older_word_is_not_played_again() {
    let (stage, image, signer) = staged("replayed");
    let digest = image.digest();
    let words = |words: &[Value]| {
        let layers = words.iter().map(|said| {
            let envelope = signer.stated(VEX, &digest, said);
            document(&envelope.to_string(), ENVELOPE)
        });
        stage.push("app", &tag(&digest, "att"), &Image::of(layers.collect()));
    };
    let (quiet, bears) = (said("not_affected", EARLY), said("affected", LATE));
    words(std::slice::from_ref(&quiet));
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    words(&[quiet.clone(), bears]);
    pass_ttl().await;
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    // The tag is moved back to what it was.
    words(std::slice::from_ref(&quiet));
    pass_ttl().await;
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    let heard = stage.heard(&digest).await;
    assert!(
        heard.unheard[0]
            .why
            .contains("the same key said affected on 2026-02-01"),
        "{heard:?}"
    );
    assert_eq!(heard.remembered.len(), 1);
    // And everything here but the store is begun anew.
    let started = stage.started_again_without_content();
    started.snapshots.set_index(advisories());
    started.snapshots.set_policies(&hearing(&signer));
    assert_eq!(started.pulled("app", "1").await, "refuse");
    // A newer word is heard again.
    words(&[quiet, said("fixed", "2026-03-01T00:00:00Z")]);
    pass_ttl().await;
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
}

#[tokio::test(start_paused = true)]
async fn what_no_trusted_key_signed_for_this_digest_changes_nothing() {
    let (stage, image, signer) = staged("others");
    let (digest, other) = (image.digest(), Signer::new());
    let elsewhere = Digest::of(b"elsewhere");
    let quiet = said("fixed", EARLY);
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    let before = stage.signatures("app", &digest).await;
    let mut tampered = signer.stated(VEX, &digest, &said("affected", EARLY));
    tampered["payload"] = signer.stated(VEX, &digest, &quiet)["payload"].clone();
    for bundle in [
        bundled(&other.stated(VEX, &digest, &quiet)),
        bundled(&signer.stated(VEX, &elsewhere, &quiet)),
        bundled(&signer.stated("https://openvex.dev/nsx", &digest, &quiet)),
        bundled(&signer.stated("https://openvex.dev/ns/v", &digest, &quiet)),
        bundled(&signer.stated("https://spdx.dev/Document", &digest, &quiet)),
        bundled(&tampered),
        Image::artifact(BUNDLE, vec![document(&"[".repeat(100_000), BUNDLE)]),
    ] {
        stage.refer("app", &digest, Some(BUNDLE), &bundle);
    }
    pass_ttl().await;
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    assert_eq!(stage.signatures("app", &digest).await, before);
    for predicate in ["https://openvex.dev/ns/v0.2.0"] {
        let bundle = bundled(&signer.stated(predicate, &digest, &quiet));
        stage.refer("app", &digest, Some(BUNDLE), &bundle);
        pass_ttl().await;
        assert_eq!(stage.pulled("app", "1").await, "serve allow", "{predicate}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_to_come_too_large_or_unreadable_is_not_heard_and_silences_the_key() {
    let products: Vec<String> = (0..9_000)
        .map(|at| format!("pkg:npm/package-of-a-name-{at}"))
        .collect();
    let large =
        json!([{"vulnerability": {"name": "CVE-2"}, "products": products, "status": "fixed"}]);
    let many = json!([{"vulnerability": {"name": "CVE-2"}, "products": &products[..1_001], "status": "fixed"}]);
    for (name, odd, part) in [
        ("large", openvex(&large, EARLY), "more than 262144 bytes"),
        ("many", openvex(&many, EARLY), "more than 1000 products"),
        ("odd", json!({"@context": VEX}), "missing"),
        ("nothing", json!({}), "wanted OpenVEX"),
    ] {
        let (stage, image, signer) = staged(name);
        let digest = image.digest();
        stage.attach(&signer, &digest, &said("fixed", EARLY));
        assert_eq!(stage.pulled("app", "1").await, "serve allow", "{name}");
        stage.attach(&signer, &digest, &odd);
        pass_ttl().await;
        assert_eq!(stage.pulled("app", "1").await, "refuse", "{name}");
        let heard = stage.heard(&digest).await;
        assert!(
            heard.unheard[0].why.contains(part),
            "{name}: {:?}",
            heard.unheard
        );
    }
    let (stage, image, signer) = staged("to-come");
    stage.attach(
        &signer,
        &image.digest(),
        &said("fixed", "2099-01-01T00:00:00Z"),
    );
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    let heard = stage.heard(&image.digest()).await;
    assert!(heard.unheard[0].why.contains("still to come"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn where_not_all_is_known_nothing_is_quiet() {
    let (stage, image, signer) = staged("unknown");
    let digest = image.digest();
    let envelope = signer.stated(VEX, &digest, &said("fixed", EARLY));
    let under_tag = Image::of(vec![document(&envelope.to_string(), ENVELOPE)]);
    stage.push("app", &tag(&digest, "att"), &under_tag);
    stage.upstream.fail("/referrers/", Fault::Unreachable);
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    stage.upstream.mend("/referrers/");
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    // What was known stands while the upstream fails, as it does for signatures.
    stage.upstream.fail("/referrers/", Fault::Unreachable);
    pass_ttl().await;
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    stage.upstream.mend("/referrers/");
    for number in 0..65 {
        let text = json!({"number": number}).to_string();
        let flood = Image::artifact(BUNDLE, vec![document(&text, BUNDLE)]);
        stage.refer("app", &digest, Some(BUNDLE), &flood);
    }
    pass_ttl().await;
    assert_eq!(
        stage.pulled("app", "1").await,
        "refuse",
        "too many to look at"
    );
}

#[tokio::test(start_paused = true)]
async fn a_word_on_an_index_is_heard_of_its_children_alone() {
    let (stage, child, signer) = staged("child");
    let outside = weak("outside");
    stage.push("app", "outside", &outside);
    let index = index(&[&child]);
    let digest = Digest::of(&index);
    stage.push_manifest("app", "index", media_type::OCI_INDEX, &index);
    let product = format!("pkg:oci/app@{digest}");
    let statement = json!([{"vulnerability": {"name": "CVE-2026-1"}, "status": "fixed",
        "products": [{"@id": product}]}]);
    stage.attach(&signer, &digest, &openvex(&statement, EARLY));
    assert_eq!(
        stage.pulled("app", "1").await,
        "refuse",
        "nobody knows the index"
    );
    assert_eq!(stage.pulled("app", "index").await, "serve allow");
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    assert_eq!(stage.pulled("app", "outside").await, "refuse");
}

#[tokio::test(start_paused = true)]
async fn the_order_of_referrers_does_not_matter() {
    let words = [
        said("fixed", EARLY),
        said("under_investigation", LATE),
        said("affected", EARLY),
    ];
    let mut answers = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let (stage, image, signer) = staged("order");
        for at in order {
            stage.attach(&signer, &image.digest(), &words[at]);
        }
        let answer = stage.pulled("app", "1").await;
        let heard = stage.heard(&image.digest()).await;
        let digests: Vec<Digest> = heard.documents.into_iter().map(|it| it.digest).collect();
        answers.push((answer, digests));
    }
    assert_eq!(answers[0].0, "refuse");
    assert!(answers.iter().all(|it| *it == answers[0]));
}
