//! Turns against a clock that the tests move.

use std::collections::HashMap;

use super::*;

/// Requests that a test starts and ends by the name of what they are for.
struct Queue {
    turns: Turns,
    now: Instant,
    names: HashMap<Ticket, &'static str>,
    running: Vec<(&'static str, Turn)>,
}

impl Queue {
    fn of(most: usize) -> Self {
        Self {
            turns: Turns::new(most),
            now: Instant::now(),
            names: HashMap::new(),
            running: Vec::new(),
        }
    }

    fn ask(&mut self, name: &'static str, size: Size, count: usize) {
        let askers = Askers::of(&Digest::of(name.as_bytes()));
        for _ in 0..count {
            let ticket = self.turns.enter(askers.clone(), size, self.now);
            self.names.insert(ticket, name);
        }
    }

    /// Lets run what may, and gives whose requests those are.
    fn go(&mut self) -> Vec<&'static str> {
        let mut begun = Vec::new();
        while let Some((ticket, turn)) = self.turns.next(self.now) {
            let name = self.names[&ticket];
            self.running.push((name, turn));
            begun.push(name);
        }
        begun
    }

    fn end(&mut self, name: &str, outcome: TurnOutcome) {
        let at = self
            .running
            .iter()
            .position(|(running, _)| *running == name);
        let (_, turn) = self.running.remove(at.expect("it runs"));
        self.turns.end(turn, outcome, self.now);
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    fn limit(&self) -> usize {
        self.turns.counts().1
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn six_go_at_a_time_and_one_more_for_twenty_clean_answers_up_to_the_most() {
    let mut queue = Queue::of(8);
    queue.ask("a", Size::Large, 1_000);
    assert_eq!(queue.go().len(), 6);
    for clean in 1..=100 {
        queue.end("a", TurnOutcome::Clean);
        queue.go();
        let wanted = 6 + usize::from(clean >= 20) + usize::from(clean >= 40);
        assert_eq!(queue.running.len(), wanted, "after {clean}");
    }
    queue.end("a", TurnOutcome::Neither);
    assert_eq!(queue.go().len(), 1, "what is no answer changes nothing");
    let mut few = Queue::of(2);
    few.ask("a", Size::Large, 9);
    assert_eq!(few.go().len(), 2);
    let mut none = Queue::of(0);
    none.ask("a", Size::Large, 9);
    assert_eq!(none.go().len(), 1, "it can never stand still");
}

#[test]
fn a_complaint_halves_once_for_all_that_ran_together() {
    let mut queue = Queue::of(24);
    queue.ask("a", Size::Large, 1_000);
    queue.go();
    for _ in 0..6 {
        queue.end("a", TurnOutcome::TooMuch(SECOND));
    }
    assert_eq!(queue.limit(), 3);
    assert_eq!(queue.go().len(), 0, "not before the pause is over");
    assert_eq!(queue.turns.wakes_at(queue.now), Some(queue.now + SECOND));
    queue.wait(SECOND);
    assert_eq!(queue.go().len(), 3);
    queue.end("a", TurnOutcome::TooMuch(SECOND));
    queue.wait(SECOND);
    assert_eq!(queue.limit(), 1);
    assert_eq!(queue.go().len(), 0, "two are still running");
    queue.end("a", TurnOutcome::Clean);
    queue.end("a", TurnOutcome::TooMuch(SECOND));
    assert_eq!(
        queue.limit(),
        1,
        "it ran together with the one before, and one is the least"
    );
    queue.wait(SECOND);
    assert_eq!(queue.go().len(), 1);
}

#[test]
fn pauses_grow_until_an_answer_is_clean_and_what_is_asked_for_counts() {
    let mut queue = Queue::of(24);
    queue.ask("a", Size::Large, 1_000);
    let mut seen = Vec::new();
    for _ in 0..9 {
        queue.go();
        let pause = queue.turns.pause(None, 1.0);
        seen.push(pause.as_millis());
        queue.end("a", TurnOutcome::TooMuch(pause));
        while !queue.running.is_empty() {
            queue.end("a", TurnOutcome::Neither);
        }
        queue.wait(pause);
    }
    assert_eq!(
        seen,
        [
            500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000
        ]
    );
    queue.go();
    queue.end("a", TurnOutcome::Clean);
    assert_eq!(queue.turns.pause(None, 1.0), FIRST_PAUSE);
    let asked = |seconds| queue.turns.pause(Some(Duration::from_secs(seconds)), 0.5);
    assert_eq!(asked(7), Duration::from_secs(7));
    assert_eq!(asked(86_400), MAX_ASKED, "it is bounded");
    let late = queue.turns.pause(Some(SECOND), 1.5);
    assert!(
        late > SECOND && late < 2 * SECOND,
        "never before it was asked for: {late:?}"
    );
}

#[test]
fn a_shorter_pause_does_not_end_a_longer_one() {
    let mut queue = Queue::of(24);
    queue.ask("a", Size::Large, 10);
    queue.go();
    queue.end("a", TurnOutcome::TooMuch(10 * SECOND));
    queue.end("a", TurnOutcome::TooMuch(SECOND));
    queue.wait(9 * SECOND);
    assert_eq!(queue.go().len(), 0);
    while !queue.running.is_empty() {
        queue.end("a", TurnOutcome::Neither);
    }
    queue.wait(SECOND);
    assert_eq!(queue.go().len(), 3);
}

#[test]
fn an_image_of_a_hundred_layers_does_not_hold_up_one_of_two() {
    let mut queue = Queue::of(24);
    queue.ask("hundred", Size::Large, 100);
    assert_eq!(queue.go().len(), 6);
    queue.ask("two", Size::Large, 2);
    for _ in 0..2 {
        queue.end("hundred", TurnOutcome::Clean);
        assert_eq!(queue.go(), ["two"]);
    }
    queue.end("two", TurnOutcome::Clean);
    assert_eq!(queue.go(), ["hundred"]);
}

#[test]
fn those_that_run_side_by_side_share_alike() {
    let mut queue = Queue::of(6);
    queue.ask("a", Size::Large, 50);
    queue.ask("b", Size::Large, 50);
    queue.ask("c", Size::Large, 50);
    let begun = queue.go();
    for name in ["a", "b", "c"] {
        assert_eq!(
            begun.iter().filter(|it| **it == name).count(),
            2,
            "{begun:?}"
        );
    }
}

#[test]
fn who_joins_a_request_that_waits_lends_it_its_turn() {
    let mut queue = Queue::of(6);
    queue.ask("large", Size::Large, 10);
    queue.go();
    let all = Arc::new(std::sync::Mutex::new(vec![Digest::of(b"large")]));
    let told = Arc::clone(&all);
    let shared = Askers::told_by(move || told.lock().unwrap().as_slice().into());
    let ticket = queue.turns.enter(shared.clone(), Size::Large, queue.now);
    queue.names.insert(ticket, "shared");
    queue.end("large", TurnOutcome::Clean);
    assert_eq!(queue.go(), ["large"], "it is the last of its image");
    all.lock().unwrap().push(Digest::of(b"small"));
    queue.end("large", TurnOutcome::Clean);
    assert_eq!(queue.go(), ["shared"]);
}

#[test]
fn small_requests_pass_large_ones_that_keep_all_places() {
    let mut queue = Queue::of(24);
    queue.ask("layers", Size::Large, 20);
    queue.go();
    queue.ask("proof", Size::Small, 3);
    assert_eq!(queue.go().len(), 0);
    assert_eq!(
        queue.turns.wakes_at(queue.now),
        Some(queue.now + SMALL_PATIENCE)
    );
    queue.wait(SMALL_PATIENCE);
    assert_eq!(queue.go(), ["proof"], "one at a time");
    assert_eq!(
        queue.turns.wakes_at(queue.now),
        Some(queue.now + OUT_OF_TURN_EVERY)
    );
    queue.wait(OUT_OF_TURN_EVERY);
    assert_eq!(queue.go(), ["proof"]);
    queue.end("layers", TurnOutcome::TooMuch(SECOND));
    queue.wait(OUT_OF_TURN_EVERY);
    assert_eq!(
        queue.go().len(),
        0,
        "not while the upstream wants to be left alone"
    );
}

#[test]
fn who_leaves_is_not_waited_for() {
    let mut queue = Queue::of(1);
    queue.ask("a", Size::Large, 1);
    queue.go();
    let gone = queue.turns.enter(Askers::default(), Size::Large, queue.now);
    queue.ask("b", Size::Large, 1);
    queue.turns.leave(gone);
    queue.end("a", TurnOutcome::Neither);
    assert_eq!(queue.go(), ["b"]);
    queue.end("b", TurnOutcome::Neither);
    assert_eq!(queue.turns.counts(), (0, 1, 0));
    assert!(
        queue.turns.running.is_empty(),
        "nothing is kept of what ended"
    );
    assert_eq!(queue.turns.wakes_at(queue.now), None);
}
