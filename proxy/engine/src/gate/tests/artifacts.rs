//! Artifacts: proven by what they are, decided by their kind, and no way around an image.

use super::images::{Image, bad, document, good};
use super::stage::Stage;
use crate::gate::GateMode;

const SPDX: &str = "application/spdx+json";
const THING: &str = "application/vnd.example.thing.v1";
const SBOMS_ONLY: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: sboms-only}
spec: {onInconclusive: refuse, artifacts: {default: refuse, allow: [sboms]}}
";

fn sbom() -> Image {
    let text = r#"{"spdxVersion": "SPDX-2.3", "packages": []}"#;
    Image::artifact(SPDX, vec![document(text, SPDX)])
}

#[tokio::test(start_paused = true)]
async fn the_kind_decides_and_only_where_the_content_agrees() {
    let thing = Image::artifact(THING, vec![document("a thing", THING)]);
    let not_what_it_says = Image::artifact(SPDX, vec![document("no document", SPDX)]);
    let table = [
        (sbom(), "serve allow"),
        (thing, "refuse"),
        (not_what_it_says, "refuse"),
        // A label makes no artifact of an image.
        (good("labelled").labelled(SPDX), "serve allow"),
        (bad("labelled").labelled(SPDX), "refuse"),
    ];
    for (artifact, wanted) in table {
        let stage = Stage::with(GateMode::Hold, &artifact);
        stage.snapshots.set_policies(SBOMS_ONLY);
        let asked = stage.get("app");
        assert_eq!(stage.manifest(&asked, "1").await, wanted);
        let blob = match wanted {
            "refuse" => "refuse",
            _ => "whole",
        };
        for layer in &artifact.layers {
            assert_eq!(stage.blob(&asked, &layer.digest()).await, blob);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_artifact_gives_away_nothing_of_a_refused_image() {
    let image = bad("image");
    let layers = image.layers.iter().map(|layer| layer.clone().called(THING));
    let artifact = Image::artifact(THING, layers.collect());
    for first_image in [true, false] {
        let stage = Stage::new(GateMode::Hold);
        stage.snapshots.set_policies(
            "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: all}\n\
             spec: {onInconclusive: refuse, artifacts: {default: allow}}\n",
        );
        stage.push("app", "image", &image);
        stage.push("app", "artifact", &artifact);
        let asked = stage.get("app");
        let order = if first_image {
            ["image", "artifact"]
        } else {
            ["artifact", "image"]
        };
        for tag in order {
            let _decided = stage.manifest(&asked, tag).await;
        }
        assert_eq!(stage.manifest(&asked, "image").await, "refuse");
        for layer in &image.layers {
            assert_eq!(stage.blob(&asked, &layer.digest()).await, "refuse");
        }
    }
}
