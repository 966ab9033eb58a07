//! Indexes: what their children's verdicts mean for them.

use sluicegate_model::{Digest, media_type};

use super::images::{Image, bad, good, index};
use super::stage::Stage;
use crate::gate::GateMode;

/// Asks for an index over these children, of which the upstream has the first ones.
async fn answered(children: &[&Image], there: usize, left: Option<&Image>) -> String {
    let stage = Stage::new(GateMode::Hold);
    for (number, child) in children.iter().take(there).enumerate() {
        stage.push("app", &format!("child-{number}"), child);
    }
    if let Some(image) = left {
        let repository = super::stage::repository("app");
        let digest = image.digest();
        let marked = stage.gate.parts.ledger.mark_released(&repository, &digest);
        marked.await.unwrap();
    }
    let bytes = index(children);
    stage.push_manifest("app", "all", media_type::OCI_INDEX, &bytes);
    let answer = stage.manifest(&stage.get("app"), "all").await;
    // A passed index releases no child.
    for child in children
        .iter()
        .filter(|child| left.is_none_or(|it| it.digest() != child.digest()))
    {
        assert!(!stage.has_left("app", &child.digest()).await);
    }
    let released = stage.has_left("app", &Digest::of(&bytes)).await;
    // Where no child can be had there is no verdict, and nothing that was released.
    assert_eq!(released, answer == "serve allow", "{answer}");
    answer
}

#[tokio::test]
async fn an_index_is_refused_with_all_its_children_or_with_one_that_has_left() {
    let (one, two) = (good("one"), good("two"));
    let (three, four) = (bad("three"), bad("four"));
    for (children, there, left, wanted) in [
        (vec![&one, &two], 2, None, "serve allow"),
        (vec![&three, &four], 2, None, "refuse"),
        (vec![&one, &three], 2, None, "serve allow"),
        (vec![&one, &three], 2, Some(&three), "refuse"),
        (vec![&one, &three], 2, Some(&one), "serve allow"),
        // What the upstream does not have is no verdict.
        (vec![&one, &three], 1, None, "serve allow"),
        (vec![&three, &one], 1, None, "refuse"),
        (vec![&one, &three], 0, None, "serve"),
    ] {
        let answer = answered(&children, there, left).await;
        assert_eq!(answer, wanted, "{there} of {} children", children.len());
    }
}

#[tokio::test]
async fn each_child_is_gated_alone_when_it_is_asked_for() {
    let (one, three) = (good("one"), bad("three"));
    let stage = Stage::new(GateMode::Hold);
    stage.push("app", "one", &one);
    stage.push("app", "three", &three);
    stage.push_manifest("app", "all", media_type::OCI_INDEX, &index(&[&one, &three]));
    let asked = stage.get("app");
    assert_eq!(stage.manifest(&asked, "all").await, "serve allow");
    let digest = |image: &Image| image.digest().to_string();
    assert_eq!(stage.manifest(&asked, &digest(&one)).await, "serve allow");
    assert_eq!(stage.manifest(&asked, &digest(&three)).await, "refuse");
    let reference = digest(&three).parse().unwrap();
    let refused = stage.gate.serve_manifest(&asked, &reference).await;
    let Ok(super::super::ManifestAnswer::Refuse(refusal)) = refused else {
        panic!("not refused");
    };
    assert_eq!(refusal.platform.as_deref(), Some("linux/amd64"));
}
