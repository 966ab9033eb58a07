//! The file of the keys, as a disk and whoever has it can leave it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use sluicegate_accounts::testkit::{key_store_suite, sample_book};
use sluicegate_engine::instance_key::KEY_BYTES;

use super::*;

fn instance(seed: u8) -> InstanceKey {
    InstanceKey::of(&[seed; KEY_BYTES])
}

#[tokio::test]
async fn the_file_keeps_every_promise() {
    let home = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let open = || KeyFile::on(home.path(), instance(1), disk.clone());
    key_store_suite::prove(&open, &|fails| disk.let_fail(fails)).await;
}

#[tokio::test]
async fn only_what_was_written_under_this_instance_key_is_read() {
    let home = tempfile::tempdir().unwrap();
    let keys = KeyFile::new(home.path(), instance(1));
    keys.save(&sample_book()).await.unwrap();
    let other = KeyFile::new(home.path(), instance(2)).load().await;
    let said = std::error::Error::source(&other.unwrap_err())
        .unwrap()
        .to_string();
    assert!(said.contains("another instance key"), "{said}");
    let path = home.path().join(FILE_NAME);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read(&path).unwrap();
    for length in [0, 1, text.len() / 2, text.len() - 1] {
        fs::write(&path, &text[..length]).unwrap();
        assert!(keys.load().await.is_err(), "{length} bytes");
    }
}

#[tokio::test]
async fn a_secret_is_nowhere_on_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let mut kept = sample_book();
    let wanted = sluicegate_accounts::book::WantedKey {
        name: "other".to_owned(),
        owner: None,
        role: sluicegate_model::access::Role::Admin,
        repositories: Vec::new(),
        life: None,
    };
    let issued = kept
        .book
        .create(wanted, &instance(1), jiff::Timestamp::UNIX_EPOCH)
        .unwrap();
    KeyFile::new(home.path(), instance(1))
        .save(&kept)
        .await
        .unwrap();
    let text = fs::read_to_string(home.path().join(FILE_NAME)).unwrap();
    assert!(text.contains(issued.key.access.as_str()));
    assert!(!text.contains(issued.secret.expose()));
}
