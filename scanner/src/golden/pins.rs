//! The table of what each part gives, pinned beside its revision: compared, and written anew where
//! that is allowed.
//!
//! *Shape*: a line for each part with its name, its revision and the digest of what it gives. A
//! digest that changed is never pinned under the revision that another one has: whoever changes
//! what a part gives raises its revision, or facts that were kept before decide on.

use std::fmt::Write as _;
use std::path::Path;

/// The environment variable that says what else a run is to do: `write` the table anew, or `show`
/// what was hashed.
pub(crate) const MODE: &str = "SLUICEGATE_GOLDEN";

/// What stands above the lines of every table.
const HEADER: &str = "# What each part gives for the golden corpus: name, revision, digest.\n";

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) revision: u32,
    pub(crate) digest: String,
}

/// Compares what is with what is pinned in the file at `path`, and writes that anew where `write`
/// is asked for. `command` is how a person asks.
pub(crate) fn settle(now: &[Row], path: &Path, command: &str) {
    let pinned = read(&std::fs::read_to_string(path).unwrap_or_default());
    if std::env::var_os(MODE).is_some_and(|mode| mode == "write") {
        let refused = refusals(now, &pinned);
        assert!(
            refused.is_empty(),
            "nothing pinned:\n{}",
            refused.join("\n")
        );
        std::fs::write(path, text(now)).expect("write the table of pinned digests");
        return;
    }
    let complaints = complaints(now, &pinned);
    assert!(
        complaints.is_empty(),
        "{}\nto pin: {MODE}=write {command}\nto see what was hashed: {MODE}=show {command}",
        complaints.join("\n")
    );
}

fn read(text: &str) -> Vec<Row> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(Row {
                name: words.next()?.to_owned(),
                revision: words.next()?.parse().ok()?,
                digest: words.next()?.to_owned(),
            })
        })
        .collect()
}

fn text(rows: &[Row]) -> String {
    let mut text = HEADER.to_owned();
    for row in rows {
        let _ = writeln!(text, "{} {} {}", row.name, row.revision, row.digest);
    }
    text
}

/// Says what keeps the table from being true.
fn complaints(now: &[Row], pinned: &[Row]) -> Vec<String> {
    let mut complaints = refusals(now, pinned);
    for row in now {
        let Row {
            name,
            revision,
            digest,
        } = row;
        match pinned.iter().find(|pin| pin.name == *name) {
            None => complaints.push(format!("{name} has no pinned digest; pin {digest}")),
            Some(pin) if pin.revision < *revision => complaints.push(format!(
                "the revision of {name} was raised {} -> {revision}; pin {digest}",
                pin.revision
            )),
            Some(_) => {}
        }
    }
    let is_gone = |pin: &&Row| now.iter().all(|row| row.name != pin.name);
    let gone = pinned.iter().filter(is_gone);
    complaints.extend(gone.map(|pin| format!("{} is pinned and is no part any more", pin.name)));
    complaints
}

/// Says what must not be pinned.
fn refusals(now: &[Row], pinned: &[Row]) -> Vec<String> {
    let mut refusals = Vec::new();
    for row in now {
        let Some(pin) = pinned.iter().find(|pin| pin.name == row.name) else {
            continue;
        };
        let (name, revision, digest) = (&row.name, row.revision, &row.digest);
        if revision < pin.revision {
            refusals.push(format!(
                "the revision of {name} went back {} -> {revision}: what was kept under it before \
                 would decide again",
                pin.revision
            ));
        } else if revision == pin.revision && *digest != pin.digest {
            refusals.push(format!(
                "output of {name} changed; raise its revision {revision} -> {} and pin {digest}",
                revision + 1
            ));
        }
    }
    refusals
}

#[test]
fn a_changed_digest_needs_a_raised_revision() {
    let row = |revision, digest: &str| Row {
        name: "os/dpkg".to_owned(),
        revision,
        digest: digest.to_owned(),
    };
    let pinned = read(&text(&[row(2, "aa")]));
    assert_eq!(pinned, [row(2, "aa")]);
    let said = |now: &[Row]| (refusals(now, &pinned).len(), complaints(now, &pinned));
    assert_eq!(said(&[row(2, "aa")]), (0, vec![]));
    let (refused, words) = said(&[row(2, "bb")]);
    let wanted = "output of os/dpkg changed; raise its revision 2 -> 3 and pin bb";
    assert_eq!((refused, words), (1, vec![wanted.to_owned()]));
    // Raised, with or without need: to be pinned, so that the next change needs another one.
    for digest in ["aa", "bb"] {
        let (refused, words) = said(&[row(3, digest)]);
        assert_eq!((refused, words.len()), (0, 1), "{words:?}");
    }
    assert_eq!(said(&[row(1, "aa")]).0, 1);
    let new = Row {
        name: "os/new".to_owned(),
        ..row(1, "cc")
    };
    assert_eq!(
        said(&[new]).1.len(),
        2,
        "one without a pin, one without a part"
    );
}
