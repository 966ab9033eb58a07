//! An event in words, for receivers that show them to people.
//!
//! Much of it was chosen by whoever made an image or wrote an advisory: it is cut, in one line each,
//! and every form escapes it in its own way.

use sluicegate_engine::events::{
    BlockedPulls, Change, ExceptionEnding, GraceEnding, Happening, LetThrough, ScannerLoss,
    StaleFeed,
};

use crate::history::ToldEvent;

/// Longest text of a line, in characters.
const MAX_TEXT_CHARS: usize = 300;
/// Most texts of a list that are named.
const MAX_NAMED: usize = 5;

/// What is shown of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// What happened, in a line.
    pub(super) title: String,
    /// What else there is to say of it, by name.
    pub(super) facts: Vec<(&'static str, String)>,
}

impl Words {
    pub(super) fn of(told: &ToldEvent) -> Self {
        let (title, facts) = match &told.event.happened {
            Happening::VerdictChanged(change) => changed(change, told),
            Happening::ScannerLost(loss) => lost(loss),
            Happening::BreakGlass(through) => let_through(through),
            Happening::PullBlocked(blocked) => refused(blocked),
            Happening::ExceptionEnding(ending) => exception(ending),
            Happening::FeedStale(stale) => feed(stale),
            Happening::GraceEnding(ending) => grace(ending),
        };
        let mut words = Self {
            title: line(&title),
            facts: Vec::new(),
        };
        for (name, text) in facts {
            if !text.is_empty() {
                words.facts.push((name, line(&text)));
            }
        }
        words
    }
}

type Said = (String, Vec<(&'static str, String)>);

fn changed(change: &Change, told: &ToldEvent) -> Said {
    let (before, after) = (&change.decision.before, &change.decision.after);
    let clients = told.pulled_by.iter().flat_map(|by| &by.clients);
    let clients: Vec<String> = clients.map(|puller| puller.client.clone()).collect();
    let causes = change.cause.kinds();
    let causes: Vec<String> = causes.iter().map(|it| it.as_str().to_owned()).collect();
    let tags: Vec<String> = change.tags.iter().map(ToString::to_string).collect();
    let title = format!(
        "Verdict on {} is {}: {} before, {} now",
        change.repository,
        change.direction.as_str(),
        before.as_str(),
        after.as_str()
    );
    let facts = vec![
        ("Digest", change.digest.to_string()),
        ("Tags", some(&tags)),
        ("Added", some(&change.findings.added.ids)),
        ("Removed", some(&change.findings.removed.ids)),
        ("Cause", some(&causes)),
        ("Pulled by", some(&clients)),
    ];
    (title, facts)
}

fn refused(blocked: &BlockedPulls) -> Said {
    let subject = match (&blocked.repository, &blocked.tag) {
        (Some(repository), Some(tag)) => format!("{repository}:{tag}"),
        (Some(repository), None) => repository.to_string(),
        (None, _) => "Many images".to_owned(),
    };
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let (count, client) = (blocked.count, &blocked.client);
    let times = if count == 1 { "time" } else { "times" };
    let title = format!("{subject} refused {count} {times} to {client}");
    let rule = blocked.rule.as_ref().map(ToString::to_string);
    let facts = vec![
        (
            "Digest",
            blocked
                .digest
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        ("Policy", text(blocked.policy.as_ref())),
        ("Rule", text(rule.as_ref())),
        ("Why", text(blocked.message.as_ref())),
        ("Key", text(blocked.principal.as_ref())),
        ("First", blocked.first.to_string()),
        ("Last", blocked.last.to_string()),
    ];
    (title, facts)
}

fn exception(ending: &ExceptionEnding) -> Said {
    let title = format!(
        "Exception {} for {} ends at {}",
        ending.exception, ending.vulnerability, ending.ends
    );
    let facts = vec![
        ("Owner", ending.owner.clone().unwrap_or_default()),
        ("Images", some(&ending.images)),
        ("File", ending.file.clone()),
    ];
    (title, facts)
}

fn grace(ending: &GraceEnding) -> Said {
    let title = format!(
        "{} is refused from {} on, by rule {}",
        ending.repository, ending.ends, ending.rule
    );
    let facts = vec![
        ("Digest", ending.digest.to_string()),
        ("Policy", ending.policy.clone()),
        ("Since", ending.since.to_string()),
    ];
    (title, facts)
}

fn feed(stale: &StaleFeed) -> Said {
    let title = match (&stale.family, stale.expired) {
        (Some(family), _) => format!("Advisories on {family} are too old"),
        (None, Some(expired)) => format!("The imported feed bundle expired at {expired}"),
        (None, None) => "The imported feed bundle has expired".to_owned(),
    };
    let newest = stale.newest.map(|newest| newest.to_string());
    let days = stale
        .at_most_seconds
        .map(|most| format!("{} h", most / 3_600));
    let facts = vec![
        ("Newest", newest.unwrap_or_default()),
        ("At most", days.unwrap_or_default()),
    ];
    (title, facts)
}

fn let_through(through: &LetThrough) -> Said {
    let title = format!(
        "{} was let through by {} until {}",
        through.repository, through.by, through.until
    );
    let facts = vec![
        ("Digest", through.digest.to_string()),
        ("Reason", through.reason.clone()),
    ];
    (title, facts)
}

fn lost(loss: &ScannerLoss) -> Said {
    let reason = match loss.reason {
        sluicegate_engine::events::LossReason::Away => "is away",
        sluicegate_engine::events::LossReason::Suspended => "was suspended",
    };
    let title = format!("Scanner {} {reason}", loss.scanner);
    let seen = loss.last_seen.map(|seen| seen.to_string());
    let facts = vec![
        ("Last seen", seen.unwrap_or_default()),
        ("Why", loss.detail.clone().unwrap_or_default()),
    ];
    (title, facts)
}

/// Names the first of several, and how many more there are.
fn some(texts: &[String]) -> String {
    let shown: Vec<&str> = texts.iter().take(MAX_NAMED).map(String::as_str).collect();
    match texts.len().saturating_sub(MAX_NAMED) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

/// Makes a text one line that ends. What turns the direction of writing is left out: it would show
/// something else than what is there.
fn line(text: &str) -> String {
    let is_turn = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = text.chars().filter(|c| !is_turn(*c));
    let shown = shown.map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = shown.take(MAX_TEXT_CHARS + 1).collect();
    if shown.chars().count() > MAX_TEXT_CHARS {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use sluicegate_engine::events::{Event, OTHERS};
    use sluicegate_model::Digest;

    use super::*;

    fn words(happened: Happening) -> Words {
        Words::of(&ToldEvent {
            event: Event::new(1, Timestamp::UNIX_EPOCH, happened),
            pulled_by: None,
        })
    }

    fn blocked() -> BlockedPulls {
        BlockedPulls {
            repository: Some("docker.io/shop/app".parse().unwrap()),
            tag: Some("1".parse().unwrap()),
            digest: Some(Digest::of(b"image")),
            policy: Some("prod".into()),
            rule: Some("critical".to_owned().into()),
            message: Some("1 finding:\n\u{202e}CVE-1".into()),
            client: "192.0.2.1".into(),
            principal: None,
            count: 3,
            first: Timestamp::UNIX_EPOCH,
            last: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn each_kind_is_said_in_a_line_with_what_there_is_beside_it() {
        let told = words(Happening::PullBlocked(blocked()));
        assert_eq!(
            told.title,
            "docker.io/shop/app:1 refused 3 times to 192.0.2.1"
        );
        let names: Vec<&str> = told.facts.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["Digest", "Policy", "Rule", "Why", "First", "Last"]);
        assert_eq!(
            told.facts[3].1, "1 finding: CVE-1",
            "one line, and nothing that turns it"
        );
        let others = BlockedPulls {
            repository: None,
            client: OTHERS.into(),
            ..blocked()
        };
        let told = words(Happening::PullBlocked(others));
        assert_eq!(told.title, "Many images refused 3 times to (other)");
        let stale = StaleFeed {
            family: Some("Debian".into()),
            newest: None,
            at_most_seconds: Some(604_800),
            expired: None,
        };
        let told = words(Happening::FeedStale(stale));
        assert_eq!(told.title, "Advisories on Debian are too old");
        assert_eq!(told.facts, [("At most", "168 h".to_owned())]);
        let ending = ExceptionEnding {
            exception: "x".repeat(1_000),
            vulnerability: "CVE-1".into(),
            images: (0..7).map(|n| format!("r{n}.test/*")).collect(),
            owner: Some("platform".into()),
            file: "p.yaml".into(),
            ends: Timestamp::UNIX_EPOCH,
            days_before: 7,
        };
        let told = words(Happening::ExceptionEnding(ending));
        assert_eq!(told.title.chars().count(), MAX_TEXT_CHARS + 1, "it is cut");
        let images = &told.facts[1].1;
        assert!(images.ends_with("r4.test/*, and 2 more"), "{images}");
    }
}
