//! The file of the linked scanners.

use std::path::Path;

use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_linked::book::Book;

use crate::durable::Disk;
use crate::signed_book::{Named, SignedBook};

/// The name of the file in the data directory.
pub const FILE_NAME: &str = "scanners.json";
const NAMED: Named = Named {
    file: FILE_NAME,
    what: "linked scanners",
    advice: "restore both from one backup, or remove it and link every scanner anew",
};

/// Keeps the book of scanners in a data directory, signed by its instance key.
pub fn scanner_file(directory: &Path, instance: InstanceKey) -> SignedBook<Book> {
    SignedBook::on(directory, NAMED, instance, Disk::default())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;
    use sluicegate_accounts::testkit::book_store_suite;
    use sluicegate_engine::instance_key::KEY_BYTES;
    use sluicegate_linked::book::WantedScanner;

    use super::*;

    fn instance() -> InstanceKey {
        InstanceKey::of(&[1; KEY_BYTES])
    }

    #[tokio::test]
    async fn the_file_keeps_every_promise_and_no_secret() {
        let home = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let open = || SignedBook::on(home.path(), NAMED, instance(), disk.clone());
        let mut linked = Book::default();
        let wanted = WantedScanner {
            name: Some("eu-west".to_owned()),
            repositories: Vec::new(),
            life: None,
        };
        let issued = linked.link(wanted, &instance(), Timestamp::UNIX_EPOCH);
        let linking_key = issued.unwrap().linking_key;
        let books = [Book::default(), linked];
        book_store_suite::prove(&open, &|fails| disk.let_fail(fails), books).await;
        let text = fs::read_to_string(home.path().join(FILE_NAME)).unwrap();
        assert!(text.contains("eu-west") && !text.contains(linking_key.expose()));
    }
}
