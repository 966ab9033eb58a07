//! Referrers: of what is served those that are served, and nothing of what is not.

use sluicegate_model::manifest::Descriptor;

use super::images::{Image, bad, document, good};
use super::stage::Stage;
use crate::gate::GateMode::{Hold, Stream};

const SPDX: &str = "application/spdx+json";

fn sbom(name: &str) -> Image {
    let text = format!(r#"{{"spdxVersion": "SPDX-2.3", "name": "{name}", "packages": []}}"#);
    Image::artifact(SPDX, vec![document(&text, SPDX)])
}

/// Lists a manifest as one that refers to the image.
fn refer(stage: &Stage, to: &Image, from: &Image, size: Option<u64>) {
    let mut described: Descriptor = serde_json::from_value(from.described()).unwrap();
    described.size = size.unwrap_or(described.size);
    stage.upstream.push_referrer("app", &to.digest(), described);
}

#[tokio::test(start_paused = true)]
async fn a_list_names_what_would_be_served_and_counts_what_nobody_knows() {
    for mode in [Hold, Stream] {
        let (subject, passes, fails) = (good("subject"), sbom("passes"), bad("fails"));
        let stage = Stage::with(mode, &subject);
        for (tag, referrer) in [("passes", &passes), ("fails", &fails)] {
            stage.push("app", tag, referrer);
            refer(&stage, &subject, referrer, None);
        }
        // Listed, but not there: nothing of it could leave.
        refer(&stage, &subject, &sbom("absent"), None);
        let invalid = sbom("invalid").edited(|it| it["layers"] = "none".into());
        stage.push("app", "invalid", &invalid);
        refer(&stage, &subject, &invalid, None);
        let asked = stage.get("app");
        let listed = stage.referrers(&asked, &subject.digest()).await;
        assert_eq!(listed, "2 listed, 0 unjudged", "{mode:?}");
        // A list releases nothing.
        assert!(!stage.has_left("app", &passes.digest()).await);
        let answer = stage.manifest(&asked, fails.digest().as_str()).await;
        assert_eq!(answer, "refuse");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_has_no_referrers_and_what_is_unknown_has() {
    for mode in [Hold, Stream] {
        let (subject, referrer) = (bad("subject"), sbom("one"));
        let stage = Stage::with(mode, &subject);
        stage.push("app", "sbom", &referrer);
        refer(&stage, &subject, &referrer, None);
        let asked = stage.get("app");
        assert_eq!(stage.referrers(&asked, &subject.digest()).await, "refuse");
        let elsewhere = good("elsewhere");
        refer(&stage, &elsewhere, &referrer, None);
        let listed = stage.referrers(&asked, &elsewhere.digest()).await;
        assert_eq!(listed, "1 listed, 0 unjudged");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_no_longer_gets_those_that_are_judged() {
    let (subject, quick, slow) = (good("subject"), sbom("quick"), sbom("slow"));
    let stage = Stage::with(Hold, &subject);
    for (tag, referrer) in [("quick", &quick), ("slow", &slow)] {
        stage.push("app", tag, referrer);
        refer(&stage, &subject, referrer, None);
    }
    stage.judge("app", "1").await;
    stage.judge("app", "quick").await;
    stage.withhold(&slow.layers[0].digest());
    for (comes_back, wanted) in [(true, "ComesBack"), (false, "1 listed, 1 unjudged")] {
        let asked = stage.impatient("app", false, comes_back);
        assert_eq!(stage.referrers(&asked, &subject.digest()).await, wanted);
    }
    stage.release();
}
