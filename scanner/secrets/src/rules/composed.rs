//! Tokens whose keyword stands in their middle.

use sluicegate_model::severity::Severity::High;

use crate::checksum::bech32;
use crate::pattern::Part::{Run, Text};
use crate::pattern::{alnum, digit, fit, hex, upper, url64};
use crate::plausible::{entropy, is_placeholder};
use crate::rule::{Hit, Rule, RuleInfo, Sure};
use crate::secret::SecretKind::{Cloud, PrivateKey, Service};
use crate::site::Site;

static OPENAI: RuleInfo = RuleInfo::new("openai-key", "OpenAI API key", Service, High);
static TELEGRAM: RuleInfo =
    RuleInfo::new("telegram-bot-token", "Telegram bot token", Service, High);
static TERRAFORM: RuleInfo =
    RuleInfo::new("terraform-cloud-token", "HCP Terraform token", Cloud, High);
static AZURE: RuleInfo = RuleInfo::new("azure-client-secret", "Azure client secret", Cloud, High);
static NEWRELIC: RuleInfo = RuleInfo::new(
    "newrelic-license-key",
    "New Relic license key",
    Service,
    High,
);
static AGE: RuleInfo = RuleInfo::new("age-secret-key", "age secret key", PrivateKey, High);

/// What reads them.
pub(crate) static RULES: [Rule; 6] = [
    Rule {
        infos: &[&OPENAI],
        keywords: &["T3BlbkFJ"],
        look: openai,
    },
    Rule {
        infos: &[&TELEGRAM],
        keywords: &[":AA"],
        look: telegram,
    },
    Rule {
        infos: &[&TERRAFORM],
        keywords: &[".atlasv1."],
        look: terraform,
    },
    Rule {
        infos: &[&AZURE],
        keywords: &["7Q~", "8Q~", "9Q~", "6Q~", "5Q~"],
        look: azure,
    },
    Rule {
        infos: &[&NEWRELIC],
        keywords: &["FFFFNRAL"],
        look: newrelic,
    },
    Rule {
        infos: &[&AGE],
        keywords: &["AGE-SECRET-KEY-1"],
        look: age,
    },
];

/// Makes a hit of what is between, where it may be a value.
fn hit(site: &Site<'_>, info: &'static RuleInfo, start: usize, end: usize) -> Option<Hit> {
    let value = site.slice(start, end);
    let is_random = entropy(value) >= 3.0 && !is_placeholder(value);
    (site.begins_word(start) && is_random).then_some(Hit {
        info,
        sure: Sure::Format,
        start,
        end,
    })
}

/// OpenAI, "API keys": `sk-`, for projects and service accounts with a word more; in the middle the
/// base64 of `OpenAI`.
fn openai(site: &Site<'_>) -> Option<Hit> {
    let start = site.run_back(site.at, 128, url64);
    let front = site.slice(start, site.at);
    let is_key = front.starts_with(b"sk-") && front.len() >= 20 + 3;
    let end = fit(site, site.end, &[Run(url64, 20, 128)])?;
    let is_spelled = site.slice(site.at, site.end) == b"T3BlbkFJ";
    (is_key && is_spelled).then(|| hit(site, &OPENAI, start, end))?
}

/// Telegram, "Bot API": the number of the bot, a colon, 35 letters of base64.
fn telegram(site: &Site<'_>) -> Option<Hit> {
    let start = site.run_back(site.at, 11, digit);
    let end = fit(site, site.at, &[Text(":AA"), Run(url64, 33, 33)])?;
    let is_bot = (8..=10).contains(&(site.at - start));
    is_bot.then(|| hit(site, &TELEGRAM, start, end))?
}

/// HashiCorp, "API tokens" of HCP Terraform.
fn terraform(site: &Site<'_>) -> Option<Hit> {
    let start = site.run_back(site.at, 15, alnum);
    let end = fit(site, site.end, &[Run(url64, 60, 70)])?;
    (site.at - start == 14).then(|| hit(site, &TERRAFORM, start, end))?
}

/// Microsoft, "Client secret credentials" of Entra: three, a digit, `Q~`, 31 to 34.
fn azure(site: &Site<'_>) -> Option<Hit> {
    let is_letter = |byte: u8| url64(byte) || matches!(byte, b'.' | b'~');
    let start = site.at.checked_sub(3)?;
    let is_front = site.run_back(site.at, 4, is_letter) == start;
    let end = site.run(site.end, 40, is_letter);
    let is_spelled = site.slice(site.at, site.end).ends_with(b"Q~");
    let is_key = is_front && is_spelled && (31..=34).contains(&(end - site.end));
    is_key.then(|| hit(site, &AZURE, start, end))?
}

/// New Relic, "API keys": 40, of which the last eight are fixed.
fn newrelic(site: &Site<'_>) -> Option<Hit> {
    let start = site.run_back(site.at, 33, hex);
    let is_key = site.at - start == 32 && fit(site, site.end, &[]).is_some();
    is_key.then(|| hit(site, &NEWRELIC, start, site.end))?
}

/// age, "The age file encryption format": 32 bytes in Bech32, in capitals.
fn age(site: &Site<'_>) -> Option<Hit> {
    let end = fit(site, site.end, &[Run(upper, 58, 58)])?;
    let key = site.slice(site.at, end);
    bech32(key).then(|| hit(site, &AGE, site.at, end))?
}
