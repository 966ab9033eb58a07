//! What every analyzer promises, whatever it is fed.

use proptest::prelude::*;
use sluicegate_model::coverage::{Gap, GapKind};

use super::*;
use crate::analyzer::{WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::Limits;
use crate::plugin_set::PluginSet;

pub(crate) use super::archive::tests::zip;

/// Runs one analyzer as the host does, except that a panic fails the test.
pub(crate) fn analyze(analyzer: &dyn Analyzer, path: &str, content: &[u8]) -> Observations {
    let limits = Limits::default();
    let mut found = Observations::default();
    let file = WantedFile {
        path,
        content,
        limits: &limits,
    };
    if let Err(error) = analyzer.analyze(file, &mut found) {
        found
            .gaps
            .push(Gap::partial(GapKind::FileUnreadable, error.to_string()));
    }
    found
}

/// Directories in which a file of a claimed name is evidence to one analyzer or another.
const EVIDENCE_DIRS: [&str; 2] = ["node_modules/x.dist-info", ".meta/composer"];

/// Gives paths that each claim of an analyzer covers.
fn claimed_paths(analyzer: &dyn Analyzer) -> Vec<String> {
    let paths = |wants: Wants<'_>| match wants {
        Wants::Exact(path) => vec![path.to_owned()],
        Wants::InDir(dir) => vec![format!("{dir}/x")],
        Wants::Named(name) => EVIDENCE_DIRS.map(|dir| format!("{dir}/{name}")).to_vec(),
        Wants::Ending(ending) => vec![format!(".registry/specifications/x{ending}")],
        Wants::NamedAround { starts, ends } => vec![format!("a/{starts}x{ends}")],
        Wants::InDirsNamed { dir, ending } => vec![format!("lib/{dir}/x{ending}")],
        Wants::Content { .. }
        | Wants::At { .. }
        | Wants::ArchiveEnd
        | Wants::Every
        | Wants::Headers => {
            vec!["anywhere".to_owned()]
        }
    };
    analyzer.claims().into_iter().flat_map(paths).collect()
}

fn feed_all(content: &[u8]) {
    for analyzer in PluginSet::built_in().analyzers() {
        for path in claimed_paths(analyzer) {
            analyze(analyzer, &path, content);
        }
    }
}

#[test]
fn no_content_makes_an_analyzer_panic() {
    let samples: [&[u8]; 25] = [
        b"Package: a\nStatus: install ok installed\nVersion: 1\nSource: b (2)\n",
        b"C:Q1x=\nP:a\nV:1\no:b\n",
        b"ID=debian\nVERSION_ID=\"12\"\n",
        b"Name: a\nVersion: 1\n\nbody\n",
        br#"{"name":"@a/b","version":"1.0.0"}"#,
        b"# stub: a 1 ruby lib\0b\n  s.name = %q{a}.freeze\n  s.version = Gem::Version.new('1')\n",
        br#"{"runtimeTarget":{"name":"t"},"targets":{"t":{"A/1":{}}},"libraries":{"A/1":{"type":"package"}}}"#,
        br#"{"packages":[{"name":"a/b","version":"v1"},{}]}"#,
        br#"[{"name":"a/b","version":"v1"},null]"#,
        b"a:2:{s:4:\"name\";s:1:\"A\";s:7:\"version\";a:1:{s:7:\"release\";s:1:\"1\";}}",
        br#"{"name":"a","version":"1","subdir":"noarch","dist":"A-B-1"}"#,
        b"Package: a\nVersion: 1\nBuilt: R 4.2.2\nbiocViews: x\n",
        b"{application,'a',[{d,<<\"\\\"\">>},{c,$\"},{vsn,\"1\"},{e,#{}}]}. % x",
        b"=head2 x: C<Module> L<A::B|A::B>\n\nC<VERSION: 1>\n",
        br#"{"packages":{"node_modules/@a/b":{"version":"1"}},"dependencies":{"a":{"version":"1","dependencies":{}}}}"#,
        br#"{"default":{"a":{"version":"==1"}},"packages-dev":[],"dependencies":{"net6.0":{"A":{"resolved":"1"}}}}"#,
        b"\"@a/b@npm:^1\", c@2:\n  version: \"1\"\n",
        b"lockfileVersion: '9.0'\npackages:\n  '@a/b@1(c@2)':\n  /d/1_e:\n",
        b"[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { path = \".\" }\n",
        b"GEM\n    a (1-java)\nb[c]==1;d\nrequire (\n\te v1 // f\n)\n\"g\": {:hex, :g, \"1\",\n",
        b"%NAME%\na\n\n%VERSION%\n1-1\n\n%BASE%\nb\n",
        b"packages:\n- a=1\n- b:amd64=2\n",
        &chisel::tests::sample(),
        b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\xff\xfe\x00\x80 = : \n\n\r\n \x00",
    ];
    for sample in samples {
        for cut in 0..=sample.len() {
            feed_all(&sample[..cut]);
            feed_all(&sample[cut..]);
        }
        feed_all(&sample.repeat(3));
    }
    feed_all(&vec![b'\n'; 1 << 20]);
    feed_all(&vec![b'a'; 1 << 20]);
    feed_all(&vec![b'['; 1 << 20]);
    feed_all(&vec![b'='; 1 << 20]);
}

#[test]
fn no_cut_of_a_database_makes_an_analyzer_panic() {
    for (_, sample) in rpm::tests::samples() {
        for cut in (0..=sample.len()).step_by(131) {
            feed_all(&sample[..cut]);
            feed_all(&sample[cut..]);
        }
    }
}

#[test]
fn no_archive_and_no_sbom_makes_an_analyzer_panic() {
    let archive = archive::tests::zip(&[
        ("META-INF/MANIFEST.MF", b"Bundle-SymbolicName: a\n"),
        (
            "META-INF/maven/a/b/pom.xml",
            b"<project><version>1</version></project>",
        ),
        ("EGG-INFO/PKG-INFO", b"Name: a\nVersion: 1\n"),
        ("a.jar", b"PK\x03\x04"),
        ("A.class", b""),
    ]);
    let samples: [&[u8]; 4] = [
        &archive,
        br#"{"bomFormat":"CycloneDX","components":[{"purl":"pkg:npm/a@1","components":[]}]}"#,
        br#"{"spdxVersion":"SPDX-2.3","packages":[{"externalRefs":[]}]}"#,
        b"SPDXVersion: SPDX-2.2\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/x@5\n",
    ];
    for sample in samples {
        for cut in (0..=sample.len()).step_by(1 + sample.len() / 64) {
            feed_all(&sample[..cut]);
            feed_all(&sample[cut..]);
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_make_no_analyzer_panic(content in proptest::collection::vec(any::<u8>(), 0..600)) {
        feed_all(&content);
        feed_all(&[b"PK\x03\x04", content.as_slice()].concat());
    }
}

#[test]
fn names_and_claims_are_unique_and_indexable() {
    let plugins = PluginSet::built_in();
    let mut names: Vec<_> = plugins.analyzers().map(|it| it.id().name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), plugins.analyzers().count());
    for analyzer in plugins.analyzers() {
        assert!(analyzer.max_file_bytes() > 0);
        for wants in analyzer.claims() {
            match wants {
                Wants::Ending(ending) => {
                    assert!(ending.starts_with('.'), "{ending}");
                    assert!(
                        !plugins
                            .by_path(&format!("a/X{}", ending.to_ascii_uppercase()))
                            .is_empty()
                    );
                }
                Wants::NamedAround { starts, ends } => {
                    assert!(!starts.contains('/') && ends.starts_with('.'), "{starts}");
                }
                Wants::InDirsNamed { dir, ending } => {
                    assert!(!dir.contains('/') && ending.starts_with('.'), "{dir}");
                }
                Wants::Content { starts, .. } => assert!(!starts.is_empty()),
                Wants::At { holds, .. } => assert!(!holds.is_empty()),
                Wants::ArchiveEnd | Wants::Every | Wants::Headers => {}
                Wants::Exact(path) | Wants::InDir(path) | Wants::Named(path) => {
                    assert!(!path.starts_with('/') && !path.ends_with('/'), "{path}");
                }
            }
        }
    }
}
