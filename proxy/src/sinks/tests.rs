//! Promises about places that the log goes to: each line, in order, from where it stood.

use jiff::Timestamp;
use sluicegate_config::SinkPlace;
use sluicegate_local::decisions::{LineKind, LogEntry};
use sluicegate_model::verdict::Decision;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;

/// A log and a copy of it.
struct World {
    home: TempDir,
    log: DecisionLog,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (log, _) = DecisionLog::open(&home.path().join("decisions")).unwrap();
        Self { home, log }
    }

    fn copy(&self) -> std::path::PathBuf {
        self.home.path().join("copy.jsonl")
    }

    fn sinks(&self) -> Sinks {
        let settings = SinkSettings {
            name: "copy".into(),
            place: SinkPlace::File(self.copy()),
        };
        Sinks::new(&[settings], &self.log, "host")
    }

    /// Starts to send.
    async fn started(&self) -> (Sinks, JoinHandle<()>) {
        let sinks = self.sinks();
        sinks.begin().await.unwrap();
        let running = tokio::spawn(sinks.0[0].clone().run());
        (sinks, running)
    }

    async fn write(&self, lines: i64) {
        for second in 0..lines {
            let at = Timestamp::from_second(1_700_000_000 + second).unwrap();
            let entry = LogEntry {
                decision: Some(Decision::Refuse),
                ..LogEntry::new(at, LineKind::Pull)
            };
            self.log.append(entry).await.unwrap();
        }
    }

    /// Waits until the copy has these lines.
    async fn has(&self, seqs: &[u64]) {
        for _ in 0..100 {
            if self.seqs() == seqs {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("{:?} instead of {seqs:?}", self.seqs());
    }

    fn seqs(&self) -> Vec<u64> {
        let text = std::fs::read_to_string(self.copy()).unwrap_or_default();
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let seqs = text.lines().map(|text| line(text)["seq"].as_u64().unwrap());
        seqs.collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_has_each_line_that_is_written_from_the_first_start_on_also_over_another() {
    let world = World::new();
    world.write(2).await;
    let (sinks, running) = world.started().await;
    world.write(2).await;
    world.has(&[3, 4]).await;
    for _ in 0..100 {
        if sinks.views()[0].sent == Some(4) {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let view = sinks.views().remove(0);
    assert_eq!((view.sent, view.behind, view.problem), (Some(4), 0, None));
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    world.write(1).await;
    let (_, running) = world.started().await;
    world.has(&[3, 4, 5]).await;
    let log = std::fs::read_to_string(world.home.path().join("decisions/decisions.jsonl"));
    let copy = std::fs::read_to_string(world.copy()).unwrap();
    assert!(log.unwrap().ends_with(&copy), "as they stand in the log");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_moved_away_is_made_anew_when_that_is_asked() {
    let world = World::new();
    let (sinks, running) = world.started().await;
    world.write(1).await;
    world.has(&[1]).await;
    std::fs::rename(world.copy(), world.home.path().join("old")).unwrap();
    sinks.reopen();
    world.write(1).await;
    world.has(&[2]).await;
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_written_is_tried_again_and_a_cut_line_is_ended() {
    let world = World::new();
    std::fs::create_dir(world.copy()).unwrap();
    let (sinks, running) = world.started().await;
    world.write(2).await;
    for _ in 0..100 {
        if sinks.views()[0].problem.is_some() {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let view = sinks.views().remove(0);
    assert_eq!((view.sent, view.behind), (Some(0), 2), "{view:?}");
    assert!(view.problem.is_some_and(|it| it.contains("copy.jsonl")));
    std::fs::remove_dir(world.copy()).unwrap();
    std::fs::write(world.copy(), "{\"seq\":7}\n{\"seq\"").unwrap();
    for _ in 0..200 {
        let text = std::fs::read_to_string(world.copy()).unwrap();
        if text.lines().count() == 4 {
            assert!(
                text.starts_with("{\"seq\":7}\n{\"seq\"\n{\"seq\":1,"),
                "{text}"
            );
            running.abort();
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
    panic!("it is not tried again: {:?}", sinks.views());
}

#[tokio::test(start_paused = true)]
async fn where_another_log_took_the_place_of_the_one_that_was_sent_all_of_it_is() {
    let world = World::new();
    let (_, running) = world.started().await;
    world.write(3).await;
    world.has(&[1, 2, 3]).await;
    running.abort();
    let kept = KeptPosition::of(world.log.directory(), "copy");
    let other = Position {
        seq: 3,
        hash: sluicegate_model::Digest::of(b"another"),
    };
    kept.write(&other).await.unwrap();
    let (_, running) = world.started().await;
    world.has(&[1, 2, 3, 1, 2, 3]).await;
    running.abort();
}

#[tokio::test]
async fn a_message_of_syslog_is_the_line_behind_its_length_and_a_head() {
    let world = World::new();
    world.write(1).await;
    let reader = LogReader::of(world.log.directory());
    let first = reader
        .find(Position::before_the_first())
        .await
        .unwrap()
        .unwrap();
    let lines = reader.after(first, world.log.end()).await.unwrap().lines;
    for (host, shown) in [("reg.test", "reg.test"), ("", "-"), ("a b\nc", "abc")] {
        let framed = String::from_utf8(syslog::framed(&lines, host)).unwrap();
        let (length, message) = framed.split_once(' ').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), message.len());
        let line = String::from_utf8(lines[0].bytes.clone()).unwrap();
        let expected = format!(
            "<108>1 2023-11-14T22:13:20.000000Z {shown} sluicegate {} pull [meta sequenceId=\"1\"] {line}",
            std::process::id()
        );
        assert_eq!(message, expected);
    }
}

#[test]
fn a_machine_is_called_by_its_first_name_of_the_settings_or_by_its_own() {
    let home = tempfile::tempdir().unwrap();
    let machine = home.path().join("hostname");
    std::fs::write(&machine, "node-1\n").unwrap();
    let names = vec!["reg.test:5000".to_owned()];
    assert_eq!(host_name(&names, &machine), "reg.test");
    assert_eq!(host_name(&[], &machine), "node-1");
    assert_eq!(host_name(&[], &home.path().join("none")), "");
}
