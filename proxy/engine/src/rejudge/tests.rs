//! That an image which a change does not concern is not judged, and is answered as if it were.

mod feed;
mod world;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::PackageType;
use sluicegate_model::samples;
use sluicegate_model::verdict::{Decision, Verdict};

use crate::ledger::{Membership as _, Release};
use feed::{Dice, Feed, inventory};
use world::{Answer, World};

const WORLDS: u64 = 50;
const CHANGES: usize = 20;

const POLICY: &str = "
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: p}
spec:
  onInconclusive: {partial: annotate, unscannable: refuse}
  feeds: {maxAge: 9d, onStale: refuse}
  rules:
    - {id: exploited, when: {kev: true}, action: refuse}
    - {id: probable, when: {epssAtLeast: 0.5}, action: refuse}
    - {id: bad, when: {severityAtLeast: high}, action: annotate}
    - {id: unrated, when: {severityUnknown: true, fixable: true}, action: annotate}
    - {id: old, when: {olderThan: 20d}, unless: {epssAtLeast: 0.1}, action: annotate}
    - {id: unlicensed, when: {licence: unknown}, action: annotate}
    - {id: long-fixed, when: {fixAvailableFor: 5d, newerThan: 60d}, action: annotate}
";

const OTHER: &str = "
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: other}
spec:
  rules: [{id: likely, when: {epssAtLeast: 0.1}, action: annotate}]
";

fn start() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

/// Tells whether what is stored says what would be said now, and no longer than that would.
fn says_the_same(stored: &Verdict, anew: &Verdict) -> bool {
    let ends = |verdict: &Verdict| verdict.valid_until.unwrap_or(Timestamp::MAX);
    Answer::of(stored) == Answer::of(anew) && ends(stored) <= ends(anew)
}

/// Tells whether what is in force was taken up.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Before,
    After,
}

/// Holds what is stored of every image, after the pass, and what is told of it against what would be
/// said if it were judged now.
async fn prove(world: &World, when: When, told: &str) {
    for image in 0..world.images.len() {
        let anew = world.judged_anew(image);
        let mut said = Vec::new();
        if when == When::After {
            said.push(world.stored(image).await);
        }
        said.push(Verdict::clone(&*world.ask(image).await));
        for said in said {
            assert!(
                says_the_same(&said, &anew),
                "{told} image {image}\n{said:#?}\n{anew:#?}"
            );
        }
    }
}

#[tokio::test]
async fn whatever_changes_every_image_is_answered_as_if_it_were_judged() {
    let mut spared = 0;
    for seed in 0..WORLDS {
        let mut dice = Dice(seed);
        let mut feed = Feed::default();
        let mut world = World::at(start());
        feed.change(&mut dice, 60, start());
        world.snapshots.set_policies(POLICY);
        world.snapshots.set_index(feed.index(start()));
        for image in 0..6 {
            let held = inventory(&mut dice);
            world.pull(&format!("up.test/r{image}"), held).await;
        }
        world.bring_up().await;
        for change in 0..CHANGES {
            let hours = [1, 1, 1, 5, 300][dice.roll(5)];
            world.set(world.now() + SignedDuration::from_hours(hours));
            let count = [0, 1, 1, 2, 5][dice.roll(5)];
            feed.change(&mut dice, count, world.now());
            world.snapshots.set_index(feed.index(world.now()));
            match dice.roll(12) {
                0 => world = world.restarted(),
                // One that nobody looked at.
                1 => {
                    feed.change(&mut dice, 1, world.now());
                    world.snapshots.set_index(feed.index(world.now()));
                }
                2 => world.snapshots.set_policies(OTHER),
                3 => world.snapshots.set_policies(POLICY),
                4 => prove(&world, When::Before, "before the pass").await,
                5 => {
                    let held = inventory(&mut dice);
                    let name = format!("up.test/later{change}");
                    world.pull(&name, held).await;
                }
                _ => {}
            }
            let written = world.written();
            world.bring_up().await;
            spared += usize::from(world.written() - written < world.images.len());
            let told = format!("world {seed}, change {change},");
            prove(&world, When::After, &told).await;
        }
    }
    // Else nothing was proven.
    assert!(spared > 200, "{spared}");
}

#[tokio::test]
async fn a_change_of_a_package_makes_only_verdicts_on_its_holders_anew() {
    let mut world = World::at(start());
    let mut feed = Feed::default();
    feed.speak_of("CVE-2026-9000", ("npm", "left"), start());
    world.snapshots.set_policies(POLICY);
    world.snapshots.set_index(feed.index(start()));
    for number in 0..200 {
        let name = if number % 20 == 0 { "rare" } else { "usual" };
        let of = |name: &str| samples::component(name, "1.0", PackageType::Npm, None);
        let held = Inventory {
            components: vec![of("left"), of(name)],
            ..Inventory::default()
        };
        world.pull(&format!("up.test/r{number}"), held).await;
    }
    world.bring_up().await;
    assert_eq!(world.written(), 200, "all are current");
    feed.speak_of("CVE-2026-9001", ("npm", "rare"), start());
    world.snapshots.set_index(feed.index(start()));
    world.bring_up().await;
    assert_eq!(world.written(), 210);
    for is_restarted in [false, true] {
        if is_restarted {
            world = world.restarted();
            world.bring_up().await;
        }
        prove(&world, When::After, "afterwards").await;
        assert_eq!(world.written(), 210, "the others count");
    }
    let progress = world.rejudge.progress();
    assert_eq!(
        (progress.total, progress.done, progress.renewed),
        (200, 200, 0)
    );
}

const SPARING: &str = "
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: p}
spec: {rules: [{id: any, when: {}, action: refuse, graceForServed: 30d}]}
---
apiVersion: sluicegate/v1
kind: Exception
metadata: {name: for-a-day}
spec: {id: CVE-2026-9000, statement: known, expiresAt: 2026-06-01}
";

#[tokio::test]
async fn only_news_of_the_feeds_begins_a_grace_and_not_the_end_of_an_exception() {
    // Whether an exception has ended by the time of the change, whether it concerns the image, and what
    // becomes of the image then.
    for (hours, package, wanted) in [
        (1, "left", Decision::Annotate),
        (48, "right", Decision::Refuse),
        (1, "right", Decision::Allow),
    ] {
        let mut world = World::at(start());
        let mut feed = Feed::default();
        feed.speak_of("CVE-2026-9000", ("npm", "left"), start());
        world.snapshots.set_policies(SPARING);
        world.snapshots.set_index(feed.index(start()));
        let left = samples::component("left", "1.0", PackageType::Npm, None);
        let held = Inventory {
            components: vec![left],
            ..Inventory::default()
        };
        world.pull("up.test/app", held).await;
        let (scope, digest, _) = world.images[0].clone();
        let given = world
            .ledger
            .mark_released(&scope.repository, &digest, Release::Given);
        given.await.unwrap();
        world.set(start() + SignedDuration::from_hours(hours));
        feed.speak_of("CVE-2026-9001", ("npm", package), world.now());
        world.snapshots.set_index(feed.index(world.now()));
        let told = world.ask(0).await;
        assert_eq!(told.decision, wanted, "{hours} h, {package}: {told:?}");
        let is_given = wanted == Decision::Annotate;
        assert_eq!(!told.graces.is_empty(), is_given, "{hours} h, {package}");
    }
}
