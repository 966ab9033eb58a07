//! One libFuzzer program for all parsers; `fuzz/run` builds it and runs each target in turn.
//!
//! `SLUICEGATE_FUZZ_TARGET` names the target, `SLUICEGATE_FUZZ_SEEDS` a directory that its seeds are
//! written to before libFuzzer reads it. Without a target the names of all are printed. A panic, even
//! one that the product would have turned into a gap, is a failure.

#![no_main]

#[path = "../../tests/scanner/claims.rs"]
mod claims;
mod targets;

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

use targets::Target;

static CHOSEN: OnceLock<Target> = OnceLock::new();

fn choose() {
    let targets = targets::all();
    let Ok(wanted) = std::env::var("SLUICEGATE_FUZZ_TARGET") else {
        for target in &targets {
            println!("{}", target.name);
        }
        std::process::exit(0);
    };
    let target = targets.into_iter().find(|target| target.name == wanted);
    let target = target.unwrap_or_else(|| panic!("no target is called {wanted:?}"));
    if let Some(directory) = std::env::var_os("SLUICEGATE_FUZZ_SEEDS") {
        for (number, seed) in target.seeds.iter().enumerate() {
            let path = Path::new(&directory).join(format!("seed-{number}"));
            std::fs::write(path, seed).expect("write a seed");
        }
    }
    let _first = CHOSEN.set(target);
}

fuzz_target!(init: choose(), |data: &[u8]| {
    if let Some(target) = CHOSEN.get() {
        (target.run)(data);
    }
});
