//! Each rule finds its own and leaves what only looks like it; and what is said of a secret.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sluicegate_secrets::{
    ConfigPlace, ImageTexts, MAX_SECRETS, Secret, SecretRules, SecretSalt, TextKind,
};

mod labelled;

use labelled::{Case, cases};

fn salt() -> SecretSalt {
    SecretSalt::new(&[7; 32])
}

fn with_secrets() -> impl Iterator<Item = Case> {
    cases().into_iter().filter(|case| case.secret.is_some())
}

/// Fills the second half of a value, as samples in manuals are filled.
fn filled(case: &Case) -> Vec<u8> {
    let range = case.secret.clone().expect("a case with a secret");
    let middle = range.start + range.len() / 2;
    let mut text = case.text.clone();
    let half = text.iter_mut().take(range.end).skip(middle);
    half.filter(|byte| byte.is_ascii_alphanumeric())
        .for_each(|byte| *byte = b'x');
    text
}

#[test]
fn every_rule_has_a_text_in_which_it_finds_its_own() {
    let (rules, salt) = (SecretRules::built_in(), salt());
    let found: BTreeSet<&str> = with_secrets()
        .flat_map(|case| rules.find(&salt, &case.path, &case.text))
        .map(|secret| secret.rule)
        .collect();
    let without = rules.infos().iter().map(|info| info.id);
    let without: Vec<_> = without.filter(|id| !found.contains(id)).collect();
    assert!(without.is_empty(), "nothing is found by {without:?}");
    assert!(rules.infos().len() >= 100, "{}", rules.infos().len());
}

#[test]
fn no_rule_takes_a_value_that_is_filled_with_one_letter() {
    let (rules, salt) = (SecretRules::built_in(), salt());
    // Bodies of keys are told by their beginning, and a short password has no second half.
    let told_apart = |case: &Case| {
        !case.kind.contains("private-key")
            && !case.kind.contains("client-key")
            && !case.kind.contains("service-account")
            && case.secret.as_ref().is_some_and(|range| range.len() >= 24)
    };
    for case in with_secrets().filter(told_apart) {
        let found = rules.find(&salt, &case.path, &filled(&case));
        assert!(found.is_empty(), "{} {}: {found:?}", case.kind, case.path);
    }
}

#[test]
fn no_two_rules_have_one_name() {
    let rules = SecretRules::built_in();
    let names: BTreeSet<&str> = rules.infos().iter().map(|info| info.id).collect();
    assert_eq!(names.len(), rules.infos().len());
}

#[test]
fn a_place_is_told_and_the_value_never() {
    let (rules, salt) = (SecretRules::built_in(), salt());
    for case in with_secrets() {
        let range = case.secret.clone().expect("a case with a secret");
        let value = String::from_utf8_lossy(&case.text[range.clone()]).into_owned();
        for secret in rules.find(&salt, &case.path, &case.text) {
            let said = format!("{secret:?} {}", secret.hash);
            assert!(!said.contains(&value), "{} shows its value", case.kind);
            let offset = usize::try_from(secret.offset).expect("small");
            let before = &case.text[..offset];
            let line = before.split(|byte| *byte == b'\n').count();
            let start = before.iter().rposition(|byte| *byte == b'\n');
            let column = offset - start.map_or(0, |start| start + 1) + 1;
            assert_eq!((secret.line, secret.column), (line as u64, column as u64));
        }
    }
}

#[test]
fn one_value_has_one_hash_under_one_salt() {
    let rules = SecretRules::built_in();
    let hash = |salt: &SecretSalt, path: &str, text: &str| -> Vec<String> {
        let found = rules.find(salt, path, text.as_bytes());
        found.iter().map(|secret| secret.hash.to_string()).collect()
    };
    let here = hash(&salt(), ".env", "DB_PASSWORD=k8Lm#2pQz\n");
    let there = hash(&salt(), "app.yaml", "admin:\n  password: 'k8Lm#2pQz'\n");
    let url = hash(&salt(), "run.sh", "x postgres://app:k8Lm#2pQz@db/x\n");
    let other = hash(
        &SecretSalt::new(&[8; 32]),
        ".env",
        "DB_PASSWORD=k8Lm#2pQz\n",
    );
    assert_eq!(here.len(), 1);
    assert_eq!((&here, &here), (&there, &url));
    assert_ne!(here, other);
}

#[test]
fn a_key_has_one_hash_however_its_lines_end() {
    let (rules, salt) = (SecretRules::built_in(), salt());
    let case = with_secrets()
        .find(|case| case.kind == "private-key" && case.path != "srv/keys.json")
        .expect("a key in lines");
    let lines = String::from_utf8(case.text).expect("text");
    let escaped = format!("{{\"key\": \"{}\"}}", lines.replace('\n', "\\r\\n"));
    let hash = |path: &str, text: &str| rules.find(&salt, path, text.as_bytes())[0].hash;
    let plain = hash("a.pem", &lines);
    assert_eq!(plain, hash("a.json", &escaped));
    assert_eq!(plain, hash("a.pem", &lines.replace('\n', "\r\n")));
}

#[test]
fn a_configuration_is_read_part_by_part() {
    let (rules, salt) = (SecretRules::built_in(), salt());
    let texts = ImageTexts {
        env: &[
            "PATH=/usr/bin",
            "DB_PASSWORD=k8Lm#2pQz",
            "GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568",
        ],
        labels: &[
            ("maintainer", "ops@acme.dev"),
            ("deploy.token", "kJ3hGt9RdXw2QzPlMnB7"),
        ],
        history: &[
            "/bin/sh -c #(nop)  CMD [\"sh\"]",
            "RUN |1 NPM_PASSWORD=k8Lm#2pQz /bin/sh -c npm ci # buildkit",
        ],
        command: &[
            "serve",
            "--db-password",
            "k8Lm#2pQz",
            "--token-file",
            "/run/secrets/token-1",
        ],
    };
    let found = rules.find_in_config(&salt, &texts);
    let places: Vec<_> = found.iter().map(|one| one.place.clone()).collect();
    let wanted = [
        ConfigPlace::Env("DB_PASSWORD".into()),
        ConfigPlace::Label("deploy.token".into()),
        ConfigPlace::History(1),
        ConfigPlace::Command,
    ];
    assert_eq!(places, wanted);
    assert_eq!(found[0].secret.hash, found[2].secret.hash);
    assert_eq!(found[0].secret.hash, found[3].secret.hash);
    assert!(!format!("{found:?}").contains("k8Lm"));
}

#[test]
fn a_text_is_shown_without_its_secrets() {
    let rules = SecretRules::built_in();
    let hidden = |kind, text| rules.hide(kind, text).into_owned();
    for (kind, text, wanted) in [
        (TextKind::Setting, "PATH=/usr/bin", "PATH=/usr/bin"),
        (
            TextKind::Setting,
            "DB_PASSWORD=k8Lm#2pQz",
            "DB_PASSWORD=***",
        ),
        (
            TextKind::Command,
            "RUN |1 NPM_PASSWORD=k8Lm#2pQz /bin/sh -c npm ci",
            "RUN |1 NPM_PASSWORD=*** /bin/sh -c npm ci",
        ),
        (
            TextKind::Command,
            "sshpass -p k8Lm#2pQz ssh ä && sshpass -p k8Lm#2pQz ssh ö",
            "sshpass -p *** ssh ä && sshpass -p *** ssh ö",
        ),
    ] {
        assert_eq!(hidden(kind, text), wanted);
    }
    let many = "sshpass -p k8Lm#2pQz ssh; ".repeat(MAX_SECRETS + 1);
    assert_eq!(hidden(TextKind::Command, &many), "***");
}

/// Reads a text in pieces of the given lengths, over and over.
fn in_pieces(rules: &SecretRules, path: &str, text: &[u8], lengths: &[usize]) -> Vec<Secret> {
    let salt = salt();
    let mut reader = rules.reader(&salt, path, text.len() as u64 / 2);
    let mut rest = text;
    for length in lengths.iter().cycle() {
        let (piece, later) = rest.split_at((*length).min(rest.len()));
        reader.push(piece);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    reader.finish()
}

/// A text longer than two windows, with secrets wherever `gaps` leaves them.
fn long_text(gaps: &[usize]) -> Vec<u8> {
    let mut text = Vec::new();
    for (case, gap) in with_secrets().step_by(7).zip(gaps.iter().cycle()) {
        text.extend_from_slice(&case.text);
        text.extend(std::iter::repeat_n(b"lorem ipsum dolor\n", gap / 18).flatten());
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pieces_give_what_the_whole_gives(
        gaps in prop::collection::vec(0_usize..9000, 1..9),
        lengths in prop::collection::vec(1_usize..70_000, 1..5),
    ) {
        let rules = SecretRules::built_in();
        let text = long_text(&gaps);
        let whole = rules.find(&salt(), "srv/all.conf", &text);
        prop_assert!(whole.len() > 60);
        prop_assert_eq!(in_pieces(&rules, "srv/all.conf", &text, &lengths), whole);
    }

    #[test]
    fn any_text_is_read(
        parts in prop::collection::vec(
            prop_oneof![
                Just(b"-----BEGIN RSA PRIVATE KEY-----".to_vec()),
                Just(b"password=".to_vec()), Just(b"\"auth\":\"".to_vec()), Just(b"eyJ".to_vec()),
                Just(b"https://a:".to_vec()), Just(b"T3BlbkFJ".to_vec()), Just(b":AA".to_vec()),
                Just(b"machine ".to_vec()), Just(b"name: SECRET\nvalue".to_vec()),
                Just(b"8Q~".to_vec()), Just(b"\\n".to_vec()), Just(b"AGE-SECRET-KEY-1".to_vec()),
                prop::collection::vec(any::<u8>(), 0..60),
                "[ -~]{0,40}".prop_map(String::into_bytes),
            ], 0..60),
        length in 1_usize..40,
    ) {
        let rules = SecretRules::built_in();
        let text = parts.concat();
        let whole = rules.find(&salt(), "srv/any.conf", &text);
        prop_assert_eq!(in_pieces(&rules, "srv/any.conf", &text, &[length]), whole);
    }
}

/// Texts of keywords in a row, each of which could lead to reading what follows it.
const IN_A_ROW: [&str; 16] = [
    "-eyJ",
    "eyJ.",
    "pypi-",
    "-glpat-",
    "LS0tLS1CRUdJTi",
    "=LS0tLS1CRUdJTi",
    "token=",
    "password:'",
    "://",
    "https://a:",
    "mysql ",
    "machine x login ",
    "-----BEGIN PRIVATE KEY-----",
    "\"auth\":",
    "T3BlbkFJ",
    "name: secret value",
];

#[test]
fn keywords_in_a_row_cost_no_more_than_their_bounds() {
    let (rules, salt) = (SecretRules::built_in(), salt());
    let cost = |text: &str| {
        let text = text.repeat(200_000 / text.len());
        let start = std::time::Instant::now();
        std::hint::black_box(rules.find(&salt, "srv/row.conf", text.as_bytes()));
        start.elapsed()
    };
    for text in IN_A_ROW {
        let took = cost(text);
        println!("{text:32} {:5.1} MB/s", 0.2 / took.as_secs_f64());
        // Quadratic reading would take minutes.
        assert!(took.as_secs() < 10, "{text}: {took:?}");
    }
}
