//! What every store of a book promises.

use crate::kept::{BookStore, Kept};
use crate::vouched::Book;

/// Proves what is promised of stores that are opened on the same place, one after the other, and
/// fail when they are told to.
pub async fn prove<B: Book + PartialEq, S: BookStore<B>>(
    open: &dyn Fn() -> S,
    let_fail: &dyn Fn(bool),
    [first, second]: [B; 2],
) {
    let store = open();
    assert_eq!(store.load().await.unwrap(), None, "nothing was ever kept");
    let before = Kept {
        book: first,
        previous: None,
    };
    let after = Kept {
        previous: Some(before.book.digest()),
        book: second,
    };
    assert_ne!(before.book.digest(), after.book.digest());
    store.save(&before).await.unwrap();
    assert_eq!(open().load().await.unwrap().as_ref(), Some(&before));
    let_fail(true);
    assert!(store.save(&after).await.is_err());
    let_fail(false);
    let left = open().load().await.unwrap().unwrap();
    assert!(left == before || left == after, "whole, whichever it is");
    store.save(&after).await.unwrap();
    assert_eq!(open().load().await.unwrap().as_ref(), Some(&after));
}
