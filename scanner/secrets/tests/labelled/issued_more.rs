//! Further tokens that issuers made, so that no rule is without its cases.

use super::issued::Kind;
use super::random::{ALNUM, BASE32, DIGITS, HEX, LOWER, Random, UPPER, URL64, encoded};

fn bearer(random: &mut Random) -> String {
    format!("Authorization: Bearer {}", random.of(ALNUM, 48))
}

fn basic(random: &mut Random) -> String {
    let login = format!("ci:{}", random.password());
    format!("Authorization: Basic {}", encoded(login.as_bytes()))
}

pub(crate) const KINDS: [Kind; 38] = [
    ("gcp-access-token", "ACCESS", |r| {
        format!("ya29.a0{}", r.of(URL64, 160))
    }),
    ("alibaba-access-key-id", "ALIYUN_ACCESS_KEY_ID", |r| {
        format!("LTAI5t{}", r.of(ALNUM, 18))
    }),
    (
        "alibaba-access-key-secret",
        "ALIYUN_ACCESS_KEY_SECRET",
        |r| r.of(ALNUM, 30),
    ),
    ("azure-account-key", "AZURE_STORAGE_ACCOUNT_KEY", |r| {
        r.base64(64)
    }),
    ("onepassword-service-token", "OP_SERVICE_ACCOUNT", |r| {
        let claims = format!(
            "{{\"signInAddress\":\"acme.1password.com\",\"secretKey\":\"{}\"}}",
            r.of(UPPER, 240)
        );
        format!("ops_{}", encoded(claims.as_bytes()))
    }),
    ("cloudflare-api-token", "CLOUDFLARE_API_TOKEN", |r| {
        r.of(URL64, 40)
    }),
    ("heroku-legacy-key", "HEROKU_API_KEY", Random::uuid),
    ("vault-legacy-token", "VAULT_TOKEN", |r| {
        format!("s.{}", r.of(ALNUM, 24))
    }),
    ("hashicorp-acl-token", "CONSUL_HTTP_TOKEN", Random::uuid),
    ("gitlab-token-routable", "GITLAB_TOKEN", |r| {
        format!("glpat-{}.01.0{}", r.of(URL64, 36), r.of(LOWER, 8))
    }),
    ("clojars-token", "CLOJARS", |r| {
        format!("CLOJARS_{}", r.of(HEX, 60))
    }),
    ("github-legacy-token", "GITHUB_TOKEN", |r| r.of(HEX, 40)),
    ("npm-legacy-token", "NPM_TOKEN", Random::uuid),
    ("stripe-test-key", "STRIPE", |r| {
        format!("sk_test_51{}", r.of(ALNUM, 97))
    }),
    ("mailgun-private-key", "MAILGUN_API_KEY", |r| {
        format!("{}-{}-{}", r.of(HEX, 32), r.of(HEX, 8), r.of(HEX, 8))
    }),
    ("mailchimp-key", "MAILCHIMP_API_KEY", |r| {
        format!("{}-us1{}", r.of(HEX, 32), r.of(DIGITS, 1))
    }),
    ("brevo-key", "BREVO", |r| {
        format!("xkeysib-{}-{}", r.of(HEX, 64), r.of(ALNUM, 16))
    }),
    ("newrelic-insert-key", "INSIGHTS", |r| {
        format!("NRII-{}", r.of(URL64, 32))
    }),
    ("sentry-user-token", "SENTRY", |r| {
        format!("sntryu_{}", r.of(HEX, 64))
    }),
    ("notion-token", "NOTION", |r| {
        format!("ntn_{}", r.of(ALNUM, 46))
    }),
    ("square-secret", "SQUARE", |r| {
        format!("sq0csp-{}", r.of(URL64, 43))
    }),
    ("circleci-token", "CIRCLE", |r| {
        format!("CCIPAT_{}_{}", r.of(ALNUM, 22), r.of(HEX, 40))
    }),
    ("buildkite-token", "BUILDKITE", |r| {
        format!("bkua_{}", r.of(HEX, 40))
    }),
    ("hubspot-token", "HUBSPOT", |r| {
        format!("pat-na1-{}", r.uuid())
    }),
    ("contentful-token", "CONTENTFUL", |r| {
        format!("CFPAT-{}", r.of(URL64, 43))
    }),
    ("prefect-key", "PREFECT", |r| {
        format!("pnu_{}", r.of(ALNUM, 36))
    }),
    ("fastly-token", "FASTLY_API_TOKEN", |r| r.of(URL64, 32)),
    ("okta-token", "OKTA_API_TOKEN", |r| {
        format!("00{}", r.of(URL64, 40))
    }),
    ("algolia-key", "ALGOLIA_API_KEY", |r| r.of(HEX, 32)),
    ("codecov-token", "CODECOV_TOKEN", Random::uuid),
    ("wandb-key", "WANDB_API_KEY", |r| r.of(HEX, 40)),
    ("xai-key", "XAI", |r| format!("xai-{}", r.of(ALNUM, 80))),
    ("perplexity-key", "PERPLEXITY", |r| {
        format!("pplx-{}", r.of(ALNUM, 48))
    }),
    ("openrouter-key", "OPENROUTER", |r| {
        format!("sk-or-v1-{}", r.of(HEX, 64))
    }),
    ("langsmith-key", "LANGSMITH", |r| {
        format!("lsv2_pt_{}_{}", r.of(HEX, 32), r.of(HEX, 10))
    }),
    ("nvidia-key", "NVIDIA", |r| {
        format!("nvapi-{}", r.of(URL64, 64))
    }),
    ("pinecone-key", "PINECONE", |r| {
        format!("pcsk_{}_{}", r.of(BASE32, 6), r.of(ALNUM, 63))
    }),
    ("http-header", "CURL_HEADER", |r| {
        if r.below(2) == 0 { bearer(r) } else { basic(r) }
    }),
];
