//! The book's rules: a linking key is good once, for whoever came first.

use sluicegate_engine::instance_key::KEY_BYTES;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn instance() -> InstanceKey {
    InstanceKey::of(&[7; KEY_BYTES])
}

fn wanted(name: &str) -> WantedScanner {
    WantedScanner {
        name: Some(name.to_owned()),
        repositories: vec!["registry.local/team/**".to_owned()],
        life: None,
    }
}

fn link(book: &mut Book, name: &str) -> Secret {
    let issued = book.link(wanted(name), &instance(), at(0)).unwrap();
    issued.linking_key
}

fn enrol(
    book: &mut Book,
    linking: &Secret,
    credential: &Credential,
    second: i64,
) -> Result<(Scanner, bool), BookError> {
    book.enrol(linking, credential, "0.1.0", &instance(), at(second))
}

#[test]
fn a_linking_key_is_good_once_and_the_same_enrolment_may_be_asked_for_again() {
    let mut book = Book::default();
    let linking = link(&mut book, "eu-west");
    let (first, second) = (Credential::random(), Credential::random());
    let (enrolled, is_new) = enrol(&mut book, &linking, &first, 1).unwrap();
    assert!(is_new && enrolled.state(at(1)) == ScannerState::Enrolled);
    // Its answer was lost.
    let (again, is_new) = enrol(&mut book, &linking, &first, 2).unwrap();
    assert!(!is_new && again == enrolled);
    assert_eq!(enrol(&mut book, &linking, &second, 3), Err(BookError::Used));
    let same_key = Credential {
        key: first.key.clone(),
        secret: second.secret,
    };
    assert_eq!(
        enrol(&mut book, &linking, &same_key, 3),
        Err(BookError::Used)
    );
    let made_up = linking_key();
    assert_eq!(
        enrol(&mut book, &made_up, &first, 3),
        Err(BookError::WrongKey)
    );
}

#[test]
fn a_linking_key_ends_after_an_hour_and_its_name_is_free_again() {
    let mut book = Book::default();
    let linking = link(&mut book, "eu-west");
    let taken = book.link(wanted("eu-west"), &instance(), at(1));
    assert_eq!(taken.unwrap_err(), BookError::Taken("eu-west".to_owned()));
    let late = enrol(&mut book, &linking, &Credential::random(), 3_600);
    assert_eq!(late, Err(BookError::Ended));
    book.link(wanted("eu-west"), &instance(), at(3_601))
        .unwrap();
    assert_eq!(book.scanners().len(), 1, "what ended unused is forgotten");
}

#[test]
fn what_was_revoked_is_over_and_what_is_suspended_keeps_its_name() {
    let mut book = Book::default();
    let (linking, credential) = (link(&mut book, "a"), Credential::random());
    let (enrolled, _) = enrol(&mut book, &linking, &credential, 1).unwrap();
    let id = enrolled.enrolment.unwrap().id;
    let suspended = book.suspend(&id, "it lied\u{1b}", at(2)).unwrap();
    assert_eq!(suspended.state(at(2)), ScannerState::Suspended);
    assert_eq!(suspended.suspension.unwrap().why, "it lied");
    assert_eq!(book.suspend(&id, "again", at(3)), None);
    assert!(book.link(wanted("a"), &instance(), at(3)).is_err());
    assert_eq!(
        enrol(&mut book, &linking, &credential, 3),
        Err(BookError::Used)
    );
    assert_eq!(book.revoke("a", at(4)).unwrap().len(), 1);
    assert_eq!(
        book.revoke("a", at(5)),
        Err(BookError::Unknown("a".to_owned()))
    );
    assert_eq!(
        enrol(&mut book, &linking, &credential, 5),
        Err(BookError::Ended)
    );
    book.link(wanted("a"), &instance(), at(6)).unwrap();
}

#[test]
fn a_credential_is_one_scanner_s() {
    let mut book = Book::default();
    let (one, other) = (link(&mut book, "one"), link(&mut book, "other"));
    let credential = Credential::random();
    enrol(&mut book, &one, &credential, 1).unwrap();
    assert_eq!(
        enrol(&mut book, &other, &credential, 1),
        Err(BookError::Used)
    );
    assert_eq!(book.named_by(&credential.key).unwrap().name, "one");
}

#[test]
fn names_patterns_and_lives_that_make_no_sense_are_refused() {
    let mut book = Book::default();
    let mut refused = |change: &dyn Fn(&mut WantedScanner)| {
        let mut wanted = wanted("fine");
        change(&mut wanted);
        book.link(wanted, &instance(), at(0)).unwrap_err()
    };
    let named = refused(&|it| it.name = Some("No Name".to_owned()));
    assert!(matches!(named, BookError::Name(_)), "{named}");
    let pattern = refused(&|it| it.repositories = vec![String::new()]);
    assert!(matches!(pattern, BookError::Pattern(_)), "{pattern}");
    let many = refused(&|it| it.repositories = vec!["a/**".to_owned(); MAX_PATTERNS + 1]);
    assert!(matches!(many, BookError::Pattern(_)), "{many}");
    let life = refused(&|it| it.life = Some(SignedDuration::from_hours(24 * 31)));
    assert_eq!(life, BookError::Life);
    let unnamed = WantedScanner {
        name: None,
        ..wanted("x")
    };
    let issued = book.link(unnamed, &instance(), at(0)).unwrap();
    assert!(is_name(&issued.scanner.name), "{}", issued.scanner.name);
}
