//! Commands that need no service: the demo, the built-in policy, lint, the list of plugins.

use serde_json::json;
use sluicegate_tests::proxy::sluicegate;

use crate::scene::{POLICY, bad, feed};

#[tokio::test]
async fn demo_shows_one_image_allowed_and_one_refused_without_a_network() {
    // A network namespace without interfaces but loopback proves "without a network".
    let program = sluicegate_tests::proxy::program().display().to_string();
    let script = format!("ip link set lo up && exec {program} demo --once");
    let limit = std::time::Duration::from_secs(120);
    let shown = sluicegate_tests::process::run("unshare", &["--net", "sh", "-c", &script], limit)
        .await
        .expect_ok("demo");
    let text = shown.text();
    assert!(text.contains("allowed"), "{text}");
    assert!(text.contains("sluicegate: refused by policy"), "{text}");
}

#[tokio::test]
async fn built_in_policy_passes_its_own_lint() {
    let shown = sluicegate(&["policy", "show-default"])
        .await
        .expect_ok("policy show-default");
    let folder = tempfile::tempdir().expect("make a directory");
    let file = folder.path().join("default.yaml");
    std::fs::write(&file, shown.stdout).expect("write a policy");
    let file = file.display().to_string();
    sluicegate(&["policy", "lint", &file])
        .await
        .expect_ok("policy lint");
}

#[tokio::test]
async fn lint_names_the_line_and_column_of_a_mistake() {
    let folder = tempfile::tempdir().expect("make a directory");
    let file = folder.path().join("prod.yaml");
    std::fs::write(&file, POLICY.replace("mode:", "moode:")).expect("write a policy");
    let name = file.display().to_string();
    let failed = sluicegate(&["policy", "lint", &name]).await;
    assert_eq!(failed.status, 2, "{failed:?}");
    assert!(failed.text().contains("prod.yaml:5:3"), "{}", failed.text());
    assert!(failed.text().contains("moode"), "{}", failed.text());
}

#[tokio::test]
async fn cases_beside_policies_are_played_on_what_inspect_image_printed() {
    let (folder, feed) = (tempfile::tempdir().expect("make a directory"), feed());
    let at = |name: &str| folder.path().join(name).display().to_string();
    bad(94_001).write_layout(&folder.path().join("layout"), &json!({}));
    let (layout, feed) = (
        format!("oci:{}", at("layout")),
        feed.path().display().to_string(),
    );
    let (data, report) = (at("data"), at("policies/app.json"));
    std::fs::create_dir(at("policies")).expect("make a directory");
    let inspect = [
        "inspect-image",
        "--feed",
        &feed,
        "--data",
        &data,
        "--format",
        "json",
    ];
    let inspected = [&inspect[..], &["--output", &report, &layout]].concat();
    let inspected = sluicegate(&inspected).await;
    assert_eq!(inspected.status, 1, "{}", inspected.text());
    let policies = at("policies");
    let test = ["policy", "test", &policies];
    std::fs::write(at("policies/prod.yaml"), POLICY).expect("write a policy");
    let none = sluicegate(&test).await;
    assert_eq!(none.status, 2, "there is no case: {}", none.text());
    let case = |name: &str, expect: &str| {
        let text = format!(
            "apiVersion: sluicegate/v1\nkind: PolicyTest\nmetadata: {{name: {name}}}\n\
             spec: {{report: app.json, expect: {expect}}}\n"
        );
        std::fs::write(at(&format!("policies/{name}.yaml")), text).expect("write a case");
    };
    case(
        "right",
        "{decision: refuse, rules: [fixable-critical, any]}",
    );
    let right = sluicegate(&test).await.expect_ok("policy test");
    assert!(
        right.stdout.contains("1 as expected, 0 not"),
        "{}",
        right.text()
    );
    case("wrong", "{decision: allow}");
    let wrong = sluicegate(&test).await;
    assert_eq!(wrong.status, 1, "{}", wrong.text());
    let words = "decision: wanted allow, got refuse";
    assert!(wrong.stdout.contains(words), "{}", wrong.text());
    // Who serves by these policies is not in the way of their cases.
    sluicegate(&["policy", "lint", &policies])
        .await
        .expect_ok("policy lint");
}

#[tokio::test]
async fn plugins_are_listed_with_what_they_claim() {
    let listed = sluicegate(&["plugins", "list"])
        .await
        .expect_ok("plugins list")
        .stdout;
    for format in ["dpkg", "apk", "python", "npm"] {
        assert!(listed.contains(format), "{format} is not in {listed}");
    }
}

#[tokio::test]
async fn bad_usage_is_exit_code_2() {
    for arguments in [
        &["serve", "--no-such-flag"][..],
        &["serve", "--gate", "ajar"],
        &["serve", "--listen", "nowhere"],
        &["verdicts", "show"],
    ] {
        let failed = sluicegate(arguments).await;
        assert_eq!(failed.status, 2, "{arguments:?}: {failed:?}");
    }
}

#[tokio::test]
async fn service_that_is_not_there_is_exit_code_3() {
    let failed = sluicegate(&["verdicts", "list", "--service", "http://127.0.0.1:1"]).await;
    assert_eq!(failed.status, 3, "{failed:?}");
}

#[tokio::test]
async fn shared_private_images_must_be_asked_for() {
    let home = tempfile::tempdir().expect("make a directory");
    let (secret, config) = (
        home.path().join("secret"),
        home.path().join("sluicegate.yaml"),
    );
    std::fs::write(&secret, "t0ken").expect("write a secret");
    let text = format!(
        "listen: 0.0.0.0:0\nfeed: [none]\ndata: {}\n\
         upstreams: {{c.test: {{url: 'https://c.test', username: u, password_file: {}}}}}\n",
        home.path().join("data").display(),
        secret.display()
    );
    std::fs::write(&config, text).expect("write a configuration");
    let shared = sluicegate(&["serve", "--config", &config.display().to_string()]).await;
    assert_eq!(shared.status, 2, "{shared:?}");
    for words in ["--allow-anonymous", "registry_auth: required"] {
        assert!(shared.text().contains(words), "{}", shared.text());
    }
}
