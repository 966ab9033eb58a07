//! Who pulled an image, by the log.

use super::*;

#[tokio::test]
async fn who_pulled_is_told_newest_first_and_counted_past_its_bound() {
    let (directory, log) = open_log();
    let by = |client: String, second| LogEntry {
        client: Some(client),
        count: 2,
        ..entry(second)
    };
    for number in 0..23 {
        log.append(by(format!("192.0.2.{number}"), number))
            .await
            .unwrap();
    }
    log.append(by("192.0.2.5".into(), 30)).await.unwrap();
    let elsewhere = LogEntry {
        repository: Some("up.test/other".into()),
        ..entry(31)
    };
    log.append(elsewhere).await.unwrap();
    let asked = |name: &str, second| WhoPulled {
        repository: "up.test/app".parse().unwrap(),
        digest: Digest::of(name.as_bytes()),
        through: Vec::new(),
        until: at(second),
    };
    let wanted = [
        asked("image", 60),
        asked("unheard of", 60),
        asked("image", 1),
    ];
    let found = pulled_by(directory.path(), &wanted).unwrap();
    let [pulled, nobody, earlier] = found.as_slice() else {
        panic!("{found:?}");
    };
    let clients: Vec<_> = pulled
        .clients
        .iter()
        .map(|p| (&*p.client, p.pulls))
        .collect();
    assert_eq!(
        clients[..3],
        [("192.0.2.5", 4), ("192.0.2.22", 2), ("192.0.2.21", 2)]
    );
    assert_eq!(pulled.clients[0].last, at(30));
    assert_eq!(pulled.clients[0].decision, Decision::Allow);
    assert_eq!(
        (clients.len(), pulled.others, pulled.complete),
        (20, 3, true)
    );
    assert_eq!((&nobody.clients[..], nobody.others), (&[][..], 0));
    let clients: Vec<_> = earlier.clients.iter().map(|p| &*p.client).collect();
    assert_eq!(clients, ["192.0.2.1", "192.0.2.0"]);
}

#[tokio::test]
async fn who_pulled_an_index_pulled_what_it_lists_and_counts_count() {
    let (directory, log) = open_log();
    log.append(entry(0)).await.unwrap();
    let counted = LogEntry {
        kind: LineKind::Count,
        count: 4,
        ..entry(2)
    };
    log.append(counted).await.unwrap();
    let child = WhoPulled {
        repository: "up.test/app".parse().unwrap(),
        digest: Digest::of(b"child"),
        through: vec![Digest::of(b"image")],
        until: at(60),
    };
    let of_itself = WhoPulled {
        through: Vec::new(),
        ..child.clone()
    };
    let found = pulled_by(directory.path(), &[child, of_itself]).unwrap();
    let pulls: Vec<u64> = found[0].clients.iter().map(|by| by.pulls).collect();
    assert_eq!(pulls, [5]);
    assert!(found[1].clients.is_empty());
}
