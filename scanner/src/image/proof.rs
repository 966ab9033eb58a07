//! Whether the layers are those that the image's config names.

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::image_config::ImageConfig;

use super::layers::LayerInput;

/// Says what keeps the layers from being proven.
pub(crate) fn check(config: Option<&ImageConfig>, layers: &[LayerInput<'_>]) -> Vec<Gap> {
    let Some(config) = config else {
        let detail = "the image's config could not be read, so its layers are not proven";
        return vec![Gap::fatal(GapKind::ConfigUnreadable, detail)];
    };
    let mut gaps = Vec::new();
    if !matches!(config.os.as_str(), "linux" | "") {
        let detail = format!("images for {:?} are not read", config.os);
        gaps.push(Gap::fatal(GapKind::UnsupportedOs, detail));
    }
    let (stated, got) = (config.rootfs.diff_ids.len(), layers.len());
    if stated != got {
        let detail = format!("the config lists {stated} layers, the manifest {got}");
        gaps.push(Gap::fatal(GapKind::DigestMismatch, detail));
    }
    for (layer, stated) in layers.iter().zip(&config.rootfs.diff_ids) {
        // A layer that was not read has said so itself.
        if let Some(got) = &layer.facts.diff_id
            && got != stated
        {
            let detail = format!("the layer's content is {got}, the config says {stated}");
            gaps.push(Gap::fatal(GapKind::DigestMismatch, detail).in_layer(layer.digest.clone()));
        }
        if layer.facts.diff_id.is_none() && layer.facts.gaps.iter().all(|gap| !gap.fatal) {
            let detail = "the layer's content could not be proven";
            gaps.push(Gap::fatal(GapKind::LayerUnreadable, detail).in_layer(layer.digest.clone()));
        }
    }
    gaps
}
