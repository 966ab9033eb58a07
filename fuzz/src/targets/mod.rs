//! What is fuzzed: every parser, with inputs that reach its depths.
//!
//! `fuzz/run` gives them to libFuzzer; the tests of `tests/scanner` play the inputs and some changes
//! of each.

mod documents;
mod jars;
mod layers;
mod lists;
mod plugins;
mod secrets;
mod seeds;
mod signatures;
mod versions;

/// A parser; it panics where an input breaks it.
type Parser = Box<dyn Fn(&[u8]) + Send + Sync>;

/// What is fuzzed: a name, the parser, and inputs that reach its depths.
pub struct Target {
    pub name: String,
    pub run: Parser,
    pub seeds: Vec<Vec<u8>>,
}

impl Target {
    fn new(
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

/// All of them, each name once.
pub fn all() -> Vec<Target> {
    let mut targets = documents::targets();
    targets.extend(jars::targets());
    targets.extend(lists::targets());
    targets.extend(signatures::targets());
    targets.extend(versions::targets());
    targets.extend(layers::targets());
    targets.extend(plugins::targets());
    targets.extend(secrets::targets());
    targets
}
