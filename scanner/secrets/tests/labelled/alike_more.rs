//! Further look-alikes, written down before the rules were held against them.

use super::alike::{Kind, text};
use super::random::{ALNUM, DIGITS, HEX, LOWER, encoded};

pub(crate) const KINDS: &[Kind] = &[
    ("workflow-secrets", |r, _| {
        text(
            "srv/.github/workflows/ci.yml",
            format!(
                "env:\n  NPM_TOKEN: ${{{{ secrets.NPM_TOKEN2 }}}}\n  PASSWORD: ${{{{ secrets.{}_PASSWORD }}}}\n",
                r.word()
            ),
        )
    }),
    ("schema-example", |r, at| {
        text(
            "srv/api.yaml",
            format!(
                "password:\n  type: string\n  example: \"s3cr3tP@ss{at}\"\ntoken:\n  type: string\n  description: the {} token\n",
                r.word()
            ),
        )
    }),
    ("commented-session", |r, _| {
        text(
            "srv/client.py",
            format!(
                "def login():\n    \"\"\"\n    >>> login(password=\"{}\")\n    \"\"\"\n",
                r.password()
            ),
        )
    }),
    ("resource-versions", |r, _| {
        text(
            "srv/cm.yaml",
            format!(
                "metadata:\n  uid: {}\n  resourceVersion: \"{}\"\n  annotations:\n    checksum/secret: {}\n    pod-template-hash: {}\n",
                r.uuid(),
                r.of(DIGITS, 9),
                r.of(HEX, 64),
                r.of(LOWER, 10)
            ),
        )
    }),
    ("kubernetes-names", |r, _| {
        text(
            "srv/sa.yaml",
            format!(
                "apiVersion: v1\nkind: ServiceAccount\nsecrets:\n- name: {}-token-{}\nimagePullSecrets:\n- name: regcred-{}\n",
                r.word(),
                r.of(LOWER, 5),
                r.of(LOWER, 5)
            ),
        )
    }),
    ("image-with-digest", |r, _| {
        text(
            "srv/compose.yaml",
            format!(
                "services:\n  vault-token-helper:\n    image: registry.acme.dev/{}/token@sha256:{}\n",
                r.word(),
                r.of(HEX, 64)
            ),
        )
    }),
    ("bucket-of-a-key", |r, _| {
        text(
            "srv/s3.yaml",
            format!(
                "bucket: acme-{}-secrets\nkey: {}/{}/token.json\nkms_key_id: {}\n",
                r.word(),
                r.of(HEX, 2),
                r.of(HEX, 38),
                r.uuid()
            ),
        )
    }),
    ("cookie-names", |r, _| {
        text(
            "srv/session.yaml",
            format!(
                "session_cookie: {}_session_v2\ncsrf_token: {}\nremember_token_cookie: rmb_{}\n",
                r.word(),
                r.of(HEX, 32),
                r.word()
            ),
        )
    }),
    ("regular-expressions", |r, _| {
        text(
            "srv/rules.yaml",
            format!(
                "- secret: 'AKIA[0-9A-Z]{{16}}'\n  token: \"ghp_[a-zA-Z0-9]{{36}}\"\n  password: '(?i){}[=:]\\S+'\n",
                r.word()
            ),
        )
    }),
    ("empty-values", |r, _| {
        text(
            "srv/values.yaml",
            format!(
                "{}:\n  password: \"\"\n  existingSecret: \"\"\n  token:\n  secretKey: ''\n",
                r.word()
            ),
        )
    }),
    ("paths-of-stores", |r, _| {
        text(
            "srv/store.ini",
            format!(
                "ssl.keystore=/etc/ssl/{}.p12\nssl.password.provider=com.acme.{}.PasswordProvider2\ntoken.validator=org.acme.Jwt2Validator\n",
                r.word(),
                r.word()
            ),
        )
    }),
    ("versions-of-packages", |r, _| {
        text(
            "srv/requirements.in",
            format!(
                "keyring-token==1.{}.2\npassword-strength>=0.0.3\nsecretstorage=={}\n",
                r.below(9),
                r.of(DIGITS, 4)
            ),
        )
    }),
    ("base64-of-an-image", |r, _| {
        text(
            "srv/branding.yaml",
            format!("logo: {}\nfavicon: {}\n", r.base64(600), r.base64(100)),
        )
    }),
    ("numbers-of-accounts", |r, _| {
        text(
            "srv/aws.yaml",
            format!(
                "account_id: \"{}\"\naccess_key_rotation: 90d\nsecret_arn: arn:aws:kms:eu-west-1:{}:key/{}\n",
                r.of(DIGITS, 12),
                r.of(DIGITS, 12),
                r.uuid()
            ),
        )
    }),
    ("mail-with-an-id", |r, _| {
        text(
            "srv/mail.eml",
            format!(
                "Message-ID: <{}@mail.acme.dev>\nDKIM-Signature: v=1; a=rsa-sha256; bh={}; b={}\n",
                r.of(ALNUM, 24),
                r.base64(32),
                r.base64(128)
            ),
        )
    }),
    ("basic-auth-of-nobody", |r, at| {
        text(
            "srv/check.sh",
            format!(
                "curl -H 'Authorization: Basic {}' https://{}.acme.dev\n",
                [
                    encoded(b"user:password"),
                    encoded(b"foo:bar"),
                    "$AUTH".to_owned()
                ][at % 3],
                r.word()
            ),
        )
    }),
];
