//! What is kept of a scanned layer, wherever it is kept: by which name, in which form, and what it is
//! worth to the analyzers of today.

use sluicegate_model::{Digest, Domain};
use sluicegate_scanner::{Kept, LayerFacts, facts_fingerprint};

use crate::plugins::ActivePlugins;

/// What an earlier scan of a layer left.
#[derive(Debug, PartialEq, Eq)]
pub enum Left {
    /// What a scan would find now.
    Found {
        /// The facts.
        facts: LayerFacts,
        /// The form in which they are to be kept from now on, if that is another.
        anew: Option<Vec<u8>>,
    },
    /// What analyzers that changed since leave standing: a scan may take over from it.
    Outdated(LayerFacts),
    /// Nothing that can be read.
    Nothing,
}

/// Names the facts of a layer by somebody's word. Which analyzers made them they say themselves.
pub fn facts_key(domain: &Domain, layer: &Digest) -> String {
    let (layer, made_by) = (layer.hex(), facts_fingerprint());
    match domain.in_keys() {
        None => format!("{layer}-{made_by}"),
        Some(domain) => format!("{layer}-{made_by}-{domain}"),
    }
}

/// Gives facts in the form in which they are kept; none where another scan may find more.
pub fn to_keep(facts: &LayerFacts) -> Option<Vec<u8>> {
    (!facts.was_interrupted()).then(|| facts.to_bytes())
}

/// Tells whether kept facts are what a scan would find now; looks at their beginning only, so that
/// some of which that is true are not known.
pub(super) fn is_current(kept: &[u8], plugins: &ActivePlugins) -> bool {
    plugins.set().has_made(kept)
}

/// Says what kept facts are worth now.
pub fn review(kept: &[u8], plugins: &ActivePlugins) -> Left {
    let Ok(facts) = LayerFacts::from_bytes(kept) else {
        return Left::Nothing;
    };
    match plugins.set().review(facts) {
        Kept::Current(facts) => Left::Found {
            facts: *facts,
            anew: None,
        },
        Kept::Adopted(facts) => Left::Found {
            anew: Some(facts.to_bytes()),
            facts: *facts,
        },
        Kept::Outdated(facts) => Left::Outdated(*facts),
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_scanner::{Limits, PluginSet, scan_layer, scan_layer_again};

    use super::*;

    #[test]
    fn facts_are_worth_what_the_analyzers_of_today_would_find() {
        let now = ActivePlugins::built_in();
        let empty = vec![0; 1024];
        let facts = scan_layer(&empty[..], &Limits::default());
        let kept = to_keep(&facts).expect("it ended");
        assert_eq!(review(&kept, &now), Left::Found { facts, anew: None });
        let nobody = PluginSet::new(Vec::new());
        let blind = scan_layer_again(&empty[..], &Limits::default(), &nobody, None);
        let kept = to_keep(&blind).expect("it ended");
        assert_eq!(review(&kept, &now), Left::Outdated(blind));
        assert_eq!(review(b"something else", &now), Left::Nothing);
    }

    #[test]
    fn what_was_cut_short_is_never_kept() {
        let limits = Limits::default();
        limits.stop.request();
        assert_eq!(to_keep(&scan_layer(&[0; 1024][..], &limits)), None);
        assert_eq!(to_keep(&LayerFacts::stopped()), None);
        assert_eq!(to_keep(&LayerFacts::without_scanner()), None);
        assert!(to_keep(&LayerFacts::unreadable("no archive")).is_some());
    }
}
