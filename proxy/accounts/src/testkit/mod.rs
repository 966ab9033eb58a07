//! A store of keys in memory, and what every store promises.

pub mod book_store_suite;
pub mod key_store_suite;
mod memory_book_store;

use jiff::Timestamp;
use sluicegate_engine::instance_key::{InstanceKey, KEY_BYTES};
use sluicegate_model::access::Role;

pub use memory_book_store::MemoryBookStore;

use crate::book::{Book, WantedKey};
use crate::kept::Kept;

/// A book of one key.
pub fn sample_book() -> Kept<Book> {
    let mut book = Book::default();
    let wanted = WantedKey {
        name: "ci".to_owned(),
        owner: Some("a.lopez".to_owned()),
        role: Role::Puller,
        repositories: vec!["docker.io/team/**".to_owned()],
        life: None,
    };
    let instance = InstanceKey::of(&[1; KEY_BYTES]);
    book.create(wanted, &instance, Timestamp::UNIX_EPOCH)
        .unwrap();
    Kept {
        book,
        previous: None,
    }
}
