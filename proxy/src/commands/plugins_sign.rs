//! `sluicegate plugins sign`: the signed list of a directory of plugins, for a feed's URL.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use sluicegate_feeds::bundle::SigningKey;
use sluicegate_feeds::mirror::told;
use sluicegate_feeds::signed::sign;

use super::plugins::refused;
use super::{CommandError, Done};
use crate::fed_plugins::load_directory;

pub(super) const HELP: &str = "Example: sluicegate plugins sign ./plugins --signing-key feeds.key\n\n\
    It writes manifest.json and manifest.sig beside them. Put the directory at the URL of a feed as\n\
    plugins/: services that subscribe to it, and whose plugin_trust names the key, take them in force.";

/// Which plugins, and who signs.
#[derive(Args, Debug)]
pub struct SignArgs {
    /// Directory with the plugins, each a file NAME.wasm
    directory: PathBuf,
    /// Key to sign with: ed25519 in PKCS#8, PEM or DER, as "feeds create-key" makes (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    signing_key: Vec<PathBuf>,
    /// Number that never decreases from one list to the next [default: seconds since 1970]
    #[arg(long, value_name = "N")]
    list_version: Option<u64>,
}

/// Signs the plugins of a directory; each has to be one.
pub(super) fn run(args: &SignArgs, out: &mut impl Write) -> Result<Done, CommandError> {
    load_directory(&args.directory).map_err(refused)?;
    let keys = args.signing_key.iter().map(|file| SigningKey::read(file));
    let keys: Result<Vec<SigningKey>, _> = keys.collect();
    let keys = keys.map_err(|error| CommandError::Usage(told(&error)))?;
    let seconds = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
    let version = args.list_version.unwrap_or(seconds);
    let signed = sign(&args.directory, version, &keys);
    let signed = signed.map_err(|error| CommandError::Failed(told(&error)))?;
    writeln!(out, "version    {version}")?;
    for key in &keys {
        writeln!(out, "signed by  {}", key.public())?;
    }
    writeln!(out, "{}: {signed} plugins", args.directory.display())?;
    Ok(Done::Allowed)
}
