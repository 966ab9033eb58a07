//! The target for lists of malicious files.

use sluicegate_model::hashed::ContentHash;
use sluicegate_scanner::hash_list::HashList;

use super::Target;

/// The digest of nothing, which no list can accuse.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub fn targets() -> Vec<Target> {
    let digest = "0123456789abcdef".repeat(4);
    let text = format!(
        "# Samples\n# Last updated: 2026-11-30 12:00:00 UTC\n{digest}\n{digest}  A.Name\n{digest}:7:Other:73\n"
    );
    vec![Target::new("hash-list", list, vec![text.into_bytes()])]
}

fn list(data: &[u8]) {
    let home = tempfile::tempdir().expect("make a directory");
    let path = home.path().join("malware.txt");
    std::fs::write(&path, data).expect("write a file");
    let Ok(list) = HashList::read(&path) else {
        return;
    };
    assert!(list.digests() > 0, "a list says something");
    assert!(
        !list.title().contains(char::is_control),
        "{:?}",
        list.title()
    );
    // What each line begins with is found again.
    for line in String::from_utf8_lossy(data).lines() {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line).trim();
        let digits = line.get(..64).unwrap_or_default();
        let is_digest = digits.len() == 64 && digits.bytes().all(|it| it.is_ascii_hexdigit());
        if is_digest && !digits.eq_ignore_ascii_case(OF_NOTHING) {
            let hash: ContentHash = digits[..32].parse().expect("half of a digest");
            let found = list.lookup(hash).expect("a line of the list");
            assert!(!found.name.contains(char::is_control), "{line:?}");
        }
    }
}
