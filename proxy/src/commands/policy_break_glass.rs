//! `sluicegate policy break-glass`: lets one image through for a while.

use std::io::Write;

use clap::Args;
use serde_json::json;
use sluicegate_formats::text::printable;
use sluicegate_model::Digest;

use super::CommandError;
use super::query::{AdminFlags, Format, Print, cell, print_json};

/// Which image, and why.
#[derive(Args, Debug)]
pub struct BreakGlassArgs {
    /// The image's manifest digest
    #[arg(value_name = "DIGEST")]
    digest: Digest,
    /// The one repository in which it is let through
    #[arg(long, value_name = "NAME")]
    repository: String,
    /// Why, in one line: the log, an event and every pull tell it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For how long; at most the service's `break_glass_max`
    #[arg(long = "for", value_name = "DURATION", default_value = "4h")]
    time: String,
    #[command(flatten)]
    place: AdminFlags,
    #[command(flatten)]
    print: Print,
}

/// Asks the service.
pub(super) async fn run(args: BreakGlassArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let asked = json!({
        "digest": args.digest,
        "repository": args.repository,
        "reason": args.reason,
        "for": args.time,
    });
    let service = args.place.connect().await?;
    let through = service.post("break-glass", &asked).await?;
    if args.print.format == Format::Json {
        return print_json(out, &through);
    }
    let text = |pointer: &str| printable(&cell(&through, pointer));
    let image = format!("{}@{}", text("/repository"), text("/digest"));
    let until = text("/until");
    Ok(writeln!(out, "{image} is let through until {until}")?)
}
