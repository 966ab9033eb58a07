//! Lists that are read, and what is none.

use sluicegate_model::digest::Digest;

use super::*;

fn sha256(content: &[u8]) -> String {
    Digest::of(content).hex().to_owned()
}

fn hash(content: &[u8]) -> ContentHash {
    ContentHash::of(&sha2::Sha256::digest(content).into())
}

fn read(text: &[u8]) -> Result<HashList, String> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("malware.txt");
    std::fs::write(&path, text).unwrap();
    HashList::read(&path).map_err(|error| error.to_string())
}

#[test]
fn every_usual_layout_of_a_list_is_read() {
    let [one, two, three] = [b"one", b"two", b"3.."].map(|it| sha256(it));
    let text = format!(
        "################\r\n# Samples of the week #\r\n# Last updated: 2026-11-30 12:00:03 UTC #\r\n#\r\n\
         # sha256\r\n{one}\r\n\n{}  Win.Trojan.Agent-1\n{three}:1024:Unix.Miner.Xmrig-2:73\n",
        two.to_uppercase()
    );
    let list = read(text.as_bytes()).unwrap();
    assert_eq!(list.title(), "Samples of the week");
    assert_eq!(list.of().unwrap().to_string(), "2026-11-30T12:00:03Z");
    assert_eq!(list.digests(), 3);
    let name = |content| list.lookup(hash(content)).map(|threat| threat.name);
    assert_eq!(name(b"one"), Some(""));
    assert_eq!(name(b"two"), Some("Win.Trojan.Agent-1"));
    assert_eq!(name(b"3.."), Some("Unix.Miner.Xmrig-2"));
    assert_eq!(name(b"four"), None);
    let whole = list.lookup(hash(b"one")).unwrap().sha256;
    assert_eq!(hex::encode(whole), one);
}

#[test]
fn a_plain_list_has_the_name_of_its_file_and_no_day() {
    let list = read(sha256(b"one").as_bytes()).unwrap();
    assert_eq!((list.title(), list.of()), ("malware.txt", None));
    let dated = format!("# 2026-11-30\n{}", sha256(b"one"));
    let dated = read(dated.as_bytes()).unwrap();
    assert_eq!(dated.of().unwrap().to_string(), "2026-11-30T00:00:00Z");
    assert_ne!(dated.content(), list.content());
}

#[test]
fn one_line_that_is_none_of_a_list_makes_it_no_list() {
    let one = sha256(b"one");
    let half = &one[..40];
    for (text, wanted) in [
        (format!("{one}\n{half}"), "line 2 does not begin"),
        ("<html>not found</html>".to_owned(), "line 1 does not begin"),
        (format!("{one}{one}\n"), "line 1 does not begin"),
        (format!("{one},x\n"), "line 1 does not begin"),
        (format!("{one}:77\n"), "line 1 has no name"),
        (format!("# nothing\n\n{OF_NOTHING}\n"), "it has no digest"),
        (String::new(), "it has no digest"),
        (format!("{one}\n#{}", "x".repeat(5_000)), "line 2 is longer"),
    ] {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
    let error = read(b"\xff\xfe").unwrap_err();
    assert!(error.contains("no text"), "{error}");
    let missing = HashList::read(Path::new("/nowhere/malware.txt")).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/malware.txt"));
}

#[test]
fn names_are_for_one_line_and_of_two_lines_that_with_a_name_counts() {
    let one = sha256(b"one");
    let text = format!("{one}\n{one}  \u{202e}evil\u{7}{}\n{one}", "x".repeat(500));
    let list = read(text.as_bytes()).unwrap();
    assert_eq!(list.digests(), 1);
    let name = list.lookup(hash(b"one")).unwrap().name;
    assert!(name.starts_with("evilx"), "{name}");
    assert_eq!(name.chars().count(), MAX_NAME);
}

#[test]
fn of_several_lists_one_that_names_the_threat_is_heard() {
    let one = sha256(b"one");
    let lists = [one.clone(), format!("{one} Named"), format!("{one} Other")];
    let lists = lists.map(|text| Arc::new(read(text.as_bytes()).unwrap()));
    let all = HashLists::new(lists.to_vec(), false);
    let (list, threat) = all.lookup(hash(b"one")).unwrap();
    assert_eq!((threat.name, list.content()), ("Named", lists[1].content()));
    assert!(all.lookup(hash(b"two")).is_none());
    let first = HashLists::new(lists[..1].to_vec(), true);
    let (list, _) = first.lookup(hash(b"one")).unwrap();
    assert_eq!(list.content(), lists[0].content());
    assert_eq!(first.content(), [*lists[0].content(), [0; 32]]);
    assert!(HashLists::new(Vec::new(), true).are_in_force());
    assert!(!HashLists::default().are_in_force());
}
