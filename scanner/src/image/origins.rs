//! Which layers belong to the image that this one was built on, by the history that its author wrote.
//!
//! What a build starts from ends with the command that it runs, `CMD` or `ENTRYPOINT`, and the image's
//! own steps follow. So all layers up to the last such step are the base image's that the image's own
//! layers come after. Where there is none, as in an image built on nothing or on one without a command,
//! nobody can tell. The steps behind the last layer are the image's own and say nothing.
//!
//! Source: OCI image-spec, config.md, "history".

use sluicegate_model::image_config::HistoryEntry;
use sluicegate_model::package::LayerOrigin;

/// What the first builders of images write before an instruction that runs nothing.
const NOTHING_RUN: &str = "#(nop)";

/// Tells whose each layer is, base first; nothing where the history does not fit the layers or does
/// not tell.
pub(super) fn of(history: &[HistoryEntry], layers: usize) -> Option<Vec<LayerOrigin>> {
    let count = |steps: &[HistoryEntry]| steps.iter().filter(|step| !step.empty_layer).count();
    if count(history) != layers {
        return None;
    }
    let last_layer = history.iter().rposition(|step| !step.empty_layer)?;
    let own_or_base = history.get(..last_layer)?;
    let end = own_or_base.iter().rposition(ends_an_image)?;
    let base = count(own_or_base.get(..end)?);
    let origin = |at| {
        if at < base {
            LayerOrigin::Base
        } else {
            LayerOrigin::Own
        }
    };
    (base > 0).then(|| (0..layers).map(origin).collect())
}

/// Tells whether a step says what an image runs.
fn ends_an_image(step: &HistoryEntry) -> bool {
    let written = step.created_by.as_deref().unwrap_or_default();
    let instruction = match written.split_once(NOTHING_RUN) {
        Some((_, instruction)) => instruction,
        None => written,
    };
    let word = instruction.split_whitespace().next();
    step.empty_layer && matches!(word, Some("CMD" | "ENTRYPOINT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(text: &str) -> HistoryEntry {
        let makes_a_layer = ["ADD", "COPY", "RUN"];
        let word = text.replace("/bin/sh -c #(nop) ", "");
        HistoryEntry {
            created_by: Some(text.to_owned()),
            empty_layer: !makes_a_layer.iter().any(|it| word.trim().starts_with(it)),
        }
    }

    fn told(history: &[&str]) -> String {
        let history: Vec<HistoryEntry> = history.iter().map(|text| step(text)).collect();
        let layers = history.iter().filter(|step| !step.empty_layer).count();
        let letter = |origin| match origin {
            LayerOrigin::Base => 'b',
            LayerOrigin::Own => 'o',
        };
        match of(&history, layers) {
            Some(origins) => origins.into_iter().map(letter).collect(),
            None => "unknown".to_owned(),
        }
    }

    #[test]
    fn the_base_ends_with_the_last_command_before_the_last_layer() {
        let debian = ["ADD rootfs /", "CMD [\"bash\"]"];
        let runtime = [
            "RUN apt-get install php",
            "ENTRYPOINT [\"php\"]",
            "CMD [\"-a\"]",
        ];
        let app = ["COPY app /app", "RUN composer install", "CMD [\"app\"]"];
        for (history, wanted) in [
            ([&debian[..], &runtime, &app].concat(), "bboo"),
            ([&debian[..], &app].concat(), "boo"),
            ([&debian[..], &app[..1]].concat(), "bo"),
            (debian.to_vec(), "unknown"),
            ([&debian[..], &["ENV a=b", "LABEL a=b"]].concat(), "unknown"),
            (app.to_vec(), "unknown"),
            (vec![], "unknown"),
            (vec!["CMD [\"a\"]", "COPY a /"], "unknown"),
            (vec!["CMD [\"a\"]"], "unknown"),
            (
                vec![
                    "/bin/sh -c #(nop) ADD file:1 in / ",
                    "/bin/sh -c #(nop)  CMD [\"bash\"]",
                    "RUN echo CMD",
                    "RUN CMD",
                ],
                "boo",
            ),
        ] {
            assert_eq!(told(&history), wanted, "{history:?}");
        }
    }

    #[test]
    fn a_history_that_does_not_fit_tells_nothing() {
        let history = [step("ADD a /"), step("CMD [\"a\"]"), step("COPY b /")];
        assert!(of(&history, 2).is_some());
        for layers in [0, 1, 3] {
            assert_eq!(of(&history, layers), None);
        }
        let wordless = [HistoryEntry::default(), HistoryEntry::default()];
        assert_eq!(of(&wordless, 2), None);
    }
}
