//! What would have to be done about a refused image, as the API and the command tell it: the step, its
//! command, and a later tag that is allowed.

use http::StatusCode;
use serde_json::{Value, json};

use crate::stage::{REPO, Stage, clean, image_with, manifest_path, vulnerable};

async fn remedy(stage: &Stage, digest: &str) -> Value {
    let path = format!("/api/v1/verdicts/{digest}/remedy");
    let reply = stage.proxy.api(&path).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    reply.json()
}

#[tokio::test]
async fn a_refused_image_is_told_its_upgrade_and_a_tag_that_is_allowed() {
    let stage = Stage::hold().await;
    let (bad, good, worse) = (vulnerable(96), clean(97), image_with("badlib", 98));
    for (tag, image) in [("1.0", &bad), ("1.1", &good), ("1.2", &worse)] {
        stage.upstream.add(REPO, tag, image);
        stage.get(&manifest_path(REPO, tag)).await;
    }
    let told = remedy(&stage, bad.digest.as_str()).await;
    assert_eq!(
        (&told["decision"], &told["decision_after"]),
        (&json!("refuse"), &json!("allow")),
        "{told}"
    );
    let step = &told["steps"][0];
    let wanted = json!(["python3 -m pip install --no-cache-dir 'badlib==2.0'"]);
    assert_eq!((&step["to"], &step["commands"]), (&json!("2.0"), &wanted));
    assert_eq!(step["mends"], json!(["CVE-2026-1111"]));
    let tag = &told["compliant_tag"];
    let allowed = json!({"tag": "1.1", "digest": good.digest, "decision": tag["decision"]});
    assert_eq!(*tag, allowed, "{told}");
    assert_ne!(tag["decision"], "refuse");
    // No later tag is known than the last one.
    let last = remedy(&stage, worse.digest.as_str()).await;
    assert_eq!(last["compliant_tag"], Value::Null);
    let nothing = remedy(&stage, good.digest.as_str()).await;
    assert_eq!(
        (&nothing["steps"], &nothing["dockerfile"]),
        (&json!([]), &Value::Null)
    );

    let image = format!("{REPO}:1.0");
    let shown = stage.proxy.command(&["remedy", &image]).await;
    assert_eq!(shown.status, 1, "{}", shown.text());
    for part in [
        "refused; allowed after 1 upgrade",
        "badlib 1.0 -> 2.0 or later, for CVE-2026-1111",
        "python3 -m pip install --no-cache-dir 'badlib==2.0'",
        "Allowed already: ",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.text());
    }
    let piece = stage
        .proxy
        .command(&["remedy", &image, "--format", "dockerfile"])
        .await;
    let run = "RUN python3 -m pip install --no-cache-dir 'badlib==2.0'\n";
    assert!(piece.stdout.contains(run), "{}", piece.text());
    let digest = good.digest.to_string();
    assert_eq!(stage.proxy.command(&["remedy", &digest]).await.status, 0);
    let unknown = stage.proxy.command(&["remedy", "lib/app:9"]).await;
    assert_eq!(unknown.status, 3, "{}", unknown.text());
}
