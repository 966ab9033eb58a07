//! Private keys as text: PEM, OpenSSH, PGP, and PEM within base64.
//!
//! A key is one only where its body is: programs that write keys hold the lines around them too.

use sluicegate_model::severity::Severity::{High, Low};
use zeroize::Zeroizing;

use crate::checksum::decode;
use crate::pattern::{alnum_slash, base64};
use crate::rule::{Hit, Rule, RuleInfo, Sure};
use crate::secret::SecretKind::PrivateKey;
use crate::site::{AFTER, Site, contains};

static PLAIN: RuleInfo = RuleInfo::new("private-key", "Private key", PrivateKey, High);
static ENCRYPTED: RuleInfo = RuleInfo::new(
    "private-key-encrypted",
    "Private key under a passphrase",
    PrivateKey,
    Low,
);
static OPENSSH: RuleInfo = RuleInfo::new(
    "openssh-private-key",
    "OpenSSH private key",
    PrivateKey,
    High,
);
static PGP: RuleInfo = RuleInfo::new("pgp-private-key", "PGP private key", PrivateKey, High);
static WRAPPED: RuleInfo = RuleInfo::new(
    "private-key-base64",
    "Private key within base64",
    PrivateKey,
    High,
);
static GCP: RuleInfo = RuleInfo::new(
    "gcp-service-account-key",
    "Google service account key",
    PrivateKey,
    High,
);
static KUBECONFIG: RuleInfo = RuleInfo::new(
    "kubeconfig-client-key",
    "Client key of a kubeconfig",
    PrivateKey,
    High,
);

/// What reads keys.
pub(crate) static RULES: [Rule; 2] = [
    Rule {
        infos: &[&PLAIN, &ENCRYPTED, &OPENSSH, &PGP, &GCP],
        keywords: &["-----BEGIN "],
        look: pem,
    },
    Rule {
        infos: &[&WRAPPED, &KUBECONFIG],
        keywords: &["LS0tLS1CRUdJTi"],
        look: wrapped,
    },
];

/// Labels of RFC 7468 and of what was there before it, and what each names.
const LABELS: [(&[u8], &RuleInfo); 7] = [
    (b"RSA PRIVATE KEY", &PLAIN),
    (b"EC PRIVATE KEY", &PLAIN),
    (b"DSA PRIVATE KEY", &PLAIN),
    (b"PRIVATE KEY", &PLAIN),
    (b"ENCRYPTED PRIVATE KEY", &ENCRYPTED),
    (b"OPENSSH PRIVATE KEY", &OPENSSH),
    (b"PGP PRIVATE KEY BLOCK", &PGP),
];
/// Base64 letters of the shortest key: an Ed25519 key in PKCS #8 has 64.
const SHORTEST: usize = 56;
/// Bytes from the start of a body that are decoded to see what it is.
const HEAD: usize = 120;

fn pem(site: &Site<'_>) -> Option<Hit> {
    let (label, info) = LABELS
        .iter()
        .find(|(label, _)| site.slice(site.end, site.end + label.len()) == *label)?;
    let start = site.end + label.len();
    if site.file.is_published || site.slice(start, start + 5) != b"-----" {
        return None;
    }
    let body = site.slice(start + 5, site.text.len());
    let end = memchr::memmem::find(body, b"-----")?;
    let body = body.get(..end)?;
    let info = inside(body, info, site)?;
    Some(Hit {
        info,
        sure: Sure::Format,
        start: site.at,
        end: start + 5 + end,
    })
}

/// Tells by a body which key it is; nothing where it is none.
fn inside(body: &[u8], info: &'static RuleInfo, site: &Site<'_>) -> Option<&'static RuleInfo> {
    let letters: usize = pieces(body).map(<[u8]>::len).sum();
    if letters < SHORTEST {
        return None;
    }
    if contains(body, b"Proc-Type: 4,ENCRYPTED") {
        return Some(&ENCRYPTED);
    }
    let mut head = Zeroizing::new(Vec::with_capacity(HEAD));
    let letters = pieces(body).flatten().take(HEAD);
    head.extend(letters.filter(|letter| **letter != b'='));
    let whole = head.len() / 4 * 4;
    head.truncate(whole);
    let head = decode(&head)?;
    if std::ptr::eq(info, &raw const OPENSSH) {
        return openssh(&head);
    }
    if std::ptr::eq(info, &raw const PGP) {
        // A packet of a secret key, tag 5, of the old form or the new. RFC 9580, section 4.2.
        let is_key = matches!(head.first()?, 0x94..=0x97 | 0xC5);
        return is_key.then_some(info);
    }
    // DER: a sequence, RFC 5958, RFC 8017, RFC 5915.
    if head.first() != Some(&0x30) {
        return None;
    }
    let is_of_google = site.is_near(&["\"service_account\"", "\"private_key_id\""]);
    Some(if is_of_google { &GCP } else { info })
}

/// Tells by the name of the cipher whether a key has a passphrase. Source: OpenSSH, `PROTOCOL.key`.
fn openssh(head: &[u8]) -> Option<&'static RuleInfo> {
    let rest = head.strip_prefix(b"openssh-key-v1\0")?;
    let is_plain = rest.starts_with(b"\0\0\0\x04none");
    Some(if is_plain { &OPENSSH } else { &ENCRYPTED })
}

/// Gives the base64 of a body in pieces, whether its lines end or are written as `\n`; no headers
/// and no checksum, which a line of its own begins with `=`.
pub(crate) fn pieces(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = body.split(|byte| *byte == b'\n').flat_map(escaped_lines);
    let lines = lines.map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && line.iter().all(|byte| base64(*byte)))
}

/// Takes `abc\ndef` apart.
fn escaped_lines(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parts = line.split(|byte| *byte == b'\\').enumerate();
    parts.map(|(at, part)| match part {
        [b'n' | b'r', rest @ ..] if at > 0 => rest,
        _ => part,
    })
}

fn wrapped(site: &Site<'_>) -> Option<Hit> {
    let is_begun = site
        .at
        .checked_sub(1)
        .and_then(|at| site.byte(at))
        .is_some_and(base64);
    let is_assigned = site.at.checked_sub(1).and_then(|at| site.byte(at)) == Some(b'=');
    let is_spelled = site.slice(site.at, site.end) == b"LS0tLS1CRUdJTi";
    if site.file.is_published || !is_spelled || (is_begun && !is_assigned) {
        return None;
    }
    let letters = site.run(site.at, AFTER, alnum_slash);
    let end = site.run(letters, 2, |byte| byte == b'=');
    let text = decode(site.slice(site.at, end))?;
    let is_key = contains(text.get(..64)?, b"private key") && pieces(&text).count() > 0;
    let is_kube = contains(
        site.slice(site.at.saturating_sub(32), site.at),
        b"client-key-data",
    );
    is_key.then_some(Hit {
        info: if is_kube { &KUBECONFIG } else { &WRAPPED },
        sure: Sure::Format,
        start: site.at,
        end,
    })
}
