//! What each matcher answers: the order of its versions as a whole table, and by which names it asks.
//!
//! The golden corpus pins it beside the matcher's revision.

use sluicegate_model::advisory::{Advisory, Range, RangeEvent};
use sluicegate_model::package::{Ecosystem, Package, SourcePackage};

use super::registry::{Matcher, MatcherInfo, REGISTRY, Side};
use crate::testing;

/// What was asked, and the answer.
type Answers = Vec<(String, String)>;

/// Asks every matcher that the program has.
pub(crate) fn answers() -> Vec<(MatcherInfo, Answers)> {
    REGISTRY
        .iter()
        .map(|matcher| (matcher.info, of(matcher)))
        .collect()
}

/// Versions in which orders differ from each other, and some that are none; by matcher.
const VERSIONS: [(&[&str], &str); 12] = [
    (
        &["deb"],
        "0 1.0 1.0-1 1:0.9 1.0~rc1-1 1.0-1+deb12u1 1.0-1+b2 1.0a 1.0+b 10.0 2: 1.0-1ubuntu0.1 1_0",
    ),
    (
        &["apk", "apk-relatives"],
        "0 1.0 1.0-r1 1.0_rc1 1.0_p1 1.0a 1.02 1.0.1_git20240101-r0 1.1_alpha 10 1.0-r10 x 1.0~ab 1.0a2-r0",
    ),
    (
        &["rpm"],
        "0 1.0-1.el9 1:0.9-1 1.0~rc1-1 1.0^git1-1 1.0-1.el9_2.1 1.0 1.0a-1 1.0.1-1 10-1 \
         1.0-1.module_el8+1+a a-b-c",
    ),
    (
        &["pypi"],
        "0 1.0 1.0.0 1.0rc1 1.0.post1 1.0.dev1 1!0.5 1.0+local.1 1.0a1.dev2 1.10 v1.0 nonsense",
    ),
    (
        &["npm", "cargo", "hex"],
        "0 1.0.0 1.0.0-rc.1 1.0.0-rc.10 1.0.0-alpha 1.0.0+build 1.2 v1.0.0 1.10.0 01.0.0 x",
    ),
    (
        &["maven"],
        "0 1.0 1 1.0-SNAPSHOT 1.0-rc1 1.0.Final 1.0-sp 1.0-alpha-1 1.0-1 1.0.RELEASE 1.10 2.0-M1 jre8",
    ),
    (
        &["go"],
        "0 v1.0.0 1.0.0 v2.0.0+incompatible v0.0.0-20240101000000-0a1b2c3d4e5f \
         v1.0.1-0.20240101000000-0a1b2c3d4e5f 1.22.1 1.22rc1 (devel) v1 v1.0.0+dirty",
    ),
    (
        &["gem"],
        "0 1.0 1.0.0 1.0.pre 1.0.rc1 1.0.a.2 1.0-1 1.10 1.0.0.1 x",
    ),
    (
        &["nuget"],
        "0 1.0 1.0.0 1.0.0.0 1.0.0.1 1.0.0-beta 1.0.0-BETA.2 1.0.0+m 1.10 x",
    ),
    (
        &["composer"],
        "0 1.0 v1.0.0 1.0-beta2 1.0RC1 1.0p1 dev-main 1.x-dev 1.0-dev 1.10 x",
    ),
    (&["cran"], "0 1.0 1.0-1 1.0.1 1.10 1 1.0-10 a"),
    (&["bitnami"], "0 1.0.0 1.0.0-1 1.0.0-rc.1 1.10.0 1.0 x"),
];

fn versions(matcher: &str) -> Vec<&'static str> {
    let of_matcher = |(names, _): &&(&[&str], &str)| names.contains(&matcher);
    let found = VERSIONS.iter().find(of_matcher);
    let (_, versions) = found.unwrap_or_else(|| panic!("{matcher} has no versions"));
    versions.split_whitespace().chain([""]).collect()
}

fn of(matcher: &Matcher) -> Answers {
    let versions = versions(matcher.info.name);
    let mut answers = vec![(
        "claims".to_owned(),
        format!("{:?} {:?}", matcher.claims, matcher.info.ecosystems),
    )];
    for side in [Side::Installed, Side::Source] {
        let order = matcher.order(side);
        let advisories = advisories(&versions);
        for version in &versions {
            let said = (order.affected)(version, &advisories);
            let all: Vec<&Advisory> = advisories.iter().collect();
            let fix = (order.first_fix)(version, &all);
            answers.push((format!("{side:?} {version:?}"), format!("{said:?} {fix:?}")));
        }
        for mut advisory in advisories {
            advisory.versions = versions.iter().map(|text| (*text).to_owned()).collect();
            (order.drop_covered)(&mut advisory);
            answers.push((
                format!("{side:?} kept of {}", advisory.id),
                format!("{:?}", advisory.versions),
            ));
        }
    }
    answers.extend(names(matcher));
    answers.push((
        "alone".to_owned(),
        matcher.installed_name_answers_alone().to_string(),
    ));
    answers
}

/// Every range that begins or ends at one of the versions, and odd ones.
fn advisories(versions: &[&str]) -> Vec<Advisory> {
    let owned = |text: &&str| (*text).to_owned();
    let from_start = || RangeEvent::Introduced("0".to_owned());
    let mut found = vec![
        advisory("nothing", vec![], vec![]),
        advisory("everything", vec![], vec![vec![from_start()]]),
        advisory(
            "listed",
            versions.iter().step_by(2).map(owned).collect(),
            vec![],
        ),
    ];
    for version in versions {
        let fixed = vec![from_start(), RangeEvent::Fixed(owned(version))];
        let last = vec![from_start(), RangeEvent::LastAffected(owned(version))];
        let since = vec![RangeEvent::Introduced(owned(version))];
        let limit = vec![from_start(), RangeEvent::Limit(owned(version))];
        found.push(advisory(&format!("fixed {version}"), vec![], vec![fixed]));
        found.push(advisory(&format!("last {version}"), vec![], vec![last]));
        found.push(advisory(&format!("since {version}"), vec![], vec![since]));
        found.push(advisory(&format!("limit {version}"), vec![], vec![limit]));
    }
    found
}

fn advisory(id: &str, versions: Vec<String>, ranges: Vec<Vec<RangeEvent>>) -> Advisory {
    Advisory {
        versions,
        ranges: ranges.into_iter().map(|events| Range { events }).collect(),
        ..testing::advisory(id)
    }
}

fn names(matcher: &Matcher) -> Answers {
    let source = |name: &str| SourcePackage {
        name: name.to_owned(),
        version: "2".to_owned(),
        module: Some("a:1:2:3".to_owned()),
    };
    let mut answers = Vec::new();
    for ecosystem in matcher.info.ecosystems {
        for name in ["Foo_Bar.baz", "@s/P", "g:A", "a.example/B"] {
            for source in [None, Some(source(name)), Some(source("Other"))] {
                let label = format!(
                    "{ecosystem} {name} {:?}",
                    source.as_ref().map(|it| &it.name)
                );
                let mut package = Package::of_language(matcher.claims, name, "1");
                package.source = source;
                let asked = matcher.names(&Ecosystem::new(ecosystem), &package);
                let versions =
                    [Side::Installed, Side::Source].map(|side| Matcher::version(&package, side));
                answers.push((label, format!("{asked:?} {versions:?}")));
            }
        }
    }
    answers
}
