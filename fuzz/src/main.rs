//! One libFuzzer program for all parsers; `fuzz/run` builds it and runs each target in turn.
//!
//! `SLUICEGATE_FUZZ_TARGET` names the target, `SLUICEGATE_FUZZ_SEEDS` a directory that its seeds are
//! written to before libFuzzer reads it. Without a target the names of all are printed. A panic, even
//! one that the product would have turned into a gap, is a failure.

#![no_main]

#[path = "../../tests/scanner/claims.rs"]
mod claims;
mod documents;
mod jars;
mod layers;
mod lists;
mod plugins;
mod secrets;
mod seeds;
mod signatures;
mod versions;

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

/// What is fuzzed: a name, the parser, and inputs that reach its depths.
pub struct Target {
    pub name: String,
    pub run: Box<dyn Fn(&[u8]) + Send + Sync>,
    pub seeds: Vec<Vec<u8>>,
}

impl Target {
    pub fn new(
        name: impl Into<String>,
        run: impl Fn(&[u8]) + Send + Sync + 'static,
        seeds: Vec<Vec<u8>>,
    ) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
            seeds,
        }
    }
}

static CHOSEN: OnceLock<Target> = OnceLock::new();

fn choose() {
    let mut targets = documents::targets();
    targets.extend(jars::targets());
    targets.extend(lists::targets());
    targets.extend(signatures::targets());
    targets.extend(versions::targets());
    targets.extend(layers::targets());
    targets.extend(plugins::targets());
    targets.extend(secrets::targets());
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
