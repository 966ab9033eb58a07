//! The laws of a remedy, on images and advisories made up at random: it mends what can be mended, none
//! of its steps can be left out, and none goes higher than it has to.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::inventory::{BuiltLayer, Inventory};
use sluicegate_model::package::{Component, Ecosystem, Evidence, LayerOrigin, PackageType};
use sluicegate_model::samples;
use sluicegate_model::verdict::Decision;

use crate::answer::RemedyAnswer;
use crate::judging::{Judged, Judges};
use crate::search::remedy;
use crate::step::{Place, Remedy, Whose};
use crate::text;

/// A weakness of a package from one version on, up to another where there is a fix.
#[derive(Clone, Debug)]
struct Weakness {
    package: String,
    introduced: u32,
    fixed: Option<u32>,
}

/// Refuses for every weakness.
struct World(Vec<Weakness>);

impl Judges for World {
    fn judge(&self, inventory: &Inventory) -> Judged {
        let mut refused = Vec::new();
        for (at, weakness) in self.0.iter().enumerate() {
            let has_it = |component: &&Component| {
                let source = component.package.source.as_ref();
                let name = source.map_or(&component.package.name, |source| &source.name);
                let version: u32 = component.package.version.parse().unwrap();
                *name == weakness.package
                    && version >= weakness.introduced
                    && weakness.fixed.is_none_or(|fixed| version < fixed)
            };
            refused.extend(
                inventory
                    .components
                    .iter()
                    .filter(has_it)
                    .map(|it| Finding {
                        fixed: weakness.fixed.map(|fixed| fixed.to_string()),
                        ..samples::finding(&format!("CVE-2026-{at:04}"), it)
                    }),
            );
        }
        Judged {
            decision: if refused.is_empty() {
                Decision::Allow
            } else {
                Decision::Refuse
            },
            refused,
            otherwise: Vec::new(),
        }
    }

    fn is_at_least(&self, _: PackageType, version: &str, other: &str) -> bool {
        let number = |text: &str| text.parse::<u32>().ok();
        number(version) >= number(other)
    }
}

fn image(components: Vec<Component>) -> Inventory {
    let layer = |digest, origin| BuiltLayer {
        digest,
        created_by: Some("RUN true".to_owned()),
        origin: Some(origin),
    };
    Inventory {
        components,
        layers: vec![
            layer(samples::base_layer(), LayerOrigin::Base),
            layer(samples::app_layer(), LayerOrigin::Own),
        ],
        ..Inventory::default()
    }
}

fn deb(name: &str, version: &str, source: &str) -> Component {
    samples::component(name, version, PackageType::Deb, Some(source))
}

fn apt() -> Component {
    deb("apt", "9", "apt")
}

fn weakness(package: &str, introduced: u32, fixed: impl Into<Option<u32>>) -> Weakness {
    Weakness {
        package: package.to_owned(),
        introduced,
        fixed: fixed.into(),
    }
}

/// Does all steps of a remedy but one, by source and version.
fn done(inventory: &Inventory, remedy: &Remedy, but: Option<usize>) -> Inventory {
    let mut inventory = inventory.clone();
    for component in &mut inventory.components {
        let is_base = component.layer == samples::base_layer();
        let source = component.package.source.as_mut().unwrap();
        let mut steps = remedy.steps.iter().enumerate();
        let step = steps.find(|(at, step)| {
            Some(*at) != but
                && (source.name == step.package && source.version == step.from)
                && (step.whose == Whose::Base) == is_base
        });
        if let Some((_, step)) = step {
            source.version.clone_from(&step.to);
            component.package.version.clone_from(&step.to);
        }
    }
    inventory
}

prop_compose! {
    fn some_component()(source in 0..4_u8, binary in 0..3_u8, version in 1..4_u32, own: bool)
        -> Component
    {
        let (name, source) = (format!("lib{source}-{binary}"), format!("source{source}"));
        let mut component = deb(&name, &version.to_string(), &source);
        if own {
            component.layer = samples::app_layer();
        }
        component
    }
}

prop_compose! {
    fn some_weakness()(source in 0..4_u8, introduced in 0..6_u32, width in 1..4_u32, ends in 0..8_u8)
        -> Weakness
    {
        let fixed = (ends > 0).then_some(introduced + width);
        weakness(&format!("source{source}"), introduced, fixed)
    }
}

proptest! {
    #[test]
    fn every_step_is_needed_and_all_of_them_do(
        components in prop::collection::btree_set(some_component(), 0..8),
        weaknesses in prop::collection::vec(some_weakness(), 0..8),
    ) {
        let (inventory, world) = (image(components.into_iter().collect()), World(weaknesses));
        let remedy = remedy(&inventory, &world);
        prop_assert_eq!(remedy.decision, world.judge(&inventory).decision);
        let after = world.judge(&done(&inventory, &remedy, None));
        prop_assert_eq!(remedy.decision_after, after.decision);
        prop_assert_eq!(remedy.unmendable.is_empty(), after.decision == Decision::Allow);
        // What is left has no fix: an upgrade would have been found else.
        prop_assert!(after.refused.iter().all(|it| it.fixed.is_none()), "{:?}", after.refused);
        for (at, step) in remedy.steps.iter().enumerate() {
            let without = world.judge(&done(&inventory, &remedy, Some(at)));
            prop_assert_eq!(without.decision, Decision::Refuse);
            let more: BTreeSet<_> = without.refused.iter().map(|it| &it.id).collect();
            prop_assert!(step.mends.iter().all(|id| more.contains(id)));
            let mut lower = remedy.clone();
            let to: u32 = step.to.parse().unwrap();
            lower.steps[at].to = (to - 1).to_string();
            let lower = world.judge(&done(&inventory, &lower, None));
            prop_assert!(lower.refused.iter().any(|it| it.fixed.is_some()));
        }
    }
}

#[test]
fn a_fix_that_is_affected_itself_is_no_target() {
    let inventory = image(vec![
        apt(),
        deb("libssl3", "3", "openssl"),
        deb("openssl", "3", "openssl"),
    ]);
    let world = World(vec![weakness("openssl", 0, 5), weakness("openssl", 5, 7)]);
    let remedy = remedy(&inventory, &world);
    assert_eq!(
        (remedy.decision_after, remedy.steps.len()),
        (Decision::Allow, 1)
    );
    let step = &remedy.steps[0];
    assert_eq!(
        (&*step.package, &*step.from, &*step.to),
        ("openssl", "3", "7")
    );
    assert_eq!(
        (&step.installed[..], step.whose),
        (&["libssl3".into(), "openssl".into()][..], Whose::Base)
    );
    assert_eq!(step.layers[0].created_by.as_deref(), Some("RUN true"));
    let lines = &remedy.batches[0].lines;
    assert_eq!(
        *lines,
        [
            "apt-get update",
            "apt-get install --yes --only-upgrade --no-install-recommends libssl3 openssl",
            "dpkg --compare-versions \"$(dpkg-query --show --showformat='${source:Version}' libssl3)\" ge '7'",
        ]
    );
}

#[test]
fn what_is_allowed_needs_nothing() {
    let remedy = remedy(&image(vec![apt()]), &World(Vec::new()));
    assert_eq!(
        (remedy.decision, remedy.decision_after),
        (Decision::Allow, Decision::Allow)
    );
    assert!(remedy.steps.is_empty() && remedy.unmendable.is_empty());
}

#[test]
fn what_no_upgrade_mends_is_listed_with_its_reason() {
    struct Refuses(World);
    impl Judges for Refuses {
        fn judge(&self, inventory: &Inventory) -> Judged {
            let mut judged = self.0.judge(inventory);
            for (at, hit) in judged.refused.iter_mut().enumerate() {
                hit.kind = [FindingKind::Malware, FindingKind::Vulnerability][at.min(1)];
            }
            Judged {
                decision: Decision::Refuse,
                otherwise: vec![("inconclusive".into(), "not all could be looked at".into())],
                ..judged
            }
        }

        fn is_at_least(&self, kind: PackageType, version: &str, other: &str) -> bool {
            self.0.is_at_least(kind, version, other)
        }
    }
    let world = World(vec![weakness("a", 0, 5), weakness("b", 0, None)]);
    let image = image(vec![deb("a", "1", "a"), deb("b", "1", "b")]);
    let remedy = remedy(&image, &Refuses(world));
    assert_eq!(
        (remedy.decision_after, remedy.steps.len()),
        (Decision::Refuse, 0)
    );
    let left: Vec<(&str, bool)> = (remedy.unmendable.iter())
        .map(|it| (&*it.what, it.why.contains("remove the package")))
        .collect();
    assert_eq!(
        left,
        [
            ("CVE-2026-0000 in a", true),
            ("CVE-2026-0001 in b", false),
            ("rule inconclusive", false)
        ]
    );
}

/// Finds the commands for one package of a kind at a path.
fn commands(kind: PackageType, name: &str, path: &str) -> (Option<Place>, Vec<String>, String) {
    let mut component = samples::component(name, "1", kind, None);
    component.path = path.to_owned();
    component.layer = samples::app_layer();
    component.ecosystem = kind
        .language_ecosystem()
        .or(Some(Ecosystem::new("Alpine:v3.20")));
    let manager = samples::component("apk-tools", "2", PackageType::Apk, None);
    let remedy = remedy(
        &image(vec![component, manager]),
        &World(vec![weakness(name, 0, 2)]),
    );
    assert_eq!(remedy.steps.len(), 1, "{name}");
    let lines = remedy.batches.iter().flat_map(|it| it.lines.clone());
    let why = remedy.steps[0].how.clone().err().unwrap_or_default();
    let answer = answer(&remedy);
    let dockerfile = answer.dockerfile.clone().unwrap();
    let mut told = Vec::new();
    text::write(&answer, &mut told).unwrap();
    let told = String::from_utf8(told).unwrap();
    assert!(dockerfile.is_ascii() && told.is_ascii());
    (
        remedy.batches.first().map(|it| it.place),
        lines.collect(),
        format!("{why}{dockerfile}{told}"),
    )
}

fn answer(remedy: &Remedy) -> RemedyAnswer {
    let image = samples::verdict();
    RemedyAnswer::of(image.repository, image.digest, remedy)
}

/// A package by its kind, name and path; where a command raises it, and which.
type Raised = (PackageType, &'static str, &'static str, Place, &'static str);

const RAISED: [Raised; 9] = [
    (
        PackageType::Apk,
        "libssl3",
        "lib/apk/db/installed",
        Place::Image,
        "apk add --no-cache --upgrade 'libssl3>=2'",
    ),
    (
        PackageType::Python,
        "requests",
        "opt/venv/lib/python3.11/site-packages/requests-1.dist-info/METADATA",
        Place::Image,
        "/opt/venv/bin/python3.11 -m pip install --no-cache-dir 'requests==2'",
    ),
    (
        PackageType::Npm,
        "lodash",
        "app/node_modules/lodash/package.json",
        Place::Sources,
        "npm install 'lodash@2'",
    ),
    (
        PackageType::Npm,
        "b",
        "app/node_modules/@a/a/node_modules/b/package.json",
        Place::Sources,
        "npm pkg set 'overrides[@a/a][b]=2' && npm install",
    ),
    (
        PackageType::Go,
        "golang.org/x/net",
        "usr/bin/x",
        Place::Sources,
        "go get 'golang.org/x/net@v2' && go mod tidy",
    ),
    (
        PackageType::Cargo,
        "time",
        "usr/bin/x",
        Place::Sources,
        "cargo update --package 'time@1' --precise '2'",
    ),
    (
        PackageType::Maven,
        "org.a:b",
        "app/b.jar",
        Place::Sources,
        "<dependency><groupId>org.a</groupId><artifactId>b</artifactId><version>2</version></dependency>",
    ),
    (
        PackageType::Gem,
        "rack",
        "x.gemspec",
        Place::Sources,
        "bundle update --conservative 'rack'",
    ),
    (
        PackageType::Composer,
        "a/b",
        "installed.json",
        Place::Sources,
        "composer require --update-with-all-dependencies 'a/b:^2'",
    ),
];

#[test]
fn each_manager_has_its_commands() {
    for (kind, name, path, place, line) in RAISED {
        let (found, lines, _) = commands(kind, name, path);
        assert_eq!(
            (found, lines),
            (Some(place), vec![line.to_owned()]),
            "{name}"
        );
    }
}

#[test]
fn hostile_names_get_into_no_command_and_no_line_of_their_own() {
    for name in [
        "x; rm -rf /",
        "$(id)",
        "evil/repository",
        "-g",
        "x\nRUN id",
        "x' 'y",
        "a\u{1b}[2J",
    ] {
        let (place, lines, told) =
            commands(PackageType::Npm, name, "app/node_modules/x/package.json");
        assert_eq!((place, lines.len()), (None, 0), "{name}");
        assert!(
            told.contains("is no name that is put into a command"),
            "{told}"
        );
        assert!(
            !told.contains("\nRUN") && !told.contains('\u{1b}'),
            "{told}"
        );
    }
    let (_, lines, told) = commands(PackageType::Npm, "x", "app/node_modules/$(id)/package.json");
    assert!(lines.is_empty(), "{told}");
}

#[test]
fn what_was_never_installed_has_no_command() {
    let mut claimed = samples::component("x", "1", PackageType::Npm, None);
    claimed.evidence = Evidence::Claimed;
    let remedy = remedy(&image(vec![claimed]), &World(vec![weakness("x", 0, 2)]));
    assert!(remedy.steps[0].how.is_err());
    let distroless = image(vec![deb("a", "1", "a")]);
    let remedy = crate::search::remedy(&distroless, &World(vec![weakness("a", 0, 2)]));
    assert_eq!(
        remedy.steps[0].how.as_ref().unwrap_err(),
        "the image has no manager of such packages: take a newer base image"
    );
}

#[test]
fn a_dockerfile_is_root_only_for_as_long_as_it_has_to_be() {
    let mut inventory = image(vec![apt(), deb("a", "1", "a")]);
    let run = sluicegate_model::run_config::RunConfig {
        user: "app:app".into(),
        ..Default::default()
    };
    inventory.run = Some(run);
    let remedy = remedy(&inventory, &World(vec![weakness("a", 0, 2)]));
    let text = answer(&remedy).dockerfile.unwrap();
    let wanted = "USER root\n\
        # The base image's: take a newer one in FROM, or raise them here:\n\
        #   a 1 to 2 or later\n\
        RUN apt-get update \\\n \
        && apt-get install --yes --only-upgrade --no-install-recommends a \\\n \
        && dpkg --compare-versions \"$(dpkg-query --show --showformat='${source:Version}' a)\" ge '2' \\\n \
        && rm -rf /var/lib/apt/lists/*\n\
        USER app:app\n";
    assert_eq!(text, wanted);
}
