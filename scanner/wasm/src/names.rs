//! Which names a plugin may have, and which words are its own.

/// Beginnings of ids that others give to weaknesses. Source: OSV schema, "Defined databases", and
/// what distributions and advisories use.
const TAKEN: &[&str] = &[
    "alba",
    "alpine",
    "alsa",
    "alea",
    "almalinux",
    "asb",
    "avg",
    "azl",
    "bell",
    "bit",
    "bitnami",
    "chainguard",
    "cga",
    "cleanstart",
    "configuration",
    "cpansa",
    "curl",
    "cve",
    "cwe",
    "debian",
    "dla",
    "drupal",
    "dsa",
    "dtsa",
    "echo",
    "eef",
    "eol",
    "gcve",
    "ghsa",
    "go",
    "gsd",
    "haskell",
    "hsec",
    "image",
    "jlsec",
    "kube",
    "lbsec",
    "mal",
    "malware",
    "mgasa",
    "minimos",
    "msft",
    "npm",
    "openeuler",
    "opensuse",
    "osec",
    "osv",
    "phsa",
    "photon",
    "pub",
    "pypi",
    "pysec",
    "redhat",
    "rhba",
    "rhea",
    "rhsa",
    "rlsa",
    "rocky",
    "root",
    "rsec",
    "rustsec",
    "rxsa",
    "secret",
    "secrets",
    "sluicegate",
    "sonatype",
    "snyk",
    "suse",
    "ubuntu",
    "usn",
    "uvi",
    "vulncheck",
    "wiz",
    "wolfi",
    "xsa",
    "ylsec",
];

/// Longest name.
const MAX_NAME: usize = 40;

/// Tells whether a plugin may be called so; what is wrong with it else.
pub(crate) fn check(name: &str) -> Result<(), &'static str> {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase();
    let is_usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.len() < 2 || name.len() > MAX_NAME {
        return Err("has 2 to 40 characters");
    }
    if !name.as_bytes().first().is_some_and(is_letter) || !name.bytes().all(is_usual) {
        return Err("is of lower-case letters, digits and _, and begins with a letter");
    }
    if TAKEN.contains(&name) {
        return Err("is how somebody else's ids begin");
    }
    Ok(())
}

/// Gives how all ids of a plugin begin.
pub fn namespace(name: &str) -> String {
    format!("{}-", name.to_ascii_uppercase())
}

/// Tells whether a text is a line that can be shown: no control characters, nothing that turns the
/// direction of text.
pub(crate) fn is_plain(text: &str) -> bool {
    let is_odd = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            )
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    !text.contains(is_odd)
}
