//! The tokens of services: messages, payments, mail, operations, each by what its issuer says of it.

use sluicegate_model::severity::Severity::{High, Low, Medium};

use crate::checksum::grafana;
use crate::pattern::Part::{Maybe, Run, Text};
use crate::pattern::{alnum, base32, base64, dashed, digit, hex, upper, url64};
use crate::rule::{RuleInfo, Token};
use crate::secret::SecretKind::Service;

pub(crate) static TOKENS: &[Token] = &[
    // Slack, "Token types".
    Token::new(
        RuleInfo::new("slack-token", "Slack token", Service, High),
        &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-"],
        &[
            Maybe(&[Text("2-")]),
            Run(digit, 9, 14),
            Text("-"),
            Run(dashed, 20, 160),
        ],
    ),
    // Slack, "Token types": app-level.
    Token::new(
        RuleInfo::new("slack-app-token", "Slack app token", Service, High),
        &["xapp-"],
        &[
            Run(digit, 1, 1),
            Text("-"),
            Run(upper, 9, 13),
            Text("-"),
            Run(digit, 9, 14),
            Text("-"),
            Run(hex, 64, 64),
        ],
    ),
    // Slack, "Sending messages using incoming webhooks".
    Token::new(
        RuleInfo::new("slack-webhook", "Slack webhook", Service, High),
        &["hooks.slack.com/services/"],
        &[
            Text("T"),
            Run(upper, 8, 12),
            Text("/B"),
            Run(upper, 8, 12),
            Text("/"),
            Run(alnum, 24, 24),
        ],
    ),
    // Discord, "Webhook resource".
    Token::new(
        RuleInfo::new("discord-webhook", "Discord webhook", Service, High),
        &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        &[Run(digit, 17, 20), Text("/"), Run(url64, 60, 80)],
    ),
    // Stripe, "API keys".
    Token::new(
        RuleInfo::new("stripe-live-key", "Stripe live key", Service, High),
        &["sk_live_", "rk_live_"],
        &[Run(alnum, 24, 128)],
    ),
    // Stripe, "API keys": test mode moves no money.
    Token::new(
        RuleInfo::new("stripe-test-key", "Stripe test key", Service, Low),
        &["sk_test_", "rk_test_"],
        &[Run(alnum, 24, 128)],
    ),
    // Stripe, "Verify webhook signatures".
    Token::new(
        RuleInfo::new(
            "stripe-webhook-secret",
            "Stripe webhook secret",
            Service,
            Medium,
        ),
        &["whsec_"],
        &[Run(base64, 32, 64)],
    ),
    // Twilio SendGrid, "API keys".
    Token::new(
        RuleInfo::new("sendgrid-key", "SendGrid API key", Service, High),
        &["SG."],
        &[Run(url64, 22, 22), Text("."), Run(url64, 43, 43)],
    ),
    // Mailgun, "Where can I find my API keys".
    Token::new(
        RuleInfo::new("mailgun-key", "Mailgun API key", Service, High),
        &["key-"],
        &[Run(hex, 32, 32)],
    )
    .near(&["mailgun"]),
    // Brevo, "API keys".
    Token::new(
        RuleInfo::new("brevo-key", "Brevo API key", Service, High),
        &["xkeysib-", "xsmtpsib-"],
        &[Run(hex, 64, 64), Text("-"), Run(alnum, 16, 16)],
    ),
    // New Relic, "API keys".
    Token::new(
        RuleInfo::new("newrelic-user-key", "New Relic user key", Service, High),
        &["NRAK-"],
        &[Run(upper, 27, 27)],
    ),
    // New Relic, "API keys".
    Token::new(
        RuleInfo::new(
            "newrelic-insert-key",
            "New Relic insert key",
            Service,
            Medium,
        ),
        &["NRII-"],
        &[Run(url64, 32, 32)],
    ),
    // Sentry, "Auth tokens": organisations.
    Token::new(
        RuleInfo::new("sentry-token", "Sentry token", Service, High),
        &["sntrys_"],
        &[
            Text("eyJ"),
            Run(base64, 40, 400),
            Text("_"),
            Run(base64, 40, 48),
        ],
    ),
    // Sentry, "Auth tokens": users.
    Token::new(
        RuleInfo::new("sentry-user-token", "Sentry user token", Service, High),
        &["sntryu_"],
        &[Run(hex, 64, 64)],
    ),
    // Grafana, "Service account tokens"; the checksum in its package satokengen.
    Token::new(
        RuleInfo::new(
            "grafana-service-token",
            "Grafana service account token",
            Service,
            High,
        ),
        &["glsa_"],
        &[Run(alnum, 32, 32), Text("_"), Run(hex, 8, 8)],
    )
    .proven(grafana),
    // Grafana, "Access policies".
    Token::new(
        RuleInfo::new("grafana-cloud-token", "Grafana Cloud token", Service, High),
        &["glc_"],
        &[Text("eyJ"), Run(base64, 32, 400)],
    ),
    // Linear, "API authentication".
    Token::new(
        RuleInfo::new("linear-key", "Linear API key", Service, High),
        &["lin_api_"],
        &[Run(alnum, 40, 40)],
    ),
    // Notion, "Authentication": tokens since 2024.
    Token::new(
        RuleInfo::new("notion-token", "Notion token", Service, High),
        &["ntn_"],
        &[Run(alnum, 46, 46)],
    ),
    // Figma, "Personal access tokens".
    Token::new(
        RuleInfo::new("figma-token", "Figma token", Service, High),
        &["figd_"],
        &[Run(url64, 40, 40)],
    ),
    // Postman, "API keys".
    Token::new(
        RuleInfo::new("postman-key", "Postman API key", Service, High),
        &["PMAK-"],
        &[Run(hex, 24, 24), Text("-"), Run(hex, 34, 34)],
    ),
    // Shopify, "Access tokens": prefixes.
    Token::new(
        RuleInfo::new("shopify-token", "Shopify token", Service, High),
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        &[Run(hex, 32, 32)],
    ),
    // Square, "OAuth API".
    Token::new(
        RuleInfo::new("square-secret", "Square application secret", Service, High),
        &["sq0csp-"],
        &[Run(url64, 43, 43)],
    ),
    // Dynatrace, "Access tokens and OAuth clients": token format.
    Token::new(
        RuleInfo::new("dynatrace-token", "Dynatrace token", Service, High),
        &["dt0c01.", "dt0s01.", "dt0s16."],
        &[Run(base32, 24, 24), Text("."), Run(base32, 64, 64)],
    ),
    // CircleCI, "Managing API tokens".
    Token::new(
        RuleInfo::new("circleci-token", "CircleCI token", Service, High),
        &["CCIPAT_", "CCIPRJ_"],
        &[Run(alnum, 20, 24), Text("_"), Run(hex, 40, 40)],
    ),
    // Buildkite, "Managing API access tokens".
    Token::new(
        RuleInfo::new("buildkite-token", "Buildkite token", Service, High),
        &["bkua_"],
        &[Run(hex, 40, 40)],
    ),
    // SonarSource, "Managing your tokens".
    Token::new(
        RuleInfo::new("sonarqube-token", "SonarQube token", Service, Medium),
        &["sqp_", "squ_", "sqa_"],
        &[Run(hex, 40, 40)],
    ),
    // HubSpot, "Private apps".
    Token::new(
        RuleInfo::new("hubspot-token", "HubSpot token", Service, High),
        &["pat-na1-", "pat-na2-", "pat-eu1-"],
        &[
            Run(hex, 8, 8),
            Text("-"),
            Run(hex, 4, 4),
            Text("-"),
            Run(hex, 4, 4),
            Text("-"),
            Run(hex, 4, 4),
            Text("-"),
            Run(hex, 12, 12),
        ],
    ),
    // Contentful, "Personal access tokens".
    Token::new(
        RuleInfo::new("contentful-token", "Contentful token", Service, High),
        &["CFPAT-"],
        &[Run(url64, 43, 43)],
    ),
    // Prefect, "Manage API keys".
    Token::new(
        RuleInfo::new("prefect-key", "Prefect API key", Service, High),
        &["pnu_"],
        &[Run(alnum, 36, 36)],
    ),
];
