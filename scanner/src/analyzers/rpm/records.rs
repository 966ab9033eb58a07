//! Gathers what a database's records say, within the bounds of an honest database.
//!
//! Backends hand over headers one by one; one that cannot be read is counted and the next is read.

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::Package;

use crate::facts::{Observations, OwnedFile};
use crate::limits::MIB;

use super::error::RpmError;
use super::header::{Header, Tag};
use super::package::{self, NONE, Subject};

/// Largest header that is read, in bytes: some twenty times the largest in Fedora.
const MAX_HEADER_BYTES: u64 = 16 * MIB;

/// Most packages of one database: more than any distribution has in all.
const MAX_PACKAGES: usize = 100_000;

/// Most files that the packages of one database own; a large desktop has 300,000.
const MAX_OWNED_FILES: usize = 500_000;

/// What has been read of one database.
pub(super) struct RpmRecords {
    /// Each with its vendor, where that is known.
    packages: Vec<(Package, Option<String>)>,
    owned: Vec<OwnedFile>,
    /// Records that are headers, packages or not.
    headers: u64,
    unreadable: Faults<RpmError>,
    /// By the names of packages.
    without_module: Faults<String>,
    beyond_bounds: bool,
    /// Bytes of records that may still come: no honest database gives more than it has.
    bytes_left: u64,
}

/// How often something was wrong, and the first case.
struct Faults<T> {
    count: u64,
    first: Option<T>,
}

impl<T> Faults<T> {
    const NONE: Self = Self {
        count: 0,
        first: None,
    };

    fn add(&mut self, what: T) {
        self.first.get_or_insert(what);
        self.count += 1;
    }
}

impl RpmRecords {
    /// Starts with a database of this size.
    pub(super) fn of_database(size_bytes: u64) -> Self {
        Self {
            packages: Vec::new(),
            owned: Vec::new(),
            headers: 0,
            unreadable: Faults::NONE,
            without_module: Faults::NONE,
            beyond_bounds: false,
            bytes_left: size_bytes,
        }
    }

    /// Asks to read a record of this size; the error says why not.
    pub(super) fn admit(&mut self, size_bytes: u64) -> Result<(), RpmError> {
        if size_bytes > MAX_HEADER_BYTES {
            let most = MAX_HEADER_BYTES;
            return Err(RpmError::LongRecord { size_bytes, most });
        }
        let left = self.bytes_left.checked_sub(size_bytes);
        self.bytes_left = left.ok_or("the records have more bytes than the database")?;
        Ok(())
    }

    /// Takes a header.
    pub(super) fn header(&mut self, blob: &[u8]) {
        let Some(header) = Header::parse(blob) else {
            self.unreadable("a record is no header");
            return;
        };
        match package::subject(&header) {
            Ok(Subject::Package(package)) => {
                self.headers += 1;
                let room = MAX_OWNED_FILES.saturating_sub(self.owned.len());
                {
                    let mut files = package::owned_files(&header, &package.name);
                    self.owned.extend(files.by_ref().take(room));
                    self.beyond_bounds |= files.next().is_some();
                }
                let vendor = header.text(Tag::Vendor).filter(|text| *text != NONE);
                self.package(package, vendor);
            }
            Ok(Subject::Key) => self.headers += 1,
            Err(why) => self.unreadable(why),
        }
    }

    /// Takes a package that was not read from a header.
    pub(super) fn package(&mut self, package: Package, vendor: Option<&str>) {
        if self.packages.len() >= MAX_PACKAGES {
            self.beyond_bounds = true;
            return;
        }
        if package::lacks_module(&package) {
            self.without_module.add(package.name.clone());
        }
        let vendor = vendor.filter(|vendor| !vendor.is_empty());
        self.packages.push((package, vendor.map(str::to_owned)));
    }

    /// Counts a record that could not be read.
    pub(super) fn unreadable(&mut self, why: impl Into<RpmError>) {
        self.unreadable.add(why.into());
    }

    /// Tells whether anything shows that this is rpm's.
    pub(super) fn is_empty(&self) -> bool {
        self.headers == 0 && self.packages.is_empty()
    }

    /// Hands over everything, with a gap for what is missing.
    pub(super) fn observe(self, path: &str, found: &mut Observations) {
        found.database = true;
        for (package, vendor) in self.packages {
            found.add_of(vendor.as_deref(), package);
        }
        found.owned.extend(self.owned);
        let Faults { count, first } = self.unreadable;
        if let Some(first) = first {
            let detail = format!("{count} records of the rpm database are unreadable: {first}");
            found
                .gaps
                .push(Gap::partial(GapKind::RecordUnreadable, detail).at(path));
        }
        let Faults { count, first } = self.without_module;
        if let Some(first) = first {
            let detail = format!(
                "{count} packages such as {first} were built in a module whose stream is not named"
            );
            found
                .gaps
                .push(Gap::partial(GapKind::VersionUnknown, detail).at(path));
        }
        if self.beyond_bounds {
            let detail = format!(
                "the rpm database has more than {MAX_PACKAGES} packages or {MAX_OWNED_FILES} files"
            );
            found
                .gaps
                .push(Gap::fatal(GapKind::Budget, detail).at(path));
        }
    }
}
