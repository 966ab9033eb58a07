//! Look-alikes that programs made: digests, ids, certificates, lockfiles, archives.

use super::alike::{Kind, text};
use super::random::{ALNUM, BASE32, HEX, LOWER, URL64, encoded, url_encoded};

fn lines(body: &str) -> String {
    let step = (0..body.len()).step_by(64);
    step.map(|at| format!("{}\n", &body[at..(at + 64).min(body.len())]))
        .collect()
}

pub(crate) const KINDS: &[Kind] = &[
    ("git-commit", |r, at| {
        let sha = r.of(HEX, 40);
        match at % 3 {
            0 => text("srv/app/.git/HEAD", format!("{sha}\n")),
            1 => text(
                "srv/app/build.properties",
                format!("git.commit.id={sha}\ngit.branch=main\n"),
            ),
            _ => text(
                "srv/app/version.json",
                format!("{{\"commit\":\"{sha}\",\"built\":\"2026-02-03T10:00:00Z\"}}"),
            ),
        }
    }),
    ("sha256-digest", |r, at| {
        let sha = r.of(HEX, 64);
        match at % 3 {
            0 => text(
                "srv/Dockerfile",
                format!(
                    "FROM debian@sha256:{sha}\nENV PYTHON_SHA256={}\n",
                    r.of(HEX, 64)
                ),
            ),
            1 => text(
                "srv/release.yaml",
                format!("artifact: app.tar.gz\nsha256: {sha}\n"),
            ),
            _ => text(
                "srv/SHA256SUMS",
                format!("{sha}  app-linux-amd64\n{}  app-darwin\n", r.of(HEX, 64)),
            ),
        }
    }),
    ("npm-integrity", |r, at| {
        let path = [
            "srv/package-lock.json",
            "srv/node_modules/.package-lock.json",
            "srv/assets.json",
        ][at % 3];
        text(
            path,
            format!(
                "{{\"node_modules/left\":{{\"version\":\"1.3.{at}\",\"resolved\":\"https://registry.npmjs.org/left/-/left-1.3.0.tgz#{}\",\"integrity\":\"sha512-{}\"}}}}\n",
                r.of(HEX, 40),
                r.base64(64)
            ),
        )
    }),
    ("subresource-integrity", |r, _| {
        text(
            "srv/www/index.html",
            format!(
                "<script src=\"https://cdn.acme.dev/a.js\" integrity=\"sha384-{}\" crossorigin></script>\n",
                r.base64(48)
            ),
        )
    }),
    ("go-sum", |r, _| {
        text(
            "srv/go.sum",
            format!(
                "github.com/acme/token v1.2.3 h1:{}\ngithub.com/acme/token v1.2.3/go.mod h1:{}\n",
                r.base64(32),
                r.base64(32)
            ),
        )
    }),
    ("cargo-lock", |r, _| {
        text(
            "srv/Cargo.lock",
            format!(
                "[[package]]\nname = \"secret-service\"\nversion = \"3.0.1\"\nchecksum = \"{}\"\n",
                r.of(HEX, 64)
            ),
        )
    }),
    ("python-lock", |r, at| {
        let path = ["srv/Pipfile.lock", "srv/requirements.txt"][at % 2];
        text(
            path,
            format!(
                "\"keyring-token\": {{\"hashes\": [\"sha256:{}\"], \"version\": \"==1.0\"}}\n",
                r.of(HEX, 64)
            ),
        )
    }),
    ("dpkg-md5sums", |r, _| {
        text(
            "var/lib/dpkg/info/libsecret.md5sums",
            format!(
                "{}  usr/lib/libsecret-1.so.0\n{}  usr/share/doc/token.txt\n",
                r.of(HEX, 32),
                r.of(HEX, 32)
            ),
        )
    }),
    ("uuid", |r, at| {
        let name = [
            "client_id",
            "tenant_id",
            "request_id",
            "correlationId",
            "session_id",
            "token_id",
            "secret_version_id",
        ][at % 7];
        text(
            ["srv/app.yaml", "srv/.env", "srv/app.json"][at % 3],
            format!("\"{name}\": \"{}\"\n", r.uuid()),
        )
    }),
    ("certificate", |r, at| {
        let path = ["etc/ssl/certs/ca.pem", "srv/tls.crt", "srv/chain.yaml"][at % 3];
        text(
            path,
            format!(
                "-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n",
                lines(&r.base64(700))
            ),
        )
    }),
    ("public-key", |r, at| {
        let label = [
            "PUBLIC KEY",
            "RSA PUBLIC KEY",
            "PGP PUBLIC KEY BLOCK",
            "CERTIFICATE REQUEST",
        ][at % 4];
        text(
            "srv/keys/signer.pem",
            format!(
                "-----BEGIN {label}-----\n{}-----END {label}-----\n",
                lines(&r.base64(294))
            ),
        )
    }),
    ("ssh-public-key", |r, at| {
        let path = [
            "root/.ssh/authorized_keys",
            "etc/ssh/ssh_known_hosts",
            "root/.ssh/id_rsa.pub",
        ][at % 3];
        text(
            path,
            format!(
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} deploy@acme\n",
                r.base64(31)
            ),
        )
    }),
    ("certificate-in-base64", |r, _| {
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n",
            lines(&r.base64(500))
        );
        text(
            "root/.kube/config",
            format!(
                "clusters:\n- cluster:\n    certificate-authority-data: {}\n    server: https://10.0.0.1:6443\nusers:\n- name: sso\n  user:\n    exec:\n      command: aws\n",
                encoded(pem.as_bytes())
            ),
        )
    }),
    ("apt-key-fingerprint", |r, at| {
        let print = r.of("0123456789ABCDEF", 40);
        match at % 2 {
            0 => text(
                "srv/Dockerfile",
                format!("ENV GPG_KEY={print}\nRUN gpg --batch --recv-keys \"$GPG_KEY\"\n"),
            ),
            _ => text(
                "srv/install.sh",
                format!(
                    "export NGINX_GPGKEY={print}\ngpg --keyserver hkps://keys.openpgp.org --recv-keys {print}\n"
                ),
            ),
        }
    }),
    ("source-map", |r, _| {
        text(
            "srv/www/app.js",
            format!(
                "var a=1;\n//# sourceMappingURL=data:application/json;base64,{}\n",
                encoded(
                    format!("{{\"version\":3,\"sources\":[\"{}\"]}}", r.of(LOWER, 400)).as_bytes()
                )
            ),
        )
    }),
    ("data-uri", |r, at| {
        let path = ["srv/www/app.css", "srv/theme.json", "srv/logo.svg"][at % 3];
        text(
            path,
            format!(
                "{{\"icon\": \"data:image/png;base64,iVBORw0KGgo{}\"}}\n",
                r.base64(900)
            ),
        )
    }),
    ("unsigned-jwt", |r, _| {
        let token = format!(
            "{}.{}.",
            url_encoded(b"{\"alg\":\"none\"}"),
            url_encoded(format!("{{\"sub\":\"{}\"}}", r.of(LOWER, 40)).as_bytes())
        );
        text("srv/openapi.json", format!("{{\"state\":\"{token}\"}}\n"))
    }),
    ("sample-jwt", |r, _| {
        let token = format!(
            "{}.{}.{}",
            url_encoded(b"{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
            url_encoded(b"{\"sub\":\"1234567890\",\"name\":\"John Doe\",\"iat\":1516239022}"),
            url_encoded(&r.bytes(32))
        );
        text(
            "srv/routes/auth.js",
            format!("// e.g. Authorization: {token}\nmodule.exports = parse;\n"),
        )
    }),
    ("json-in-base64", |r, _| {
        let cursor = url_encoded(
            format!(
                "{{\"after\":{},\"sort\":\"{}\"}}",
                r.below(99999),
                r.of(LOWER, 60)
            )
            .as_bytes(),
        );
        text("srv/fixtures.yaml", format!("next_page_token: {cursor}\n"))
    }),
    ("trace-header", |r, _| {
        text(
            "srv/trace.log",
            format!(
                "traceparent: 00-{}-{}-01 x-request-id: {} etag: \"{}\"\n",
                r.of(HEX, 32),
                r.of(HEX, 16),
                r.uuid(),
                r.of(HEX, 32)
            ),
        )
    }),
    ("random-bytes", |r, at| {
        let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0".to_vec();
        bytes.extend(r.bytes(6000));
        bytes.extend_from_slice(
            b"\0token=%s\0password: \0secret\0-----BEGIN PRIVATE KEY-----\0://%s:%s@%s\0AKIA\0",
        );
        (format!("usr/bin/tool{at}"), bytes)
    }),
    ("test-vector", |r, at| {
        let path = [
            "srv/crypto/aes.rsp",
            "srv/crypto/vectors.json",
            "srv/crypto/kat.yaml",
        ][at % 3];
        text(
            path,
            format!(
                "COUNT: {at}\nKEY: {}\nIV: {}\nPT: {}\n",
                r.of(HEX, 64),
                r.of(HEX, 32),
                r.of(HEX, 64)
            ),
        )
    }),
    ("published-key", |r, at| {
        let mut der = vec![0x30, 0x82, 0x04, 0xa4, 2, 1, 0];
        der.extend(r.bytes(1180));
        let path = [
            "usr/lib/node_modules/tls/test/fixtures/key.pem",
            "usr/lib/python3/dist-packages/tls/tests/server.pem",
            "usr/share/doc/stunnel/examples/key.pem",
        ][at % 3];
        text(
            path,
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n",
                lines(&encoded(&der))
            ),
        )
    }),
    ("wrong-checksum", |r, at| match at % 4 {
        0 => text(
            "srv/scanner.yaml",
            format!("sample: ghp_{}\n", r.of(ALNUM, 36)),
        ),
        1 => text(
            "srv/scanner.json",
            format!("{{\"sample\": \"npm_{}\"}}\n", r.of(ALNUM, 36)),
        ),
        2 => text(
            "srv/scanner.toml",
            format!("sample = \"glsa_{}_{}\"\n", r.of(ALNUM, 32), r.of(HEX, 8)),
        ),
        _ => text(
            "srv/scanner.ini",
            format!(
                "sample = AGE-SECRET-KEY-1{}\n",
                r.of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)
            ),
        ),
    }),
    ("neighbour-of-a-prefix", |r, at| {
        let value = match at % 5 {
            0 => format!("pk_live_51{}", r.of(ALNUM, 97)),
            1 => format!("AC{}", r.of(HEX, 32)),
            2 => format!("age1{}", r.of("qpzry9x8gf2tvdw0s3jn54khce6mua7l", 58)),
            3 => format!(
                "https://{}@o4500.ingest.sentry.io/{}",
                r.of(HEX, 32),
                r.below(99999)
            ),
            _ => format!(
                "{}-{}.apps.googleusercontent.com",
                r.below(999_999),
                r.of(LOWER, 32)
            ),
        };
        text(
            ["srv/.env", "srv/www.json"][at % 2],
            format!("PUBLIC_ID={value}\n"),
        )
    }),
    ("longer-than-a-token", |r, at| {
        let value = match at % 4 {
            0 => format!("AKIA{}", r.of(BASE32, 30)),
            1 => format!("AIza{}", r.of(URL64, 60)),
            2 => format!("x{}ghp_{}", r.of(LOWER, 9), r.of(ALNUM, 20)),
            _ => format!("hf_{}", r.of(LOWER, 50)),
        };
        text("srv/blob.json", format!("{{\"blob\":\"{value}\"}}\n"))
    }),
    ("license-text", |r, at| {
        text(
            "usr/share/doc/app/copyright",
            format!(
                "Copyright {at}. You may not disclose any secret, token or password of {}.\npassword: see below\n",
                r.word()
            ),
        )
    }),
];
