//! JSON Web Tokens, RFC 7519: those that are signed, and that somebody keeps.

use serde_json::Value;
use sluicegate_model::severity::Severity::{High, Medium};

use crate::checksum::decode;
use crate::file_kind::Form;
use crate::pattern::url64;
use crate::plausible::entropy;
use crate::rule::{Hit, Rule, RuleInfo, Sure};
use crate::secret::SecretKind::SignedToken;
use crate::site::{Site, contains, is_comment};

static JWT: RuleInfo = RuleInfo::new("jwt", "JSON Web Token", SignedToken, Medium);
static KUBERNETES: RuleInfo = RuleInfo::new(
    "kubernetes-service-account-token",
    "Kubernetes service account token",
    SignedToken,
    High,
);

/// What reads them: `eyJ` is `{"` in base64.
pub(crate) static RULE: Rule = Rule {
    infos: &[&JWT, &KUBERNETES],
    keywords: &["eyJ"],
    look,
};

/// Longest part that is looked at.
const PART: usize = 4096;
/// Base64 letters of the shortest signature: 32 bytes.
const SIGNATURE: usize = 43;
/// Claims of tokens that their issuers publish: the samples of jwt.io, the keys of Supabase that
/// browsers get.
const PUBLIC: [&[u8]; 4] = [b"john doe", b"\"role\":\"anon\"", b"example.com", b"joe\""];

fn look(site: &Site<'_>) -> Option<Hit> {
    let is_text = site.file.form == Form::Prose || site.file.is_published;
    if is_text
        || is_comment(site)
        || site.slice(site.at, site.end) != b"eyJ"
        || !site.begins_token(site.at)
    {
        return None;
    }
    let header = site.run(site.at, PART, url64);
    let payload = part(site, header)?;
    let end = part(site, payload)?;
    if end - payload <= SIGNATURE || site.byte(end).is_some_and(|byte| byte == b'.') {
        return None;
    }
    if entropy(site.slice(payload + 1, end)) < 4.0 {
        return None;
    }
    let header: Value = serde_json::from_slice(&decode(site.slice(site.at, header))?).ok()?;
    let algorithm = header.get("alg")?.as_str()?;
    if algorithm.eq_ignore_ascii_case("none") {
        return None;
    }
    let from = site.slice(site.at, payload).iter();
    let from = site.at + from.clone().position(|byte| *byte == b'.')? + 1;
    let claims = decode(site.slice(from, payload))?;
    let is_claims = serde_json::from_slice::<Value>(&claims).is_ok_and(|claims| claims.is_object());
    if !is_claims || PUBLIC.iter().any(|word| contains(&claims, word)) {
        return None;
    }
    let is_kubernetes = contains(&claims, b"kubernetes.io") || contains(&claims, b"kubernetes/");
    Some(Hit {
        info: if is_kubernetes { &KUBERNETES } else { &JWT },
        sure: Sure::Format,
        start: site.at,
        end,
    })
}

/// Gives the end of the part after a dot.
fn part(site: &Site<'_>, at: usize) -> Option<usize> {
    let end = site.run(at + 1, PART, url64);
    (site.byte(at) == Some(b'.') && end > at + 1).then_some(end)
}
