//! The knowledge files of a mirror, beside its advisories and believed as those are.
//!
//! They are data: whoever answers at the URL says what is known of packages already. What is damaged, or
//! gone, leaves the copy that is here, and is told. Called by `mirror`.

use std::path::Path;

use super::carried::{Carried, KNOWLEDGE};
use super::fetch::{FetchError, Fetched, Fetcher};
use super::item::{Item, Visit, file_url};
use super::knowledge::{JARS, MALWARE, SUPPORT};
use super::record::MirrorRecord;
use super::synced::{Synced, told};
use super::whole::Kind;
use sluicegate_scanner::{JarNames, ProductTable};

/// All of them.
const FILES: [(&str, Kind); 5] = [
    (MALWARE, Kind::Malware),
    (SUPPORT, Kind::Support),
    (JARS, Kind::Jars),
    (ProductTable::FILE, Kind::Products),
    (JarNames::FILE, Kind::JarNames),
];

/// Brings the knowledge files up to date.
pub(super) async fn sync(
    visit: &Visit<'_>,
    (fetcher, incoming): (&Fetcher, &Path),
    record: &mut MirrorRecord,
    synced: &mut Synced,
) {
    for (name, kind) in FILES {
        let path = format!("{KNOWLEDGE}/{name}");
        let is_known = visit.directory.join(&path).exists();
        match bring(visit, (fetcher, incoming), (&path, kind), record).await {
            Ok(true) => synced.changed.push(path),
            Ok(false) => synced.unchanged += usize::from(is_known),
            // It never had it.
            Err(error) if error.is_absent() && !is_known => {}
            Err(error) => synced.problems.push(told(&error)),
        }
    }
}

/// Fetches one, if it is another than the one that is here, and puts it in its place.
async fn bring(
    visit: &Visit<'_>,
    (fetcher, incoming): (&Fetcher, &Path),
    (path, kind): (&str, Kind),
    record: &mut MirrorRecord,
) -> Result<bool, FetchError> {
    let item = Item {
        url: file_url(visit.base, path),
        path: path.to_owned(),
        fetcher,
        kind,
        limit: Carried::Knowledge.most_bytes(),
    };
    let into = incoming.join(path.replace('/', "-"));
    match visit.fetch(&item, &into, visit.known(path, record)).await? {
        Fetched::Unchanged => Ok(false),
        Fetched::New(arrived) => visit.place(path, &into, arrived, record),
    }
}
