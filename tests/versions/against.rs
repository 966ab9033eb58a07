//! Each order against its program, on made-up pairs and on those that advisories name.

use std::cmp::Ordering;

use sluicegate_scanner::versions::ParsedVersion;
use sluicegate_scanner::versions::deb::DebVersion;
use sluicegate_scanner::versions::gem::GemVersion;
use sluicegate_scanner::versions::packagist::PackagistVersion;
use sluicegate_scanner::versions::pacman::PacmanVersion;
use sluicegate_scanner::versions::pep440::Pep440Version;
use sluicegate_scanner::versions::rpm::RpmVersion;
use sluicegate_scanner::versions::semver::SemanticVersion;
use sluicegate_tests::seeds::{pick, rng, seeds};

use crate::made_up::{self, Places};
use crate::program::{self, Program};
use crate::recorded;

/// The pairs of a round, all of which the order must take.
const PAIRS: usize = 2_000;

/// What a program says to a text that is no version.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusals {
    /// The same as the order, for every text.
    Same,
    /// It may refuse more.
    More,
    /// Nothing: it compares any two texts.
    None,
}

struct Check {
    program: Program,
    refusals: Refusals,
    places: Places,
    /// A feed of the ecosystem.
    feed: &'static str,
}

fn ours<V: ParsedVersion>((left, right): &(String, String)) -> Option<Ordering> {
    Some(V::parse(left).ok()?.cmp(&V::parse(right).ok()?))
}

impl Check {
    /// Makes pairs until enough of them are of versions, and compares them as `V` and the program do.
    fn run<V: ParsedVersion>(&self) {
        self.run_on::<V>(made_up::pair);
    }

    fn run_on<V: ParsedVersion>(
        &self,
        pair: impl Fn(Places, &mut rand::rngs::StdRng) -> (String, String),
    ) {
        for seed in seeds(1, 10, &[]) {
            let mut rng = rng(seed);
            let (mut pairs, mut comparable) = (Vec::new(), 0);
            while comparable < PAIRS {
                let made = pair(self.places, &mut rng);
                comparable += usize::from(ours::<V>(&made).is_some());
                pairs.push(made);
            }
            self.compare::<V>(pairs, &format!("SLUICEGATE_TEST_SEED={seed}"));
        }
        let recorded = recorded::pairs(self.feed);
        if recorded.is_empty() {
            println!(
                "SLUICEGATE_TEST_DATA adds no feed {}: no further pairs",
                self.feed
            );
        } else {
            self.compare::<V>(recorded, self.feed);
        }
    }

    fn compare<V: ParsedVersion>(&self, mut pairs: Vec<(String, String)>, of: &str) {
        if self.refusals == Refusals::None {
            pairs.retain(|pair| ours::<V>(pair).is_some());
        }
        let answers = self.program.compare(&pairs);
        let mut wrong = Vec::new();
        for (pair, theirs) in pairs.iter().zip(answers) {
            let ours = ours::<V>(pair);
            let may_differ = self.refusals == Refusals::More && theirs.is_none();
            if ours != theirs && !may_differ {
                wrong.push(format!(
                    "{pair:?}: {ours:?}, {} {theirs:?}",
                    self.program.name
                ));
            }
        }
        assert!(
            wrong.is_empty(),
            "{of}: {} of {} pairs, such as {:#?}",
            wrong.len(),
            pairs.len(),
            &wrong[..wrong.len().min(20)]
        );
    }
}

#[test]
fn debian_versions_are_ordered_as_by_dpkg() {
    let check = Check {
        program: program::DPKG,
        refusals: Refusals::None,
        places: made_up::DEB,
        feed: "Debian:12",
    };
    check.run::<DebVersion>();
}

#[test]
fn rpm_versions_are_ordered_as_by_rpm() {
    let check = Check {
        program: program::RPM,
        refusals: Refusals::None,
        places: made_up::RPM,
        feed: "AlmaLinux:8",
    };
    check.run::<RpmVersion>();
}

/// Both have a release or neither: pacman takes a missing one for any.
#[test]
fn pacman_versions_are_ordered_as_by_pacman() {
    let check = Check {
        program: program::PACMAN,
        refusals: Refusals::None,
        places: made_up::PACMAN,
        feed: "Arch Linux",
    };
    check.run_on::<PacmanVersion>(|places, rng| {
        let (left, right) = made_up::pair(places, rng);
        let mut release = || pick(rng, made_up::PACMAN_RELEASE).to_owned();
        match left.len() % 2 {
            0 => (left + &release(), right + &release()),
            _ => (left, right),
        }
    });
}

/// The order also reads advisories that leave numbers out.
#[test]
fn npm_versions_are_ordered_as_by_npm() {
    let check = Check {
        program: program::NODE,
        refusals: Refusals::More,
        places: made_up::NPM,
        feed: "npm",
    };
    check.run::<SemanticVersion>();
}

/// Debian's Composer takes fewer forms of dates than newer ones do.
#[test]
fn composer_versions_are_ordered_as_by_composer() {
    for places in [
        made_up::COMPOSER,
        made_up::COMPOSER_DATES,
        made_up::COMPOSER_DEV_DATES,
    ] {
        let check = Check {
            program: program::COMPOSER,
            refusals: Refusals::More,
            places,
            feed: "Packagist",
        };
        check.run::<PackagistVersion>();
    }
}

#[test]
fn gem_versions_are_ordered_as_by_rubygems() {
    let check = Check {
        program: program::RUBY,
        refusals: Refusals::Same,
        places: made_up::GEM,
        feed: "RubyGems",
    };
    check.run::<GemVersion>();
}

#[test]
fn python_versions_are_ordered_as_by_packaging() {
    let check = Check {
        program: program::PYTHON,
        refusals: Refusals::Same,
        places: made_up::PEP440,
        feed: "PyPI",
    };
    check.run::<Pep440Version>();
}
