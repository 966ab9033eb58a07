//! Passwords in commands and statements: where the option of a program or a clause of SQL has them.

use sluicegate_model::severity::Severity::High;

use crate::file_kind::Form;
use crate::rule::{Hit, Rule, RuleInfo, Sure};
use crate::secret::SecretKind::Password;
use crate::site::{Site, is_comment};
use crate::value::is_password;

static COMMAND: RuleInfo =
    RuleInfo::new("command-password", "Password in a command", Password, High);
static SQL: RuleInfo = RuleInfo::new("sql-password", "Password in a statement", Password, High);

/// What reads them.
pub(crate) static RULES: [Rule; 2] = [
    Rule {
        infos: &[&COMMAND],
        keywords: &["sshpass -p", "curl ", "mysql", "chpasswd"],
        look: command,
    },
    Rule {
        infos: &[&SQL],
        keywords: &["identified by ", "login password ", "user password "],
        look: statement,
    },
];

/// Bytes of a command that are looked at.
const COMMAND_LENGTH: usize = 512;

fn command(site: &Site<'_>) -> Option<Hit> {
    if is_left_out(site) {
        return None;
    }
    let (start, end) = match site
        .slice(site.at, site.end)
        .to_ascii_lowercase()
        .as_slice()
    {
        b"sshpass -p" => word(site, site.run(site.end, 2, |byte| byte == b' ')),
        b"curl " => login(site)?,
        b"mysql" => option(site, b" -p").map(|at| word(site, at))?,
        _ => piped(site)?,
    };
    is_password(site.slice(start, end)).then_some(Hit {
        info: &COMMAND,
        sure: Sure::Place,
        start,
        end,
    })
}

fn statement(site: &Site<'_>) -> Option<Hit> {
    let quote = site.byte(site.end)?;
    let start = site.end + 1;
    let end = site.run(start, 128, |byte| byte != quote && byte != b'\n');
    let is_secret = matches!(quote, b'\'' | b'"') && is_password(site.slice(start, end));
    (is_secret && !is_left_out(site)).then_some(Hit {
        info: &SQL,
        sure: Sure::Place,
        start,
        end,
    })
}

fn is_left_out(site: &Site<'_>) -> bool {
    site.file.form == Form::Prose || site.file.is_library || is_comment(site)
}

/// Gives the end of an option in the rest of the line.
fn option(site: &Site<'_>, name: &[u8]) -> Option<usize> {
    let end = site.run(site.end, COMMAND_LENGTH, |byte| {
        byte != b'\n' && byte != b'|'
    });
    let line = site.slice(site.end, end);
    let at = memchr::memmem::find(line, name)?;
    Some(site.end + at + name.len())
}

/// Gives the word at a position, without its quotes.
fn word(site: &Site<'_>, at: usize) -> (usize, usize) {
    let quote = site.byte(at).filter(|byte| matches!(byte, b'\'' | b'"'));
    let start = at + usize::from(quote.is_some());
    let is_inside = |byte: u8| match quote {
        Some(quote) => byte != quote && byte != b'\n',
        None => byte > b' ' && !b"'\"\\;&|<>".contains(&byte),
    };
    (start, site.run(start, 128, is_inside))
}

/// `-u user:password`, `--user user:password`.
fn login(site: &Site<'_>) -> Option<(usize, usize)> {
    let at = option(site, b" -u ").or_else(|| option(site, b" --user "))?;
    let (start, end) = word(site, at);
    let colon = site
        .slice(start, end)
        .iter()
        .position(|byte| *byte == b':')?;
    Some((start + colon + 1, end))
}

/// `echo 'root:password' | chpasswd`.
fn piped(site: &Site<'_>) -> Option<(usize, usize)> {
    let line = site.run_back(site.at, COMMAND_LENGTH, |byte| {
        byte != b'\n' && byte != b'&'
    });
    let before = site.slice(line, site.at);
    let at = before.windows(5).rposition(|window| window == b"echo ")? + 5;
    let gap = before.get(at..)?.iter().position(|byte| *byte != b' ')?;
    let (start, end) = word(site, line + at + gap);
    let colon = site
        .slice(start, end)
        .iter()
        .position(|byte| *byte == b':')?;
    Some((start + colon + 1, end))
}
