//! Events on their way to a receiver: each one, in order, signed, whatever happens meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sluicegate_tests::image::Image;
use sluicegate_tests::receiver::{Message, Receiver};

use crate::stage::{REPO, STRICTER, Stage, USUAL, dubious, eventually, manifest_path};

const SECRET: &[u8] = b"a secret of this test";

/// Starts a stage whose events go to a receiver, with one judged image.
async fn stage(receiver: &Receiver, seed: u64) -> (Stage, Image) {
    let folder = tempfile::tempdir().expect("make a directory").keep();
    let secret = folder.join("secret");
    let text = format!("whsec_{}\n", STANDARD.encode(SECRET));
    std::fs::write(&secret, text).expect("write the secret");
    let stage = Stage::with(|proxy, _| {
        proxy
            .policy("policy.yaml", USUAL)
            .flag("--webhook", &receiver.url())
            .flag("--webhook-secret-file", &secret.display().to_string())
    })
    .await;
    let image = dubious(seed);
    stage.upstream.add(REPO, "1", &image);
    stage.get(&manifest_path(REPO, "1")).await;
    (stage, image)
}

/// Changes the policy and waits until the receiver has taken that many events in all.
async fn change(stage: &Stage, receiver: &Receiver, policy: &str, taken: usize) -> Vec<Message> {
    stage.proxy.write_policy("policy.yaml", policy);
    eventually("the event is taken", async || {
        receiver.taken().len() >= taken
    })
    .await;
    receiver.taken()
}

async fn webhook(stage: &Stage) -> Value {
    stage.proxy.api("/api/v1/status").await.json()["webhook"].clone()
}

#[tokio::test]
async fn an_event_is_a_signed_cloud_event() {
    let receiver = Receiver::start().await;
    let (stage, image) = stage(&receiver, 410).await;
    let taken = change(&stage, &receiver, STRICTER, 1).await;
    let message = &taken[0];
    assert_eq!(message.line, "POST /hook?token=hidden HTTP/1.1");
    assert_eq!(
        message.header("content-type"),
        "application/cloudevents+json"
    );
    let event = message.json();
    let listed = stage.proxy.api("/api/v1/events").await.json()["items"][0].clone();
    assert_eq!(event["data"], listed, "what the API shows");
    let expected = json!({
        "specversion": "1.0",
        "id": listed["id"],
        "source": format!("http://{}/api/v1/events", stage.proxy.api_address()),
        "type": "dev.sluicegate.verdict.changed",
        "subject": image.digest.as_str(),
        "time": listed["time"],
        "datacontenttype": "application/json",
        "data": listed,
    });
    assert_eq!(event, expected);
    assert_eq!(message.header("webhook-id"), listed["id"].as_str().unwrap());
    let signed = format!(
        "{}.{}.",
        message.header("webhook-id"),
        message.header("webhook-timestamp")
    );
    let content = [signed.as_bytes(), &message.body].concat();
    let expected = format!("v1,{}", STANDARD.encode(hmac_sha256(SECRET, &content)));
    assert_eq!(message.header("webhook-signature"), expected);
    let state = webhook(&stage).await;
    assert_eq!(
        (&state["delivered"], &state["waiting"], &state["problem"]),
        (&1.into(), &0.into(), &Value::Null),
        "{state}"
    );
    let status = stage.proxy.api("/api/v1/status").await.text();
    assert!(!status.contains("hidden") && !stage.proxy.log().contains("hidden"));
}

#[tokio::test]
async fn events_wait_for_their_receiver_over_a_kill_and_come_in_order() {
    let receiver = Receiver::start().await;
    receiver.script([503; 200]);
    let (mut stage, _) = stage(&receiver, 411).await;
    stage.proxy.write_policy("policy.yaml", STRICTER);
    eventually("it is tried", async || !receiver.messages().is_empty()).await;
    stage.proxy.write_policy("policy.yaml", USUAL);
    eventually("the second event waits", async || {
        webhook(&stage).await["waiting"] == 2
            || stage.proxy.api("/api/v1/events").await.json()["items"][0]["seq"] == 2
    })
    .await;
    let problem = webhook(&stage).await["problem"].clone();
    assert_eq!(problem, "the receiver answered 503");
    stage.proxy.kill();
    receiver.heal();
    stage.proxy.restart().await;
    eventually("both are taken", async || receiver.taken().len() >= 2).await;
    // Once nothing waits, nothing is sent again.
    eventually("nothing waits any more", async || {
        webhook(&stage).await["waiting"] == 0
    })
    .await;
    let seqs: Vec<Value> = receiver
        .taken()
        .iter()
        .map(|message| message.json()["data"]["seq"].clone())
        .collect();
    assert_eq!(seqs, [json!(1), json!(2)], "each once and in order");
}

#[tokio::test]
async fn each_receiver_has_its_own_position_and_one_that_is_down_holds_up_no_other() {
    let (chat, down) = (Receiver::start().await, Receiver::start().await);
    down.script([503; 200]);
    let folder = tempfile::tempdir().expect("make a directory");
    let config = folder.path().join("sluicegate.yaml");
    let text = format!(
        "webhooks:\n- {{name: chat, url: '{}', format: slack}}\n\
         - {{name: down, url: '{}', types: [verdict.changed], directions: [worse]}}\n",
        chat.url(),
        down.url()
    );
    std::fs::write(&config, text).expect("write");
    let mut stage = Stage::with(|proxy, _| {
        let config = config.display().to_string();
        proxy.policy("policy.yaml", USUAL).flag("--config", &config)
    })
    .await;
    stage.upstream.add(REPO, "1", &dubious(412));
    stage.get(&manifest_path(REPO, "1")).await;
    let taken = change(&stage, &chat, STRICTER, 1).await;
    let text = taken[0].json()["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(text.contains(REPO) && text.contains("worse"), "{text}");
    assert_eq!(taken[0].header("content-type"), "application/json");
    change(&stage, &chat, USUAL, 2).await;
    eventually("the other is tried", async || !down.messages().is_empty()).await;
    stage.proxy.kill();
    down.heal();
    stage.proxy.restart().await;
    eventually("it is sent what it asks for", async || {
        !down.taken().is_empty()
    })
    .await;
    eventually("nothing waits any more", async || {
        let status = stage.proxy.api("/api/v1/status").await.json();
        let webhooks = status["webhooks"].as_array().cloned().unwrap_or_default();
        webhooks.len() == 2 && webhooks.iter().all(|it| it["waiting"] == 0)
    })
    .await;
    let seqs: Vec<Value> = (down.taken().iter())
        .map(|message| message.json()["data"]["seq"].clone())
        .collect();
    assert_eq!(
        seqs,
        [json!(1)],
        "that the verdict is better again was not asked for"
    );
    assert_eq!(chat.taken().len(), 2, "each once");
    let status = stage.proxy.api("/api/v1/status").await.text();
    assert!(!status.contains("hidden") && !stage.proxy.log().contains("hidden"));
}

/// The HMAC of RFC 2104 over SHA-256, written out so that the test shares nothing with the product.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    assert!(key.len() <= 64, "longer keys are hashed first");
    let pad = |with: u8| -> Vec<u8> {
        let mut block = key.to_vec();
        block.resize(64, 0);
        block.iter().map(|byte| byte ^ with).collect()
    };
    let inner = Sha256::digest([pad(0x36), message.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}
