//! Content inside a descriptor: only the empty document may be there.

use serde_json::Value;
use sluicegate_model::media_type;

use super::images::{bad, good, index_of};
use super::stage::Stage;
use crate::gate::GateMode::{Hold, Stream};

/// `{}` and `hidden`, as descriptors carry bytes.
const EMPTY: &str = "e30=";
const HIDDEN: &str = "aGlkZGVu";

#[tokio::test(start_paused = true)]
async fn whatever_else_a_descriptor_carries_makes_its_manifest_invalid() {
    type Place = fn(&mut Value) -> &mut Value;
    let places: [Place; 2] = [|it| &mut it["config"], |it| &mut it["layers"][0]];
    for mode in [Hold, Stream] {
        for place in places {
            let image = bad("embeds").edited(|it| place(it)["data"] = HIDDEN.into());
            let stage = Stage::with(mode, &image);
            let digest = image.digest().to_string();
            for asked in [stage.head("app"), stage.get("app")] {
                for reference in ["1", &digest] {
                    assert_eq!(stage.manifest(&asked, reference).await, "Manifest");
                }
            }
            // Its blobs are nobody's.
            for blob in image.blobs() {
                let answer = stage.blob(&stage.get("app"), &blob.digest()).await;
                assert_eq!(answer, "UnknownBlob");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_may_carry_no_child_either() {
    let child = good("child");
    for (data, wanted) in [(HIDDEN, "Manifest"), (EMPTY, "serve allow")] {
        let stage = Stage::with(Hold, &child);
        let mut entry = child.described();
        entry["data"] = data.into();
        stage.push_manifest("app", "all", media_type::OCI_INDEX, &index_of(vec![entry]));
        assert_eq!(stage.manifest(&stage.get("app"), "all").await, wanted);
    }
}
