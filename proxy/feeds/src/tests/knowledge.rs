//! Knowledge files of a URL come with a sync; a damaged or missing one leaves that of before.

use super::*;

const LIST: &str = "knowledge/malware.txt";

fn list(digits: &[&str]) -> Vec<u8> {
    let lines = digits.iter().map(|it| format!("{}\n", it.repeat(64)));
    lines.collect::<String>().into_bytes()
}

#[tokio::test]
async fn knowledge_comes_with_a_sync_and_only_whole() {
    let (site, mirror, _home) = synced_at_noon().await;
    assert!(!mirror.directory().join("knowledge").exists());
    site.put(LIST, list(&["a"]));
    let synced = sync(&mirror, LATER).await.unwrap();
    assert_eq!(
        (synced.changed, synced.problems),
        (vec![LIST.to_owned()], vec![])
    );
    assert_eq!(held(&mirror, LIST), list(&["a"]));
    let again = sync(&mirror, LATER).await.unwrap();
    assert_eq!((again.changed, again.problems), (vec![], vec![]));
    site.put(LIST, b"<html>".to_vec());
    site.put("knowledge/ends-of-support.json", b"{".to_vec());
    site.put("knowledge/jars.idx", b"none".to_vec());
    site.put("knowledge/products.json", b"{}".to_vec());
    site.put("knowledge/jar-names.txt", b"<html>".to_vec());
    let damaged = sync(&mirror, LATER).await.unwrap();
    assert_eq!(damaged.problems.len(), 5, "{:?}", damaged.problems);
    let problems = damaged.problems.join("; ");
    for path in [
        LIST,
        "knowledge/ends-of-support.json",
        "knowledge/jars.idx",
        "knowledge/products.json",
        "knowledge/jar-names.txt",
    ] {
        assert!(problems.contains(path), "{problems}");
    }
    assert!(
        problems.contains("no list of SHA-256 digests"),
        "{problems}"
    );
    assert_eq!(held(&mirror, LIST), list(&["a"]));
    assert!(!mirror.directory().join("knowledge/jars.idx").exists());
    // Advisories do not wait for it.
    assert_eq!(damaged.confirmed, Some(at(LATER)));
    site.put(LIST, list(&["a", "b"]));
    site.remove("knowledge/ends-of-support.json");
    site.remove("knowledge/jars.idx");
    site.remove("knowledge/products.json");
    site.remove("knowledge/jar-names.txt");
    let mended = sync(&mirror, LATER).await.unwrap();
    assert_eq!(
        (mended.changed, mended.problems),
        (vec![LIST.to_owned()], vec![])
    );
    assert_eq!(held(&mirror, LIST), list(&["a", "b"]));
    site.remove(LIST);
    let gone = sync(&mirror, LATER).await.unwrap();
    assert!(
        gone.problems.join("; ").contains(LIST),
        "{:?}",
        gone.problems
    );
    assert_eq!(held(&mirror, LIST), list(&["a", "b"]));
}
