//! The tokens of clouds and what runs on them, each by what its issuer says of it.

use sluicegate_model::severity::Severity::{High, Low, Medium};

use crate::pattern::Part::{Maybe, Run, Text};
use crate::pattern::{
    alnum, alnum_slash, base32, base64, digit, dotted, escaped, hex, slug, url64,
};
use crate::rule::{RuleInfo, Token};
use crate::secret::SecretKind::Cloud;

pub(crate) static TOKENS: &[Token] = &[
    // AWS, "IAM identifiers": unique id prefixes.
    Token::new(
        RuleInfo::new("aws-access-key-id", "AWS access key id", Cloud, High),
        &["AKIA", "ASIA", "ABIA", "ACCA"],
        &[Run(base32, 16, 16)],
    )
    .entropy(2.8),
    // Google Cloud, "Manage API keys"; its registered pattern at GitHub's secret scanning.
    Token::new(
        RuleInfo::new("gcp-api-key", "Google API key", Cloud, High),
        &["AIza"],
        &[Run(url64, 35, 35)],
    ),
    // Google, "Using OAuth 2.0 to access Google APIs".
    Token::new(
        RuleInfo::new(
            "gcp-oauth-client-secret",
            "Google OAuth client secret",
            Cloud,
            High,
        ),
        &["GOCSPX-"],
        &[Run(url64, 28, 28)],
    ),
    // Google, "Token types": valid for an hour.
    Token::new(
        RuleInfo::new("gcp-access-token", "Google access token", Cloud, Low),
        &["ya29."],
        &[Run(url64, 40, 1024)],
    ),
    // Azure, "Configure Azure Storage connection strings": 64 bytes.
    Token::new(
        RuleInfo::new(
            "azure-storage-key",
            "Azure storage account key",
            Cloud,
            High,
        ),
        &["AccountKey="],
        &[Run(alnum_slash, 86, 86), Text("==")],
    ),
    // Azure, "Get an Event Hubs connection string": 32 bytes.
    Token::new(
        RuleInfo::new(
            "azure-shared-access-key",
            "Azure shared access key",
            Cloud,
            High,
        ),
        &["SharedAccessKey="],
        &[Run(alnum_slash, 43, 43), Text("=")],
    ),
    // Azure, "Create a service SAS": the signature beside the version.
    Token::new(
        RuleInfo::new("azure-sas", "Azure shared access signature", Cloud, Medium),
        &["sig="],
        &[Run(escaped, 43, 90)],
    )
    .near(&["sv=", "&se="]),
    // DigitalOcean, "Create a personal access token".
    Token::new(
        RuleInfo::new("digitalocean-token", "DigitalOcean token", Cloud, High),
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        &[Run(hex, 64, 64)],
    ),
    // Heroku, "Platform API OAuth": the prefix of its tokens.
    Token::new(
        RuleInfo::new("heroku-api-key", "Heroku API key", Cloud, High),
        &["HRKU-"],
        &[Run(url64, 36, 64)],
    ),
    // Alibaba Cloud, "Create an AccessKey pair".
    Token::new(
        RuleInfo::new(
            "alibaba-access-key-id",
            "Alibaba Cloud access key id",
            Cloud,
            High,
        ),
        &["LTAI"],
        &[Run(alnum, 12, 20)],
    )
    .near(&["aliyun", "alibaba", "access", "oss"]),
    // Databricks, "Personal access tokens".
    Token::new(
        RuleInfo::new("databricks-token", "Databricks token", Cloud, High),
        &["dapi"],
        &[Run(hex, 32, 32), Maybe(&[Text("-"), Run(digit, 1, 2)])],
    ),
    // HashiCorp, "Vault tokens": prefixes since 1.10.
    Token::new(
        RuleInfo::new("vault-token", "HashiCorp Vault token", Cloud, High),
        &["hvs.", "hvb.", "hvr."],
        &[Run(url64, 24, 512)],
    ),
    // PlanetScale, "Service tokens".
    Token::new(
        RuleInfo::new(
            "planetscale-credential",
            "PlanetScale credential",
            Cloud,
            High,
        ),
        &["pscale_tkn_", "pscale_pw_", "pscale_oauth_"],
        &[Run(dotted, 32, 64)],
    ),
    // Tailscale, "Key prefixes".
    Token::new(
        RuleInfo::new("tailscale-key", "Tailscale key", Cloud, High),
        &["tskey-auth-", "tskey-api-", "tskey-client-"],
        &[Run(alnum, 8, 32), Text("-"), Run(alnum, 20, 64)],
    ),
    // Pulumi, "Access tokens".
    Token::new(
        RuleInfo::new("pulumi-token", "Pulumi access token", Cloud, High),
        &["pul-"],
        &[Run(hex, 40, 40)],
    ),
    // Doppler, "Auth token formats".
    Token::new(
        RuleInfo::new("doppler-token", "Doppler token", Cloud, High),
        &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa."],
        &[Maybe(&[Run(slug, 2, 35), Text(".")]), Run(alnum, 40, 44)],
    ),
    // Supabase, "Management API".
    Token::new(
        RuleInfo::new("supabase-token", "Supabase access token", Cloud, High),
        &["sbp_"],
        &[Run(hex, 40, 40)],
    ),
    // 1Password, "Service accounts".
    Token::new(
        RuleInfo::new(
            "onepassword-service-token",
            "1Password service account token",
            Cloud,
            High,
        ),
        &["ops_eyJ"],
        &[Run(base64, 250, 2048)],
    ),
];
