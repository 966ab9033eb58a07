//! The order of pacman's versions: `[epoch:]version[-release]`.
//!
//! Runs of digits and of letters are compared as in RPM, but more characters between them make the
//! higher version, letters that follow a number at once make the lower one (`1.0rc < 1.0 < 1.0.rc`),
//! and `~` and `^` are characters like others. A missing release comes before every release. What
//! ends in a separator is no version: pacman's own order goes in circles there. Source: vercmp(8),
//! PKGBUILD(5). Called by the matcher of Arch Linux.

use std::cmp::Ordering;

use super::{Digits, ParsedVersion, VersionError, bounded, malformed};

/// A pacman version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacmanVersion {
    epoch: Digits,
    version: Pieces,
    /// Empty where there is none.
    release: Pieces,
}

/// The runs of a version or of a release, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pieces(Vec<VersionPiece>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct VersionPiece {
    /// How many characters lie between the run before and this one.
    gap: usize,
    run: VersionRun,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum VersionRun {
    Word(Box<str>),
    Number(Digits),
}

impl ParsedVersion for PacmanVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        parts(bounded(text)?).ok_or_else(|| malformed("pacman", text))
    }
}

impl Ord for Pieces {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.0.len().max(other.0.len());
        (0..length)
            .map(|at| match (self.0.get(at), other.0.get(at)) {
                (Some(left), Some(right)) => left.cmp(right),
                (Some(left), None) => against_the_end(left),
                (None, Some(right)) => against_the_end(right).reverse(),
                (None, None) => Ordering::Equal,
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Pieces {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whatever goes on is higher, except letters that follow at once.
fn against_the_end(piece: &VersionPiece) -> Ordering {
    match piece {
        VersionPiece {
            gap: 0,
            run: VersionRun::Word(_),
        } => Ordering::Less,
        VersionPiece { .. } => Ordering::Greater,
    }
}

fn parts(text: &str) -> Option<PacmanVersion> {
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    let (version, release) = match rest.split_once('-') {
        Some((version, release)) => (version, pieces(release)?),
        None => (rest, Pieces::default()),
    };
    Some(PacmanVersion {
        epoch: Digits::read(epoch)?,
        version: pieces(version)?,
        release,
    })
}

fn pieces(text: &str) -> Option<Pieces> {
    let is_fit = |byte: u8| byte.is_ascii_graphic() && !b":/-".contains(&byte);
    let ends_in_run = text.ends_with(|last: char| last.is_ascii_alphanumeric());
    if !ends_in_run || !text.bytes().all(is_fit) {
        return None;
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(gap) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (_, from_run) = rest.split_at(gap);
        let is_number = from_run.starts_with(|first: char| first.is_ascii_digit());
        let belongs = |c: char| c.is_ascii_alphanumeric() && c.is_ascii_digit() == is_number;
        let end = from_run.find(|c| !belongs(c)).unwrap_or(from_run.len());
        let (run, after) = from_run.split_at(end);
        let run =
            Digits::read(run).map_or_else(|| VersionRun::Word(run.into()), VersionRun::Number);
        pieces.push(VersionPiece { gap, run });
        rest = after;
    }
    Some(Pieces(pieces))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;

    const ORDERED: &[&str] = &[
        "1.0a < 1.0alpha < 1.0b < 1.0beta < 1.0p < 1.0pre < 1.0rc < 1.0 < 1.0.a < 1.0.1",
        "1.0 < 1.0-1 < 1.0-1.1 < 1.0-2 < 1.0-10 < 1.0.1-1 < 1:0.1-1 < 2:0-1",
        "1.0 = 1_0 = 1+0 = 0:1.0 = 01.00",
        "1.5.a < 1.5.1 < 1.5..1",
        "r99.abc < r100.abc < r100.abd < 1",
        "1.0~rc1 < 1.0^1 < 1.0.2",
        "20230101 < 20240101 < 99999999999999999999 < 100000000000000000000",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<PacmanVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "", " ", ".", "1.0.", "1.0-", "1.0-1-1", ":1", "a:1", "1:2:3", "1/2", "1 0", "1:",
            "-1", "\u{e9}",
        ] {
            assert!(PacmanVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<PacmanVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in "[-.:~^+_0-9a-zé]{0,40}") {
            let _ = PacmanVersion::parse(&text).map(|version| version.cmp(&version));
        }
    }

    const TEXT: &str = "([01]:)?[.]?[0-2a][01a._]{0,4}[01a](-[01](\\.[01a])?)?";
}
