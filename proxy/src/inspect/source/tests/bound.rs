//! What is not looked at on a pull is not looked at here.

use sluicegate_engine::scan::to_keep;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_scanner::facts::Event;
use sluicegate_scanner::{LayerFacts, Limits, scan_layer};

use super::*;

/// Facts of a layer that fill more than half of what there is for one image.
fn large(layer: &[u8]) -> LayerFacts {
    LayerFacts {
        events: vec![Event::Witness("x".repeat(50 << 20))],
        ..scan_layer(layer, &Limits::default())
    }
}

#[test]
fn layers_past_the_bound_of_a_pull_are_a_fatal_gap() {
    let stage = Stage::new();
    let layers = ["1", "2"].map(|name| archive(&[(name, Vec::new())]));
    let config = config(&layers, "amd64");
    let described = layers.each_ref();
    let described = described.map(|it| descriptor("application/vnd.oci.image.layer.v1.tar", it));
    let manifest = json!({
        "schemaVersion": 2,
        "config": descriptor(media_type::OCI_CONFIG, &config),
        "layers": described,
    });
    let manifest = manifest.to_string().into_bytes();
    let listed = descriptor(media_type::OCI_MANIFEST, &manifest);
    let index = json!({"schemaVersion": 2, "manifests": [listed]}).to_string();
    let mut files = vec![
        ("oci-layout".to_owned(), b"{}".to_vec()),
        ("index.json".to_owned(), index.into_bytes()),
        blob(&config),
        blob(&manifest),
    ];
    let cache = FactsCache::new(stage.path("facts"), sluicegate_machine::clock::system());
    for layer in &layers {
        files.push(blob(layer));
        let kept = to_keep(&large(layer)).unwrap();
        cache.put(&Digest::of(layer), &kept).unwrap();
    }
    let path = stage.write("large.tar", &borrowed(&files));
    let source = stage.open(&format!("oci-archive:{path}")).unwrap();
    let inventory = stage.scan(source.as_ref()).unwrap();
    let is_bound = |gap: &&Gap| gap.kind == GapKind::Budget && gap.fatal;
    let bound: Vec<_> = inventory.gaps.iter().filter(is_bound).collect();
    assert_eq!(bound.len(), 1, "{bound:?}");
    assert_eq!(bound[0].layer, Some(Digest::of(&layers[1])));
}
