//! Refusals in memory, with a clock that is set by hand.

use std::net::{IpAddr, Ipv4Addr};

use sluicegate_model::access::Rights;
use sluicegate_model::verdict::{Decision, RuleId};

use super::*;
use crate::events::Event;
use crate::ledger::{EventFilter, Events as _};
use crate::testkit::MemoryLedger;
use crate::testkit::ledger_suite::{repository, second};

struct World {
    blocked: Blocked,
    ledger: Arc<MemoryLedger>,
    time: Arc<Mutex<Timestamp>>,
}

impl World {
    fn new() -> Self {
        let (ledger, time) = (Arc::new(MemoryLedger::default()), second(0));
        let time = Arc::new(Mutex::new(time));
        let told = Arc::clone(&time);
        let clock = Clock::from_fn(move || *told.lock().unwrap());
        Self {
            blocked: Blocked::new(ledger.clone(), clock),
            ledger,
            time,
        }
    }

    fn at(&self, seconds: i64) {
        *self.time.lock().unwrap() = second(seconds);
    }

    /// Refuses an image to a client, by its digest where `tag` is none.
    fn refuse(&self, client: u32, image: &str, tag: Option<&str>) {
        let who = Who {
            client: IpAddr::V4(Ipv4Addr::from_bits(client)),
            principal: None,
            user_agent: None,
            rights: Rights::everywhere(&[]),
        };
        let (tag, digest) = (
            tag.map(|tag| tag.parse().unwrap()),
            Digest::of(image.as_bytes()),
        );
        let policy = PolicyReference {
            name: "prod".into(),
            digest: Digest::of(b"policy"),
        };
        let reason = Reason {
            rule: RuleId::NOT_LISTED,
            action: Decision::Refuse,
            message: "m".repeat(1_000),
            findings: Vec::new(),
        };
        self.blocked.note(Refused {
            who: &who,
            repository: &repository("app"),
            tag: tag.as_ref(),
            digest: Some(&digest),
            policy: &policy,
            reasons: &[reason],
        });
    }

    /// Tells what is due and gives all that was told, the first to begin with.
    async fn told(&self) -> Vec<BlockedPulls> {
        self.blocked.tell_due().await.unwrap();
        let all = EventFilter::default();
        let page = self.ledger.list_events(&all, 20_000, None);
        let events = page.await.unwrap().items.into_iter().rev();
        let of = |event: Event| match event.happened {
            Happening::PullBlocked(blocked) => blocked,
            other => panic!("{other:?}"),
        };
        events.map(of).collect()
    }
}

#[tokio::test]
async fn an_image_that_is_refused_to_a_client_is_one_event_a_minute_and_counted() {
    let world = World::new();
    world.refuse(1, "one", None);
    world.refuse(2, "one", Some("1"));
    world.at(20);
    world.refuse(1, "one", Some("1"));
    world.refuse(1, "two", None);
    world.at(59);
    assert_eq!(world.told().await, [], "their minute is not over");
    world.at(60);
    let told = world.told().await;
    let [one, other] = &told[..] else {
        panic!("{told:?}")
    };
    let of_one = if one.client == "0.0.0.1" { one } else { other };
    assert_eq!(
        (of_one.count, of_one.first, of_one.last),
        (2, second(0), second(20))
    );
    assert_eq!(of_one.repository, Some(repository("app")));
    assert_eq!(
        of_one.tag,
        Some("1".parse().unwrap()),
        "what was learned later"
    );
    assert_eq!(of_one.digest, Some(Digest::of(b"one")));
    assert_eq!(
        (of_one.policy.as_deref(), of_one.rule.clone()),
        (Some("prod"), Some(RuleId::NOT_LISTED))
    );
    let message = of_one.message.as_ref().unwrap();
    assert_eq!(message.len(), MAX_MESSAGE_CHARS, "it is cut");
    world.refuse(1, "one", None);
    world.at(80);
    assert_eq!(
        world.told().await.len(),
        3,
        "the other image's minute is over"
    );
    world.at(120);
    let told = world.told().await;
    assert_eq!(
        (told.len(), told[3].count),
        (4, 1),
        "another minute, another event"
    );
}

#[tokio::test]
async fn whoever_asks_for_ever_more_images_is_told_of_as_many_together() {
    let world = World::new();
    let all = 3 * MOST_HELD as u64;
    for image in 0..all {
        world.refuse(1, &image.to_string(), None);
    }
    assert_eq!(world.blocked.lock().one_by_one.len(), MOST_HELD);
    world.at(60);
    let told = world.told().await;
    assert_eq!(told.len(), MOST_AT_ONCE as usize);
    world.at(600);
    let told = world.told().await;
    let others = told.last().unwrap();
    assert_eq!(
        (others.repository.as_ref(), &*others.client),
        (None, OTHERS)
    );
    assert_eq!(told.len(), MOST_AT_ONCE as usize + 1);
    let count: u64 = told.iter().map(|it| it.count).sum();
    assert_eq!(count, all, "each is counted once");
}

#[tokio::test]
async fn a_day_of_new_names_leaves_most_of_the_ledger_to_others() {
    let world = World::new();
    for minute in 0..24 * 60 {
        world.at(minute * 60);
        for image in 0..50 {
            world.refuse(1, &format!("{minute} {image}"), None);
        }
        world.blocked.tell_due().await.unwrap();
    }
    let told = world.told().await.len();
    assert!((1_900..=2_084).contains(&told), "{told}");
}

#[tokio::test]
async fn a_clock_that_jumps_back_holds_nothing_for_long_and_an_end_tells_all() {
    let world = World::new();
    world.at(10_000);
    world.refuse(1, "one", None);
    world.at(0);
    assert_eq!(world.told().await.len(), 1);
    world.refuse(1, "two", None);
    assert_eq!(world.told().await.len(), 1);
    world.blocked.tell_all().await.unwrap();
    assert_eq!(world.told().await.len(), 2);
}
