//! A plugin that lies in a real registry and that cosign of today has signed, in both of its forms, is taken;
//! one that it has not signed is not.

use bytes::Bytes;
use sluicegate_tests::clients::tools::Tool;
use sluicegate_tests::guests::saying;
use sluicegate_tests::image::artifact;
use sluicegate_tests::proxy::sluicegate;

use crate::scene::Scene;

#[tokio::test]
async fn a_plugin_that_cosign_has_signed_is_taken_from_its_registry() {
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
    let scene = Scene::start("hold").await;
    let (url, key) = (scene.registry.url(), cosign.file("cosign.pub"));
    let config = format!("upstreams: {{up.test: {{url: \"{url}\"}}}}\nplugin_trust: [\"{key}\"]\n");
    let config = cosign.write("sluicegate.yaml", &config);
    let data = scene.proxy.data().display().to_string();
    for (name, is_bundle) in [("bundle_form", "true"), ("tag_form", "false")] {
        let manifest = format!(
            r#"{{"name":"{name}","version":"1","kind":"detector","abi":1,
                "claims":[{{"name":"METADATA"}}]}}"#
        );
        let module = Bytes::from(saying(&manifest, "{}"));
        let plugin = artifact("application/wasm", &[("application/wasm", module)], None);
        let repository = format!("lib/{name}");
        scene.registry.push(&repository, "1", &plugin).await;
        let reference = format!("oci://up.test/{repository}@{}", plugin.digest);
        let add = [
            "plugins", "add", &reference, "--config", &config, "--data", &data,
        ];
        let refused = sluicegate(&add).await;
        assert_eq!(refused.status, 2, "{refused:?}");
        assert!(refused.text().contains("plugin_trust"), "{refused:?}");
        let format = format!("--new-bundle-format={is_bundle}");
        let target = format!(
            "{}/{repository}@{}",
            scene.registry.address(),
            plugin.digest
        );
        let sign = [
            "sign",
            "--yes",
            "--key=cosign.key",
            "--tlog-upload=false",
            "--use-signing-config=false",
            "--allow-http-registry",
            &format,
            &target,
        ];
        run(&sign).await;
        let added = sluicegate(&add).await.expect_ok("plugins add").stdout;
        assert!(added.contains("signed by sha256:"), "{added}");
    }
}
