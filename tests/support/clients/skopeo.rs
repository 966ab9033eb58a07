//! `skopeo copy` from a registry to a directory.
//!
//! skopeo keeps nothing between runs, so every copy is a cold client.

use std::ffi::OsStr;
use std::path::Path;

use crate::clients::PULL_LIMIT;
use crate::process::{Outcome, run, run_with};

/// Copies `reference` (`host:port/repository:tag`) to a directory over plain HTTP.
pub async fn copy(reference: &str, directory: &Path) -> Outcome {
    copy_with(&[], reference, directory).await
}

/// Copies with extra options, for example `--all`.
pub async fn copy_with(options: &[&str], reference: &str, directory: &Path) -> Outcome {
    let source = format!("docker://{reference}");
    let target = format!("dir:{}", directory.display());
    let mut arguments = vec!["--insecure-policy", "copy", "--src-tls-verify=false"];
    arguments.extend(options);
    arguments.extend([source.as_str(), target.as_str()]);
    run("skopeo", &arguments, PULL_LIMIT).await
}

/// Copies `reference` to nowhere in particular by TLS, trusting this authority alone.
pub async fn copy_trusting(authority: &Path, options: &[&str], reference: &str) -> Outcome {
    let target = tempfile::tempdir().expect("make a directory");
    let source = format!("docker://{reference}");
    let target = format!("dir:{}", target.path().display());
    let mut arguments = vec!["--insecure-policy", "copy"];
    arguments.extend(options);
    arguments.extend([source.as_str(), target.as_str()]);
    let trust = [
        ("SSL_CERT_FILE", authority.as_os_str()),
        ("SSL_CERT_DIR", OsStr::new("/nonexistent")),
    ];
    run_with("skopeo", &arguments, &trust, PULL_LIMIT).await
}

/// Copies `reference` to any place that skopeo writes to, for example `oci-archive:FILE:TAG`.
pub async fn copy_to(reference: &str, target: &str) -> Outcome {
    let source = format!("docker://{reference}");
    let copy = ["--insecure-policy", "copy", "--src-tls-verify=false"];
    let arguments = [copy.as_slice(), &[source.as_str(), target]].concat();
    run("skopeo", &arguments, PULL_LIMIT).await
}

/// Gives the manifest bytes of a finished copy.
pub fn manifest(directory: &Path) -> Vec<u8> {
    std::fs::read(directory.join("manifest.json")).expect("skopeo wrote no manifest")
}

/// Gives the end of what skopeo prints when the registry denies a manifest for `reason`.
///
/// *Shape*: one field of a log line, so quotes are escaped.
pub fn denial(reference: &str, reason: &str) -> String {
    let (name, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
    let reason = reason.replace('"', "\\\"");
    format!("reading manifest {tag} in {name}: denied: {reason}\"")
}
