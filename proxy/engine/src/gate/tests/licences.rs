//! Images of packages that declare licences, under policies that ask for those and others.

use serde_json::json;
use sluicegate_model::Scope;
use sluicegate_model::finding::FindingKind;
use sluicegate_model::verdict::Verdict;

use super::images::{Image, files};
use super::stage::{Stage, repository};
use crate::gate::GateMode;
use crate::ledger::{Verdicts as _, stored};

/// An image of a package that declares something, or nothing.
fn declaring(name: &str, licence: Option<&str>) -> Image {
    let package = match licence {
        Some(licence) => json!({"name": name, "version": "1.0.0", "license": licence}),
        None => json!({"name": name, "version": "1.0.0"}),
    };
    let path = format!("app/node_modules/{name}/package.json");
    Image::of(vec![files(&[
        (&path, &package.to_string()),
        ("srv/readme", name),
    ])])
}

fn policy(name: &str, rules: &str) -> String {
    format!(
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n  \
         onInconclusive: allow\n  rules: [{rules}]\n"
    )
}

const COPYLEFT: &str = "{id: copyleft, when: {licence: [AGPL-3.0-only, SSPL-1.0]}, action: refuse}";
const ALLOWED: &str = "{id: allowed, when: {kind: licence}, unless: {licence: [MIT, Apache-2.0]}, action: \
                       refuse}";
const UNKNOWN: &str = "{id: unknown, when: {licence: unknown}, action: refuse}";
const OTHER: &str = "{id: other, when: {kev: true}, action: refuse}";

impl Stage {
    async fn verdict(&self, image: &Image) -> Verdict {
        let scope = Scope::for_all(repository("app"));
        let verdict = self.ledger.verdict(&scope, &image.digest()).await;
        verdict.unwrap().unwrap()
    }
}

/// What the verdict says of licences, with what each rests on.
fn licences(verdict: &Verdict) -> Vec<(&str, &str)> {
    let found = verdict.findings.iter();
    let found = found.filter(|it| it.kind == FindingKind::Licence);
    found.map(|it| (&*it.id, &*it.package.path)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_package_is_refused_by_its_licence_where_a_rule_asks_for_that() {
    for (licence, denied, not_allowed, unknown) in [
        (Some("MIT"), false, false, false),
        (Some("AGPL-3.0-only"), true, true, false),
        (Some("MIT OR AGPL-3.0-only"), false, false, false),
        (Some("MIT AND AGPL-3.0-only"), true, true, false),
        (Some("ISC"), false, true, false),
        (Some("SEE LICENSE IN LICENSE.md"), false, true, true),
        (None, false, true, true),
    ] {
        for (rule, is_refused) in [
            (COPYLEFT, denied),
            (ALLOWED, not_allowed),
            (UNKNOWN, unknown),
            (OTHER, false),
        ] {
            let image = declaring("some", licence);
            let stage = Stage::with(GateMode::Hold, &image);
            stage.snapshots.set_policies(&policy("p", rule));
            let wanted = if is_refused { "refuse" } else { "serve allow" };
            let row = format!("{licence:?} under {rule}");
            assert_eq!(stage.pulled("app", "1").await, wanted, "{row}");
            let verdict = stage.verdict(&image).await;
            assert_eq!(licences(&verdict).len(), usize::from(is_refused), "{row}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn licences_come_and_go_with_the_policies_that_ask_and_nothing_is_read_again() {
    let image = declaring("some", Some("AGPL-3.0-only"));
    let stage = Stage::with(GateMode::Hold, &image);
    let path = "app/node_modules/some/package.json";
    let text = |verdict: &Verdict| {
        let mut verdict = verdict.clone();
        verdict.policy.name = "p".into();
        verdict.policy.digest = image.digest();
        stored::verdict_text(&verdict).unwrap()
    };
    stage.snapshots.set_policies(&policy("before", OTHER));
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    let before = stage.verdict(&image).await;
    stage.snapshots.set_policies(&policy("asking", COPYLEFT));
    stage.rejudge.pass().await.unwrap();
    let asking = stage.verdict(&image).await;
    assert_eq!(licences(&asking), [("AGPL-3.0-only", path)]);
    assert_eq!(
        asking.reasons[0].message,
        "1 finding: licence AGPL-3.0-only of some 1.0.0"
    );
    assert_eq!(stage.pulled("app", "1").await, "refuse");
    // A policy that asks and hits nothing leaves the very same text.
    for rule in [OTHER, UNKNOWN] {
        stage.snapshots.set_policies(&policy("after", rule));
        stage.rejudge.pass().await.unwrap();
        let after = stage.verdict(&image).await;
        assert_eq!(text(&after), text(&before), "{rule}");
    }
    assert_eq!(stage.pulled("app", "1").await, "serve allow");
    assert_eq!(stage.upstream.count("/manifests/"), 1);
    assert_eq!(stage.upstream.count(image.layers[0].digest().as_str()), 1);
}
