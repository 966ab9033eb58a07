//! `sluicegate plugins add` and `remove`: which plugins a service has beside those of its directories.
//!
//! They lie in the service's data directory, which is looked at while it runs. Only whoever may write
//! there changes them: nothing of this is offered over the API.

use std::io::Write;
use std::path::Path;
use std::{fs, io};

use clap::Args;
use sluicegate_config::Settings;
use sluicegate_formats::text::printable;
use sluicegate_machine::private;
use sluicegate_wasm::PluginError;

use super::feeds::{FeedFlags, settings};
use super::plugins::refused;
use super::{CommandError, Done, plugins_from};
use crate::fed_origin::place_beside;
use crate::fed_plugins::whole;
use crate::fed_sources::{FedSources, own_directory};

pub(super) const ADD_HELP: &str = "Examples:\n  \
    sluicegate plugins add ./acme.wasm --data /var/lib/sluicegate\n  \
    sluicegate plugins add oci://registry.corp.example/security/acme@sha256:... --config sluicegate.yaml\n\n\
    An artifact of a registry has to be signed by a key of the setting plugin_trust.\n\
    A running service uses it from the next layer on, and looks again at images that were judged before\n\
    where they hold files that it claims. Another file of the same name takes its place.";
pub(super) const REMOVE_HELP: &str = "Example: sluicegate plugins remove acme --data /var/lib/sluicegate\n\n\
    What it alone said is judged anew. One that a signed feed bundle brings would come again, so it is\n\
    taken out of the bundle instead.";

/// Which file, and for which service.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// The plugin: a file, or oci://REPOSITORY@DIGEST of a configured upstream
    #[arg(value_name = "FILE|oci://REPOSITORY@DIGEST")]
    plugin: String,
    #[command(flatten)]
    place: FeedFlags,
}

/// Which plugin, and of which service.
#[derive(Args, Debug)]
pub struct RemoveArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    place: FeedFlags,
}

/// Checks a plugin, and puts it where the service finds it.
pub(super) async fn add(args: AddArgs, out: &mut impl Write) -> Result<Done, CommandError> {
    let settings = settings(args.place, Vec::new(), Vec::new())?;
    let (bytes, origin) = plugins_from::read(&args.plugin, &settings).await?;
    let plugin = sluicegate_wasm::load(&bytes);
    let plugin = plugin.map_err(|error| no_plugin(&args.plugin, &error))?;
    let directory = own_directory(&settings.data);
    let name = &plugin.manifest().name;
    let path = directory.join(format!("{name}.wasm"));
    let written = private::create_dir_all(&directory)
        .and_then(|()| origin.keep_beside(&path, plugin.digest()))
        .and_then(|()| private::replace(&path, &bytes));
    written.map_err(|error| failed("write", &path, &error))?;
    let version = printable(&plugin.manifest().version);
    writeln!(
        out,
        "{name} {version} in force; it lies in {}",
        path.display()
    )?;
    if !origin.signed_by.is_empty() {
        writeln!(out, "signed by {}", origin.signed_by.join(", "))?;
    }
    Ok(Done::Allowed)
}

/// Takes a plugin away.
pub(super) fn remove(args: RemoveArgs, out: &mut impl Write) -> Result<Done, CommandError> {
    let settings = settings(args.place, Vec::new(), Vec::new())?;
    let directory = own_directory(&settings.data);
    let name = &args.name;
    let is_name = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let path = directory.join(format!("{name}.wasm"));
    if !is_name(name) || !path.is_file() {
        refuse_subscribed(&settings, name)?;
        let (name, place) = (printable(name), directory.display());
        return Err(CommandError::NotFound(format!(
            "no plugin {name} in {place}"
        )));
    }
    fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
    // Without its plugin it says nothing.
    let _ = fs::remove_file(place_beside(&path));
    writeln!(out, "{name} removed")?;
    Ok(Done::Allowed)
}

fn no_plugin(name: &str, error: &PluginError) -> CommandError {
    CommandError::Usage(format!("{}: {}", printable(name), whole(error)))
}

/// Says of a plugin that a subscription brings why it is not removed here.
fn refuse_subscribed(settings: &Settings, name: &str) -> Result<(), CommandError> {
    let sources = FedSources::of(settings).map_err(refused)?;
    // What cannot be read brings nothing that could be named.
    let subscribed = sources.load_subscribed().unwrap_or_default().into_iter();
    let mut named = subscribed.filter(|it| it.plugin.manifest().name == name);
    let Some(found) = named.next() else {
        return Ok(());
    };
    let (source, keys) = (found.origin.source, found.origin.signed_by.join(", "));
    Err(CommandError::Usage(format!(
        "{name} comes with {source}, signed by {keys}, and would come again with the next: have it taken \
         out there"
    )))
}

fn failed(attempt: &str, path: &Path, error: &io::Error) -> CommandError {
    CommandError::Failed(format!("cannot {attempt} {}: {error}", path.display()))
}
