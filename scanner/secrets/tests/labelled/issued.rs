//! Tokens that issuers made: each kind in the form that its documentation describes.

use super::Case;
use super::places::place;
use super::random::{
    ALNUM, BASE32, BASE64, DIGITS, HEX, LETTERS, LOWER, Random, UPPER, URL64, bech32, crc32,
    encoded, summed, url_encoded,
};

/// A kind, the name under which it stands, and how a value of it is made.
pub(crate) type Kind = (&'static str, &'static str, fn(&mut Random) -> String);

const KINDS: [Kind; 62] = [
    ("aws-access-key-id", "AWS_ACCESS_KEY_ID", |r| {
        format!("AKIA{}", r.of(BASE32, 16))
    }),
    ("aws-secret-access-key", "AWS_SECRET_ACCESS_KEY", |r| {
        r.of(BASE64, 40)
    }),
    ("aws-session-token", "AWS_SESSION_TOKEN", |r| {
        format!("IQoJb3JpZ2lu{}", r.base64(240))
    }),
    ("gcp-api-key", "GOOGLE_API_KEY", |r| {
        format!("AIza{}", r.of(URL64, 35))
    }),
    ("gcp-oauth-client-secret", "GOOGLE_CLIENT_SECRET", |r| {
        format!("GOCSPX-{}", r.of(URL64, 28))
    }),
    ("azure-storage-key", "AZURE_STORAGE_CONNECTION", |r| {
        format!(
            "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={};EndpointSuffix=core.windows.net",
            r.base64(64)
        )
    }),
    ("azure-shared-access-key", "EVENTHUB_CONNECTION", |r| {
        format!(
            "Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey={}",
            r.base64(32)
        )
    }),
    ("azure-sas", "BLOB_URL", |r| {
        let sig = r
            .base64(32)
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        format!(
            "https://acme.blob.core.windows.net/in?sv=2022-11-02&ss=b&srt=o&sp=rl&se=2031-01-01T00:00:00Z&sig={sig}"
        )
    }),
    ("azure-client-secret", "AZURE_CLIENT_SECRET", |r| {
        format!("{}8Q~{}", r.of(ALNUM, 3), r.of(ALNUM, 34))
    }),
    ("digitalocean-token", "DO_TOKEN", |r| {
        format!("dop_v1_{}", r.of(HEX, 64))
    }),
    ("heroku-api-key", "HEROKU_API_KEY", |r| {
        format!("HRKU-AA{}", r.of(URL64, 58))
    }),
    ("databricks-token", "DATABRICKS_TOKEN", |r| {
        format!("dapi{}", r.of(HEX, 32))
    }),
    ("vault-token", "VAULT_TOKEN", |r| {
        format!("hvs.CAESI{}", r.of(URL64, 90))
    }),
    ("terraform-cloud-token", "TFE_TOKEN", |r| {
        format!("{}.atlasv1.{}", r.of(ALNUM, 14), r.of(ALNUM, 67))
    }),
    ("planetscale-credential", "DB_CREDENTIAL", |r| {
        format!("pscale_pw_{}", r.of(ALNUM, 43))
    }),
    ("tailscale-key", "TS_AUTHKEY", |r| {
        format!("tskey-auth-k{}CNTRL-{}", r.of(ALNUM, 11), r.of(ALNUM, 32))
    }),
    ("pulumi-token", "PULUMI_ACCESS_TOKEN", |r| {
        format!("pul-{}", r.of(HEX, 40))
    }),
    ("doppler-token", "DOPPLER_TOKEN", |r| {
        format!("dp.pt.{}", r.of(ALNUM, 43))
    }),
    ("supabase-token", "SUPABASE_ACCESS_TOKEN", |r| {
        format!("sbp_{}", r.of(HEX, 40))
    }),
    ("github-token", "GITHUB_TOKEN", |r| {
        let kind = r.pick(&["ghp_", "gho_", "ghu_", "ghs_"]);
        format!("{kind}{}", summed(&r.of(ALNUM, 30)))
    }),
    ("github-fine-grained-token", "GH_TOKEN", |r| {
        format!("github_pat_11{}_{}", r.of(ALNUM, 20), r.of(ALNUM, 59))
    }),
    ("gitlab-token", "GITLAB_TOKEN", |r| {
        let kind = r.pick(&["glpat-", "gldt-", "glrt-"]);
        format!("{kind}{}", r.of(URL64, 20))
    }),
    (
        "gitlab-runner-registration-token",
        "RUNNER_REGISTRATION",
        |r| format!("GR1348941{}", r.of(URL64, 20)),
    ),
    ("bitbucket-app-password", "BITBUCKET_APP", |r| {
        format!("ATBB{}", r.of(ALNUM, 32))
    }),
    ("atlassian-token", "JIRA_API_TOKEN", |r| {
        let body = format!("ATATT3xFfGF0{}", r.of(URL64, 171));
        format!("{body}={:08X}", crc32(body.as_bytes()))
    }),
    ("npm-token", "NPM_TOKEN", |r| {
        format!("npm_{}", summed(&r.of(ALNUM, 30)))
    }),
    ("pypi-token", "TWINE_PASSWORD", |r| {
        let mut bytes = b"\x02\x01\x08pypi.org\x02\x24".to_vec();
        bytes.extend(r.uuid().bytes());
        bytes.extend(r.bytes(90));
        format!("pypi-{}", url_encoded(&bytes))
    }),
    ("crates-io-token", "CARGO_REGISTRY_TOKEN", |r| {
        format!("cio{}", r.of(ALNUM, 32))
    }),
    ("rubygems-key", "GEM_HOST_API_KEY", |r| {
        format!("rubygems_{}", r.of(HEX, 48))
    }),
    ("nuget-key", "NUGET_API_KEY", |r| {
        format!("oy2{}", r.of(LOWER, 43))
    }),
    ("docker-hub-token", "DOCKERHUB_TOKEN", |r| {
        format!("dckr_pat_{}", r.of(URL64, 27))
    }),
    ("jfrog-key", "ARTIFACTORY_API_KEY", |r| {
        format!("AKCp{}", r.of(ALNUM, 69))
    }),
    ("slack-token", "SLACK_BOT_TOKEN", |r| {
        format!(
            "xoxb-{}-{}-{}",
            r.of(DIGITS, 12),
            r.of(DIGITS, 13),
            r.of(ALNUM, 24)
        )
    }),
    ("slack-app-token", "SLACK_APP_TOKEN", |r| {
        format!(
            "xapp-1-A{}-{}-{}",
            r.of(UPPER, 10),
            r.of(DIGITS, 13),
            r.of(HEX, 64)
        )
    }),
    ("slack-webhook", "ALERT_URL", |r| {
        format!(
            "https://hooks.slack.com/services/T{}/B{}/{}",
            r.of(UPPER, 10),
            r.of(UPPER, 10),
            r.of(ALNUM, 24)
        )
    }),
    ("discord-webhook", "NOTIFY_URL", |r| {
        format!(
            "https://discord.com/api/webhooks/{}/{}",
            r.of(DIGITS, 19),
            r.of(URL64, 68)
        )
    }),
    ("discord-bot-token", "DISCORD_TOKEN", |r| {
        let id = encoded(r.of(DIGITS, 18).as_bytes());
        format!("{id}.G{}.{}", r.of(ALNUM, 5), r.of(URL64, 38))
    }),
    ("stripe-live-key", "STRIPE_KEY", |r| {
        format!("sk_live_51{}", r.of(ALNUM, 97))
    }),
    ("stripe-webhook-secret", "STRIPE_WEBHOOK_SECRET", |r| {
        format!("whsec_{}", r.of(ALNUM, 32))
    }),
    ("twilio-token", "TWILIO_AUTH_TOKEN", |r| r.of(HEX, 32)),
    ("sendgrid-key", "SENDGRID_API_KEY", |r| {
        format!("SG.{}.{}", r.of(URL64, 22), r.of(URL64, 43))
    }),
    ("mailgun-key", "MAILGUN_API_KEY", |r| {
        format!("key-{}", r.of(HEX, 32))
    }),
    ("telegram-bot-token", "TELEGRAM_BOT", |r| {
        format!("{}:AA{}", r.of(DIGITS, 10), r.of(URL64, 33))
    }),
    ("newrelic-user-key", "NEW_RELIC_API_KEY", |r| {
        format!("NRAK-{}", r.of(UPPER, 27))
    }),
    ("newrelic-license-key", "NEW_RELIC_LICENSE_KEY", |r| {
        format!("{}FFFFNRAL", r.of(HEX, 32))
    }),
    ("sentry-token", "SENTRY_AUTH_TOKEN", |r| {
        let claims = format!(
            "{{\"iat\":17{}.5,\"url\":\"https://sentry.io\",\"org\":\"acme\"}}",
            r.of(DIGITS, 8)
        );
        format!("sntrys_{}_{}", encoded(claims.as_bytes()), r.of(ALNUM, 43))
    }),
    ("grafana-service-token", "GRAFANA_TOKEN", |r| {
        let body = format!("glsa_{}", r.of(ALNUM, 32));
        format!("{body}_{:08x}", crc32(body.as_bytes()).swap_bytes())
    }),
    ("grafana-cloud-token", "GRAFANA_CLOUD", |r| {
        let claims = format!(
            "{{\"o\":\"{}\",\"n\":\"ci\",\"k\":\"{}\",\"m\":{{\"r\":\"eu\"}}}}",
            r.of(DIGITS, 6),
            r.of(ALNUM, 24)
        );
        format!("glc_{}", encoded(claims.as_bytes()))
    }),
    ("linear-key", "LINEAR_KEY", |r| {
        format!("lin_api_{}", r.of(ALNUM, 40))
    }),
    ("figma-token", "FIGMA_TOKEN", |r| {
        format!("figd_{}", r.of(URL64, 40))
    }),
    ("postman-key", "POSTMAN_KEY", |r| {
        format!("PMAK-{}-{}", r.of(HEX, 24), r.of(HEX, 34))
    }),
    ("shopify-token", "SHOPIFY_TOKEN", |r| {
        format!("shpat_{}", r.of(HEX, 32))
    }),
    ("dynatrace-token", "DT_API_TOKEN", |r| {
        format!("dt0c01.{}.{}", r.of(BASE32, 24), r.of(BASE32, 64))
    }),
    ("sonarqube-token", "SONAR_TOKEN", |r| {
        format!("sqp_{}", r.of(HEX, 40))
    }),
    ("openai-key", "OPENAI_API_KEY", |r| {
        format!("sk-proj-{}T3BlbkFJ{}", r.of(URL64, 74), r.of(URL64, 74))
    }),
    ("anthropic-key", "ANTHROPIC_API_KEY", |r| {
        format!("sk-ant-api03-{}AA", r.of(URL64, 93))
    }),
    ("huggingface-token", "HF_TOKEN", |r| {
        format!("hf_{}", r.of(LETTERS, 34))
    }),
    ("groq-key", "GROQ_API_KEY", |r| {
        format!("gsk_{}", r.of(ALNUM, 52))
    }),
    ("replicate-token", "REPLICATE_API_TOKEN", |r| {
        format!("r8_{}", r.of(ALNUM, 37))
    }),
    ("datadog-key", "DD_API_KEY", |r| r.of(HEX, 32)),
    ("snyk-token", "SNYK_TOKEN", Random::uuid),
    ("age-secret-key", "SOPS_AGE_KEY", |r| {
        let mut groups: Vec<u8> = r.bytes(52).into_iter().map(|byte| byte & 31).collect();
        // 256 bits are 51 groups and one bit.
        groups[51] &= 16;
        bech32("age-secret-key-", &groups).to_uppercase()
    }),
];

pub(crate) fn cases(random: &mut Random, each: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    let kinds = KINDS.into_iter().chain(super::issued_more::KINDS);
    for (number, (kind, name, value)) in kinds.enumerate() {
        for at in 0..each {
            let value = value(random);
            let owner = random.word();
            let (path, text) = place(number + at, owner, name, &value);
            cases.push(Case::with(kind, &path, text, &value));
        }
    }
    cases
}
