//! Assignments to names of secrets, as settings, manifests, shells, XML and source code write them.

use sluicegate_model::severity::Severity::{High, Medium};

use crate::file_kind::Form;
use crate::key::{Named, named};
use crate::rule::{Hit, Rule, RuleInfo, Sure};
use crate::rules::settings::refined;
use crate::secret::SecretKind::Password;
use crate::site::{Site, is_comment};
use crate::value::{is_password, is_token, is_uuid};

static PASSWORD: RuleInfo =
    RuleInfo::new("assigned-password", "Password in a setting", Password, High);
static TOKEN: RuleInfo = RuleInfo::new("assigned-token", "Token in a setting", Password, Medium);

/// What reads them.
pub(crate) static RULE: Rule = Rule {
    infos: &[&PASSWORD, &TOKEN],
    keywords: &[
        "passw",
        "passph",
        "pwd",
        "_pass",
        "secret",
        "token",
        "api_key",
        "apikey",
        "api-key",
        "api.key",
        "access.key",
        "access_key",
        "accesskey",
        "access-key",
        "auth_key",
        "private_key",
        "encryption_key",
        "signing_key",
        "master_key",
        "account_key",
        "accountkey",
        "credential",
    ],
    look,
};

/// Longest name on one side of the keyword.
const NAME: usize = 64;
/// Longest value.
const VALUE: usize = 600;
/// Most gaps between a name and its value.
const GAP: usize = 24;

fn look(site: &Site<'_>) -> Option<Hit> {
    let file = site.file;
    if file.is_published || (file.is_library && file.form != Form::Settings) {
        return None;
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let start = site.run_back(site.at, NAME, |byte| is_name(byte) || byte == b'/');
    let end = site.run(site.end, NAME, is_name);
    let key = site.slice(start, end);
    // `arn:...:secret:name`: a part of a longer name.
    let before = start.checked_sub(1).and_then(|at| site.byte(at));
    if before == Some(b':') && site.byte(end) == Some(b':') {
        return None;
    }
    let (from, quote) = value_start(site, start, end)?;
    let named = named(key)?;
    let to = value_end(site, from, quote);
    let value = site.slice(from, to);
    let found = |info, sure| {
        Some(Hit {
            info,
            sure,
            start: from,
            end: to,
        })
    };
    if let Some(info) = refined(site, key, value) {
        return found(info, Sure::Format);
    }
    let is_unquoted_code = file.form == Form::Source && quote.is_none();
    if file.form == Form::Prose || is_unquoted_code || is_comment(site) {
        return None;
    }
    let is_secret = match named {
        Named::Password => is_password(value) || is_token(value),
        Named::Token => is_token(value) && (!is_uuid(value) || is_whole(key)),
    };
    let info = if named == Named::Password {
        &PASSWORD
    } else {
        &TOKEN
    };
    let is_code = quote.is_none() && is_call(value);
    (is_secret && !is_code).then(|| found(info, Sure::Name))?
}

/// Whether a name ends in what a secret is called, so that its UUID is one.
fn is_whole(key: &[u8]) -> bool {
    let key = key.to_ascii_lowercase();
    [b"secret".as_slice(), b"token", b"key"]
        .iter()
        .any(|end| key.ends_with(end))
}

/// Whether what stands without quotes is code: `tokens[0]`, `cfg.get("x")`.
fn is_call(value: &[u8]) -> bool {
    value.iter().any(|byte| b"()[]{}".contains(byte))
}

/// Finds where the value of a name begins, and in which quotes.
fn value_start(site: &Site<'_>, name: usize, end: usize) -> Option<(usize, Option<u8>)> {
    let at = quotes(site, end);
    let is_option = site.slice(name, end).starts_with(b"--")
        || site.slice(name.saturating_sub(2), name) == b"--";
    let after = match (site.byte(at), site.byte(at + 1)) {
        (Some(b'='), Some(b'=')) => return None,
        (Some(b'='), Some(b'>')) | (Some(b':'), Some(b'=')) => at + 2,
        (Some(b'=' | b':'), _) => at + 1,
        (Some(b'>'), _) if at == end => at + 1,
        (Some(b'('), _) if at == end && is_setter(site.slice(name, end)) => at + 1,
        (Some(b','), _) if at > end && is_defined(site, name) => at + 1,
        (Some(_), _) if is_option && at > end => at,
        _ => pair(site, at)?,
    };
    let from = site.run(after, GAP, |byte| matches!(byte, b' ' | b'\t'));
    let escaped = site.byte(from) == Some(b'\\');
    let from = from + usize::from(escaped);
    match site.byte(from)? {
        quote @ (b'"' | b'\'' | b'`') => Some((from + 1, Some(quote))),
        b'\n' | b'\r' => None,
        _ => Some((from, None)),
    }
}

/// Whether a name is that of a method that takes its value: `source.setPassword`.
fn is_setter(name: &[u8]) -> bool {
    let last = name.rsplit(|byte| *byte == b'.').next();
    last.is_some_and(|last| last.starts_with(b"set"))
}

/// Whether a name stands in `define('NAME', 'value')`.
fn is_defined(site: &Site<'_>, name: usize) -> bool {
    let before = site.slice(name.saturating_sub(10), name);
    before.windows(7).any(|window| window == b"define(")
}

/// Passes what may stand between a name and its sign: quotes, a bracket, blanks.
fn quotes(site: &Site<'_>, end: usize) -> usize {
    let at = site.run(end, 3, |byte| {
        matches!(byte, b'"' | b'\'' | b'\\' | b']' | b'`')
    });
    site.run(at, GAP, |byte| matches!(byte, b' ' | b'\t'))
}

/// Finds the value of a name that is a value itself: `name: DB_PASSWORD`, then `value: x`.
fn pair(site: &Site<'_>, at: usize) -> Option<usize> {
    let is_gap = |byte: u8| byte <= b' ' || matches!(byte, b'"' | b'\'' | b',' | b'\\');
    let start = site.run(at, GAP * 2, is_gap);
    let word = site.slice(start, start + 5);
    if start == at || !word.eq_ignore_ascii_case(b"value") {
        return None;
    }
    let sign = quotes(site, start + 5);
    matches!(site.byte(sign), Some(b'=' | b':')).then_some(sign + 1)
}

/// Finds where a value ends: at its quote, or where a setting ends.
fn value_end(site: &Site<'_>, from: usize, quote: Option<u8>) -> usize {
    let ends = |byte: u8| match quote {
        Some(quote) => byte == quote || byte == b'\\' || byte == b'\n',
        None => {
            byte <= b' '
                || matches!(
                    byte,
                    b'"' | b'\'' | b'<' | b',' | b';' | b'\\' | b'|' | b'`'
                )
        }
    };
    let end = site.run(from, VALUE, |byte| !ends(byte));
    let is_parameter = site.slice(from, end).iter().position(|byte| *byte == b'&');
    match (quote, is_parameter) {
        (None, Some(at)) if at > 0 => from + at,
        _ => end,
    }
}
