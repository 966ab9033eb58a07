//! Path claims as one lookup: decides which analyzers get an archive entry, and runs them.
//!
//! It never reads an archive; `layer/walk.rs` asks it for each entry and hands it whole files. A
//! panic of an analyzer ends here, as a gap.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use sluicegate_model::coverage::{Gap, GapKind};

use crate::analyzer::{Analyzer, HEAD_BYTES, WantedFile, Wants};
use crate::analyzers;
use crate::facts::{FileFacts, Observations};

/// The analyzers that claimed one entry, as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claimants(u64);

impl Claimants {
    /// Tells whether nobody claimed the entry.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn add(&mut self, index: usize) {
        self.0 |= 1_u64
            .checked_shl(index.try_into().unwrap_or(u32::MAX))
            .unwrap_or(0);
    }

    fn has(self, index: usize) -> bool {
        let mut one = Self::default();
        one.add(index);
        self.0 & one.0 != 0
    }
}

/// The claims of all analyzers, by how they are looked up.
pub(crate) struct Dispatch {
    analyzers: &'static [&'static dyn Analyzer],
    exact: HashMap<&'static str, Claimants>,
    in_dir: HashMap<&'static str, Claimants>,
    named: HashMap<&'static str, Claimants>,
    /// Few enough that comparing each costs less than lower-casing every name.
    endings: Vec<(&'static str, Claimants)>,
    in_dirs_named: Vec<(&'static str, &'static str, Claimants)>,
    content: Vec<(&'static [u8], &'static [u8], usize)>,
}

/// Gives the claims of every analyzer in the program.
pub(crate) fn dispatch() -> &'static Dispatch {
    static ALL: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(analyzers::ALL));
    &ALL
}

impl Dispatch {
    /// Indexes the claims of `analyzers`, at most 64 of them.
    pub(crate) fn new(analyzers: &'static [&'static dyn Analyzer]) -> Self {
        assert!(analyzers.len() <= 64, "claimants are a set of 64 bits");
        let mut this = Self {
            analyzers,
            exact: HashMap::new(),
            in_dir: HashMap::new(),
            named: HashMap::new(),
            endings: Vec::new(),
            in_dirs_named: Vec::new(),
            content: Vec::new(),
        };
        for (index, analyzer) in analyzers.iter().enumerate() {
            for wants in analyzer.wants() {
                this.claim(*wants, index);
            }
        }
        this
    }

    /// Decides by name.
    pub(crate) fn by_path(&self, path: &str) -> Claimants {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut bits = 0;
        let tables = [
            (&self.exact, path),
            (&self.in_dir, dir),
            (&self.named, name),
        ];
        for (table, key) in tables {
            bits |= table.get(key).copied().unwrap_or_default().0;
        }
        for (ending, claimants) in &self.endings {
            if ends_with(name, ending) {
                bits |= claimants.0;
            }
        }
        let dir_name = dir.rsplit('/').next().unwrap_or_default();
        for (named, ending, claimants) in &self.in_dirs_named {
            if dir_name == *named && name.ends_with(ending) {
                bits |= claimants.0;
            }
        }
        Claimants(bits)
    }

    /// Decides by the first [`HEAD_BYTES`] of the content, added to what the name decided.
    pub(crate) fn by_content(&self, head: &[u8], mut claimants: Claimants) -> Claimants {
        let head = head.get(..HEAD_BYTES).unwrap_or(head);
        for (starts, holds, index) in &self.content {
            let found = head.starts_with(starts) && contains(head, holds);
            if found {
                claimants.add(*index);
            }
        }
        claimants
    }

    /// Tells whether an analyzer claims exactly this path.
    pub(crate) fn is_exact(&self, path: &str) -> bool {
        self.exact.contains_key(path)
    }

    /// Gives the largest bound among the claimants, in bytes.
    pub(crate) fn max_file_bytes(&self, claimants: Claimants) -> u64 {
        self.claimed(claimants)
            .map(Analyzer::max_file_bytes)
            .max()
            .unwrap_or(0)
    }

    /// Runs the claimants over a whole file.
    pub(crate) fn analyze(&self, claimants: Claimants, file: WantedFile<'_>) -> FileFacts {
        let mut facts = FileFacts {
            path: file.path.to_owned(),
            ..FileFacts::default()
        };
        let size = u64::try_from(file.content.len()).unwrap_or(u64::MAX);
        for analyzer in self.claimed(claimants) {
            if size > analyzer.max_file_bytes() {
                facts.found.gaps.push(too_large(analyzer, size, file.path));
            } else {
                run(analyzer, file, &mut facts.found);
            }
        }
        facts
    }

    fn claim(&mut self, wants: Wants, index: usize) {
        let (table, key) = match wants {
            Wants::Exact(path) => (&mut self.exact, path),
            Wants::InDir(dir) => (&mut self.in_dir, dir),
            Wants::Named(name) => (&mut self.named, name),
            Wants::Ending(ending) => {
                let mut claimants = Claimants::default();
                claimants.add(index);
                self.endings.push((ending, claimants));
                return;
            }
            Wants::InDirsNamed { dir, ending } => {
                let mut claimants = Claimants::default();
                claimants.add(index);
                self.in_dirs_named.push((dir, ending, claimants));
                return;
            }
            Wants::Content { starts, holds } => {
                self.content.push((starts, holds, index));
                return;
            }
        };
        table.entry(key).or_default().add(index);
    }

    fn claimed(&self, claimants: Claimants) -> impl Iterator<Item = &'static dyn Analyzer> {
        self.analyzers
            .iter()
            .enumerate()
            .filter(move |(index, _)| claimants.has(*index))
            .map(|(_, analyzer)| *analyzer)
    }
}

fn run(analyzer: &dyn Analyzer, file: WantedFile<'_>, found: &mut Observations) {
    let name = analyzer.id().name;
    let outcome = catch_unwind(AssertUnwindSafe(|| analyzer.analyze(file, found)));
    let gap = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => Gap::partial(
            GapKind::FileUnreadable,
            format!("{name} could not read it: {error}"),
        ),
        Err(_) => Gap::fatal(
            GapKind::AnalyzerFailed,
            format!("{name} failed on this file"),
        ),
    };
    found.gaps.push(gap.at(file.path));
}

/// Records that a file is over its analyzer's bound.
pub(crate) fn too_large(analyzer: &dyn Analyzer, size_bytes: u64, path: &str) -> Gap {
    let detail = format!(
        "{} reads files of at most {} bytes, got {size_bytes}",
        analyzer.id().name,
        analyzer.max_file_bytes(),
    );
    Gap::partial(GapKind::FileTooLarge, detail).at(path)
}

/// Tells whether a name ends so, whatever the case of ASCII letters.
fn ends_with(name: &str, ending: &str) -> bool {
    let start = name.len().checked_sub(ending.len());
    let tail = start.and_then(|start| name.as_bytes().get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(ending.as_bytes()))
}

fn contains(head: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || head.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzer::{AnalyzeError, AnalyzerId};
    use crate::limits::Limits;

    struct Panicking;

    impl Analyzer for Panicking {
        fn id(&self) -> AnalyzerId {
            AnalyzerId {
                name: "test/panicking",
                revision: 1,
            }
        }

        fn wants(&self) -> &'static [Wants] {
            &[
                Wants::Exact("a/exact"),
                Wants::InDir("dir"),
                Wants::Named("name"),
                Wants::Ending(".end"),
                Wants::Ending(".two.parts"),
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
        let dispatch = Dispatch::new(&[&Panicking]);
        let limits = Limits::default();
        let file = WantedFile {
            path: "a/exact",
            content,
            limits: &limits,
        };
        dispatch.analyze(dispatch.by_path("a/exact"), file)
    }

    #[test]
    fn claims_cover_what_they_say() {
        let dispatch = Dispatch::new(&[&Panicking]);
        for path in [
            "a/exact",
            "dir/any",
            "x/y/name",
            "name",
            "x/file.end",
            "x/FILE.END",
            "x/file.two.Parts",
            "meta/a.rec",
            "x/y/meta/a.rec",
        ] {
            assert!(!dispatch.by_path(path).is_empty(), "{path}");
        }
        for path in [
            "x/a/exact",
            "dir/sub/any",
            "x/name/y",
            "x/file.end.gz",
            "x/file.parts",
            "x/a.rec",
            "meta/x/a.rec",
            "meta/a.txt",
            "end",
        ] {
            assert!(dispatch.by_path(path).is_empty(), "{path}");
        }
        for (head, wanted) in [
            (&b"MAGIC and more"[..], false),
            (b"MAGIC", true),
            (b"x MAGIC more", true),
        ] {
            assert_eq!(
                dispatch.by_content(head, Claimants::default()).is_empty(),
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
}
