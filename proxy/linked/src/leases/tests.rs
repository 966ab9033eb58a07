//! The rules of leases, on a clock that the tests move.

use super::*;

struct Bench {
    leases: Leases<&'static str>,
    start: Instant,
}

const ONE: &str = "one";
const OTHER: &str = "other";

impl Bench {
    fn new() -> Self {
        Self {
            leases: Leases::default(),
            start: Instant::now(),
        }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn queue(&mut self, scanner: &str, task: &'static str, second: u64) -> WorkId {
        let (id, now) = (WorkId::random(), self.at(second));
        self.leases.queue(id.clone(), scanner, task, now).unwrap();
        id
    }

    fn take(&mut self, scanner: &str, second: u64) -> Vec<Given<&'static str>> {
        let now = self.at(second);
        self.leases.take(scanner, 10, now)
    }

    fn take_one(&mut self, scanner: &str, second: u64) -> Lease {
        let mut taken = self.take(scanner, second);
        assert_eq!(taken.len(), 1, "{taken:?}");
        taken.remove(0).lease
    }
}

#[test]
fn work_is_given_once_in_its_order_and_to_its_scanner_alone() {
    let mut bench = Bench::new();
    for task in ["a", "b", "c"] {
        bench.queue(ONE, task, 0);
    }
    assert_eq!(bench.take(OTHER, 1), []);
    let now = bench.at(1);
    let first: Vec<_> = bench.leases.take(ONE, 2, now);
    let tasks: Vec<_> = first.iter().map(|given| given.task).collect();
    assert_eq!(tasks, ["a", "b"]);
    assert_eq!(bench.take(ONE, 1).len(), 1);
    assert_eq!(bench.take(ONE, 1), []);
    assert_eq!(bench.leases.leased(ONE), 3);
    let lease = &first[0].lease;
    assert_eq!(bench.leases.task(ONE, lease, now), Some(&"a"));
    assert_eq!(
        bench.leases.task(OTHER, lease, now),
        None,
        "it is another's"
    );
    assert!(!bench.leases.finish(OTHER, lease, now));
    assert!(bench.leases.finish(ONE, lease, now));
    assert!(!bench.leases.finish(ONE, lease, now), "a repeated answer");
}

#[test]
fn a_lease_that_is_not_renewed_is_given_to_somebody_else_and_its_answer_changes_nothing() {
    let mut bench = Bench::new();
    bench.queue(ONE, "a", 0);
    let first = bench.take_one(ONE, 0);
    let (early, late) = (bench.at(29), bench.at(30));
    assert_eq!(bench.leases.run_out(early), []);
    assert!(bench.leases.task(ONE, &first, early).is_some());
    assert!(!bench.leases.finish(ONE, &first, late), "it has run out");
    assert_eq!(bench.leases.run_out(late), []);
    let second = bench.take_one(ONE, 31);
    assert_eq!(second.work, first.work);
    assert!(second.fence > first.fence);
    let now = bench.at(32);
    assert!(!bench.leases.finish(ONE, &first, now), "a late answer");
    assert_eq!(
        bench.leases.renew(ONE, std::slice::from_ref(&first), now),
        []
    );
    assert!(bench.leases.finish(ONE, &second, now));
}

#[test]
fn a_lease_that_is_renewed_holds() {
    let mut bench = Bench::new();
    bench.queue(ONE, "a", 0);
    let lease = bench.take_one(ONE, 0);
    for second in (20..=200).step_by(20) {
        let now = bench.at(second);
        assert_eq!(bench.leases.run_out(now), []);
        let own = std::slice::from_ref(&lease);
        assert_eq!(bench.leases.renew(ONE, own, now), own);
        assert_eq!(bench.leases.renew(OTHER, own, now), []);
    }
    let now = bench.at(220);
    assert_eq!(bench.leases.lag(ONE, now), Some(Duration::from_secs(220)));
    assert!(bench.leases.finish(ONE, &lease, now));
    assert_eq!(bench.leases.lag(ONE, now), None);
}

#[test]
fn what_runs_out_comes_before_what_waits_and_is_given_up_in_the_end() {
    let mut bench = Bench::new();
    let id = bench.queue(ONE, "bad", 0);
    for round in 0..u64::from(MOST_GIVEN) {
        let given = bench.take_one(ONE, round * 40);
        assert_eq!(given.work, id);
        bench.queue(ONE, "waits", round * 40 + 1);
        let now = bench.at(round * 40 + 31);
        let lost = bench.leases.run_out(now);
        if round + 1 == u64::from(MOST_GIVEN) {
            assert_eq!(lost, std::slice::from_ref(&id));
        } else {
            assert_eq!(lost, []);
            // Only the first is to be taken in the next round.
            let waiting: Vec<_> = bench.leases.waiting[ONE].iter().cloned().collect();
            assert_eq!(waiting[0], id);
            for other in &waiting[1..] {
                bench.leases.withdraw(other);
            }
        }
    }
}

#[test]
fn what_nobody_waits_for_is_not_given_and_who_has_ended_has_nothing() {
    let mut bench = Bench::new();
    let (withdrawn, kept) = (bench.queue(ONE, "a", 0), bench.queue(ONE, "b", 0));
    bench.leases.withdraw(&withdrawn);
    let lease = bench.take_one(ONE, 1);
    assert_eq!(lease.work, kept);
    let waiting = bench.queue(ONE, "c", 1);
    let others = bench.queue(OTHER, "d", 1);
    let now = bench.at(2);
    let mut ended = bench.leases.end(ONE);
    ended.sort();
    let mut wanted = [kept, waiting];
    wanted.sort();
    assert_eq!(ended, wanted);
    assert!(!bench.leases.finish(ONE, &lease, now));
    assert_eq!(bench.take_one(OTHER, 2).work, others);
}

#[test]
fn there_is_a_bound_on_what_waits_and_on_what_is_given_out() {
    let mut bench = Bench::new();
    for _ in 0..MOST_WORK {
        bench.queue(ONE, "a", 0);
    }
    let now = bench.at(0);
    let more = bench.leases.queue(WorkId::random(), ONE, "a", now);
    assert_eq!(more, Err(TooMuch));
    bench.queue(OTHER, "b", 0);
    assert_eq!(bench.leases.take(ONE, 1_000, now).len(), MOST_LEASES);
    assert_eq!(bench.leases.take(ONE, 1_000, now), []);
}
