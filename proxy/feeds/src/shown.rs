//! How the feeds stand, as JSON: one shape for the API, and for the directory of a stopped service.
//!
//! Called by `api::status`, `api::feeds` and `feeds status`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sluicegate_model::form::Maybe;
use sluicegate_model::forms;
use sluicegate_model::report::Knowledge;
use sluicegate_model::schema::Instant;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_policy::FeedStanding;
use sluicegate_scanner::feeds::{EcosystemStatus, FeedIndex, FeedProblem};
use sluicegate_scanner::{FedFile, NameTables};

use super::bundle::{Imported, Snapshot};
use super::knowledge::Places;
use super::load::{LoadError, newest_index};
use super::record::MirrorRecord;
use super::source::imported_state;
use super::{FeedState, SourceState, losses};

/// How the feeds stand, but for the single records that could not be read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FeedsShown {
    /// The identity of the advisories in force.
    #[schemars(with = "String")]
    snapshot: SnapshotId,
    /// Whether the first load of every source has ended, well or badly.
    loaded: bool,
    /// When the advisories were last confirmed with their source; of several, the longest ago.
    #[schemars(with = "Option<Instant>")]
    confirmed: Option<Timestamp>,
    /// The time since then.
    age_seconds: Option<i64>,
    /// What is wrong, where something is.
    problem: Option<String>,
    sources: Vec<SourceShown>,
    families: Vec<FamilyShown>,
    ecosystems: Vec<EcosystemShown>,
    tables: Vec<TableShown>,
    knowledge: Vec<KnowledgeShown>,
}

/// A knowledge file: what came with the program, or was fed to it.
#[derive(Debug, Serialize, JsonSchema)]
struct KnowledgeShown {
    knowledge: &'static str,
    /// Where it is from: the program itself, or what its file says.
    source: String,
    entries: u64,
    /// Of when it is.
    #[schemars(with = "Option<Instant>")]
    newest: Option<Timestamp>,
    age_seconds: Option<i64>,
    /// The SHA-256 of what a fed one says, in hex; null for what came with the program.
    digest: Option<String>,
}

/// One directory, URL or imported bundle.
#[derive(Debug, Serialize, JsonSchema)]
struct SourceShown {
    source: String,
    #[schemars(with = "Option<Instant>")]
    confirmed: Option<Timestamp>,
    age_seconds: Option<i64>,
    problem: Option<String>,
    /// The signed bundle that was imported, where this source is one.
    #[serde(with = "Maybe::<SnapshotAnswer>")]
    bundle: Option<Snapshot>,
}

/// The snapshot that is in use.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Snapshot")]
struct SnapshotAnswer {
    /// The bundle's version.
    version: u64,
    /// When its advisories were last known to be the newest.
    #[schemars(with = "Instant")]
    created: Timestamp,
    /// When it expires.
    #[schemars(with = "Instant")]
    expires: Timestamp,
    /// SHA-256 of its manifest, in hex.
    digest: String,
    /// The trusted keys that signed it; none of what was imported by an earlier release.
    signed_by: Vec<String>,
}

forms! {
    SnapshotAnswer => Snapshot,
}

/// A family of ecosystems, by whose age policies judge.
#[derive(Debug, Serialize, JsonSchema)]
struct FamilyShown {
    family: String,
    /// The newest modified or published of its records that is not in the future.
    #[schemars(with = "Option<Instant>")]
    newest: Option<Timestamp>,
    age_seconds: Option<i64>,
    /// How old it may be by its own rhythm: what maxAge: auto means.
    usual_seconds: i64,
}

/// One ecosystem.
#[derive(Debug, Serialize, JsonSchema)]
struct EcosystemShown {
    ecosystem: String,
    records: u64,
    #[schemars(with = "Option<Instant>")]
    newest: Option<Timestamp>,
    /// Since the newest record of this very ecosystem was made or changed.
    age_seconds: Option<i64>,
    /// Records that state no severity for any package.
    without_severity: u64,
    /// Records that could not be read in full.
    problems: u64,
}

/// A table that ranks findings.
#[derive(Debug, Serialize, JsonSchema)]
struct TableShown {
    table: &'static str,
    entries: usize,
    /// The day that it says it is of.
    #[schemars(with = "Option<Instant>")]
    newest: Option<Timestamp>,
    age_seconds: Option<i64>,
}

/// A record, or a whole file, that could not be read in full.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Unread {
    /// The folder it is in.
    ecosystem: String,
    /// Its file name; null where it concerns the whole folder.
    record: Option<String>,
    reason: String,
}

/// Tells everything but the single records that could not be read, as JSON.
pub fn shown(state: &FeedState, is_loaded: bool, now: Timestamp) -> Value {
    json!(tell(state, is_loaded, now))
}

/// Tells everything but the single records that could not be read.
pub fn tell(state: &FeedState, is_loaded: bool, now: Timestamp) -> FeedsShown {
    let ecosystem = |ecosystem: &EcosystemStatus| EcosystemShown {
        ecosystem: ecosystem.name.clone(),
        records: ecosystem.records,
        newest: ecosystem.newest,
        age_seconds: age(ecosystem.newest, now),
        without_severity: ecosystem.without_severity,
        problems: ecosystem.problems,
    };
    let source = |source: &SourceState| SourceShown {
        source: source.source.clone(),
        confirmed: source.confirmed,
        age_seconds: age(source.confirmed, now),
        problem: source.problem.clone(),
        bundle: source.bundle.clone(),
    };
    let family = |known: Knowledge| FamilyShown {
        newest: known.newest,
        age_seconds: age(known.newest, now),
        usual_seconds: known.usual_silence().as_secs(),
        family: known.family,
    };
    let families = state.index.all_knowledge(now).into_iter();
    FeedsShown {
        snapshot: state.index.snapshot().clone(),
        loaded: is_loaded,
        confirmed: state.confirmed,
        age_seconds: age(state.confirmed, now),
        problem: state.problem.clone(),
        sources: state.sources.iter().map(source).collect(),
        families: families.map(family).collect(),
        ecosystems: state.index.ecosystems().iter().map(ecosystem).collect(),
        tables: tables(&state.index, now),
        knowledge: knowledge(&state.index, now),
    }
}

/// Lists the tables that rank findings, where there are any.
fn tables(index: &FeedIndex, now: Timestamp) -> Vec<TableShown> {
    let all = [
        ("kev", index.known_exploited(), index.known_exploited_of()),
        ("epss", index.exploit_scores(), index.exploit_scores_of()),
        ("nvd", index.severities(), index.severities_of()),
    ];
    let there = all.into_iter().filter(|(_, entries, _)| *entries > 0);
    let shown = there.map(|(table, entries, of)| {
        let newest = of.and_then(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok());
        TableShown {
            table,
            entries,
            newest,
            age_seconds: age(newest, now),
        }
    });
    shown.collect()
}

/// Lists the knowledge in force beside the advisories.
fn knowledge(index: &FeedIndex, now: Timestamp) -> Vec<KnowledgeShown> {
    let support = index.support();
    let digest = support.content().map(hex::encode);
    let (of, releases) = (support.of(), support.releases());
    let support = table("ends of support", (of, releases), digest, now);
    let jars = index.jars().map(|jars| KnowledgeShown {
        knowledge: "JARs by digest",
        source: jars.source().to_owned(),
        entries: jars.records(),
        newest: Some(jars.of()),
        age_seconds: age(Some(jars.of()), now),
        digest: Some(hex::encode(jars.content())),
    });
    let lists = index.hash_lists().all().iter();
    let lists = lists.map(|list| KnowledgeShown {
        knowledge: "malicious files",
        source: list.title().to_owned(),
        entries: u64::try_from(list.digests()).unwrap_or(u64::MAX),
        newest: list.of(),
        age_seconds: age(list.of(), now),
        digest: Some(hex::encode(list.content())),
    });
    let digest = |file: Option<&FedFile>| file.map(|file| file.digest().to_owned());
    let NameTables {
        products,
        jar_names,
    } = index.names();
    let (of, file) = ((products.of(), products.products()), products.file());
    let products = table("products", of, digest(file), now);
    let (of, file) = ((jar_names.of(), jar_names.names()), jar_names.file());
    let jar_names = table("JAR names", of, digest(file), now);
    let all = std::iter::once(support).chain(jars).chain(lists);
    all.chain([products, jar_names]).collect()
}

/// Shows a table that comes with the program, or a fed one, which has a digest.
fn table(
    knowledge: &'static str,
    (of, entries): (Date, usize),
    digest: Option<String>,
    now: Timestamp,
) -> KnowledgeShown {
    let newest = TimeZone::UTC.to_timestamp(of.at(0, 0, 0, 0)).ok();
    let source = if digest.is_some() {
        "a file"
    } else {
        "the program"
    };
    KnowledgeShown {
        knowledge,
        source: source.to_owned(),
        entries: u64::try_from(entries).unwrap_or(u64::MAX),
        newest,
        age_seconds: age(newest, now),
        digest,
    }
}

/// Lists the records, and the whole files, that could not be read in full; 1,000 at most.
pub fn problems(index: &FeedIndex) -> Vec<Unread> {
    let problem = |problem: &FeedProblem| Unread {
        ecosystem: problem.ecosystem.clone(),
        record: problem.record.clone(),
        reason: problem.reason.clone(),
    };
    index.problems().iter().map(problem).collect()
}

/// Reads how the feeds of a service stood when it stopped: its newest index, its copies of URLs and
/// what was imported. Directories that were feeds are not remembered.
///
/// *Errors*: [`LoadError::Never`].
pub fn kept(data: &Path, now: Timestamp) -> Result<FeedState, LoadError> {
    let feeds = data.join("feeds");
    let index = newest_index(&feeds).ok_or_else(|| LoadError::Never(feeds.clone()))?;
    let mut sources: Vec<SourceState> = mirrors(&feeds, now);
    match Imported::under(&feeds).current() {
        Ok(None) => {}
        Ok(Some((snapshot, _))) => sources.push(imported_state(Ok(snapshot), now)),
        Err(error) => sources.push(imported_state(Err(error), now)),
    }
    let confirmed = sources.iter().map(|source| source.counts_from(now)).min();
    let bundles = sources.iter().filter_map(|source| source.bundle.as_ref());
    let standing = FeedStanding {
        expires: bundles.map(|bundle| bundle.expires).min(),
    };
    let imported: Vec<PathBuf> = Imported::under(&feeds)
        .current()
        .ok()
        .flatten()
        .map(|(_, path)| path)
        .into_iter()
        .collect();
    let found = Places::of(&imported, &feeds).load(None);
    let index = found.beside(index);
    let problem = losses::unreadable(&index);
    Ok(FeedState {
        index: Arc::new(index),
        revision: 0,
        confirmed: confirmed.flatten(),
        standing,
        problem,
        sources,
        knowledge_problem: found.problem,
    })
}

fn mirrors(feeds: &Path, now: Timestamp) -> Vec<SourceState> {
    let entries = std::fs::read_dir(feeds).into_iter().flatten();
    let records = entries
        .filter_map(Result::ok)
        .map(|entry| MirrorRecord::read(&entry.path()))
        .filter(|record| !record.url.is_empty());
    let state = |record: MirrorRecord| SourceState {
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
