//! Which instruction made each layer, and whose the layer is, as the image's author says.
//!
//! The instruction is for people who look for where a package came from, and is kept without the secrets
//! in it. Nothing is decided by it.
//!
//! Source: OCI image-spec, config.md, "history".

use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::BuiltLayer;

use super::layers::LayerInput;
use super::origins;
use crate::secrets;

/// Most characters of an instruction that are kept: a long shell line.
const MAX_CHARACTERS: usize = 512;

/// Gives the layers, base first, with their instructions where history has one for each.
pub(super) fn of(config: Option<&ImageConfig>, layers: &[LayerInput<'_>]) -> Vec<BuiltLayer> {
    let history = config.map_or(&[][..], |config| &config.history);
    let steps: Vec<_> = history.iter().filter(|step| !step.empty_layer).collect();
    let fits = steps.len() == layers.len();
    let origins = origins::of(history, layers.len());
    let origin = |at: usize| origins.as_ref()?.get(at).copied();
    let instruction = |at: usize| {
        let written = steps.get(at)?.created_by.as_deref()?;
        let written = secrets::hide_in_command(written);
        let readable = |c: char| if c.is_control() { ' ' } else { c };
        Some(written.chars().map(readable).take(MAX_CHARACTERS).collect())
    };
    let built = |(at, layer): (usize, &LayerInput<'_>)| BuiltLayer {
        digest: layer.digest.clone(),
        created_by: if fits { instruction(at) } else { None },
        origin: origin(at),
    };
    layers.iter().enumerate().map(built).collect()
}

#[cfg(test)]
mod tests {
    use sluicegate_model::image_config::HistoryEntry;

    use super::*;
    use crate::testing::{Layer, config, image_with, layer_digest};

    fn step(text: &str, empty_layer: bool) -> HistoryEntry {
        HistoryEntry {
            created_by: Some(text.to_owned()),
            empty_layer,
        }
    }

    #[test]
    fn layers_have_their_instructions_only_where_the_history_fits() {
        let layers = [Layer::new().dir("a").facts(), Layer::new().dir("b").facts()];
        let long = "x".repeat(10 * MAX_CHARACTERS);
        let (base, run, env) = (
            step("ADD rootfs\n/", false),
            step(&long, false),
            step("ENV a=b", true),
        );
        let cut = "x".repeat(MAX_CHARACTERS);
        let table = [
            (vec![], [None, None]),
            (vec![base.clone()], [None, None]),
            (
                vec![base.clone(), env.clone(), run.clone(), env.clone()],
                [Some("ADD rootfs /"), Some(cut.as_str())],
            ),
            (
                vec![base.clone(), step("RUN sshpass -p k8Lm#2pQz ssh a", false)],
                [Some("ADD rootfs /"), Some("RUN sshpass -p *** ssh a")],
            ),
            (vec![base.clone(), run.clone(), run], [None, None]),
            (
                vec![base, HistoryEntry::default()],
                [Some("ADD rootfs /"), None],
            ),
        ];
        for (history, wanted) in table {
            let config = ImageConfig {
                history,
                ..config(&layers)
            };
            let inventory = image_with(Some(&config), &layers);
            assert_eq!(inventory.gaps, []);
            for (at, (layer, wanted)) in inventory.layers.iter().zip(wanted).enumerate() {
                assert_eq!(layer.digest, layer_digest(at));
                assert_eq!(layer.created_by.as_deref(), wanted, "{:?}", config.history);
            }
        }
    }
}
