//! Who signed an image: looked up with its pull where a policy asks, believed as long as a tag is, and
//! part of what its verdict rests on.

use std::time::Duration;

use serde_json::json;
use sluicegate_model::signature::Statement;
use sluicegate_model::{Digest, Scope, media_type};

use super::images::{Image, document, good, index, index_of};
use super::signer::{BUNDLE, SIMPLE_SIGNING, Signer, policy, tag};
use super::stage::{Stage, TAG_TTL, repository};
use crate::gate::GateMode;
use crate::ledger::Verdicts as _;
use crate::testkit::Fault;

const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
const SPDX: &str = "https://spdx.dev/Document";
/// The repository as the upstream of tests knows it.
const APP: &str = "origin.test:5000/app";

/// Lets what an upstream said last be of no worth any more.
async fn pass_ttl() {
    tokio::time::advance(TAG_TTL + Duration::from_secs(1)).await;
}

const WORDS: [&str; 2] = ["refuse", "serve allow"];

#[tokio::test(start_paused = true)]
async fn nobody_looks_who_signed_where_no_policy_asks() {
    let image = good("unasked");
    let stage = Stage::with(GateMode::Hold, &image);
    for _ in 0..3 {
        assert_eq!(stage.pulled("app", "1").await, "serve allow");
        pass_ttl().await;
    }
    assert_eq!((stage.looks(), stage.upstream.count(".sig")), (0, 0));
    assert_eq!(stage.signatures("app", &image.digest()).await, None);
    // And of what others ask for in another repository nothing is asked here.
    let elsewhere = "---\napiVersion: sluicegate/v1\nkind: Binding\nmetadata: {name: b}\n\
                     spec: {policy: signed, repositories: [up.test/other]}\n";
    let policy = Signer::new().refuse_unsigned() + elsewhere;
    stage.snapshots.set_policies(&policy);
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    assert_eq!(stage.looks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_appears_allows_and_one_that_vanishes_refuses_again() {
    let (image, signer) = (good("comes-and-goes"), Signer::new());
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_policies(&signer.refuse_unsigned());
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    let looks = stage.looks();
    stage.sign("app", &signer, &image.digest());
    for _ in 0..3 {
        assert_eq!(
            stage.pulled("app", "1").await,
            "refuse",
            "as long as the word is believed"
        );
    }
    assert_eq!((looks, stage.looks()), (1, 1));
    pass_ttl().await;
    for _ in 0..3 {
        assert_eq!(stage.pulled("app", "1").await, "serve allow");
        assert_eq!(
            stage.blob(&stage.get("app"), &image.config.digest()).await,
            "whole"
        );
    }
    assert_eq!(stage.looks(), 2);
    let known = stage.signatures("app", &image.digest()).await.unwrap();
    assert_eq!(known.found.len(), 1);
    let found = &known.found[0];
    assert_eq!(
        (&found.statement, &found.manifest),
        (&Statement::Signature, &image.digest())
    );
    stage.upstream.fail(".sig", Fault::Absent);
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    pass_ttl().await;
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    assert_eq!(
        stage.blob(&stage.get("app"), &image.config.digest()).await,
        "refuse"
    );
    assert_eq!(stage.looks(), 3);
    // No layer was fetched again for any of it.
    assert_eq!(stage.upstream.count(image.layers[0].digest().as_str()), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_verified_is_not_fetched_again() {
    let (image, signer) = (good("again"), Signer::new());
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_policies(&signer.refuse_unsigned());
    let (digest, bundle) = (image.digest(), signer.bundle(SIGN, &image.digest()));
    stage.sign("app", &signer, &digest);
    stage.refer("app", &digest, Some(BUNDLE), &bundle);
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    let before = stage.upstream.asked();
    for again in 1..=3 {
        pass_ttl().await;
        assert_eq!(stage.pulled("app", "1").await, "serve allow");
        let asked = stage.upstream.asked();
        let new = &asked[before.len()..];
        assert_eq!(new.len(), 2 * again, "{new:?}");
        let is_look = |it: &&String| it.starts_with("HEAD ") || it.contains("/referrers/");
        assert_eq!(new.iter().filter(is_look).count(), 2 * again, "{new:?}");
    }
    // Another signature under the tag is another digest.
    stage.sign("app", &Signer::new(), &digest);
    stage.upstream.fail(bundle.digest().as_str(), Fault::Absent);
    pass_ttl().await;
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    let known = stage.signatures("app", &digest).await.unwrap();
    assert_eq!(known.found.len(), 1, "the bundle that is still listed");
}

#[tokio::test(start_paused = true)]
async fn every_form_is_found_and_another_s_is_not() {
    for (name, sign) in [
        (
            "tag",
            (|stage, signer, digest| {
                stage.push("app", &tag(digest, "sig"), &signer.simple(APP, digest));
            }) as fn(&Stage, &Signer, &Digest),
        ),
        ("own name", |stage, signer, digest| {
            stage.push(
                "app",
                &tag(digest, "sig"),
                &signer.simple("up.test/app", digest),
            );
        }),
        ("bundle", |stage, signer, digest| {
            stage.refer("app", digest, Some(BUNDLE), &signer.bundle(SIGN, digest));
        }),
        ("bundle of an untold type", |stage, signer, digest| {
            stage.refer("app", digest, None, &signer.bundle(SIGN, digest));
        }),
        ("bundle of its config's type", |stage, signer, digest| {
            let kind = Some(media_type::OCI_EMPTY);
            stage.refer("app", digest, kind, &signer.bundle(SIGN, digest));
        }),
    ] {
        for (by, wanted) in [(Signer::new(), 0), (Signer::new(), 1)] {
            let (image, other) = (good(name), Signer::new());
            let stage = Stage::with(GateMode::Hold, &image);
            let asked = if wanted == 1 { &by } else { &other };
            stage.snapshots.set_policies(&asked.refuse_unsigned());
            sign(&stage, &by, &image.digest());
            assert_eq!(stage.pulled("app", "1").await, WORDS[wanted], "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_signed_elsewhere_or_of_something_else_does_not_count() {
    let (image, signer) = (good("elsewhere"), Signer::new());
    let (digest, other) = (image.digest(), Digest::of(b"another"));
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_policies(&signer.refuse_unsigned());
    stage.push(
        "app",
        &tag(&digest, "sig"),
        &signer.simple("origin.test:5000/base", &digest),
    );
    stage.push("app", &tag(&other, "sig"), &signer.simple(APP, &digest));
    stage.refer("app", &digest, Some(BUNDLE), &signer.bundle(SIGN, &other));
    stage.refer("app", &digest, Some(BUNDLE), &signer.bundle(SPDX, &digest));
    stage.refer(
        "app",
        &digest,
        Some("application/spdx+json"),
        &signer.bundle(SIGN, &digest),
    );
    stage.refer("base", &digest, Some(BUNDLE), &signer.bundle(SIGN, &digest));
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    let known = stage.signatures("app", &digest).await.unwrap();
    assert_eq!((known.found.len(), known.unknown), (0, None));
}

#[tokio::test(start_paused = true)]
async fn an_attestation_of_the_type_that_is_asked_for_counts() {
    let signer = Signer::new();
    let policy = policy(&format!(
        "unless: {{attestedBy: {{type: spdx, keys: {}}}}}",
        signer.key()
    ));
    for (predicate, wanted) in [(SPDX, 1), (SIGN, 0), ("https://cyclonedx.org/bom", 0)] {
        for is_bundle in [false, true] {
            let image = good("attested");
            let stage = Stage::with(GateMode::Hold, &image);
            stage.snapshots.set_policies(&policy);
            let digest = image.digest();
            if is_bundle {
                stage.refer(
                    "app",
                    &digest,
                    Some(BUNDLE),
                    &signer.bundle(predicate, &digest),
                );
            } else {
                let envelope = signer.envelope(predicate, &digest).to_string();
                let envelope = Image::of(vec![document(&envelope, ENVELOPE)]);
                // What is said beside what was signed is believed by nobody.
                let envelope = envelope.edited(|it| {
                    it["layers"][0]["annotations"] = json!({"predicateType": SPDX});
                });
                stage.push("app", &tag(&digest, "att"), &envelope);
            }
            let told = format!("{predicate} {is_bundle}");
            assert_eq!(stage.pulled("app", "1").await, WORDS[wanted], "{told}");
            assert_eq!(stage.upstream.count(".sig"), 0, "nobody asks for it");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_known_stands_where_the_upstream_fails_also_after_a_start() {
    let (image, signer) = (good("stands"), Signer::new());
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_policies(&signer.refuse_unsigned());
    stage.sign("app", &signer, &image.digest());
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    let known = stage.signatures("app", &image.digest()).await;
    for failing in [".sig", "/referrers/"] {
        stage.upstream.fail(failing, Fault::Unreachable);
        for _ in 0..3 {
            pass_ttl().await;
            assert_eq!(stage.pulled("app", "1").await, "serve allow", "{failing}");
        }
    }
    assert_eq!(stage.signatures("app", &image.digest()).await, known);
    let started = stage.started_again_without_content();
    assert_eq!(started.pulled("app", "1").await, "serve allow");
    // Where nothing was known nothing stands.
    let other = good("other");
    started.push("other", "1", &other);
    started.sign("other", &signer, &other.digest());
    assert_eq!(started.pulled("other", "1").await, "refuse");
    let known = started.signatures("other", &other.digest()).await.unwrap();
    assert!(known.unknown.is_some_and(|why| why.contains("Unreachable")));
    // It is asked again soon, and not at once.
    let looks = started.looks();
    assert_eq!(started.pulled("other", "1").await, "refuse");
    assert_eq!(started.looks(), looks);
    started.upstream.mend(".sig");
    started.upstream.mend("/referrers/");
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(started.pulled("other", "1").await, "serve allow");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_says_no_leaves_nothing_known() {
    let (image, signer) = (good("no"), Signer::new());
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_policies(&signer.refuse_unsigned());
    stage.sign("app", &signer, &image.digest());
    // One of two places fails, and the other has the signature.
    stage.upstream.fail("/referrers/", Fault::Unreachable);
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    let known = stage.signatures("app", &image.digest()).await.unwrap();
    assert!(known.found.len() == 1 && known.unknown.is_some());
    stage.upstream.mend("/referrers/");
    stage
        .upstream
        .fail(&tag(&image.digest(), "sig"), Fault::OtherBytes);
    pass_ttl().await;
    assert_eq!(
        stage.pulled("app", "1").await,
        "refuse",
        "what is there is no signature"
    );
}

#[tokio::test(start_paused = true)]
async fn an_index_s_signature_counts_for_its_children() {
    let (signer, [one, other]) = (Signer::new(), [good("one"), good("other")]);
    let stage = Stage::new(GateMode::Hold);
    stage.snapshots.set_policies(&signer.refuse_unsigned());
    stage.push("app", "one", &one);
    stage.push("app", "other", &other);
    stage.push("base", "one", &one);
    let index = index(&[&one]);
    let (kind, digest) = (media_type::OCI_INDEX, Digest::of(&index));
    stage.push_manifest("app", "index", kind, &index);
    stage.push_manifest("base", "index", kind, &index);
    stage.sign("app", &signer, &digest);
    // The child is known before anybody knows the index.
    assert_eq!(stage.pulled("app", "one").await, "refuse");
    assert_eq!(stage.pulled("app", "index").await, "serve allow");
    assert_eq!(stage.pulled("app", "one").await, "serve allow", "at once");
    assert_eq!(
        stage.pulled("app", "other").await,
        "refuse",
        "it is no child"
    );
    let known = stage.signatures("app", &one.digest()).await.unwrap();
    assert_eq!(known.found[0].manifest, digest);
    // In another repository nobody has signed it.
    assert_eq!(stage.pulled("base", "index").await, "refuse");
    // An index over an index.
    let outer = index_of(vec![super::images::described(kind, &index)]);
    stage.push_manifest("base", "outer", kind, &outer);
    stage.sign("base", &signer, &Digest::of(&outer));
    assert_eq!(stage.pulled("base", "outer").await, "serve allow");
}

#[tokio::test(start_paused = true)]
async fn it_is_looked_up_while_the_content_comes_and_once_for_all_who_ask() {
    let (image, signer) = (good("meanwhile"), Signer::new());
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_policies(&signer.refuse_unsigned());
    stage.sign("app", &signer, &image.digest());
    stage.withhold(&image.layers[0].digest());
    let asked: Vec<_> = (0..5).map(|_| stage.get("app")).collect();
    let all = asked.iter().map(|asked| stage.manifest(asked, "1"));
    let all = futures_util::future::join_all(all);
    let meanwhile = async {
        stage.upstream.until_asked(".sig", 1).await;
        stage.upstream.until_asked("/referrers/", 1).await;
        stage.release();
    };
    let (answers, ()) = futures_util::future::join(all, meanwhile).await;
    assert_eq!(answers, ["serve allow"; 5]);
    assert_eq!((stage.looks(), stage.upstream.count(".sig")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_to_look_at_is_not_known() {
    let signer = Signer::new();
    let image = good("flood");
    let digest = image.digest();
    let flood = |number: usize| {
        let text = json!({"number": number}).to_string();
        Image::artifact(BUNDLE, vec![document(&text, BUNDLE)])
    };
    let many = |count: usize| {
        let layers = (0..count).map(|at| document(&at.to_string(), SIMPLE_SIGNING));
        Image::of(layers.collect()).edited(|it| {
            for layer in it["layers"].as_array_mut().unwrap() {
                layer["annotations"] = json!({"dev.cosignproject.cosign/signature": "AA=="});
            }
        })
    };
    for (referrers, signatures, is_known) in [(64, 64, true), (65, 0, false), (0, 65, false)] {
        let stage = Stage::with(GateMode::Hold, &image);
        stage.snapshots.set_policies(&signer.refuse_unsigned());
        for number in 0..referrers {
            stage.refer("app", &digest, Some(BUNDLE), &flood(number));
        }
        stage.push("app", &tag(&digest, "sig"), &many(signatures));
        assert_eq!(stage.pulled("app", "1").await, "refuse");
        let known = stage.signatures("app", &digest).await.unwrap();
        assert_eq!(
            known.unknown.is_none(),
            is_known,
            "{referrers} {signatures}"
        );
        assert!(stage.upstream.asked().len() < 220);
    }
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_policies(&signer.refuse_unsigned());
    let large = signer.simple(APP, &digest).edited(|it| {
        it["layers"][0]["size"] = json!(4 * 1024 * 1024 + 1);
    });
    stage.push("app", &tag(&digest, "sig"), &large);
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    assert_eq!(stage.upstream.count(large.layers[0].digest().as_str()), 0);
    let known = stage.signatures("app", &digest).await.unwrap();
    assert!(known.unknown.is_some_and(|why| why.contains("too large")));
}

#[tokio::test(start_paused = true)]
async fn the_background_judges_by_what_is_known_and_asks_nobody() {
    let (image, signer, other) = (good("background"), Signer::new(), Signer::new());
    let stage = Stage::with(GateMode::Hold, &image);
    let digest = image.digest();
    stage.snapshots.set_policies(&signer.refuse_unsigned());
    stage.sign("app", &signer, &digest);
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    let looks = stage.looks();
    let scope = Scope::for_all(repository("app"));
    let decided = async || {
        stage.rejudge.pass().await.unwrap();
        stage
            .ledger
            .verdict(&scope, &digest)
            .await
            .unwrap()
            .unwrap()
    };
    let before = decided().await;
    let again = signer
        .refuse_unsigned()
        .replace("id: unsigned", "id: not-signed");
    stage.snapshots.set_policies(&again);
    let anew = decided().await;
    assert_ne!(anew.policy, before.policy);
    assert_eq!(
        (anew.decision, &anew.signatures),
        (before.decision, &before.signatures)
    );
    // For another key nobody has looked: the verdict stays as it is until the next pull.
    stage.snapshots.set_policies(&other.refuse_unsigned());
    assert_eq!(decided().await, anew);
    assert_eq!(stage.looks(), looks);
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    assert_eq!(stage.looks(), looks + 1);
}

#[tokio::test(start_paused = true)]
async fn a_signature_leaves_though_nobody_signed_it() {
    let (image, signer) = (good("its-signature"), Signer::new());
    let stage = Stage::with(GateMode::Hold, &image);
    stage.snapshots.set_policies(&signer.refuse_unsigned());
    let digest = image.digest();
    stage.sign("app", &signer, &digest);
    stage.refer("app", &digest, Some(BUNDLE), &signer.bundle(SIGN, &digest));
    assert_eq!(
        stage.pulled("app", &tag(&digest, "sig")).await,
        "serve allow"
    );
    assert_eq!(
        stage.referrers(&stage.get("app"), &digest).await,
        "1 listed, 0 unjudged"
    );
    // Nobody looked who signed the signatures.
    assert_eq!(
        stage.looks(),
        2,
        "once for the image, and once for the list"
    );
}
