//! Processes and ports of a test that others beside it know nothing of.

use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sluicegate_tests::process::free_port;
use sluicegate_tests::programs;

/// How often something is tried while programs are started beside it.
const TRIES: usize = 500;

/// Does something again and again while other threads start programs.
fn beside_others(mut done: impl FnMut()) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // With a change of directory it is forked in the usual way.
                    let started = Command::new("true").current_dir("/").status();
                    assert!(started.expect("run true").success());
                }
            });
        }
        (0..TRIES).for_each(|_| done());
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn nobody_listens_on_a_port_that_is_free() {
    let mut heard = 0;
    beside_others(|| {
        let stream = TcpStream::connect(("127.0.0.1", free_port()));
        heard += usize::from(stream.is_ok());
    });
    assert_eq!(heard, 0);
}

#[test]
fn a_program_that_was_just_written_can_be_started() {
    let home = tempfile::tempdir().expect("make a directory");
    let mut number = 0;
    let mut busy = 0;
    beside_others(|| {
        number += 1;
        let path = home.path().join(format!("program-{number}"));
        programs::write(&path, "#!/bin/sh\nexit 0\n");
        busy += usize::from(Command::new(&path).status().is_err());
    });
    assert_eq!(busy, 0);
}
