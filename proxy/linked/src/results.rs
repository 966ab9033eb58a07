//! What a scanner says of a layer, as hostile bytes: bounded before anything is made of them, read by
//! the one reader of stored facts, and taken only where the analyzers of this program, and the plugins
//! that were named with the work, would have said the same way.

use sluicegate_engine::memory::Share;
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_engine::scan::ScannedLayer;
use sluicegate_model::Digest;
use sluicegate_scanner::{FactsError, Kept, LayerFacts};

/// One mebibyte, in bytes.
const MIB: u64 = 1024 * 1024;
/// Most bytes of the facts of one layer as they are sent.
pub const MAX_SENT_BYTES: usize = 32 * 1024 * 1024;
/// Most memory of the facts of one layer, in bytes: of one image no more is looked at anyway.
const MAX_WEIGHT: u64 = 96 * MIB;
/// How many bytes of text facts have for each byte that they weigh: names are as long in both, and
/// what else there is is shorter in memory by no more than this.
const TEXT_PER_WEIGHT: u64 = 4;
/// Bytes of text that any facts may have.
const LEAST_TEXT: u64 = MIB;
/// How much memory is taken for each byte that facts weigh while they are read and packed.
const IN_MEMORY: u64 = 3;

/// Says why what was sent are no facts of a layer.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// It is longer than any.
    #[error("the facts have more than {MAX_SENT_BYTES} bytes")]
    TooLong,
    /// It takes more memory than any.
    #[error("the facts take {got} bytes of memory, more than {MAX_WEIGHT}")]
    TooHeavy {
        /// So many.
        got: u64,
    },
    /// It takes more memory than it says.
    #[error("the facts say that they take {said} bytes of memory, and take {got}")]
    Understated {
        /// What it says.
        said: u64,
        /// What it takes.
        got: u64,
    },
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] FactsError),
    /// Others made it than those that were to.
    #[error("the facts were made by other analyzers or plugins than those that were asked for")]
    Revisions,
}

/// Tells how much memory reading facts takes that were sent.
pub fn reading_bytes(sent: &[u8]) -> Result<u64, ResultError> {
    if sent.len() > MAX_SENT_BYTES {
        return Err(ResultError::TooLong);
    }
    let weight = LayerFacts::stored_weight(sent)?;
    if weight > MAX_WEIGHT {
        return Err(ResultError::TooHeavy { got: weight });
    }
    Ok(weight.saturating_mul(IN_MEMORY).saturating_add(MIB))
}

/// Reads facts that were sent, which these plugins were to make, under a share that [`reading_bytes`]
/// asked for; takes as long as that does.
pub fn read(
    layer: &Digest,
    plugins: &ActivePlugins,
    sent: &[u8],
    share: Share,
) -> Result<ScannedLayer, ResultError> {
    reading_bytes(sent)?;
    let said = LayerFacts::stored_weight(sent)?;
    if !plugins.set().has_made(sent) {
        return Err(ResultError::Revisions);
    }
    let most = said
        .saturating_mul(TEXT_PER_WEIGHT)
        .saturating_add(LEAST_TEXT);
    let facts = LayerFacts::from_bytes_within(sent, most)?;
    let got = facts.weight();
    if got > said {
        return Err(ResultError::Understated { said, got });
    }
    match plugins.set().review(facts) {
        Kept::Current(facts) => Ok(ScannedLayer::of(layer.clone(), *facts).holding(Some(share))),
        Kept::Adopted(_) | Kept::Outdated(_) => Err(ResultError::Revisions),
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_engine::memory::Memory;
    use sluicegate_engine::testkit::layer_scan_suite::layer;
    use sluicegate_scanner::facts::Event;
    use sluicegate_scanner::{Limits, PluginSet, scan_layer, scan_layer_again};

    use super::*;

    async fn taken(sent: &[u8]) -> Result<ScannedLayer, ResultError> {
        let memory = Memory::default();
        let share = memory.share(reading_bytes(sent)?).await;
        let plugins = ActivePlugins::built_in();
        read(&Digest::of(b"layer"), &plugins, sent, share)
    }

    fn scanned() -> LayerFacts {
        scan_layer(&layer("one")[..], &Limits::default())
    }

    /// Writes facts that say that they weigh so much.
    fn saying(facts: &LayerFacts, weight: u64) -> Vec<u8> {
        let mut sent = facts.to_bytes();
        sent[1..9].copy_from_slice(&weight.to_le_bytes());
        sent
    }

    #[tokio::test]
    async fn what_this_program_found_elsewhere_is_taken_as_it_is() {
        let facts = scanned();
        let taken = taken(&facts.to_bytes()).await.unwrap();
        assert_eq!(
            (taken.facts(), taken.layer()),
            (&facts, &Digest::of(b"layer"))
        );
    }

    #[tokio::test]
    async fn what_is_no_facts_is_refused() {
        let sent = scanned().to_bytes();
        for at in [0, 1, 5, sent.len() / 2, sent.len() - 1] {
            assert!(taken(&sent[..at]).await.is_err(), "{at} bytes");
        }
        assert!(taken(b"something else").await.is_err());
        let long = vec![0; MAX_SENT_BYTES + 1];
        assert!(matches!(taken(&long).await, Err(ResultError::TooLong)));
    }

    #[tokio::test]
    async fn other_analyzers_are_told_apart() {
        let nobody = PluginSet::new(Vec::new());
        let blind = scan_layer_again(&layer("one")[..], &Limits::default(), &nobody, None);
        let refused = taken(&blind.to_bytes()).await;
        assert!(matches!(refused, Err(ResultError::Revisions)));
    }

    #[tokio::test]
    async fn what_weighs_more_than_it_says_or_than_any_is_refused() {
        let facts = scanned();
        let heavy = saying(&facts, MAX_WEIGHT + 1);
        assert!(matches!(
            taken(&heavy).await,
            Err(ResultError::TooHeavy { .. })
        ));
        let light = saying(&facts, facts.weight() - 1);
        let refused = taken(&light).await;
        assert!(matches!(refused, Err(ResultError::Understated { .. })));
        // A gigabyte that is sent as a few kilobytes is not unpacked.
        let large = LayerFacts {
            events: vec![Event::Witness("x".repeat(64 * 1024 * 1024))],
            ..facts
        };
        let bomb = saying(&large, 1_000);
        assert!(bomb.len() < 64 * 1024, "{}", bomb.len());
        assert!(matches!(
            taken(&bomb).await,
            Err(ResultError::Unreadable(_))
        ));
    }
}
