//! What every store of keys promises.

use jiff::Timestamp;

use super::sample_book;
use crate::book::Which;
use crate::store::{KeyStore, LastUses};

/// Proves what is promised of stores that are opened on the same place, one after the other, and
/// fail when they are told to.
pub async fn prove<S: KeyStore>(open: &dyn Fn() -> S, let_fail: &dyn Fn(bool)) {
    let (store, mut kept) = (open(), sample_book());
    assert_eq!(store.load().await.unwrap(), None, "nothing was ever kept");
    assert_eq!(store.last_uses().await.unwrap(), LastUses::new());
    store.save(&kept).await.unwrap();
    assert_eq!(open().load().await.unwrap().as_ref(), Some(&kept));

    let before = kept.clone();
    kept.previous = Some(kept.book.digest());
    let which = Which::Named("ci".to_owned());
    kept.book.revoke(&which, Timestamp::UNIX_EPOCH).unwrap();
    let_fail(true);
    assert!(store.save(&kept).await.is_err());
    let_fail(false);
    let left = open().load().await.unwrap().unwrap();
    assert!(left == before || left == kept, "whole, whichever it is");
    store.save(&kept).await.unwrap();
    assert_eq!(open().load().await.unwrap().as_ref(), Some(&kept));

    let access = kept.book.keys()[0].access.clone();
    let uses = LastUses::from([(access, Timestamp::UNIX_EPOCH)]);
    store.save_last_uses(&uses).await.unwrap();
    assert_eq!(open().last_uses().await.unwrap(), uses);
}
