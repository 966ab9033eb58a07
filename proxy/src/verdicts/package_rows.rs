//! Which packages an image holds, as marks: small enough to look at all images for one name.
//!
//! A mark is a hash of a name. They lie beside the verdicts, sorted, in rows of bounded size, and
//! never say wrongly that a name is absent. Rows that are missing, incomplete or of other analyzers
//! say nothing: then the inventory has to be asked.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Package, PackageType};

use super::judged::Judged;
use super::keys;
use super::records::{PAGE_ROWS, Records};
use super::rows::{self, mark};
use super::store::{Op, StoreError};

/// Most marks of one row, up to 5 bytes each: a row has at most 8 KiB.
const ROW_MARKS: usize = 1_500;

/// The marks of one image, or a part of them.
#[derive(Debug, Serialize, Deserialize)]
struct MarksRow {
    /// The analyzers that made the inventory, hashed.
    analyzers: u32,
    /// How many rows the image has.
    rows: u32,
    marks: Vec<u32>,
}

/// What an image's rows say of one name.
#[derive(Default)]
struct Said {
    rows: u32,
    seen: u32,
    may_hold: bool,
}

/// Lists the names under which a package can be asked for: its own, that of its source, and of a
/// Maven package the artifact's without the group.
pub fn names_of(package: &Package) -> impl Iterator<Item = &str> {
    let is_maven = package.package_type == PackageType::Maven;
    let artifact = is_maven.then(|| package.name.rsplit(':').next()).flatten();
    let source = package.source.as_ref().map(|source| source.name.as_str());
    std::iter::once(package.name.as_str())
        .chain(source)
        .chain(artifact)
}

/// Makes the rows of an image's marks.
pub(super) fn ops(digest: &Digest, inventory: &Inventory) -> Result<Vec<Op>, StoreError> {
    let packages = inventory.components.iter().map(|found| &found.package);
    let mut marks: Vec<u32> = packages.flat_map(names_of).map(mark).collect();
    marks.sort_unstable();
    marks.dedup();
    // An image without packages has a row as well: it says that.
    let parts: Vec<&[u32]> = match marks.as_slice() {
        [] => vec![&[]],
        marks => marks.chunks(ROW_MARKS).collect(),
    };
    let rows = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let row = |(number, marks): (u32, &[u32])| {
        let row = MarksRow {
            analyzers: analyzers(),
            rows,
            marks: marks.to_vec(),
        };
        rows::put(keys::marks(digest, number), &row)
    };
    (0..).zip(parts).map(row).collect()
}

impl Records {
    /// Tells whether the marks of an image are kept, made by the analyzers that are active now.
    pub async fn has_marks(&self, digest: &Digest) -> Result<bool, StoreError> {
        let first: Option<MarksRow> = self.row(&keys::marks(digest, 0)).await?;
        Ok(first.is_some_and(|row| row.analyzers == analyzers()))
    }

    /// Names those of some images, which are in the order of their digests, that hold no package
    /// of this name, in any letter case.
    pub async fn images_without(
        &self,
        images: &[Judged],
        name: &str,
    ) -> Result<HashSet<Digest>, StoreError> {
        let (Some(first), Some(last)) = (images.first(), images.last()) else {
            return Ok(HashSet::new());
        };
        let (wanted, end) = (mark(name), keys::marks_end(&last.digest));
        let mut at = keys::marks_of(&first.digest);
        let mut said: HashMap<Digest, Said> = HashMap::new();
        loop {
            let prefix = keys::all_marks();
            let rows = self.store.page(&prefix, Some(&at), PAGE_ROWS).await?;
            let is_last = rows.len() < PAGE_ROWS;
            for (key, body) in rows {
                if key > end {
                    return Ok(without(said));
                }
                if let (Some(digest), Some(row)) = (keys::marked(&key), rows::read(&body)) {
                    said.entry(digest).or_default().take(&row, wanted);
                }
                at = key;
            }
            if is_last {
                return Ok(without(said));
            }
        }
    }
}

impl Said {
    fn take(&mut self, row: &MarksRow, wanted: u32) {
        if row.analyzers == analyzers() {
            self.rows = row.rows;
            self.seen = self.seen.saturating_add(1);
            self.may_hold |= row.marks.binary_search(&wanted).is_ok();
        }
    }
}

fn without(said: HashMap<Digest, Said>) -> HashSet<Digest> {
    let mut without = HashSet::new();
    for (digest, said) in said {
        // More rows than announced are left over from an image that had more names.
        if !said.may_hold && said.rows > 0 && said.seen >= said.rows {
            without.insert(digest);
        }
    }
    without
}

fn analyzers() -> u32 {
    mark(crate::fingerprint::fingerprint())
}
