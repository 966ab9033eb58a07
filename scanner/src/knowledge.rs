//! How old what is known about an image is: the feeds of the ecosystems that it uses, and no others.
//!
//! A feed that nobody writes to any more says "nothing found" for ever. Its age is that of its
//! family, for releases may be quiet while their family is not; a release whose support has ended
//! is no longer written about at all, which is a gap. Pure: the time is an argument. Called by
//! `judge`.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::Ecosystem;
use sluicegate_model::report::Knowledge;

use crate::feeds::FeedIndex;

/// What the feeds' times say about an image.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Each family that it uses, by name.
    pub(crate) families: Vec<Knowledge>,
    /// The oldest of them; of a release whose advisories have ended, when they did.
    pub(crate) feed_time: Option<Timestamp>,
    /// The release whose advisories have ended.
    pub(crate) gap: Option<Gap>,
}

/// Looks up what is known of the loaded ecosystems that an image uses; `ended` is when the support
/// of its distribution ended, if it has.
pub(crate) fn known(
    used: &BTreeSet<&Ecosystem>,
    inventory: &Inventory,
    feeds: &FeedIndex,
    ended: Option<Timestamp>,
    now: Timestamp,
) -> Known {
    let families: BTreeSet<&str> = used.iter().map(|ecosystem| ecosystem.family()).collect();
    let families = families.into_iter();
    let families: Vec<Knowledge> = families
        .filter_map(|family| feeds.knowledge(family, now))
        .collect();
    let release = inventory.distro.as_ref().zip(ended);
    let last = release.and_then(|(distro, ended)| {
        let release = distro.ecosystem.as_ref()?;
        let family = families.iter().find(|it| it.family == release.family())?;
        let own = used.iter().filter(|it| it.family() == release.family());
        let own = own.filter_map(|it| feeds.status(it)?.newest_own).max();
        is_over(own, ended, family).then_some((release, own, ended))
    });
    let end = last.map(|(release, own, ended)| (release.family(), own.unwrap_or(ended)));
    let times = families.iter().filter_map(|known| match end {
        Some((family, end)) if family == known.family => {
            Some(known.newest.map_or(end, |newest| newest.min(end)))
        }
        _ => known.newest,
    });
    Known {
        feed_time: times.min(),
        gap: last.map(|(release, own, ended)| gap(release, own, ended)),
        families,
    }
}

/// Tells whether nothing is written about a release any more: its own newest record is of the time
/// before its support ended, or its family has long gone on without it.
fn is_over(own: Option<Timestamp>, ended: Timestamp, family: &Knowledge) -> bool {
    let Some(own) = own else {
        return true;
    };
    own < ended || is_silent(own, family)
}

/// Tells whether a family has long gone on without a release whose newest record is of that time.
pub(crate) fn is_silent(own: Timestamp, family: &Knowledge) -> bool {
    let silent = family.newest.map(|newest| newest.duration_since(own));
    silent.is_some_and(|silent| silent > family.usual_silence())
}

fn gap(release: &Ecosystem, own: Option<Timestamp>, ended: Timestamp) -> Gap {
    // Support ends with the end of a day.
    let support = day(ended
        .saturating_sub(SignedDuration::from_secs(1))
        .unwrap_or(ended));
    let last = match own {
        Some(own) => format!("the last of its own is of {}", day(own)),
        None => "none is of its own".to_owned(),
    };
    let detail =
        format!("advisories on {release} have ended with its support on {support}: {last}");
    Gap::partial(GapKind::FeedEnded, detail)
}

fn day(at: Timestamp) -> String {
    TimeZone::UTC.to_datetime(at).date().to_string()
}

#[cfg(test)]
mod tests;
