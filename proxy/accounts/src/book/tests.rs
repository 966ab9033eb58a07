//! What can be done to the book of keys, and what cannot.

use super::*;
use crate::vouched::Book as _;
use sluicegate_engine::instance_key::KEY_BYTES;

fn instance() -> InstanceKey {
    InstanceKey::of(&[7; KEY_BYTES])
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn wanted(name: &str) -> WantedKey {
    WantedKey {
        name: name.to_owned(),
        owner: None,
        role: Role::Puller,
        repositories: Vec::new(),
        life: None,
    }
}

/// Makes a key that lives so long.
fn make_for(book: &mut Book, life: SignedDuration) {
    let life = Some(life);
    let wanted = WantedKey {
        life,
        ..wanted("ci")
    };
    book.create(wanted, &instance(), at(0)).unwrap();
}

fn secs(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[test]
fn a_name_is_free_again_once_its_keys_have_ended() {
    let mut book = Book::default();
    let first = book.create(wanted("ci"), &instance(), at(0)).unwrap();
    let again = book.create(wanted("ci"), &instance(), at(1)).unwrap_err();
    assert_eq!(again, KeyError::Taken("ci".to_owned()));
    let ended = book.revoke(&Which::Named("ci".to_owned()), at(2)).unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].access, first.key.access);
    assert_eq!(book.keys()[0].state(at(2)), KeyState::Revoked);
    book.create(wanted("ci"), &instance(), at(3)).unwrap();
    assert_eq!(book.keys().len(), 2, "what has ended is still told");
    assert!(book.is_sound());
}

#[test]
fn a_key_ends_by_itself_at_its_time_and_not_before() {
    let mut book = Book::default();
    make_for(&mut book, secs(60));
    let states = [0, 59, 60, 61].map(|second| book.keys()[0].state(at(second)));
    let (good, over) = (KeyState::Active, KeyState::Expired);
    assert_eq!(states, [good, good, over, over]);
}

#[test]
fn a_rotated_key_overlaps_with_its_successor_and_never_lives_longer_for_it() {
    let mut book = Book::default();
    make_for(&mut book, secs(3_600));
    let next = book.rotate("ci", secs(600), &instance(), at(100)).unwrap();
    let [old, new] = book.keys() else {
        panic!("two keys")
    };
    assert_eq!((old.expires, new.expires), (Some(at(700)), Some(at(3_700))));
    assert_eq!((&old.name, old.role), (&new.name, new.role));
    assert_eq!(next.key.access, new.access);
    // The newest is rotated next; one that would have ended sooner still does.
    book.rotate("ci", secs(7_200), &instance(), at(200))
        .unwrap();
    let ends: Vec<_> = book.keys().iter().map(|key| key.expires).collect();
    assert_eq!(ends, [Some(at(700)), Some(at(3_700)), Some(at(3_800))]);
    let late = book.rotate("ci", secs(1), &instance(), at(9_000));
    assert_eq!(late.unwrap_err(), KeyError::Unknown("ci".to_owned()));
    assert_eq!(
        book.rotate("no", secs(1), &instance(), at(0)).unwrap_err(),
        KeyError::Unknown("no".to_owned())
    );
    assert_eq!(
        book.rotate("ci", secs(-1), &instance(), at(300))
            .unwrap_err(),
        KeyError::Life
    );
}

#[test]
fn all_that_somebody_has_ends_at_once() {
    let mut book = Book::default();
    for (name, owner) in [("a", "lopez"), ("b", "chen"), ("c", "lopez")] {
        let owner = Some(owner.to_owned());
        book.create(
            WantedKey {
                owner,
                ..wanted(name)
            },
            &instance(),
            at(0),
        )
        .unwrap();
    }
    let lopez = Which::OwnedBy("lopez".to_owned());
    let ended = book.revoke(&lopez, at(1)).unwrap();
    let names: Vec<_> = ended.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(book.keys()[1].state(at(1)), KeyState::Active);
    assert_eq!(
        book.revoke(&lopez, at(2)).unwrap_err(),
        KeyError::Unknown("lopez".to_owned())
    );
}

#[test]
fn a_key_is_ended_by_its_access_key_alone() {
    let mut book = Book::default();
    let first = book.create(wanted("ci"), &instance(), at(0)).unwrap();
    book.rotate("ci", secs(600), &instance(), at(0)).unwrap();
    let which = Which::Named(first.key.access.to_string());
    assert_eq!(book.revoke(&which, at(1)).unwrap().len(), 1);
    assert_eq!(book.keys()[1].state(at(1)), KeyState::Active);
}

#[test]
fn what_cannot_be_a_key_is_refused_by_what_is_wrong_with_it() {
    let mut book = Book::default();
    let long = "x".repeat(65);
    for name in ["", "CI", "a b", "key:ci", "SGKA", "ü", long.as_str()] {
        let refused = book.create(wanted(name), &instance(), at(0)).unwrap_err();
        assert!(matches!(refused, KeyError::Name(_)), "{name}");
    }
    for owner in ["", "a b", "x\n"] {
        let owner = Some(owner.to_owned());
        let refused = book.create(
            WantedKey {
                owner,
                ..wanted("ci")
            },
            &instance(),
            at(0),
        );
        assert!(matches!(refused, Err(KeyError::Owner(_))));
    }
    for repositories in [
        vec![String::new()],
        vec!["x".repeat(257)],
        vec!["a".to_owned(); 65],
    ] {
        let refused = book.create(
            WantedKey {
                repositories,
                ..wanted("ci")
            },
            &instance(),
            at(0),
        );
        assert!(matches!(refused, Err(KeyError::Pattern(_))));
    }
    for life in [secs(0), secs(-5), SignedDuration::MAX] {
        let life = Some(life);
        let refused = book.create(
            WantedKey {
                life,
                ..wanted("ci")
            },
            &instance(),
            at(0),
        );
        assert!(matches!(refused, Err(KeyError::Life)));
    }
    assert_eq!(book, Book::default());
}

#[test]
fn a_book_is_read_as_it_was_written_and_told_apart_by_every_change() {
    let mut book = Book::default();
    let empty = book.digest();
    book.create(wanted("ci"), &instance(), at(0)).unwrap();
    let one = book.digest();
    let text = serde_json::to_string(&book).unwrap();
    assert_eq!(serde_json::from_str::<Book>(&text).unwrap(), book);
    book.revoke(&Which::Named("ci".to_owned()), at(1)).unwrap();
    assert_ne!(empty, one);
    assert_ne!(one, book.digest());
}
