//! A rule that asks for secrets is answered by a linked scanner too, under the service's own salt.

use super::*;
use crate::secrets::{ASKING, KEY_PATH, image, private_key};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_scanner_looks_for_secrets_where_a_rule_asks() {
    let site = Site::with(|builder| builder.policy("policy.yaml", ASKING)).await;
    let (leaking, good) = (image(&private_key()), clean(1));
    site.push("leaking", &leaking);
    site.push("good", &good);
    let _scanner = site.scanner().await;
    let refused = site.pull("leaking").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    assert_no_content(&refused, &leaking, "leaking");
    let verdict = site.proxy.verdict(leaking.digest.as_str()).await;
    assert_eq!(verdict["reported_by"], "scanner:eu-west", "{verdict}");
    let mut findings = verdict["findings"].as_array().expect("findings").iter();
    let key = findings.find(|it| it["id"] == "SECRET-PRIVATE-KEY");
    assert_eq!(
        key.expect("the key")["package"]["path"],
        KEY_PATH,
        "{verdict}"
    );
    let reply = site.pull("good").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(reply.body, good.manifest);
}
