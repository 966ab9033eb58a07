//! Guests that do what they can to their host: all of it ends as a failure of that one file.

use std::time::Instant;

use sluicegate_model::inventory::Inventory;

use super::{MANIFEST, doing, saying};
use crate::limits::MAX_LOG_BYTES;

fn packed(at: u32, length: u32) -> String {
    format!("(i64.const {})", (i64::from(at) << 32) | i64::from(length))
}

fn failure(text: &str) -> String {
    let heard = doing(MANIFEST, text).hear("etc/x.conf", b"a = 1");
    assert!(heard.answer.work > 0);
    let told = heard.answer.told;
    assert!(told.weaknesses.is_empty() && told.packages.is_empty() && told.gaps.is_empty());
    told.failed.expect("it fails")
}

#[test]
fn loops_floods_and_traps_end() {
    let started = Instant::now();
    for (text, wanted) in [
        ("(loop (br 0)) i64.const 0", "ran longer than 100 ms"),
        (
            "(call $analyze (local.get 0) (local.get 1) (local.get 2) (local.get 3))",
            "trapped",
        ),
        ("unreachable", "trapped"),
        (
            "(i32.div_s (i32.const 1) (i32.const 0)) drop i64.const 0",
            "trapped",
        ),
        ("(i64.load (i32.const -1))", "trapped"),
        // All that can be had of memory, and no more.
        (
            "(loop (br_if 0 (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))) unreachable",
            "trapped",
        ),
        (
            "(if (i32.lt_s (memory.grow (i32.const 65535)) (i32.const 0)) (then unreachable)) i64.const 0",
            "trapped",
        ),
        // Filling memory is work as well.
        (
            "(drop (memory.grow (i32.const 200))) (loop
             (memory.fill (i32.const 0) (i32.const 1) (i32.const 12000000)) (br 0)) i64.const 0",
            "ran longer",
        ),
        (
            &packed(0, 1_000_000_000),
            "answer of 1000000000 bytes is longer than 1048576",
        ),
        (&packed(65_000, 1_000), "lies outside"),
        (&packed(u32::MAX, u32::MAX), "longer than"),
        (&packed(u32::MAX, 10), "lies outside"),
        ("(i64.const -1)", "longer than"),
        // Its memory is full of zeros, which are no JSON.
        (&packed(0, 1_048_576 / 32), "answer is not right"),
    ] {
        let failure = failure(text);
        assert!(failure.contains(wanted), "{text}: {failure}");
        assert!(failure.len() <= 1_200);
    }
    // Of the whole lot; a build without optimisation takes some seconds.
    assert!(started.elapsed().as_secs() < 120);
}

#[test]
fn an_allocator_that_lies_is_a_failure() {
    for (gives, wanted) in [
        ("i32.const 0", "no room"),
        ("i32.const -1", "no room"),
        ("i32.const 65535", "no room"),
        ("unreachable", "trapped"),
        ("(loop (br 0)) i32.const 8", "ran longer"),
    ] {
        let text = format!(
            r#"(memory (export "memory") 1)
            (func (export "sluicegate_abi") (result i32) i32.const 1)
            (func (export "alloc") (param i32) (result i32) {gives})
            (func (export "analyze") (param i32 i32 i32 i32) (result i64) i64.const 0)"#
        );
        let plugin = crate::load(&super::module(MANIFEST, &text)).unwrap();
        let told = plugin.hear("etc/x.conf", b"a = 1").answer.told;
        let failure = told.failed.expect("it fails");
        assert!(failure.contains(wanted), "{gives}: {failure}");
    }
}

#[test]
fn nothing_is_left_of_one_file_for_the_next() {
    // It answers with what is in a global, which it then raises; every instance has its own.
    let plugin = doing(
        MANIFEST,
        "(if (i32.gt_u (global.get $next) (i32.const 1100)) (then unreachable))
         (global.set $next (i32.const 9000)) i64.const 0",
    );
    for _ in 0..3 {
        assert_eq!(plugin.hear("etc/x.conf", b"a").answer.told.failed, None);
    }
}

#[test]
fn the_same_question_takes_the_same_work() {
    let plugin = doing(
        MANIFEST,
        "(local $n i32) (loop (local.set $n (i32.add (local.get $n) (i32.const 1)))
         (br_if 0 (i32.lt_u (local.get $n) (i32.const 100000)))) i64.const 0",
    );
    let works: Vec<_> = (0..3).map(|_| plugin.hear("x", b"a").answer.work).collect();
    assert!(
        works.iter().all(|work| *work == works[0] && *work > 100),
        "{works:?}"
    );
    let again = doing(MANIFEST, "i64.const 0");
    assert!(again.hear("x", b"a").answer.work < works[0]);
}

#[test]
fn a_flood_of_log_lines_is_cut() {
    let plugin = doing(
        MANIFEST,
        "(local $n i32) (loop (call $log (i32.const 0) (i32.const 1000))
         (call $log (i32.const -1) (i32.const 1000))
         (local.set $n (i32.add (local.get $n) (i32.const 1)))
         (br_if 0 (i32.lt_u (local.get $n) (i32.const 1000)))) i64.const 0",
    );
    let heard = plugin.hear("x", b"a");
    assert_eq!(heard.answer.told.failed, None);
    let bytes: usize = heard.log.iter().map(String::len).sum();
    assert!(bytes > 0 && bytes <= MAX_LOG_BYTES, "{bytes}");
    assert!(heard.log.iter().all(|line| !line.contains('\0')));
}

#[test]
fn an_answer_that_is_no_text_is_a_failure() {
    let plugin = saying(MANIFEST, b"{\"gaps\":[\"\xff\"]}").unwrap();
    let told = plugin.hear("x", b"a").answer.told;
    let failure = told.failed.unwrap();
    assert_eq!(failure, "its answer is no text: byte 10 is not UTF-8");
}

#[test]
fn a_detector_of_inventories_is_bounded_as_well() {
    let manifest = MANIFEST.replace("{\"name\":\"x.conf\"}", "");
    let answer = br#"{"findings":[{"id":"ACME-1","severity":"low","summary":"s","path":"a"}]}"#;
    let plugin = saying(&manifest, answer).unwrap();
    let heard = plugin.hear_of(&Inventory::default());
    assert_eq!(heard.answer.told.weaknesses.len(), 1);
}
