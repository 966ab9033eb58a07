//! What an index of JARs costs: bytes for each archive, and the time of a lookup.
//!
//! `jar_index [ARCHIVES]` makes an index of so many (a million) with names as Maven Central has them and
//! asks it for 100,000 that are there and as many that are not.

use std::io::Write as _;
use std::time::Instant;

use jiff::Timestamp;
use sha1::Digest as _;
use sluicegate_model::archive::Sha1Digest;
use sluicegate_scanner::jars::{JarIndex, JarsBuilder};

/// Versions of an artifact, on average; Maven Central has about as many.
const VERSIONS: u64 = 25;

/// Lookups of each kind.
const LOOKUPS: u64 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let archives: u64 = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |it| it.parse())?;
    let home = tempfile::tempdir()?;
    let path = home.path().join("jars.idx");
    let mut out = std::io::stdout().lock();
    let begun = Instant::now();
    let mut builder = JarsBuilder::at(&path)?;
    for number in 0..archives {
        let (group, artifact, version) = names(number);
        builder.add(&digest(number), (&group, &artifact, &version))?;
    }
    let written = builder.finish(Timestamp::UNIX_EPOCH, "made up")?;
    let each = written.bytes * 100 / written.archives.max(1);
    writeln!(out, "archives          {}", written.archives)?;
    writeln!(out, "bytes             {}", written.bytes)?;
    writeln!(out, "bytes an archive  {}.{:02}", each / 100, each % 100)?;
    writeln!(out, "made in           {:?}", begun.elapsed())?;
    let begun = Instant::now();
    let index = JarIndex::open(&path)?;
    writeln!(out, "opened in         {:?}", begun.elapsed())?;
    for (kind, first) in [("there", 0), ("not there", archives)] {
        let (mut slowest, begun) = (std::time::Duration::ZERO, Instant::now());
        for lookup in 0..LOOKUPS {
            let number = first + lookup.wrapping_mul(7_919) % archives;
            let asked = Instant::now();
            let found = index.lookup(&digest(number))?;
            slowest = slowest.max(asked.elapsed());
            assert_eq!(found.is_empty(), first > 0, "archive {number}");
        }
        let each = begun.elapsed() / u32::try_from(LOOKUPS)?;
        writeln!(
            out,
            "a lookup          {each:?} ({kind}; the slowest {slowest:?})"
        )?;
    }
    Ok(())
}

fn digest(number: u64) -> Sha1Digest {
    Sha1Digest(sha1::Sha1::digest(number.to_le_bytes()).into())
}

/// Makes names up: groups of three parts, artifacts of one or two words, versions that projects share.
fn names(number: u64) -> (String, String, String) {
    let (artifact, version) = (number / VERSIONS, number % VERSIONS);
    let group = artifact / 6;
    let group = format!("io.github.organisation{group}.project{}", group % 100);
    let artifact = format!("project{}-component-{artifact}", artifact % 100);
    // A quarter of the versions is nobody else's, such as those that are times.
    let version = if version % 4 == 3 {
        format!("1.{version}-{number}")
    } else {
        format!("{}.{}.{}", version % 5, version / 5, number % 3)
    };
    (group, artifact, version)
}
