//! Tokens without a prefix of their own: their issuer's format, under a name that says whose it is.

use sluicegate_model::severity::Severity::{High, Low, Medium};

use crate::pattern::{Set, alnum, alnum_slash, base64, dotted, hex, url64};
use crate::plausible::{entropy, is_placeholder};
use crate::rule::RuleInfo;
use crate::secret::SecretKind::{Cloud, CodeHost, Registry, Service};
use crate::site::{Site, contains};
use crate::value::is_uuid;

/// A format and the names under which it stands.
pub(crate) struct Setting {
    pub(crate) info: RuleInfo,
    /// Words of the name, in lower case and without signs; one is enough.
    names: &'static [&'static str],
    form: Form,
}

enum Form {
    /// Of this alphabet, at least and at most so long.
    Run(Set, usize, usize),
    /// RFC 9562.
    Uuid,
    /// Runs of these lengths of an alphabet, with a sign between.
    Parts(Set, u8, &'static [(usize, usize)]),
}

const fn setting(info: RuleInfo, names: &'static [&'static str], form: Form) -> Setting {
    Setting { info, names, form }
}

/// The formats, the narrower name first.
pub(crate) static SETTINGS: [Setting; 22] = [
    // AWS, "Managing access keys for IAM users": 40 letters of base64.
    setting(
        RuleInfo::new(
            "aws-secret-access-key",
            "AWS secret access key",
            Cloud,
            High,
        ),
        &["secretaccesskey", "awssecret", "secretkey", "secretkeyid"],
        Form::Run(alnum_slash, 40, 40),
    ),
    // AWS, "Request temporary security credentials": valid for hours.
    setting(
        RuleInfo::new("aws-session-token", "AWS session token", Cloud, Low),
        &["sessiontoken", "securitytoken"],
        Form::Run(base64, 100, 1024),
    ),
    // Azure, "Manage storage account access keys": 64 bytes.
    setting(
        RuleInfo::new("azure-account-key", "Azure account key", Cloud, High),
        &[
            "accountkey",
            "storagekey",
            "storageaccountkey",
            "azurestorage",
            "cosmos",
        ],
        Form::Run(base64, 88, 88),
    ),
    // Alibaba Cloud, "Create an AccessKey pair".
    setting(
        RuleInfo::new(
            "alibaba-access-key-secret",
            "Alibaba Cloud access key secret",
            Cloud,
            High,
        ),
        &["aliyun", "alibaba", "alicloud", "accesskeysecret"],
        Form::Run(alnum, 30, 30),
    ),
    // Cloudflare, "API tokens" and "API keys".
    setting(
        RuleInfo::new("cloudflare-api-token", "Cloudflare API token", Cloud, High),
        &["cloudflare", "cfapitoken", "cftoken"],
        Form::Run(url64, 37, 40),
    ),
    // Heroku, "Platform API": keys before the prefix.
    setting(
        RuleInfo::new("heroku-legacy-key", "Heroku API key", Cloud, High),
        &["heroku"],
        Form::Uuid,
    ),
    // HashiCorp, "Vault tokens": before 1.10.
    setting(
        RuleInfo::new("vault-legacy-token", "HashiCorp Vault token", Cloud, High),
        &["vault"],
        Form::Parts(alnum, b'.', &[(1, 1), (24, 24)]),
    ),
    // HashiCorp, "Consul ACL tokens", "Nomad ACL tokens".
    setting(
        RuleInfo::new("hashicorp-acl-token", "Consul or Nomad token", Cloud, High),
        &["consul", "nomad"],
        Form::Uuid,
    ),
    // Twilio, "Auth tokens and how to change them"; "API keys overview".
    setting(
        RuleInfo::new("twilio-token", "Twilio token", Service, High),
        &["twilio"],
        Form::Run(alnum, 32, 32),
    ),
    // Mailgun, "API keys": three runs since 2018.
    setting(
        RuleInfo::new("mailgun-private-key", "Mailgun API key", Service, High),
        &["mailgun"],
        Form::Parts(hex, b'-', &[(32, 32), (8, 8), (8, 8)]),
    ),
    // Mailchimp, "About API keys": the data centre at its end.
    setting(
        RuleInfo::new("mailchimp-key", "Mailchimp API key", Service, High),
        &["mailchimp"],
        Form::Parts(alnum, b'-', &[(32, 32), (3, 4)]),
    ),
    // Discord, "API reference": the id of the bot, a time, a signature.
    setting(
        RuleInfo::new("discord-bot-token", "Discord bot token", Service, High),
        &["discord", "bottoken"],
        Form::Parts(url64, b'.', &[(23, 28), (6, 7), (27, 40)]),
    ),
    // Datadog, "API and application keys".
    setting(
        RuleInfo::new("datadog-key", "Datadog key", Service, High),
        &["datadog", "ddapikey", "ddappkey"],
        Form::Run(hex, 32, 40),
    ),
    // Fastly, "Using API tokens".
    setting(
        RuleInfo::new("fastly-token", "Fastly API token", Service, High),
        &["fastly"],
        Form::Run(url64, 32, 32),
    ),
    // Okta, "Create an API token".
    setting(
        RuleInfo::new("okta-token", "Okta API token", Service, High),
        &["okta"],
        Form::Run(url64, 40, 42),
    ),
    // Algolia, "API keys".
    setting(
        RuleInfo::new("algolia-key", "Algolia API key", Service, Medium),
        &["algolia"],
        Form::Run(hex, 32, 32),
    ),
    // Snyk, "Authentication for API".
    setting(
        RuleInfo::new("snyk-token", "Snyk token", Service, High),
        &["snyk"],
        Form::Uuid,
    ),
    // Codecov, "Codecov tokens".
    setting(
        RuleInfo::new("codecov-token", "Codecov upload token", Service, Medium),
        &["codecov"],
        Form::Uuid,
    ),
    // GitHub, tokens before April 2021.
    setting(
        RuleInfo::new("github-legacy-token", "GitHub token", CodeHost, High),
        &[
            "githubtoken",
            "ghtoken",
            "githubapitoken",
            "githubaccesstoken",
            "githubpat",
        ],
        Form::Run(hex, 40, 40),
    ),
    // npm, tokens before September 2021.
    setting(
        RuleInfo::new("npm-legacy-token", "npm token", Registry, High),
        &["npmtoken", "npmauthtoken"],
        Form::Uuid,
    ),
    // npm, ".npmrc": whatever a registry gave.
    setting(
        RuleInfo::new(
            "npmrc-auth-token",
            "Token of an npm registry",
            Registry,
            High,
        ),
        &["authtoken"],
        Form::Run(dotted, 20, 512),
    ),
    // Weights & Biases, "API keys".
    setting(
        RuleInfo::new("wandb-key", "Weights & Biases API key", Service, High),
        &["wandb"],
        Form::Run(hex, 40, 40),
    ),
];

/// Finds whose token a value is, by its name and its format.
pub(crate) fn refined(site: &Site<'_>, key: &[u8], value: &[u8]) -> Option<&'static RuleInfo> {
    let name: Vec<u8> = key
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .copied()
        .collect();
    let is_own = |setting: &&Setting| {
        setting
            .names
            .iter()
            .any(|word| contains(&name, word.as_bytes()))
            && setting.form.fits(value)
    };
    let setting = SETTINGS.iter().find(is_own)?;
    // `secret_key` alone is anybody's.
    let is_of_aws = setting.info.id != "aws-secret-access-key"
        || contains(&name, b"aws")
        || contains(&name, b"secretaccesskey")
        || site.is_near(&["aws", "akia", "asia", "s3"]);
    // So is `_authToken`, outside of what npm reads.
    let is_of_npm = setting.info.id != "npmrc-auth-token"
        || site.slice(site.at.saturating_sub(6), site.at) == b":_auth";
    let is_hash = setting.form.is_base64() && value.iter().all(|byte| hex(*byte));
    let is_random = entropy(value) >= 2.8 && !is_placeholder(value);
    (is_of_aws && is_of_npm && is_random && !is_hash).then_some(&setting.info)
}

impl Form {
    /// Whether it is base64, of which a hash in hexadecimal digits is none.
    fn is_base64(&self) -> bool {
        matches!(self, Self::Run(_, 40, 40))
            && self.fits(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl+/")
    }

    fn fits(&self, value: &[u8]) -> bool {
        match self {
            Self::Run(set, min, max) => {
                (*min..=*max).contains(&value.len()) && value.iter().all(|byte| set(*byte))
            }
            Self::Uuid => is_uuid(value),
            Self::Parts(set, sign, lengths) => {
                let parts: Vec<&[u8]> = value.split(|byte| byte == sign).collect();
                let fits = |(part, (min, max)): (&&[u8], &(usize, usize))| {
                    (*min..=*max).contains(&part.len()) && part.iter().all(|byte| set(*byte))
                };
                parts.len() == lengths.len() && parts.iter().zip(*lengths).all(fits)
            }
        }
    }
}
