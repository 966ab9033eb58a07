//! What stream mode withholds before the verdict: pure arithmetic over a manifest.
//!
//! A layer without its tail has no digest that matches, so no client verifies or unpacks it; one
//! layer held at its headers lets a refusal arrive with its reason.

use sluicegate_model::Digest;
use sluicegate_model::image_config::MAX_CONFIG_BYTES;
use sluicegate_model::manifest::{Descriptor, ImageManifest};

/// Most bytes of a layer withheld: enough that the end of the last file is missing.
const MAX_TAIL_BYTES: u64 = 64 * 1024;
/// How many layers every client asks for at once (measured: docker and CRI ask for three).
const FIRST_LAYERS: usize = 3;

/// Picks the layer to hold at its headers: the smallest of the first three not yet cleared.
pub fn held_layer(image: &ImageManifest, cleared: &[Digest]) -> Option<Digest> {
    let mut first: Vec<&Descriptor> = Vec::new();
    for layer in &image.layers {
        let known = cleared.contains(&layer.digest)
            || first.iter().any(|earlier| earlier.digest == layer.digest);
        if !known && first.len() < FIRST_LAYERS {
            first.push(layer);
        }
    }
    first
        .iter()
        .min_by_key(|layer| layer.size)
        .map(|layer| layer.digest.clone())
}

/// Gives the offset from which bytes wait for the verdict; none where the blob goes out whole.
pub fn withheld_from(blob: &Descriptor, is_layer: bool) -> Option<u64> {
    if !is_layer && blob.size <= MAX_CONFIG_BYTES as u64 {
        return None;
    }
    let tail = MAX_TAIL_BYTES.min(blob.size / 4).max(1);
    Some(blob.size.saturating_sub(tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_model::media_type;

    fn blob(name: &str, size: u64) -> Descriptor {
        Descriptor {
            media_type: String::new(),
            digest: Digest::of(name.as_bytes()),
            size,
            platform: None,
            urls: Vec::new(),
            artifact_type: None,
            annotations: std::collections::BTreeMap::new(),
        }
    }

    fn image(layers: Vec<Descriptor>) -> ImageManifest {
        ImageManifest {
            media_type: media_type::OCI_MANIFEST.into(),
            artifact_type: None,
            config: blob("config", 10),
            layers,
            subject: None,
        }
    }

    #[test]
    fn holds_the_smallest_of_the_first_three_uncleared_layers() {
        let layers = vec![
            blob("a", 5),
            blob("a", 5),
            blob("b", 9),
            blob("c", 7),
            blob("d", 1),
        ];
        let image = image(layers);
        assert_eq!(held_layer(&image, &[]), Some(Digest::of(b"a")));
        assert_eq!(
            held_layer(&image, &[Digest::of(b"a")]),
            Some(Digest::of(b"d"))
        );
        let all = ["a", "b", "c", "d"].map(|name| Digest::of(name.as_bytes()));
        assert_eq!(held_layer(&image, &all), None);
    }

    #[test]
    fn withholds_a_tail_of_every_layer_however_small() {
        for (size, from) in [
            (1, 0),
            (3, 2),
            (32, 24),
            (1 << 20, (1 << 20) - 65_536),
            (100_000, 75_000),
        ] {
            assert_eq!(
                withheld_from(&blob("x", size), true),
                Some(from),
                "{size} bytes"
            );
        }
        assert_eq!(withheld_from(&blob("config", 2_000), false), None);
        assert!(withheld_from(&blob("huge config", 9 << 20), false).is_some());
    }
}
