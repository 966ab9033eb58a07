//! Which events a receiver is sent.

use sluicegate_config::WebhookSettings;
use sluicegate_engine::events::Event;
use sluicegate_model::access::Reach;

/// What a receiver asks for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    reach: Reach,
    types: Vec<&'static str>,
    directions: Vec<&'static str>,
}

impl Wanted {
    pub(super) fn of(settings: &WebhookSettings) -> Self {
        Self {
            reach: Reach::of(&settings.repositories),
            types: settings.types.clone(),
            directions: settings.directions.clone(),
        }
    }

    /// Gives what the receiver is sent of an event, where it is sent it. A direction is asked of changed
    /// verdicts alone: nothing else has one.
    pub(super) fn part(&self, mut event: Event) -> Option<Event> {
        let direction = event.change().map(|change| change.direction.as_str());
        let is_wanted = event.is_within(&self.reach)
            && (self.types.is_empty() || self.types.contains(&event.kind().as_str()))
            && (self.directions.is_empty()
                || direction.is_none_or(|direction| self.directions.contains(&direction)));
        event.cut(&self.reach);
        is_wanted.then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use sluicegate_engine::events::{EventKind, ExceptionEnding, Happening, StaleFeed, difference};
    use sluicegate_model::samples;
    use sluicegate_model::verdict::Decision;

    use super::*;

    fn event(happened: Happening) -> Event {
        Event::new(1, Timestamp::UNIX_EPOCH, happened)
    }

    /// A verdict on an image of `docker.io/library/app` that is stricter than before.
    fn worse() -> Event {
        let (mut old, new) = (samples::verdict(), samples::verdict());
        old.decision = Decision::Allow;
        let change = difference((&old, &old.findings), &new).unwrap();
        event(Happening::VerdictChanged(Box::new(change)))
    }

    fn stale() -> Event {
        event(Happening::FeedStale(StaleFeed {
            family: None,
            newest: None,
            at_most_seconds: None,
            expired: None,
        }))
    }

    fn ending() -> Event {
        event(Happening::ExceptionEnding(ExceptionEnding {
            exception: "e".into(),
            vulnerability: "CVE-1".into(),
            images: vec!["docker.io/library/*".into(), "quay.io/**".into()],
            owner: None,
            file: "p.yaml".into(),
            ends: Timestamp::UNIX_EPOCH,
            days_before: 7,
        }))
    }

    fn wanted(
        repositories: &[&str],
        types: &[&'static str],
        directions: &[&'static str],
    ) -> Wanted {
        let repositories: Vec<String> = repositories.iter().map(ToString::to_string).collect();
        Wanted {
            reach: Reach::of(&repositories),
            types: types.to_vec(),
            directions: directions.to_vec(),
        }
    }

    #[test]
    fn a_receiver_is_sent_what_it_asks_for() {
        for (asked, taken) in [
            (wanted(&[], &[], &[]), [true, true, true]),
            (
                wanted(&["docker.io/library/*"], &[], &[]),
                [true, false, true],
            ),
            (wanted(&["ghcr.io/**"], &[], &[]), [false, false, false]),
            (wanted(&[], &["feed.stale"], &[]), [false, true, false]),
            (wanted(&[], &[], &["worse"]), [true, true, true]),
            (wanted(&[], &[], &["better"]), [false, true, true]),
            (
                wanted(&[], &["verdict.changed"], &["worse"]),
                [true, false, false],
            ),
        ] {
            let events = [worse(), stale(), ending()];
            let parts = events.map(|event| asked.part(event).is_some());
            assert_eq!(parts, taken, "{asked:?}");
        }
        let part = wanted(&["quay.io/shop/*"], &[], &[])
            .part(ending())
            .unwrap();
        let Happening::ExceptionEnding(ending) = part.happened else {
            panic!("{part:?}")
        };
        assert_eq!(
            ending.images,
            ["quay.io/**"],
            "nothing of what it is not sent"
        );
    }

    #[test]
    fn every_type_of_events_can_be_asked_for() {
        let types = EventKind::ALL.map(EventKind::as_str);
        assert_eq!(sluicegate_config::event_types(), types);
    }
}
