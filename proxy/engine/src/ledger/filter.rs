//! What lists of verdicts and of events are asked for, and what they answer.

use jiff::Timestamp;
use sluicegate_model::access::Reach;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository};

use crate::events::{CauseKind, Direction, Event, EventKind};

/// Which verdicts are wanted; every field that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct VerdictFilter {
    /// Those that whoever asks knows of: of no other is anything told.
    pub reach: Reach,
    /// Those of this repository.
    pub repository: Option<Repository>,
    /// Those of this manifest.
    pub digest: Option<Digest>,
    /// Those that came out like this.
    pub decision: Option<Decision>,
    /// Those of which a rule asked for a refusal that was not carried out, or those of which none
    /// did.
    pub would_refuse: Option<bool>,
    /// Those with a finding of this id or alias, upper or lower case.
    pub vulnerability: Option<String>,
    /// Those with a finding in a package of this name, of a source of this name, or in a Maven
    /// artifact of this name without its group, upper or lower case.
    pub package: Option<String>,
    /// Those on what this reporter or scanner says an image holds; `*` for all that were not looked at
    /// here.
    pub reported_by: Option<String>,
    /// Those decided at this instant or later.
    pub since: Option<Timestamp>,
    /// Those decided before this instant.
    pub until: Option<Timestamp>,
    /// In which order they are listed.
    pub order: Order,
}

/// The order of a list of verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest verdict first. One that is made anew while somebody reads page after page moves to
    /// the first page.
    #[default]
    Newest,
    /// As the images were first judged. One that is made anew keeps its place, so that whoever reads
    /// page after page sees every verdict once.
    FirstJudged,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where a page starts that begins behind each item.
    pub behind: Vec<String>,
    /// Where the next page starts; none on the last one.
    pub next: Option<String>,
}

/// Which events are wanted; every field that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Those that whoever asks knows of: of no other is anything told.
    pub reach: Reach,
    /// Those of this kind.
    pub kind: Option<EventKind>,
    /// Those of this repository.
    pub repository: Option<Repository>,
    /// Those of this manifest.
    pub digest: Option<Digest>,
    /// Those at this instant or later.
    pub since: Option<Timestamp>,
    /// Those before this instant.
    pub until: Option<Timestamp>,
    /// Those that went this way.
    pub direction: Option<Direction>,
    /// Those that this brought about.
    pub cause: Option<CauseKind>,
    /// Those that name this weakness among what came or went, upper or lower case.
    pub vulnerability: Option<String>,
}

/// One page of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// The events, newest first.
    pub items: Vec<Event>,
    /// What to give as `after` for the next page; none on the last one.
    pub next: Option<u64>,
}
