//! The target for secrets: any bytes, in any pieces, give what the whole gives, and no value with it.

use std::sync::LazyLock;

use sluicegate_secrets::{Secret, SecretRules, SecretSalt, TextKind};

use super::Target;

static RULES: LazyLock<SecretRules> = LazyLock::new(SecretRules::built_in);
static SALT: LazyLock<SecretSalt> = LazyLock::new(|| SecretSalt::new(&[7; 32]));

/// What files are called, each read by other rules.
const PATHS: [&str; 6] = [
    "app/.env",
    "app/main.py",
    "root/.docker/config.json",
    "usr/share/doc/a/README.md",
    "usr/lib/liba.so.1",
    "etc/shadow",
];

/// Fewest bytes of a value that is no word of the rule that found it.
const LONG: usize = 12;

pub fn targets() -> Vec<Target> {
    vec![Target::new("secrets", secrets, seeds())]
}

/// The first byte says what the file is called, the second how it is cut; the rest is its content.
fn secrets(data: &[u8]) {
    let [name, cut, content @ ..] = data else {
        return;
    };
    let path = PATHS[usize::from(*name) % PATHS.len()];
    let whole = RULES.find(&SALT, path, content);
    let mut reader = RULES.reader(&SALT, path, u64::from(*cut) * 300);
    let mut rest = content;
    let mut length = usize::from(*cut) + 1;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(length.min(rest.len()));
        reader.push(now);
        rest = later;
        length = length * 7 % 70_001 + 1;
    }
    assert_eq!(reader.finish(), whole, "pieces of a file");
    for secret in &whole {
        check_shown(secret, content);
    }
    if let Ok(text) = std::str::from_utf8(content) {
        for kind in [TextKind::Setting, TextKind::Command] {
            let _shown = RULES.hide(kind, text);
        }
    }
}

/// Checks that what is told of a secret has no part of it that is long enough to be one.
fn check_shown(secret: &Secret, content: &[u8]) {
    let offset = usize::try_from(secret.offset).expect("an offset in memory");
    let value = &content[offset..];
    let word = |byte: &u8| byte.is_ascii_alphanumeric();
    let length = value.iter().take_while(|byte| word(byte)).count();
    if length >= LONG {
        let shown = format!("{secret:?}");
        let value = String::from_utf8_lossy(&value[..length]);
        assert!(!shown.contains(&*value), "{shown} shows {value}");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let seed = |path: u8, cut: u8, content: &str| [&[path, cut], content.as_bytes()].concat();
    vec![
        seed(
            0,
            3,
            "# a\nDB_PASSWORD=k8Lm#2pQz-Wx9\nexport API_KEY='Zk3p9XvQ2mT7'\n",
        ),
        seed(
            1,
            60,
            "url = 'postgres://app:k8Lm2pQzWx9@db.internal/app'\n",
        ),
        seed(
            2,
            1,
            r#"{"auths":{"r.test":{"auth":"YXBwOms4TG0ycFF6V3g5"}}}"#,
        ),
        seed(3, 9, "curl -u deploy:k8Lm2pQzWx9 https://r.test\n"),
        seed(4, 200, "\0\0AKIA2E0A8F3B244C9986\0"),
        seed(
            5,
            2,
            "root:$6$abcdefgh$ijklmnopqrstuvwxyzABCDEFGHIJKLMNOP:19000:0:99999:7:::\n",
        ),
    ]
}
