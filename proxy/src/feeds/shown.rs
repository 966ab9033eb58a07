//! How the feeds stand, as JSON: one shape for the API, and for the directory of a stopped service.
//!
//! Called by `api::status`, `api::feeds` and `feeds status`.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use sluicegate_model::report::Knowledge;
use sluicegate_policy::FeedStanding;
use sluicegate_scanner::feeds::FeedIndex;

use super::bundle::Imported;
use super::load::newest_index;
use super::mirror::told;
use super::record::Record;
use super::source::imported_state;
use super::{FeedState, SourceState, losses};

/// Tells everything but the single records that could not be read.
pub fn shown(state: &FeedState, is_loaded: bool, now: Timestamp) -> Value {
    let ecosystem = |ecosystem: &sluicegate_scanner::feeds::EcosystemStatus| {
        json!({
            "ecosystem": ecosystem.name,
            "records": ecosystem.records,
            "newest": ecosystem.newest,
            "age_seconds": age(ecosystem.newest, now),
            "without_severity": ecosystem.without_severity,
            "problems": ecosystem.problems,
        })
    };
    let source = |source: &SourceState| {
        json!({
            "source": source.source,
            "confirmed": source.confirmed,
            "age_seconds": age(source.confirmed, now),
            "problem": source.problem,
            "bundle": source.bundle,
        })
    };
    let family = |known: Knowledge| {
        json!({
            "family": known.family,
            "newest": known.newest,
            "age_seconds": age(known.newest, now),
            "usual_seconds": known.usual_silence().as_secs(),
        })
    };
    let families: Vec<Value> = state
        .index
        .all_knowledge(now)
        .into_iter()
        .map(family)
        .collect();
    let ecosystems: Vec<Value> = state.index.ecosystems().iter().map(ecosystem).collect();
    let sources: Vec<Value> = state.sources.iter().map(source).collect();
    let confirmed = state.confirmed;
    json!({
        "snapshot": state.index.snapshot(),
        "loaded": is_loaded,
        "confirmed": confirmed,
        "age_seconds": age(confirmed, now),
        "problem": state.problem,
        "sources": sources,
        "families": families,
        "ecosystems": ecosystems,
        "tables": tables(&state.index, now),
    })
}

/// Lists the tables that rank findings, where there are any.
fn tables(index: &FeedIndex, now: Timestamp) -> Vec<Value> {
    let all = [
        ("kev", index.known_exploited(), index.known_exploited_of()),
        ("epss", index.exploit_scores(), index.exploit_scores_of()),
        ("nvd", index.severities(), index.severities_of()),
    ];
    let there = all.into_iter().filter(|(_, entries, _)| *entries > 0);
    let shown = there.map(|(table, entries, of)| {
        let newest = of.and_then(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok());
        json!({
            "table": table,
            "entries": entries,
            "newest": newest,
            "age_seconds": age(newest, now),
        })
    });
    shown.collect()
}

/// Lists the records, and the whole files, that could not be read in full; 1,000 at most.
pub fn problems(index: &FeedIndex) -> Vec<Value> {
    let problem = |problem: &sluicegate_scanner::feeds::FeedProblem| {
        json!({
            "ecosystem": problem.ecosystem,
            "record": problem.record,
            "reason": problem.reason,
        })
    };
    index.problems().iter().map(problem).collect()
}

/// Reads how the feeds of a service stood when it stopped: its newest index, its copies of URLs and
/// what was imported. Directories that were feeds are not remembered.
///
/// *Errors*: there is no index, one line.
pub fn kept(data: &Path, now: Timestamp) -> Result<FeedState, String> {
    let feeds = data.join("feeds");
    let index = newest_index(&feeds)
        .ok_or_else(|| format!("no feed was ever loaded under {}", feeds.display()))?;
    let mut sources: Vec<SourceState> = mirrors(&feeds, now);
    match Imported::under(&feeds).current() {
        Ok(None) => {}
        Ok(Some((snapshot, _))) => sources.push(imported_state(Ok(snapshot), now)),
        Err(error) => sources.push(imported_state(Err(told(&error)), now)),
    }
    let confirmed = sources.iter().map(|source| source.counts_from(now)).min();
    let bundles = sources.iter().filter_map(|source| source.bundle.as_ref());
    let standing = FeedStanding {
        expires: bundles.map(|bundle| bundle.expires).min(),
    };
    let problem = losses::unreadable(&index);
    Ok(FeedState {
        index: Arc::new(index),
        revision: 0,
        confirmed: confirmed.flatten(),
        standing,
        problem,
        sources,
    })
}

fn mirrors(feeds: &Path, now: Timestamp) -> Vec<SourceState> {
    let entries = std::fs::read_dir(feeds).into_iter().flatten();
    let records = entries
        .filter_map(Result::ok)
        .map(|entry| Record::read(&entry.path()))
        .filter(|record| !record.url.is_empty());
    let state = |record: Record| SourceState {
        source: record.url,
        confirmed: record.confirmed.filter(|confirmed| *confirmed <= now),
        problem: None,
        bundle: None,
    };
    records.map(state).collect()
}

fn age(since: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    since.map(|at| now.as_second().saturating_sub(at.as_second()))
}
