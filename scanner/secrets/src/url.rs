//! Passwords in URLs: of databases and queues, and of everything else. RFC 3986, section 3.2.1.

use sluicegate_model::severity::Severity::{High, Medium};

use crate::file_kind::Form;
use crate::plausible::is_template;
use crate::rule::{Hit, Rule, RuleInfo, Sure};
use crate::secret::SecretKind::Url;
use crate::site::Site;
use crate::value::is_password;

static DATABASE: RuleInfo = RuleInfo::new("database-url", "Database URL with password", Url, High);
static BASIC: RuleInfo = RuleInfo::new("url-password", "URL with password", Url, Medium);

/// What reads them.
pub(crate) static RULE: Rule = Rule {
    infos: &[&DATABASE, &BASIC],
    keywords: &["://"],
    look,
};

const DATABASES: [&str; 24] = [
    "postgres",
    "postgresql",
    "mysql",
    "mysql2",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "redis",
    "rediss",
    "amqp",
    "amqps",
    "mssql",
    "sqlserver",
    "clickhouse",
    "cockroachdb",
    "couchdb",
    "cassandra",
    "neo4j",
    "neo4j+s",
    "bolt",
    "influxdb",
    "oracle",
    "nats",
    "kafka",
];
const OTHERS: [&str; 16] = [
    "http",
    "https",
    "ftp",
    "ftps",
    "sftp",
    "ssh",
    "git",
    "git+https",
    "smtp",
    "smtps",
    "imap",
    "imaps",
    "ldap",
    "ldaps",
    "socks5",
    "svn",
];
/// Longest user and password.
const LONGEST: usize = 256;
/// Hosts of manuals, RFC 2606, and words that stand for one.
const HOSTS: [&str; 12] = [
    "example.", "host:", "host/", "hostname", "your", "server/", "server:", "domain", "proxy:",
    "foo", "bar", "test.",
];

fn look(site: &Site<'_>) -> Option<Hit> {
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-');
    let scheme = site.run_back(site.at, 20, is_scheme);
    let scheme = site.slice(scheme, site.at);
    // A driver may stand in front: `postgresql+asyncpg`.
    let is = |name: &&str| {
        let first = scheme.split(|byte| *byte == b'+').next();
        scheme.eq_ignore_ascii_case(name.as_bytes())
            || first.is_some_and(|first| first.eq_ignore_ascii_case(name.as_bytes()))
    };
    let is_database = DATABASES.iter().any(is);
    if !is_database && !OTHERS.iter().any(is) {
        return None;
    }
    let ends = |byte: u8| {
        byte <= b' '
            || matches!(
                byte,
                b'"' | b'\'' | b'`' | b'<' | b'>' | b'/' | b'\\' | b',' | b'|'
            )
    };
    let limit = site.run(site.end, LONGEST, |byte| !ends(byte));
    let at_sign = site
        .slice(site.end, limit)
        .iter()
        .rposition(|byte| *byte == b'@')?;
    let end = site.end + at_sign;
    let colon = site
        .slice(site.end, end)
        .iter()
        .position(|byte| *byte == b':')?;
    let start = site.end + colon + 1;
    let (user, password) = (
        site.slice(site.end, site.end + colon),
        site.slice(start, end),
    );
    let host = site.slice(end + 1, (end + 40).min(site.text.len()));
    let is_manual = HOSTS.iter().any(|name| {
        host.get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
            || crate::site::contains(host, b"example.")
    });
    let is_open =
        site.file.is_published || (site.file.is_library && site.file.form != Form::Settings);
    let is_secret = is_password(password) && password != user && !is_template(user);
    (is_secret && !is_manual && !is_open).then_some(Hit {
        info: if is_database { &DATABASE } else { &BASIC },
        sure: Sure::Place,
        start,
        end,
    })
}
