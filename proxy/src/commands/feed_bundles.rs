//! `sluicegate feeds export`, `import` and `create-key`: advisories for sites without a network.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use sluicegate_config::{FeedSource, Settings};
use sluicegate_feeds::bundle::{
    Contents, ImportOutcome, Imported, KeyError, PublicKey, SigningKey, Trust, pack,
};
use sluicegate_feeds::mirror::{Mirror, told};

use super::CommandError;
use super::feeds::{FeedFlags, settings};
use super::plugins::refused;
use crate::app::proxy_variables;
use crate::fed_plugins::load_file;

/// Days for which a bundle may be imported, unless told otherwise.
const VALID_DAYS: u16 = 30;

/// What to export, and for whom.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The file to write, usually ending in .tar.zst
    bundle: PathBuf,
    /// Key to sign with: ed25519 in PKCS#8, PEM or DER (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    signing_key: Vec<PathBuf>,
    /// For how many days it may be imported; past them it counts as stale
    #[arg(long, value_name = "DAYS", default_value_t = VALID_DAYS,
          value_parser = clap::value_parser!(u16).range(1..=3660))]
    valid_days: u16,
    /// Number that never decreases from one bundle to the next [default: seconds since 1970]
    #[arg(long, value_name = "N")]
    bundle_version: Option<u64>,
    /// Of which source: a directory, or a URL whose copy is here [default: the configured one]
    #[arg(long, value_name = "SOURCE")]
    feed: Option<String>,
    /// Directory with plugins to carry, each a file NAME.wasm (repeatable) [default: plugins of the
    /// source]
    #[arg(long, value_name = "DIR")]
    plugin: Vec<PathBuf>,
    /// Directory with files of knowledge to carry (repeatable) [default: knowledge of the source]
    #[arg(long, value_name = "DIR")]
    knowledge: Vec<PathBuf>,
    #[command(flatten)]
    place: FeedFlags,
}

/// What to import, and whom to believe.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// The bundle
    bundle: PathBuf,
    /// Public key whose signature is believed, or a file with one (repeatable) [default: the
    /// setting feed_trust]
    #[arg(long, value_name = "KEY")]
    trust: Vec<String>,
    /// How many of these keys must have signed
    #[arg(long, value_name = "N", default_value_t = 1)]
    threshold: u16,
    #[command(flatten)]
    place: FeedFlags,
}

/// Where to put a new key.
#[derive(Args, Debug)]
pub struct CreateKeyArgs {
    /// The file to write; it must not be there yet
    file: PathBuf,
}

/// Writes a bundle of what is here.
pub fn export(args: ExportArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let settings = settings(args.place, args.feed.into_iter().collect(), Vec::new())?;
    let keys = args.signing_key.iter().map(|file| SigningKey::read(file));
    let keys: Vec<SigningKey> = keys.collect::<Result<_, _>>().map_err(|e| key_error(&e))?;
    let now = Timestamp::now();
    let (mut contents, created) = contents(&settings, now)?;
    carry(&mut contents, &args.plugin, &args.knowledge)?;
    let valid = SignedDuration::from_hours(i64::from(args.valid_days) * 24);
    let expires = now.checked_add(valid).map_err(failed)?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let version = args.bundle_version.unwrap_or(seconds);
    let packed = pack(contents, version, (created, expires), &keys, &args.bundle);
    let packed = packed.map_err(|error| failed(told(&error)))?;
    writeln!(out, "version    {version}")?;
    writeln!(out, "created    {created}")?;
    writeln!(out, "expires    {expires}")?;
    for key in &keys {
        writeln!(out, "signed by  {}", key.public())?;
    }
    let (files, bytes, bundle) = (packed.files, packed.bytes, args.bundle.display());
    Ok(writeln!(out, "{bundle}: {files} files, {bytes} bytes")?)
}

/// Adds plugins and knowledge to what is exported. Every plugin of it has to be one: nobody who imports
/// the bundle could do anything about it.
fn carry(
    contents: &mut Contents,
    plugins: &[PathBuf],
    knowledge: &[PathBuf],
) -> Result<(), CommandError> {
    let added = plugins.iter().try_for_each(|it| contents.add_plugins(it));
    let added = added.and_then(|()| {
        knowledge
            .iter()
            .try_for_each(|it| contents.add_knowledge(it))
    });
    added.map_err(|error| failed(told(&error)))?;
    for place in contents.plugins() {
        load_file(place).map_err(refused)?;
    }
    Ok(())
}

/// Opens the files of the one configured source; tells when it was last known to be the newest.
fn contents(settings: &Settings, now: Timestamp) -> Result<(Contents, Timestamp), CommandError> {
    let [source] = settings.feeds.as_slice() else {
        let message = "a bundle is of one source: name it with --feed";
        return Err(CommandError::Usage(message.to_owned()));
    };
    let feeds = settings.data.join("feeds");
    let failure = |error: &dyn std::error::Error| failed(told(error));
    if let Some(site) = source.site() {
        let mirror = Mirror::new(&site, &feeds, proxy_variables(settings));
        let mirror = mirror.map_err(|error| failure(&error))?;
        let confirmed = mirror.confirmed().filter(|_| mirror.has_copy());
        let (url, hint) = (&site.url, "run \"sluicegate feeds update\" first");
        let confirmed =
            confirmed.ok_or_else(|| failed(format!("no current copy of {url} here; {hint}")))?;
        // Nothing is replaced while the files are being opened.
        let _no_sync = mirror.lock().map_err(|error| failure(&error))?;
        let contents = Contents::open(mirror.directory()).map_err(|e| failure(&e))?;
        return Ok((contents, confirmed.min(now)));
    }
    let FeedSource::Directory(directory) = source else {
        let message = "what was imported is not exported again: pass the bundle on";
        return Err(CommandError::Usage(message.to_owned()));
    };
    let contents = Contents::open(directory).map_err(|error| failure(&error))?;
    Ok((contents, now))
}

/// Checks a bundle and makes it the snapshot in use.
pub fn import(args: ImportArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let settings = settings(args.place, Vec::new(), args.trust)?;
    if settings.feed_trust.is_empty() {
        let message = "no key is trusted: name one with --trust or the setting feed_trust";
        return Err(CommandError::Usage(message.to_owned()));
    }
    let keys = settings.feed_trust.iter().map(|key| PublicKey::named(key));
    let keys = keys.collect::<Result<_, _>>().map_err(|e| key_error(&e))?;
    let trust = Trust::new(keys, usize::from(args.threshold));
    let trust = trust.map_err(|error| CommandError::Usage(error.to_string()))?;
    let imported = Imported::under(&settings.data.join("feeds"));
    let outcome = imported.import(&args.bundle, &trust, Timestamp::now());
    let (word, snapshot) = match outcome.map_err(|error| failed(told(&error)))? {
        ImportOutcome::New(snapshot) => ("imported", snapshot),
        ImportOutcome::Same(snapshot) => ("was imported before", snapshot),
    };
    writeln!(out, "{}: {word}", args.bundle.display())?;
    writeln!(out, "version    {}", snapshot.version)?;
    writeln!(out, "created    {}", snapshot.created)?;
    writeln!(out, "expires    {}", snapshot.expires)?;
    if !settings.feeds.iter().any(uses_imported) {
        let hint = "the configured feeds do not use it; add imported to the setting feed";
        writeln!(out, "note       {hint}")?;
    }
    Ok(())
}

fn uses_imported(source: &FeedSource) -> bool {
    match source {
        FeedSource::Imported | FeedSource::Usual(_) => true,
        FeedSource::Directory(_) | FeedSource::Url(_) => false,
    }
}

/// Makes a key and prints its public half.
pub fn create_key(args: &CreateKeyArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let key = SigningKey::create(&args.file).map_err(|error| failed(told(&error)))?;
    Ok(writeln!(out, "{key}")?)
}

fn key_error(error: &KeyError) -> CommandError {
    CommandError::Usage(told(error))
}

fn failed(reason: impl std::fmt::Display) -> CommandError {
    CommandError::Failed(reason.to_string())
}
