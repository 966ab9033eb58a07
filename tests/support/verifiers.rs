//! Programs of others that verify what is signed: OpenSSL, python's `securesystemslib` and sigstore's
//! own library for npm. Each knows the signer's public key and asks nobody.
//!
//! pip and npm bring the libraries, which are kept in the tests' cache, so that a machine fetches
//! them once.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::process::run;
use crate::rootfs::{FETCH_LIMIT, kept};

/// Reads envelopes, and says of each what is signed in it, or why it is not believed.
const SECURE_SYSTEMS_LIB: &str = r#"
import json, sys
sys.path.insert(0, sys.argv[1] + "/python")
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

key = SSlibKey.from_crypto(load_pem_public_key(open(sys.argv[2], "rb").read()))
key.keyid = ""  # As in the envelopes; the library passes over signatures of other names.
for path in sys.argv[3:]:
    try:
        envelope = Envelope.from_dict(json.load(open(path)))
        envelope.verify([key], 1)
        print(json.dumps({"said": json.loads(envelope.payload)}))
    except Exception as error:
        print(json.dumps({"why": f"{type(error).__name__}: {error}"}))
"#;

/// The same of bundles. The key is found by the name that the bundle has for it.
const NPM: &str = r#"
const crypto = require("node:crypto");
const fs = require("node:fs");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const [key, ...paths] = process.argv.slice(2);
const rawBytes = crypto.createPublicKey(fs.readFileSync(key)).export({ type: "spki", format: "der" });
const hint = crypto.createHash("sha256").update(rawBytes).digest("base64");
const root = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const trust = toTrustMaterial(root, { [hint]: { rawBytes } });
const verifier = new Verifier(trust, {
  tlogThreshold: 0, ctlogThreshold: 0, tsaThreshold: 0, timestampThreshold: 0,
});
for (const path of paths) {
  try {
    const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(path, "utf8")));
    verifier.verify(toSignedEntity(bundle));
    const payload = bundle.content.dsseEnvelope.payload.toString();
    console.log(JSON.stringify({ said: JSON.parse(payload) }));
  } catch (error) {
    console.log(JSON.stringify({ why: `${error.code}: ${error.message}` }));
  }
}
"#;

/// What was signed, or why it is not believed.
pub type Verified = Result<Value, String>;

/// Lets OpenSSL verify an envelope by a key, and gives the statement in it.
pub async fn openssl(key: &str, envelope: &str) -> Verified {
    let envelope: Value = serde_json::from_str(envelope).expect("an envelope");
    let kind = envelope["payloadType"].as_str().expect("a type");
    let payload = decoded(&envelope["payload"]);
    let mut signed = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    signed.extend_from_slice(&payload);
    let home = tempfile::tempdir().expect("make a directory");
    let signature = decoded(&envelope["signatures"][0]["sig"]);
    let [key, signature, signed] = written(
        home.path(),
        [key.as_bytes(), &signature, &signed].into_iter(),
    )
    .try_into()
    .expect("three files");
    let verify = [
        "dgst",
        "-sha256",
        "-verify",
        &key,
        "-signature",
        &signature,
        &signed,
    ];
    let outcome = run("openssl", &verify, FETCH_LIMIT).await;
    match outcome.ok() {
        true => Ok(serde_json::from_slice(&payload).expect("a statement")),
        false => Err(outcome.text()),
    }
}

/// Lets python's `securesystemslib` verify envelopes by a key.
pub async fn secure_systems_lib(key: &str, envelopes: &[String]) -> Vec<Verified> {
    let (home, files) = prepared("securesystemslib-1.6.0.tar", key, envelopes, async |root| {
        let fetch = "cd \"$0\" && python3 -m pip install -q --no-compile -t python \
                     securesystemslib==1.6.0 cryptography==50.0.2";
        let done = run("sh", &["-c", fetch, &text(root)], FETCH_LIMIT).await;
        done.expect_ok("fetching securesystemslib");
    })
    .await;
    let folder = text(home.path());
    let script = ["-c", SECURE_SYSTEMS_LIB, &folder];
    let outcome = run("python3", &with(&script, &files), FETCH_LIMIT).await;
    verified(&outcome.expect_ok("python3").stdout)
}

/// Lets sigstore's library for npm verify bundles by a key.
pub async fn npm(key: &str, bundles: &[String]) -> Vec<Verified> {
    let (home, files) = prepared(
        "npm-sigstore-verify-3.1.1.tar",
        key,
        bundles,
        async |root| {
            let fetch = "cd \"$0\" && npm install --silent --no-audit --no-fund --ignore-scripts \
                     @sigstore/verify@3.1.1 @sigstore/bundle@4.0.0";
            let done = run("sh", &["-c", fetch, &text(root)], FETCH_LIMIT).await;
            done.expect_ok("fetching @sigstore/verify");
        },
    )
    .await;
    let script = text(&home.path().join("verify.cjs"));
    std::fs::write(&script, NPM).expect("write the script");
    let outcome = run("node", &with(&[&script], &files), FETCH_LIMIT).await;
    verified(&outcome.expect_ok("node").stdout)
}

/// Gives what is signed with one letter of its base64 changed, and with one letter of the signature.
///
/// A bundle or an envelope.
pub fn spoiled(document: &str) -> [String; 2] {
    ["payload", "sig"].map(|name| {
        let start = format!("\"{name}\":\"");
        let at = document.find(&start).expect("a field") + start.len();
        // In the middle: what is changed is neither a bracket of JSON nor a length of DER.
        let len = document[at..].find('"').expect("an end");
        let at = at + len / 2;
        let other = if &document[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &document[..at], &document[at + 1..])
    })
}

/// Unpacks a library, and writes a key and documents beside it.
async fn prepared(
    name: &str,
    key: &str,
    documents: &[String],
    fetch: impl AsyncFnOnce(&Path),
) -> (tempfile::TempDir, Vec<String>) {
    let archive = text(&kept(name, fetch).await);
    let home = tempfile::tempdir().expect("make a directory");
    let unpack = ["-C", &text(home.path()), "-xf", &archive];
    run("tar", &unpack, FETCH_LIMIT).await.expect_ok("tar");
    let all = [key]
        .into_iter()
        .chain(documents.iter().map(String::as_str));
    let files = written(home.path(), all.map(str::as_bytes));
    (home, files)
}

fn written<'a>(home: &Path, contents: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut files = Vec::new();
    for (number, content) in contents.enumerate() {
        let path = home.join(format!("file-{number}"));
        std::fs::write(&path, content).expect("write a file");
        files.push(text(&path));
    }
    files
}

fn with<'a>(script: &[&'a str], files: &'a [String]) -> Vec<&'a str> {
    let files = files.iter().map(String::as_str);
    script.iter().copied().chain(files).collect()
}

fn verified(output: &str) -> Vec<Verified> {
    let read = |line: &str| {
        let mut said: Value = serde_json::from_str(line).expect("a line of JSON");
        match said["why"].as_str() {
            Some(why) => Err(why.to_owned()),
            None => Ok(said["said"].take()),
        }
    };
    output.lines().map(read).collect()
}

fn decoded(text: &Value) -> Vec<u8> {
    STANDARD
        .decode(text.as_str().expect("a text"))
        .expect("base64")
}

fn text(path: &Path) -> String {
    path.to_str().expect("a readable path").to_owned()
}
