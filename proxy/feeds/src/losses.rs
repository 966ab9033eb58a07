//! What a new index cannot say because a whole file of its sources could not be read.
//!
//! A mirror that is being copied, or a disk that fails, must not turn "affected" into "nobody
//! knows" while a good copy is at hand. Pure; called by `load` and `Feeds`.

use sluicegate_model::package::Ecosystem;
use sluicegate_scanner::feeds::{FeedIndex, FeedProblem, NVD_FOLDER};

/// Most losses that are named; the rest is counted.
const MAX_NAMED: usize = 3;

/// Names the files that could not be read at all; none where all could.
pub(super) fn unreadable(index: &FeedIndex) -> Option<String> {
    told(index, |problem| {
        match index
            .ecosystems()
            .iter()
            .find(|s| s.name == problem.ecosystem)
        {
            Some(status) => status.records == 0,
            // One of many files: the others say nothing of what it would have said.
            None if problem.ecosystem == NVD_FOLDER => true,
            None => entries(index, &problem.ecosystem) == 0,
        }
    })
}

/// Names what `current` knows and `next` does not because of an unreadable file; none where
/// nothing is lost.
pub(super) fn lost(next: &FeedIndex, current: &FeedIndex) -> Option<String> {
    told(next, |problem| {
        let name = problem.ecosystem.as_str();
        let (now, before) = (entries(next, name), entries(current, name));
        let is_less = match name {
            NVD_FOLDER => now < before,
            _ => now == 0 && before > 0,
        };
        is_less || current.has_ecosystem(&Ecosystem::new(name))
    })
}

/// Counts what a table holds, by its folder; 0 where the folder is no table's.
fn entries(index: &FeedIndex, folder: &str) -> usize {
    match folder {
        "kev" => index.known_exploited(),
        "epss" => index.exploit_scores(),
        NVD_FOLDER => index.severities(),
        _ => 0,
    }
}

fn told(index: &FeedIndex, counts: impl Fn(&FeedProblem) -> bool) -> Option<String> {
    // A problem of one record costs that record only.
    let whole_files = index.problems().iter().filter(|p| p.record.is_none());
    let lines: Vec<String> = whole_files
        .filter(|problem| counts(problem))
        .map(|problem| format!("{}: {}", problem.ecosystem, problem.reason))
        .collect();
    let named = lines.iter().take(MAX_NAMED).map(String::as_str);
    let mut text = named.collect::<Vec<_>>().join("; ");
    let more = lines.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        text = format!("{text}; and {more} more");
    }
    (!lines.is_empty()).then_some(text)
}
