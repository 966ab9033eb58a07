//! Lines of the record: bounded whatever images hold, one for all that changed alike, and proven.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;
use sluicegate_engine::ledger::{InPackage, RecordedImage, Turn, TurnBasis, Turned, Weaknesses};
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Audience, Digest, Domain};

use super::*;
use crate::chain::{Chain as _, Head, MAX_LINE_BYTES};

fn turn(image: &str, second: i64, found: Turned) -> Turn {
    Turn {
        image: RecordedImage {
            repository: format!("up.test/{image}").parse().unwrap(),
            digest: Digest::of(image.as_bytes()),
            domain: Domain::Here,
        },
        audience: Audience::EVERYBODY,
        time: Timestamp::from_second(1_700_000_000 + second).unwrap(),
        before: Some(Decision::Allow),
        after: Some(Decision::Refuse),
        basis: Some(TurnBasis {
            policies: Digest::of(b"policies"),
            feeds: SnapshotId::NO_FEEDS,
            scanner: "sluicegate/0 f".into(),
        }),
        allowed_by: Vec::new(),
        found,
    }
}

fn weaknesses(of: &[(&str, &[&str])]) -> Weaknesses {
    let of_one = |(package, names): &(&str, &[&str])| {
        let package = InPackage {
            name: (*package).to_owned(),
            version: "1".to_owned(),
        };
        let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        (package, names)
    };
    Weaknesses(of.iter().map(of_one).collect())
}

fn lines(turns: Vec<Turn>) -> Vec<RecordLine> {
    let mut head = Head::before_the_first();
    let mut lines = Vec::new();
    for entry in entries(turns) {
        let (bytes, next) = Turns::chain(entry, &head).unwrap();
        assert!(bytes.len() <= MAX_LINE_BYTES, "{}", bytes.len());
        let line = Turns::read(bytes.strip_suffix(b"\n").unwrap()).unwrap();
        assert_eq!(Turns::link(&line).unwrap().head, next);
        head = next;
        lines.push(line);
    }
    lines
}

#[test]
fn images_that_changed_alike_share_a_line_and_others_do_not() {
    let found = |id| Turned {
        is_whole: false,
        added: weaknesses(&[("zlib", &[id])]),
        removed: Weaknesses::default(),
    };
    let turns = vec![
        turn("a", 1, found("CVE-1")),
        turn("b", 3, found("CVE-1")),
        turn("c", 2, found("CVE-2")),
    ];
    let lines = lines(turns);
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.images.len(), &line.added[0].ids))
        .collect();
    assert_eq!(
        told,
        [
            (2, &vec!["CVE-1".to_owned()]),
            (1, &vec!["CVE-2".to_owned()])
        ]
    );
    assert_eq!(
        lines[0].time,
        Timestamp::from_second(1_700_000_003).unwrap()
    );
    let images: Vec<RecordedImage> = lines[0].recorded().collect();
    assert_eq!(images[1].repository.as_str(), "up.test/b");
}

#[test]
fn a_changed_byte_of_a_line_is_told() {
    let found = Turned {
        is_whole: true,
        added: weaknesses(&[("zlib", &["CVE-1"])]),
        removed: Weaknesses::default(),
    };
    let entry = entries(vec![turn("a", 1, found)]).remove(0);
    let (bytes, _) = Turns::chain(entry, &Head::before_the_first()).unwrap();
    let line = bytes.strip_suffix(b"\n").unwrap();
    assert!(Turns::read(line).is_some());
    for at in 0..line.len() {
        let mut changed = line.to_vec();
        changed[at] ^= 1;
        assert!(Turns::read(&changed).is_none(), "byte {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is found, every line is within its bound, and together they say all of it.
    #[test]
    fn lines_are_bounded_and_say_all_that_was_found(
        packages in proptest::collection::btree_map(
            "[a-z\u{1}\"é]{1,200}",
            proptest::collection::btree_set("(CVE|GHSA)-[0-9\u{2}]{1,90}", 1..120),
            1..40,
        ),
        images in 1_usize..120,
        is_whole in any::<bool>(),
    ) {
        let added = Weaknesses(packages.into_iter().map(|(name, ids)| {
            (InPackage { version: name.clone(), name }, ids)
        }).collect());
        let found = Turned { is_whole, added: added.clone(), removed: Weaknesses::default() };
        let turns = (0..images).map(|it| turn(&format!("app{it}"), 0, found.clone()));
        let lines = lines(turns.collect());
        for image in 0..images {
            let name = format!("up.test/app{image}@");
            let of_image = lines.iter().filter(|it| it.images.iter().any(|it| it.starts_with(&name)));
            let of_image: Vec<_> = of_image.collect();
            let wholes = of_image.iter().filter(|line| line.whole).count();
            prop_assert_eq!(wholes, usize::from(is_whole));
            prop_assert!(!is_whole || of_image[0].whole);
            let mut said = Weaknesses::default();
            for line in of_image {
                for (package, names) in read_weaknesses(&line.added).0 {
                    said.0.entry(package).or_default().extend(names);
                }
            }
            prop_assert_eq!(&said, &added);
        }
    }
}
