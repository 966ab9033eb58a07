//! The facts of an image's layers to what it holds, within one bound for whoever asks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::artifact::Content;
use sluicegate_model::image_config::{ImageConfig, MAX_CONFIG_BYTES};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::manifest::{Descriptor, ImageManifest};
use sluicegate_scanner::{LayerFacts, contents_by};

use crate::plugins::ActivePlugins;

/// Most memory of the facts of one image's layers, in bytes; layers past it count as not read.
pub(super) const MAX_IMAGE_BYTES: u64 = 96 * 1024 * 1024;

/// What scanning an image gave, as it is kept for judging again later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scanned {
    /// Whether this is an image, or an artifact in the shape of one.
    pub content: Content,
    /// What is in it.
    pub inventory: Inventory,
    /// When its bytes were read.
    pub scanned_at: Timestamp,
    /// How long it took from the first request to the inventory, in milliseconds.
    pub scan_ms: u64,
    /// The program that read the bytes, with its version and analyzers, where that was another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_by: Option<String>,
}

/// Lays the layers of an image over each other, each by the facts that these plugins made, base first.
///
/// `started` is when the scan began, `scanned_at` the time of day at its end.
pub fn merge(
    manifest: &ImageManifest,
    config: Option<&ImageConfig>,
    (facts, plugins): (Vec<Arc<LayerFacts>>, &ActivePlugins),
    started: Instant,
    scanned_at: Timestamp,
) -> Scanned {
    let mut together = Together::default();
    for (layer, facts) in manifest.layers.iter().zip(facts) {
        if !together.has_settled(&layer.digest, facts.weight()) {
            together.add(&layer.digest, facts);
        }
    }
    let facts = together.into_facts();
    let (content, inventory) = contents_by(plugins.set(), manifest, config, &facts);
    Scanned {
        content,
        inventory,
        scanned_at,
        scan_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        read_by: None,
    }
}

/// Gives how many bytes of an image's config are read at most; none where it is too large to be
/// looked at.
pub fn config_limit(config: &Descriptor) -> Option<usize> {
    (config.size <= MAX_CONFIG_BYTES as u64).then_some(MAX_CONFIG_BYTES)
}

/// The facts of an image's layers as they come together, base first: those of each layer once, and
/// no more than are looked at. To add what came together once more changes nothing.
pub(super) struct Together<'a> {
    left: u64,
    known: HashMap<&'a Digest, Arc<LayerFacts>>,
    facts: Vec<Arc<LayerFacts>>,
}

impl Default for Together<'_> {
    fn default() -> Self {
        Self {
            left: MAX_IMAGE_BYTES,
            known: HashMap::new(),
            facts: Vec::new(),
        }
    }
}

impl<'a> Together<'a> {
    /// Tells whether a layer needs no facts: it is there already, or its facts would take more bytes
    /// than are left.
    pub(super) fn has_settled(&mut self, layer: &'a Digest, weight: u64) -> bool {
        if let Some(known) = self.known.get(layer) {
            self.facts.push(Arc::clone(known));
            return true;
        }
        let is_beyond = weight > self.left;
        if is_beyond {
            self.add(layer, Arc::new(LayerFacts::beyond_budget()));
        }
        is_beyond
    }

    /// Adds the facts of a layer that had not settled.
    pub(super) fn add(&mut self, layer: &'a Digest, facts: Arc<LayerFacts>) {
        self.left = self.left.saturating_sub(facts.weight());
        self.known.insert(layer, Arc::clone(&facts));
        self.facts.push(facts);
    }

    /// Gives the facts of each layer, in their order.
    pub(super) fn into_facts(self) -> Vec<Arc<LayerFacts>> {
        self.facts
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_model::coverage::GapKind;
    use sluicegate_scanner::facts::Event;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn facts(mebibytes: usize) -> Arc<LayerFacts> {
        Arc::new(LayerFacts {
            events: vec![Event::Witness("x".repeat(mebibytes * MIB))],
            ..LayerFacts::default()
        })
    }

    fn come_together<'a>(
        layers: impl IntoIterator<Item = (&'a Digest, Arc<LayerFacts>)>,
    ) -> Vec<Arc<LayerFacts>> {
        let mut together = Together::default();
        for (layer, facts) in layers {
            if !together.has_settled(layer, facts.weight()) {
                together.add(layer, facts);
            }
        }
        together.into_facts()
    }

    fn is_beyond(facts: &LayerFacts) -> bool {
        facts.gaps.iter().any(|gap| gap.kind == GapKind::Budget)
    }

    #[test]
    fn layers_past_the_bound_are_not_looked_at_and_a_layer_counts_once() {
        let [base, large, small] = [b"1", b"2", b"3"].map(|name| Digest::of(name));
        let layers = [&base, &large, &base, &small, &large];
        let sizes = [50, 47, 50, 40, 47];
        let given: Vec<_> = sizes.into_iter().map(facts).collect();
        let once = come_together(layers.into_iter().zip(given));
        let beyond: Vec<bool> = once.iter().map(|facts| is_beyond(facts)).collect();
        assert_eq!(beyond, [false, true, false, false, true]);
        let again = come_together(layers.into_iter().zip(once.clone()));
        assert_eq!(again, once);
    }
}
