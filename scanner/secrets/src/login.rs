//! Files of logins and headers, where a password stands at a known place.

use sluicegate_model::severity::Severity::{High, Medium};

use crate::checksum::decode;
use crate::file_kind::Form;
use crate::pattern::{base64, dotted};
use crate::plausible::{entropy, is_placeholder};
use crate::rule::{Hit, Rule, RuleInfo, Sure};
use crate::secret::SecretKind::{Password, Registry};
use crate::site::{Site, is_comment};
use crate::value::{is_password, is_token};

static DOCKER: RuleInfo = RuleInfo::new("registry-auth", "Login of a registry", Registry, High);
static NETRC: RuleInfo = RuleInfo::new("netrc-password", "Password in a netrc", Password, High);
static BASIC: RuleInfo = RuleInfo::new("http-basic-auth", "HTTP basic login", Password, Medium);
static BEARER: RuleInfo = RuleInfo::new("http-bearer-token", "HTTP bearer token", Password, Medium);
static PGPASS: RuleInfo = RuleInfo::new("pgpass-password", "Password in a pgpass", Password, High);
static HASH: RuleInfo = RuleInfo::new(
    "password-hash",
    "Hash of a login's password",
    Password,
    Medium,
);

/// What reads them.
pub(crate) static RULES: [Rule; 5] = [
    Rule {
        infos: &[&DOCKER],
        keywords: &["\"auth\"", "_auth"],
        look: auth,
    },
    Rule {
        infos: &[&NETRC],
        keywords: &["machine "],
        look: netrc,
    },
    Rule {
        infos: &[&BASIC, &BEARER],
        keywords: &["authorization"],
        look: header,
    },
    Rule {
        infos: &[&PGPASS],
        keywords: &[":5432:", ":*:"],
        look: pgpass,
    },
    Rule {
        infos: &[&HASH],
        keywords: &[":$y$", ":$6$", ":$5$", ":$1$", ":$2y$", ":$2b$"],
        look: shadow,
    },
];

/// Longest login that is looked at.
const LONGEST: usize = 2048;

/// `auth` of a `config.json` of Docker, `_auth` of an `.npmrc`: base64 of user, colon, password.
fn auth(site: &Site<'_>) -> Option<Hit> {
    let is_gap = |byte: u8| {
        matches!(
            byte,
            b' ' | b'\t' | b':' | b'=' | b'"' | b'\n' | b'\r' | b'\\'
        )
    };
    let start = site.run(site.end, 16, is_gap);
    let end = site.run(start, LONGEST, base64);
    if start == site.end || site.file.is_published {
        return None;
    }
    is_login(site.slice(start, end)).then_some(Hit {
        info: &DOCKER,
        sure: Sure::Format,
        start,
        end,
    })
}

/// Whether a text is base64 of a user, a colon and a password.
fn is_login(text: &[u8]) -> bool {
    let Some(login) = decode(text) else {
        return false;
    };
    let mut parts = login.splitn(2, |byte| *byte == b':');
    let (Some(user), Some(password)) = (parts.next(), parts.next()) else {
        return false;
    };
    let is_readable = login.iter().all(|byte| (b' '..=b'~').contains(byte));
    let is_secret = is_password(password) || is_token(password) || is_issued(password);
    is_readable && !user.is_empty() && user != password && is_secret
}

/// Whether a text is long and random enough for what a program issued.
fn is_issued(text: &[u8]) -> bool {
    text.len() >= 16 && entropy(text) > 3.0 && !is_placeholder(text) && !text.contains(&b' ')
}

/// `machine x login y password z`, over one line or more. Source: `netrc`, GNU inetutils.
fn netrc(site: &Site<'_>) -> Option<Hit> {
    let is_code = matches!(site.file.form, Form::Prose | Form::Source);
    if !site.begins_word(site.at) || (is_code && !site.file.is_netrc) {
        return None;
    }
    let rest = site.slice(site.end, (site.end + 512).min(site.text.len()));
    let mut at = site.end;
    let mut last: &[u8] = b"";
    let mut has_login = false;
    for word in rest.split(u8::is_ascii_whitespace).take(24) {
        if last == b"password" && has_login {
            let is_secret = is_password(word) || is_token(word) || is_issued(word);
            return is_secret.then_some(Hit {
                info: &NETRC,
                sure: Sure::Place,
                start: at,
                end: at + word.len(),
            });
        }
        if word == b"machine" {
            return None;
        }
        has_login |= word == b"login";
        at += word.len() + 1;
        last = if word.is_empty() { last } else { word };
    }
    None
}

/// `Authorization: Basic ...` and `Bearer ...`, as RFC 7617 and RFC 6750 have them.
fn header(site: &Site<'_>) -> Option<Hit> {
    if site.file.form == Form::Prose || site.file.is_library || is_comment(site) {
        return None;
    }
    let is_gap = |byte: u8| {
        matches!(
            byte,
            b' ' | b':' | b'=' | b'"' | b'\'' | b',' | b'\\' | b'>'
        )
    };
    let scheme = site.run(site.end, 8, is_gap);
    let (start, is_basic) = match site.slice(scheme, scheme + 7) {
        b"Bearer " | b"bearer " => (scheme + 7, false),
        [b'B' | b'b', b'a', b's', b'i', b'c', b' ', ..] => (scheme + 6, true),
        _ => return None,
    };
    let end = site.run(start, LONGEST, |byte| dotted(byte) || base64(byte));
    let value = site.slice(start, end);
    let is_secret = if is_basic {
        is_login(value)
    } else {
        is_token(value)
    };
    is_secret.then_some(Hit {
        info: if is_basic { &BASIC } else { &BEARER },
        sure: Sure::Place,
        start,
        end,
    })
}

/// `host:port:database:user:password`. Source: PostgreSQL, "The password file".
fn pgpass(site: &Site<'_>) -> Option<Hit> {
    let end = site.run(site.at, 512, |byte| !matches!(byte, b'\n' | b'\r'));
    let fields = site.slice(site.end, end);
    let mut colons = fields.iter().enumerate().filter(|(_, byte)| **byte == b':');
    let (last, _) = colons.nth(1)?;
    let start = site.end + last + 1;
    (site.file.is_pgpass && is_password(site.slice(start, end))).then_some(Hit {
        info: &PGPASS,
        sure: Sure::Place,
        start,
        end,
    })
}

/// The second field of a line of `shadow`. Source: `shadow(5)`, `crypt(5)`.
fn shadow(site: &Site<'_>) -> Option<Hit> {
    if !site.file.is_shadow {
        return None;
    }
    let start = site.at + 1;
    let end = site.run(start, 200, |byte| byte > b' ' && byte != b':');
    let is_hash = end - start >= 20 && !is_placeholder(site.slice(start, end));
    is_hash.then_some(Hit {
        info: &HASH,
        sure: Sure::Place,
        start,
        end,
    })
}
