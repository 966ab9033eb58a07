//! What every store of keys promises.

use jiff::Timestamp;

use super::{book_store_suite, sample_book};
use crate::book::Which;
use crate::store::{KeyStore, LastUses};

/// Proves what is promised of stores that are opened on the same place, one after the other, and
/// fail when they are told to.
pub async fn prove<S: KeyStore>(open: &dyn Fn() -> S, let_fail: &dyn Fn(bool)) {
    let first = sample_book().book;
    let mut second = first.clone();
    let which = Which::Named("ci".to_owned());
    second.revoke(&which, Timestamp::UNIX_EPOCH).unwrap();
    let access = first.keys()[0].access.clone();
    assert_eq!(open().last_uses().await.unwrap(), LastUses::new());
    book_store_suite::prove(open, let_fail, [first, second]).await;
    let uses = LastUses::from([(access, Timestamp::UNIX_EPOCH)]);
    open().save_last_uses(&uses).await.unwrap();
    assert_eq!(open().last_uses().await.unwrap(), uses);
}
