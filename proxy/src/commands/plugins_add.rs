//! `sluicegate plugins add` and `remove`: which plugins a service has beside those of its directories.
//!
//! They lie in the service's data directory, which is looked at while it runs. Only whoever may write
//! there changes them: nothing of this is offered over the API.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use sluicegate_formats::text::printable;
use sluicegate_machine::private;

use super::feeds::{FeedFlags, settings};
use super::plugins::refused;
use super::{CommandError, Done};
use crate::fed_in_force::own_directory;
use crate::fed_plugins::load_file;

pub(super) const ADD_HELP: &str = "Example:\n  \
    sluicegate plugins add ./acme.wasm --data /var/lib/sluicegate\n\n\
    A running service uses it from the next layer on, and looks again at images that were judged before\n\
    where they hold files that it claims. Another file of the same name takes its place.";
pub(super) const REMOVE_HELP: &str = "Example: sluicegate plugins remove acme --data /var/lib/sluicegate\n\n\
    What it alone said is judged anew.";

/// Which file, and for which service.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// The plugin
    file: PathBuf,
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
pub(super) fn add(args: AddArgs, out: &mut impl Write) -> Result<Done, CommandError> {
    let plugin = load_file(&args.file).map_err(refused)?;
    let directory = own_directory(&settings(args.place, Vec::new(), Vec::new())?.data);
    let name = &plugin.manifest().name;
    let path = directory.join(format!("{name}.wasm"));
    let written = private::create_dir_all(&directory)
        .and_then(|()| fs::read(&args.file))
        .and_then(|bytes| private::replace(&path, &bytes));
    written.map_err(|error| failed("write", &path, &error))?;
    let version = printable(&plugin.manifest().version);
    writeln!(
        out,
        "{name} {version} in force; it lies in {}",
        path.display()
    )?;
    Ok(Done::Allowed)
}

/// Takes a plugin away.
pub(super) fn remove(args: RemoveArgs, out: &mut impl Write) -> Result<Done, CommandError> {
    let directory = own_directory(&settings(args.place, Vec::new(), Vec::new())?.data);
    let name = &args.name;
    let is_name = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let path = directory.join(format!("{name}.wasm"));
    if !is_name(name) || !path.is_file() {
        let (name, place) = (printable(name), directory.display());
        return Err(CommandError::NotFound(format!(
            "no plugin {name} in {place}"
        )));
    }
    fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
    writeln!(out, "{name} removed")?;
    Ok(Done::Allowed)
}

fn failed(attempt: &str, path: &Path, error: &io::Error) -> CommandError {
    CommandError::Failed(format!("cannot {attempt} {}: {error}", path.display()))
}
