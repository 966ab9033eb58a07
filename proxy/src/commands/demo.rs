//! `sluicegate demo`.

use std::io::Write;

use clap::Args;
use sluicegate_config::LogFormat;

use super::CommandError;
use super::serve::until_stopped;
use crate::demo::{self, DemoError};
use crate::telemetry;

/// The demo's flags.
#[derive(Args, Debug)]
#[command(after_help = "Example: sluicegate demo")]
pub struct DemoArgs {
    /// Ends after both pulls instead of running on
    #[arg(long)]
    once: bool,
}

/// Shows the demo, then leaves it running until a signal ends it.
pub async fn run(args: DemoArgs, out: &mut impl Write) -> Result<(), CommandError> {
    telemetry::start(LogFormat::Text, Some("error"));
    let directory = Scratch::new()?;
    let app = demo::show(&directory.0, !args.once, out)
        .await
        .map_err(|error| match error {
            DemoError::Start(error) => super::serve::start_error(error),
            other => CommandError::Failed(other.to_string()),
        })?;
    if !args.once {
        until_stopped(&app, || None).await?;
    }
    app.drain().await;
    Ok(())
}

/// A directory of this process's own, removed with it.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let name = format!(
            "sluicegate-demo-{}-{:08x}",
            std::process::id(),
            rand::random::<u32>()
        );
        let path = std::env::temp_dir().join(name);
        sluicegate_machine::private::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _left_for_the_system_to_clean = std::fs::remove_dir_all(&self.0);
    }
}
