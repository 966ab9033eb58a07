//! Over a data directory that commit 82ed7e6 left: the API says what was decided then, and nothing
//! of it leaves before it is judged by what is known now.

use http::{Method, StatusCode};
use serde_json::Value;
use sluicegate_tests::proxy::{ProxyBuilder, verify_log};

/// What `proxy/local/tests/earlier/make.py` packed; its own tests read all of it.
const ARCHIVE: &[u8] = include_bytes!("../../proxy/local/tests/earlier/82ed7e6.tar.zst");

/// Gives the members of `names`, in each item of a list.
fn members<'a>(items: &'a Value, names: &[&str]) -> Vec<Vec<&'a Value>> {
    let items = items.as_array().expect("a list").iter();
    let members = |item: &'a Value| names.iter().map(|name| &item[name]).collect();
    items.map(members).collect()
}

/// Gives the same, whatever the order of the list.
fn sorted(items: &Value, names: &[&str]) -> Vec<String> {
    let items = members(items, names);
    let mut texts: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
    texts.sort_unstable();
    texts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_an_earlier_version_is_shown_whole_and_allows_nothing() {
    let home = tempfile::tempdir().expect("make a directory");
    let packed = zstd::decode_all(ARCHIVE).expect("decompress");
    let unpacked = tar::Archive::new(&packed[..]).unpack(&home);
    unpacked.expect("unpack");
    let answers = std::fs::read(home.path().join("answers.json")).expect("read");
    let answers: Value = serde_json::from_slice(&answers).expect("JSON");
    let data = home.path().join("data");
    // Nobody listens there: all that is shown is from the disk.
    let builder = ProxyBuilder::new("http://127.0.0.1:9");
    let builder = builder.data(&data.display().to_string());
    let mut proxy = builder.start().await;

    let listed = async |path: &str| proxy.api(path).await.json()["items"].clone();
    let now = listed("/api/v1/verdicts?limit=99").await;
    let verdicts = &answers["verdicts"];
    let names = ["repository", "digest", "decision", "platform", "tags"];
    assert_eq!(sorted(&now, &names), sorted(verdicts, &names));
    for verdict in verdicts.as_array().expect("a list") {
        let text = |name: &str| verdict[name].as_str().expect("a text");
        let path = format!("{}?repository={}", text("digest"), text("repository"));
        let shown = proxy.verdict(&path).await;
        for name in ["reasons", "provenance", "policy", "valid_until", "distro"] {
            assert_eq!(shown[name], verdict[name], "{path}");
        }
        let names = ["id", "severity", "fixed", "exception"];
        let (now, then) = (&shown["findings"], &verdict["findings"]);
        assert_eq!(members(now, &names), members(then, &names), "{path}");
    }
    let now = listed("/api/v1/events?limit=99").await;
    let names = [
        "seq",
        "id",
        "time",
        "digest",
        "direction",
        "decision",
        "findings",
    ];
    assert_eq!(members(&now, &names), members(&answers["events"], &names));
    let now = listed("/api/v1/decisions?limit=99").await;
    let names = [
        "seq",
        "time",
        "client",
        "user_agent",
        "repository",
        "tag",
        "decision",
        "hash",
    ];
    assert_eq!(
        members(&now, &names),
        members(&answers["decisions"], &names)
    );

    let lines = answers["decisions"].as_array().expect("a list").iter();
    for line in lines.filter(|line| line["decision"] == "allow") {
        let repository = line["repository"].as_str().expect("a text");
        let repository = repository.strip_prefix("up.test/").expect("its registry");
        let digest = line["digest"].as_str().expect("a text");
        let path = format!("/v2/{repository}/manifests/{digest}");
        let reply = proxy.ask(Method::GET, &path).await;
        assert_ne!(reply.status, StatusCode::OK, "{path}");
    }
    assert!(!proxy.log().contains("damaged"), "{}", proxy.log());
    assert!(proxy.terminate().success());
    verify_log(&data).await.expect_ok("the log verifies");
}
