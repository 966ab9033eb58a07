//! Bundles as sigstore's own library for npm makes them, signed with a key and without any service: no
//! certificate is asked for and no log is written to.
//!
//! npm brings the library, which is kept in the tests' cache, so that a machine fetches it once.

use std::path::Path;

use bytes::Bytes;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::run;
use crate::rootfs::{FETCH_LIMIT, kept};

/// Makes a bundle of the statement in `statement.json`, with the key of this folder, which is made
/// where there is none.
const SIGN: &str = r#"
const crypto = require("node:crypto");
const fs = require("node:fs");
const { bundleToJSON } = require("@sigstore/bundle");
const { DSSEBundleBuilder } = require("@sigstore/sign");

if (!fs.existsSync("key.pem")) {
  const pair = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
  fs.writeFileSync("key.pem", pair.privateKey.export({ type: "pkcs8", format: "pem" }));
  fs.writeFileSync("key.pub", pair.publicKey.export({ type: "spki", format: "pem" }));
}
const privateKey = crypto.createPrivateKey(fs.readFileSync("key.pem"));
const publicKey = fs.readFileSync("key.pub", "utf8");
const signer = {
  sign: async (data) => ({
    signature: crypto.sign("sha256", data, privateKey),
    key: { $case: "publicKey", publicKey, hint: "test" },
  }),
};
const artifact = {
  data: fs.readFileSync("statement.json"),
  type: "application/vnd.in-toto+json",
};
new DSSEBundleBuilder({ signer, witnesses: [] })
  .create(artifact)
  .then((bundle) => fs.writeFileSync("bundle.json", JSON.stringify(bundleToJSON(bundle))))
  .catch((error) => { console.error(error); process.exit(1); });
"#;

/// Somebody who signs by it.
pub struct NpmSigner(TempDir);

impl NpmSigner {
    /// Gives one with a key of its own; none where npm is not there, and says so.
    pub async fn new() -> Option<Self> {
        let is_there = Path::new("/usr/bin/npm").exists();
        if !is_there {
            eprintln!("npm is not there, so nothing was tried");
            return None;
        }
        let archive = kept("npm-sigstore-sign-4.1.0.tar", fetch).await;
        let work = tempfile::tempdir().expect("make a directory");
        let (folder, archive) = (text(work.path()), text(&archive));
        let unpack = ["-C", &folder, "-xf", &archive];
        run("tar", &unpack, FETCH_LIMIT).await.expect_ok("tar");
        std::fs::write(work.path().join("sign.cjs"), SIGN).expect("write the script");
        let signer = Self(work);
        signer.sign(&Value::Null).await;
        Some(signer)
    }

    /// Gives the public key as PEM text.
    pub fn key(&self) -> String {
        let key = self.0.path().join("key.pub");
        std::fs::read_to_string(key).expect("read the key")
    }

    /// Signs a statement and gives the bundle.
    pub async fn sign(&self, statement: &Value) -> Bytes {
        let file = |name: &str| self.0.path().join(name);
        std::fs::write(file("statement.json"), statement.to_string()).expect("write a statement");
        let folder = text(self.0.path());
        let sign = ["-c", "cd \"$0\" && node sign.cjs", &folder];
        run("sh", &sign, FETCH_LIMIT).await.expect_ok("signing");
        let bundle = std::fs::read(file("bundle.json")).expect("read the bundle");
        bundle.into()
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a readable path").to_owned()
}

async fn fetch(root: &Path) {
    let fetch = "cd \"$0\" && npm install --silent --no-audit --no-fund --ignore-scripts \
                 @sigstore/sign@4.1.0 @sigstore/bundle@4.0.0";
    let root = text(root);
    run("sh", &["-c", fetch, &root], FETCH_LIMIT)
        .await
        .expect_ok("fetching @sigstore/sign");
}
