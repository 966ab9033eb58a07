//! Who gets which file, and what becomes of a failure.

use std::io::Write;

use super::super::claimed::EarlyDigests;
use super::*;
use crate::analyzer::{AnalyzerId, SpooledFile, WantedFile, Wants};
use crate::facts::FileDigests;
use crate::limits::Limits;

struct Panicking;

impl Analyzer for Panicking {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "test/panicking",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Exact("a/exact"),
            Wants::InDir("dir"),
            Wants::Named("name"),
            Wants::Ending(".end"),
            Wants::Ending(".two.parts"),
            Wants::NamedAround {
                starts: "lock.",
                ends: ".list",
            },
            Wants::InDirsNamed {
                dir: "meta",
                ending: ".rec",
            },
            Wants::Content {
                starts: b"MAGIC",
                holds: b"more",
            },
        ]
    }

    fn max_file_bytes(&self) -> u64 {
        8
    }

    fn analyze(&self, _: WantedFile<'_>, _: &mut Observations) -> Result<(), AnalyzeError> {
        panic!("an analyzer's own mistake")
    }
}

fn analyze(content: &[u8]) -> FileFacts {
    let plugins = PluginSet::new(vec![Box::new(Panicking)]);
    let limits = Limits::default();
    let file = ClaimedFile {
        path: "a/exact",
        size_bytes: content.len().try_into().unwrap(),
        memory: Some(content),
        spool: None,
        early: EarlyDigests::default(),
        limits: &limits,
    };
    plugins.analyze(&plugins.by_path("a/exact"), &file)
}

#[test]
fn claims_cover_what_they_say() {
    let plugins = PluginSet::new(vec![Box::new(Panicking)]);
    for path in [
        "a/exact",
        "dir/any",
        "x/y/name",
        "name",
        "x/file.end",
        "x/FILE.END",
        "x/file.two.Parts",
        "x/lock.a.list",
        "meta/a.rec",
        "x/y/meta/a.rec",
    ] {
        assert!(!plugins.by_path(path).is_empty(), "{path}");
    }
    for path in [
        "x/a/exact",
        "dir/sub/any",
        "x/name/y",
        "x/file.end.gz",
        "x/file.parts",
        "x/lock.list",
        "x/lock..list",
        "x/lock.a.b.list",
        "lock.a.list.gz",
        "x/a.rec",
        "meta/x/a.rec",
        "meta/a.txt",
        "end",
    ] {
        assert!(plugins.by_path(path).is_empty(), "{path}");
    }
    for (head, wanted) in [
        (&b"MAGIC and more"[..], false),
        (b"MAGIC", true),
        (b"x MAGIC more", true),
    ] {
        assert_eq!(
            plugins.by_content(head, Claimants::default()).is_empty(),
            wanted
        );
    }
}

#[test]
fn a_panic_is_a_fatal_gap() {
    let facts = analyze(b"x");
    assert_eq!(facts.found.gaps.len(), 1);
    assert_eq!(
        (facts.found.gaps[0].kind, facts.found.gaps[0].fatal),
        (GapKind::AnalyzerFailed, true)
    );
}

#[test]
fn a_file_over_the_bound_is_a_gap() {
    let facts = analyze(b"longer than eight");
    assert_eq!(facts.found.gaps[0].kind, GapKind::FileTooLarge);
}

/// Records which way a file came, and how long it was.
struct Seeking;

impl Analyzer for Seeking {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "test/seeking",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("name"), Wants::Ending(".big")]
    }

    fn max_file_bytes(&self) -> u64 {
        4
    }

    fn max_spooled_bytes(&self) -> u64 {
        9
    }

    fn analyze(&self, file: WantedFile<'_>, _: &mut Observations) -> Result<(), AnalyzeError> {
        Err(AnalyzeError::of(format!("memory {}", file.content.len())))
    }

    fn analyze_spooled(
        &self,
        file: SpooledFile<'_>,
        _: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        let held = file.content.metadata().unwrap().len();
        Err(AnalyzeError::of(format!(
            "spool {held} of {}",
            file.size_bytes
        )))
    }
}

#[test]
fn each_claimant_gets_the_file_where_it_takes_it() {
    let plugins = PluginSet::new(vec![Box::new(Panicking), Box::new(Seeking)]);
    let limits = Limits::default();
    for (path, content, memory, spool, wanted) in [
        ("usr/x.big", "1234", true, false, "memory 4"),
        ("usr/x.big", "12345", false, true, "spool 5 of 5"),
        (
            "usr/x.big",
            "1234567890",
            false,
            false,
            "at most 9 bytes, got 10",
        ),
        ("usr/name", "12345678", true, true, "spool 8 of 8"),
    ] {
        let claimants = plugins.by_path(path);
        let size_bytes = content.len().try_into().unwrap();
        let places = plugins.places(&claimants, size_bytes);
        assert_eq!(places, Places { memory, spool }, "{path} {content}");
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let claimed = ClaimedFile {
            path,
            size_bytes,
            memory: memory.then_some(content.as_bytes()),
            spool: spool.then_some(Ok(file)),
            early: EarlyDigests::default(),
            limits: &limits,
        };
        let facts = plugins.analyze(&claimants, &claimed);
        let detail = &facts.found.gaps.last().unwrap().detail;
        assert!(detail.contains(wanted), "{path} {content}: {detail}");
        let digests = (memory || spool).then(|| FileDigests::of(content.as_bytes()));
        assert_eq!(facts.digests, digests, "{path} {content}");
    }
}

#[test]
fn only_what_a_package_may_have_installed_is_hashed() {
    for (path, is_hashed) in [
        ("usr/lib/x.big", true),
        ("opt/x/x.big", true),
        ("bin/x.big", true),
        ("usr/local/bin/x.big", false),
        ("app/x.big", false),
        ("x.big", false),
    ] {
        let plugins = PluginSet::new(vec![Box::new(Seeking)]);
        let claimed = ClaimedFile {
            path,
            size_bytes: 3,
            memory: Some(b"123"),
            spool: None,
            early: EarlyDigests::default(),
            limits: &Limits::default(),
        };
        let facts = plugins.analyze(&plugins.by_path(path), &claimed);
        assert_eq!(facts.digests.is_some(), is_hashed, "{path}");
    }
}

#[test]
fn a_file_that_could_not_be_spooled_is_a_gap_and_has_no_digests() {
    let plugins = PluginSet::new(vec![Box::new(Seeking)]);
    let claimed = ClaimedFile {
        path: "x.big",
        size_bytes: 5,
        memory: None,
        spool: Some(Err(Gap::partial(GapKind::FileUnreadable, "no room"))),
        early: EarlyDigests::default(),
        limits: &Limits::default(),
    };
    let facts = plugins.analyze(&plugins.by_path("x.big"), &claimed);
    let gap = Gap::partial(GapKind::FileUnreadable, "no room").at("x.big");
    assert_eq!((facts.found.gaps, facts.digests), (vec![gap], None));
}
