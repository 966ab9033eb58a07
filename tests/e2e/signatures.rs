//! What cosign of today signs and attests, with a key and in both of its forms, is what policies take
//! for signed and attested.

use std::time::Duration;

use http::{Method, StatusCode};
use sluicegate_model::Digest;
use sluicegate_tests::clients::tools::Tool;
use sluicegate_tests::image::{Flavour, index};
use sluicegate_tests::wire::Call;

use crate::scene::{Scene, clean, within};

/// Longer than cosign takes to sign, and the service to ask again.
const LIMIT: Duration = Duration::from_mins(1);

/// Refuses in `lib/signed-*` what a key has not signed, and in `lib/attested-*` what it has not
/// attested to.
fn policy(key: &str) -> String {
    let key: String = key
        .lines()
        .map(|line| format!("                {line}\n"))
        .collect();
    format!(
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: signed}}\nspec:\n  \
         onInconclusive: annotate\n  rules:\n    \
         - id: unsigned\n      action: refuse\n      image:\n        \
         repositories: [\"up.test/lib/signed-*\"]\n        unless:\n          \
         signedBy:\n            - |\n{key}    \
         - id: no-sbom\n      action: refuse\n      image:\n        \
         repositories: [\"up.test/lib/attested-*\"]\n        unless:\n          \
         attestedBy:\n            type: spdxjson\n            keys:\n              - |\n{key}"
    )
}

async fn status(scene: &Scene, name: &str, reference: &str) -> StatusCode {
    let path = format!("/v2/lib/{name}/manifests/{reference}");
    let call = Call::new(Method::GET, scene.proxy.address(), &path);
    call.send().await.status
}

async fn becomes_allowed(scene: &Scene, name: &str, reference: &str) {
    within(LIMIT, "what was signed is allowed", async || {
        tokio::time::sleep(Duration::from_millis(120)).await;
        status(scene, name, reference).await == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn what_cosign_signs_and_attests_with_the_policy_s_key_is_allowed() {
    let Some(cosign) = Tool::cosign() else {
        return;
    };
    let home = cosign.file("");
    let password = [("COSIGN_PASSWORD", "")];
    let run = async |arguments: &[&str]| {
        let ended = cosign.run_with(&home, arguments, &password).await;
        ended.expect_ok(&arguments.join(" "));
    };
    run(&["generate-key-pair"]).await;
    let key = std::fs::read_to_string(cosign.file("cosign.pub")).expect("a key");
    let scene = Scene::start_with(|proxy| {
        proxy
            .policy("signed.yaml", &policy(&key))
            .flag("--tag-ttl", "100ms")
    })
    .await;
    let predicate = cosign.write("sbom.json", "{\"spdxVersion\":\"SPDX-2.3\"}");
    for (form, is_bundle) in [("bundle", "true"), ("tag", "false")] {
        let format = format!("--new-bundle-format={is_bundle}");
        let shared = [
            "--yes",
            "--key=cosign.key",
            "--tlog-upload=false",
            "--use-signing-config=false",
            "--allow-http-registry",
            &format,
        ];
        let origin = |name: &str, digest: &Digest| {
            format!("{}/lib/{name}@{digest}", scene.registry.address())
        };
        let (signed, attested) = (format!("signed-{form}"), format!("attested-{form}"));
        let image = clean(114_100 + form.len() as u64);
        for name in [&signed, &attested] {
            scene.push(name, &image).await;
            assert_eq!(
                status(&scene, name, "1").await,
                StatusCode::FORBIDDEN,
                "{name}"
            );
        }
        let target = origin(&signed, &image.digest);
        run(&[&["sign"][..], &shared, &[&target]].concat()).await;
        becomes_allowed(&scene, &signed, "1").await;
        let attest = ["attest", "--type=spdxjson", "--predicate", &predicate];
        let target = origin(&attested, &image.digest);
        run(&[&attest[..], &shared, &[&target]].concat()).await;
        becomes_allowed(&scene, &attested, "1").await;
        // An index is signed, and its children are.
        let list = format!("signed-list-{form}");
        let index = index(vec![clean(114_200 + form.len() as u64)], Flavour::Oci);
        scene
            .registry
            .push_index(&format!("lib/{list}"), "1", &index)
            .await;
        assert_eq!(
            status(&scene, &list, "1").await,
            StatusCode::FORBIDDEN,
            "{list}"
        );
        let target = origin(&list, &index.digest);
        run(&[&["sign"][..], &shared, &[&target]].concat()).await;
        becomes_allowed(&scene, &list, "1").await;
        becomes_allowed(&scene, &list, index.children[0].digest.as_str()).await;
    }
}
