//! Look-alikes in settings: placeholders, references, names about secrets, what is encrypted.

use super::alike::{Kind, text};
use super::random::{ALNUM, BASE64, HEX, LOWER, encoded};

const FILES: [&str; 5] = [
    "srv/.env",
    "srv/config.yaml",
    "srv/app.properties",
    "srv/settings.ini",
    "srv/run.sh",
];

fn setting(at: usize, name: &str, value: &str) -> (String, Vec<u8>) {
    let path = FILES[at % FILES.len()];
    let sign = if at % FILES.len() == 1 { ": " } else { "=" };
    text(
        path,
        format!("mode{sign}on\n{name}{sign}{value}\nlevel{sign}info\n"),
    )
}

pub(crate) const KINDS: &[Kind] = &[
    ("placeholder", |r, at| {
        let value = r.pick(&[
            "changeme",
            "change-me-now1",
            "your_password_here",
            "xxxxxxxxxxxxxxxx",
            "<your-token>",
            "REPLACE_ME_123",
            "example-Passw0rd",
            "TODO",
            "********",
            "insert-token-here-1",
            "dummy_secret_42",
            "password123",
            "none",
            "null",
            "true",
        ]);
        setting(
            at,
            r.pick(&[
                "DB_PASSWORD",
                "API_TOKEN",
                "CLIENT_SECRET",
                "ADMIN_PASSWORD",
            ]),
            value,
        )
    }),
    ("variable", |r, at| {
        let value = r.pick(&[
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "${DB_PASSWORD:-}",
            "{{ .Values.db.password }}",
            "{{db_password}}",
            "%DB_PASSWORD%",
            "$(cat /run/secrets/db)",
            "<%= ENV['DB_PASSWORD'] %>",
            "#{db_password1}",
            "@db.password2@",
            "__DB_PASSWORD_1__",
            "!Ref DbPassword1",
        ]);
        setting(
            at,
            r.pick(&["DB_PASSWORD", "SECRET_KEY", "AUTH_TOKEN"]),
            value,
        )
    }),
    ("file-of-a-secret", |r, at| {
        let name = r.pick(&[
            "DB_PASSWORD_FILE",
            "TOKEN_PATH",
            "SECRET_DIR",
            "password-file",
            "ssl.key.password.location",
        ]);
        setting(
            at,
            name,
            &format!("/run/secrets/{}-{}", r.word(), r.of(LOWER, 8)),
        )
    }),
    ("address-of-tokens", |r, at| {
        setting(
            at,
            r.pick(&[
                "TOKEN_URL",
                "token_endpoint",
                "SECRET_STORE_URL",
                "password_reset_url",
            ]),
            &format!("https://login.acme.dev/{}/oauth2/v2.0/token", r.uuid()),
        )
    }),
    ("number-about-tokens", |r, at| {
        setting(
            at,
            r.pick(&[
                "MAX_TOKENS",
                "token_ttl",
                "PASSWORD_MIN_LENGTH",
                "session.token.lifetime",
                "tokens",
            ]),
            &format!("{}", r.below(100_000)),
        )
    }),
    ("hash-of-a-secret", |r, at| {
        let (name, value) = match at % 4 {
            0 => ("password_hash", format!("$2b$12${}", r.of(ALNUM, 53))),
            1 => ("TOKEN_SHA256", r.of(HEX, 64)),
            2 => ("secret_digest", format!("sha256:{}", r.of(HEX, 64))),
            _ => (
                "admin.password.hashed",
                format!("pbkdf2${}", r.of(BASE64, 44)),
            ),
        };
        setting(at, name, &value)
    }),
    ("encrypted-value", |r, at| {
        let value = match at % 4 {
            0 => format!("ENC({})", r.of(BASE64, 44)),
            1 => format!("{{cipher}}{}", r.of(HEX, 96)),
            2 => format!(
                "ENC[AES256_GCM,data:{},iv:{},type:str]",
                r.base64(16),
                r.base64(32)
            ),
            _ => format!("vault:v1:{}", r.base64(48)),
        };
        setting(at, "spring.datasource.password", &value)
    }),
    ("sealed-secret", |r, _| {
        text(
            "srv/sealed.yaml",
            format!(
                "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n  encryptedData:\n    password: AgB{}\n",
                r.base64(500)
            ),
        )
    }),
    ("secret-reference", |r, at| {
        let name = format!("{}-credentials-{}", r.word(), at);
        text(
            "srv/pod.yaml",
            format!(
                "env:\n- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: {name}\n      key: db-password\nvolumes:\n- secret:\n    secretName: {name}\nimagePullSecrets:\n- name: {name}\nexistingSecret: {name}\n"
            ),
        )
    }),
    ("lead-to-a-vault", |r, at| {
        let value = match at % 5 {
            0 => format!(
                "arn:aws:secretsmanager:eu-west-1:{}:secret:{}-{}",
                r.of("0123456789", 12),
                r.word(),
                r.of(ALNUM, 6)
            ),
            1 => format!("op://Production/{}/password1", r.word()),
            2 => format!("projects/acme/secrets/{}-v2/versions/3", r.word()),
            3 => format!("vault:secret/data/{}#password", r.word()),
            _ => format!("ref+awsssm://prod/{}/token1", r.word()),
        };
        setting(
            at,
            r.pick(&["DB_PASSWORD", "api_token", "client_secret"]),
            &value,
        )
    }),
    ("name-of-a-secret", |r, at| {
        setting(
            at,
            r.pick(&[
                "SECRET_NAME",
                "token_type",
                "password_policy",
                "secret-provider",
                "AUTH_TOKEN_HEADER",
                "credential_helper",
                "TOKEN_ISSUER",
            ]),
            &format!("{}-{}-v{at}", r.word(), r.word()),
        )
    }),
    ("words-as-value", |r, at| {
        setting(
            at,
            r.pick(&["secret", "token", "password", "api_key"]),
            &format!("{}-{}", r.word(), r.word()),
        )
    }),
    ("other-keys", |r, at| {
        setting(
            at,
            r.pick(&[
                "cache_key",
                "primary_key",
                "idempotency_key",
                "sort_key",
                "PUBLIC_KEY",
                "partition.key",
                "GPG_KEY",
                "hash_seed",
            ]),
            &r.of(ALNUM, 32),
        )
    }),
    ("docs-aws-example", |_, at| {
        setting(
            at,
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"][at % 2],
            [
                "AKIAIOSFODNN7EXAMPLE",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            ][at % 2],
        )
    }),
    ("docker-config-without-login", |r, at| {
        text(
            "root/.docker/config.json",
            match at % 3 {
                0 => format!(
                    "{{\"auths\":{{\"{}.acme.dev\":{{}}}},\"credsStore\":\"ecr-login\"}}\n",
                    r.word()
                ),
                1 => format!(
                    "{{\"auths\":{{\"{}.acme.dev\":{{\"auth\":\"\"}}}}}}\n",
                    r.word()
                ),
                _ => format!(
                    "{{\"auths\":{{\"{}.acme.dev\":{{\"auth\":\"{}\"}}}}}}\n",
                    r.word(),
                    encoded(b"user:password")
                ),
            },
        )
    }),
    ("npmrc-variable", |r, _| {
        text(
            "srv/.npmrc",
            format!(
                "//npm.acme.dev/:_authToken=${{NPM_TOKEN}}\n@{}:registry=https://npm.acme.dev/\nalways-auth=true\n",
                r.word()
            ),
        )
    }),
    ("netrc-placeholder", |r, _| {
        text(
            "srv/.netrc",
            format!(
                "machine git.acme.dev\n  login {}\n  password ${{GIT_TOKEN}}\n",
                r.word()
            ),
        )
    }),
    ("url-without-password", |r, at| {
        let url = match at % 6 {
            0 => format!("postgres://{}@db:5432/app", r.word()),
            1 => "mysql://${DB_USER}:${DB_PASS}@db:3306/app".to_owned(),
            2 => format!("https://{}.acme.dev:8443/a@2x.png", r.word()),
            3 => "postgres://user:password@localhost:5432/app".to_owned(),
            4 => "redis://user:pass@host:6379/0".to_owned(),
            _ => format!("https://user:{}@example.com/", r.password()),
        };
        setting(at, "SERVICE_URL", &url)
    }),
    ("pam-and-login", |r, _| {
        text(
            "etc/pam.d/common-password",
            format!(
                "password [success=1 default=ignore] pam_unix.so obscure yescrypt\npassword requisite pam_deny.so\n# {}\n",
                r.word()
            ),
        )
    }),
    ("translation", |r, at| {
        let path = [
            "srv/locale/de.json",
            "srv/i18n/messages.properties",
            "srv/lang/fr.yaml",
        ][at % 3];
        text(
            path,
            format!(
                "{{\"password\": \"Passwort{}\", \"token\": \"Zugriffs-Token {}\"}}\n",
                r.below(99),
                r.word()
            ),
        )
    }),
    ("label-of-a-form", |r, at| {
        text(
            "srv/forms.json",
            format!(
                "{{\"password\": \"Must have {} letters\", \"passwordLabel\": \"{}1\", \"token\": \"Enter the token\"}}\n",
                at + 8,
                r.word()
            ),
        )
    }),
    ("published-sample", |r, at| {
        let value = [
            "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
            "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ][at % 4];
        setting(at, r.pick(&["SAMPLE", "DEMO_URL"]), value)
    }),
    ("readme", |r, _| {
        text(
            "srv/README.md",
            format!(
                "Set `DB_PASSWORD=s3cretPass{}` and `API_KEY={}` before you start.\n",
                r.below(99),
                r.of(HEX, 32)
            ),
        )
    }),
    ("flag-about-passwords", |r, at| {
        setting(
            at,
            r.pick(&[
                "ALLOW_EMPTY_PASSWORD",
                "PasswordAuthentication",
                "rotate_secret",
                "use_token",
                "csrf_token",
            ]),
            r.pick(&["yes", "no", "true", "false", "prohibit-password"]),
        )
    }),
];
