//! Secrets that only their place tells: keys, logins, URLs, signed tokens, passwords.

use super::Case;
use super::places::place;
use super::random::{ALNUM, HEX, Random, encoded, url_encoded};

type Make = fn(&mut Random, usize) -> (String, String, String);

/// A kind, and how a path, a text and the value in it are made.
const KINDS: [(&str, Make); 21] = [
    ("private-key", |r, at| {
        key(
            r,
            ["RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"][at % 3],
            at,
        )
    }),
    ("private-key-encrypted", |r, _| {
        key(r, "ENCRYPTED PRIVATE KEY", 0)
    }),
    ("openssh-private-key", openssh),
    ("pgp-private-key", |r, _| {
        let bytes = [vec![0x95, 0x03], r.bytes(900)].concat();
        let pem = pem("PGP PRIVATE KEY BLOCK", &bytes);
        ("root/signing.asc".into(), pem.clone(), pem)
    }),
    ("private-key-base64", |r, at| {
        let wrapped = encoded(pem("PRIVATE KEY", &der(r, 600)).as_bytes());
        let (path, text) = place(at, r.word(), "TLS_KEY", &wrapped);
        (path, text, wrapped)
    }),
    ("kubeconfig-client-key", kubeconfig),
    ("gcp-service-account-key", service_account),
    ("registry-auth", |r, at| {
        let auth = encoded(format!("{}:{}", r.word(), r.password()).as_bytes());
        let text = format!(
            "{{\n\t\"auths\": {{\n\t\t\"registry.acme.dev\": {{\n\t\t\t\"auth\": \"{auth}\"\n\t\t}}\n\t}}\n}}\n"
        );
        let path = ["root/.docker/config.json", "kaniko/.docker/config.json"][at % 2];
        (path.into(), text, auth)
    }),
    ("netrc-password", |r, at| {
        let password = if at % 2 == 0 {
            r.password()
        } else {
            r.of(ALNUM, 24)
        };
        let text = format!(
            "machine git.acme.dev\n  login {}\n  password {password}\n",
            r.word()
        );
        ("root/.netrc".into(), text, password)
    }),
    ("npmrc-auth-token", |r, _| {
        let token = if r.below(2) == 0 {
            r.uuid()
        } else {
            r.of(ALNUM, 40)
        };
        (
            "root/.npmrc".into(),
            format!("registry=https://npm.acme.dev/\n//npm.acme.dev/:_authToken={token}\n"),
            token,
        )
    }),
    ("pypirc-password", |r, _| {
        let password = r.password();
        (
            "root/.pypirc".into(),
            format!(
                "[distutils]\nindex-servers = acme\n\n[acme]\nrepository = https://pypi.acme.dev/\nusername = ci\npassword = {password}\n"
            ),
            password,
        )
    }),
    ("pip-index-url", |r, _| {
        let password = r.password().replace('#', "x");
        (
            "etc/pip.conf".into(),
            format!("[global]\nindex-url = https://ci:{password}@pypi.acme.dev/simple\n"),
            password,
        )
    }),
    ("maven-password", |r, _| {
        let password = r.password();
        (
            "root/.m2/settings.xml".into(),
            format!(
                "<settings>\n  <servers>\n    <server>\n      <id>acme</id>\n      <username>ci</username>\n      <password>{password}</password>\n    </server>\n  </servers>\n</settings>\n"
            ),
            password,
        )
    }),
    ("database-url", |r, at| {
        let scheme = [
            "postgres",
            "mysql",
            "mongodb+srv",
            "redis",
            "amqp",
            "postgresql+asyncpg",
        ][at % 6];
        let password = r.password().replace('#', "x");
        let url = format!("{scheme}://app:{password}@db.internal:5432/{}", r.word());
        let (path, text) = place(at, r.word(), "DATABASE_URL", &url);
        (path, text, password)
    }),
    ("url-password", |r, at| {
        let password = r.password().replace('#', "x");
        let text = format!(
            "#!/bin/sh\ngit clone https://deploy:{password}@git.acme.dev/{}.git\n",
            r.word()
        );
        (
            ["srv/fetch.sh", "srv/Dockerfile"][at % 2].into(),
            text,
            password,
        )
    }),
    ("jwt", |r, at| {
        let token = jwt(
            r,
            &format!(
                "{{\"sub\":\"{}\",\"scope\":\"admin\",\"iat\":1700000000}}",
                r_id(at)
            ),
        );
        let (path, text) = place(at, r.word(), "SERVICE_JWT", &token);
        (path, text, token)
    }),
    ("kubernetes-service-account-token", |r, _| {
        let token = jwt(
            r,
            "{\"iss\":\"kubernetes/serviceaccount\",\"kubernetes.io/serviceaccount/namespace\":\"ci\",\"sub\":\"system:serviceaccount:ci:deploy\"}",
        );
        (
            "var/run/secrets/kubernetes.io/serviceaccount/token".into(),
            token.clone(),
            token,
        )
    }),
    ("assigned-password", |r, at| {
        let name = r.pick(&[
            "DB_PASSWORD",
            "MYSQL_ROOT_PASSWORD",
            "REDIS_PASSWORD",
            "SMTP_PASSWD",
            "ADMIN_PASSWORD",
        ]);
        let password = r.password();
        let (path, text) = place(at, r.word(), name, &password);
        (path, text, password)
    }),
    ("assigned-token", |r, at| {
        let name = r.pick(&[
            "API_KEY",
            "CLIENT_SECRET",
            "JWT_SECRET",
            "SECRET_KEY_BASE",
            "ACCESS_TOKEN",
        ]);
        let token = if r.below(2) == 0 {
            r.of(HEX, 64)
        } else {
            r.of(ALNUM, 32)
        };
        let (path, text) = place(at, r.word(), name, &token);
        (path, text, token)
    }),
    ("password-hash", |r, _| {
        let hash = format!("$y$j9T${}${}", r.of(ALNUM, 22), r.of(ALNUM, 43));
        (
            "etc/shadow".into(),
            format!("root:*:19000:0:99999:7:::\napp:{hash}:19500:0:99999:7:::\n"),
            hash,
        )
    }),
    ("password-of-history", |r, _| {
        let password = r.password();
        let text = format!(
            "{{\"history\":[{{\"created_by\":\"RUN |1 DB_PASSWORD={password} /bin/sh -c make install # buildkit\"}}]}}\n"
        );
        ("srv/config.json".into(), text, password)
    }),
];

fn r_id(at: usize) -> String {
    format!("svc-{at}")
}

fn pem(label: &str, bytes: &[u8]) -> String {
    let body = encoded(bytes);
    let lines: Vec<&str> = (0..body.len())
        .step_by(64)
        .map(|at| &body[at..(at + 64).min(body.len())])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----",
        lines.join("\n")
    )
}

/// A sequence of DER with a version, and random bytes for the rest.
fn der(random: &mut Random, length: u16) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    let mut bytes = vec![0x30, 0x82, high, low, 0x02, 0x01, 0x00];
    bytes.extend(random.bytes(usize::from(length) - 3));
    bytes
}

fn key(random: &mut Random, label: &str, at: usize) -> (String, String, String) {
    let key = pem(label, &der(random, 1190));
    if at % 4 == 3 {
        let key = key.replace('\n', "\\n");
        let text = format!("{{\n  \"issuer\": \"acme\",\n  \"signingKey\": \"{key}\"\n}}\n");
        return ("srv/keys.json".into(), text, key);
    }
    let path = ["etc/ssl/private/server.key", "root/tls.pem", "srv/id_rsa"][at % 3];
    (path.into(), key.clone() + "\n", key)
}

fn openssh(random: &mut Random, at: usize) -> (String, String, String) {
    let mut bytes = b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01".to_vec();
    bytes.extend(random.bytes(380));
    let key = pem("OPENSSH PRIVATE KEY", &bytes);
    let path = ["root/.ssh/id_ed25519", "home/app/.ssh/deploy"][at % 2];
    (path.into(), key.clone() + "\n", key)
}

fn kubeconfig(random: &mut Random, _: usize) -> (String, String, String) {
    let certificate = encoded(pem("CERTIFICATE", &der(random, 700)).as_bytes());
    let key = encoded(pem("EC PRIVATE KEY", &der(random, 300)).as_bytes());
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: {certificate}\n    server: https://10.0.0.1:6443\nusers:\n- name: admin\n  user:\n    client-certificate-data: {certificate}\n    client-key-data: {key}\n"
    );
    ("root/.kube/config".into(), text, key)
}

fn service_account(random: &mut Random, _: usize) -> (String, String, String) {
    let key = pem("PRIVATE KEY", &der(random, 1210)).replace('\n', "\\n");
    let text = format!(
        "{{\n  \"type\": \"service_account\",\n  \"project_id\": \"acme\",\n  \"private_key_id\": \"{}\",\n  \"private_key\": \"{key}\\n\",\n  \"client_email\": \"ci@acme.iam.gserviceaccount.com\"\n}}\n",
        random.of(HEX, 40)
    );
    ("srv/credentials.json".into(), text, key)
}

fn jwt(random: &mut Random, claims: &str) -> String {
    let header = url_encoded(b"{\"alg\":\"RS256\",\"typ\":\"JWT\"}");
    format!(
        "{header}.{}.{}",
        url_encoded(claims.as_bytes()),
        url_encoded(&random.bytes(256))
    )
}

pub(crate) fn cases(random: &mut Random, each: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, make) in KINDS {
        for at in 0..each {
            let (path, text, value) = make(random, at);
            cases.push(Case::with(kind, &path, text, &value));
        }
    }
    cases
}
