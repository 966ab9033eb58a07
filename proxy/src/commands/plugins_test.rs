//! `sluicegate plugins test`: one plugin over a directory, as a scan would have it.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use sluicegate_formats::text::{counted, printable};
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::weakness::FoundWeakness;
use sluicegate_scanner::Limits;
use sluicegate_wasm::{Trial, try_on};

use super::plugins::refused;
use super::query::{Format, Print, note, print_json};
use super::{CommandError, Done};
use crate::fed_plugins::load_file;
use crate::inspect::source::packed;

pub(super) const HELP: &str = "Example:\n  \
    sluicegate plugins test ./acme.wasm ./rootfs\n\n\
    Exit code: 0 it was heard on every file; 1 it failed on one; 2 the file is no plugin; 3 the\n\
    directory could not be read.";

/// What to try, and on what.
#[derive(Args, Debug)]
pub struct TestArgs {
    /// The plugin
    file: PathBuf,
    /// The directory, read as the root of an image
    directory: PathBuf,
    #[command(flatten)]
    print: Print,
}

/// Tries the plugin.
pub(super) fn run(args: &TestArgs, out: &mut impl Write) -> Result<Done, CommandError> {
    let plugin = load_file(&args.file).map_err(refused)?;
    if !args.directory.is_dir() {
        let place = args.directory.display();
        return Err(CommandError::NotFound(format!("{place} is no directory")));
    }
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    let layer = packed(&args.directory).map_err(|error| failed(&error))?;
    let name = plugin.manifest().name.clone();
    let trial = try_on(plugin, layer, &Limits::default()).map_err(|error| failed(&error))?;
    let has_failed = trial
        .gaps
        .iter()
        .any(|gap| gap.kind == GapKind::PluginFailed);
    if args.print.format == Format::Json {
        print_json(out, &shown(&name, &trial))?;
    } else {
        write(&name, &trial, out)?;
        if !args.print.quiet {
            trial
                .log
                .iter()
                .for_each(|line| note(&format!("log: {line}")));
        }
    }
    Ok(if has_failed {
        Done::Refused
    } else {
        Done::Allowed
    })
}

fn write(name: &str, trial: &Trial, out: &mut impl Write) -> Result<(), CommandError> {
    for FoundWeakness { weakness, .. } in &trial.weaknesses {
        let line = weakness
            .line
            .map(|line| format!(":{line}"))
            .unwrap_or_default();
        let severity = weakness.severity.as_str();
        let (id, path, summary) = (&weakness.id, &weakness.path, &weakness.summary);
        let text = format!("{severity:<10} {id}  {path}{line}  {summary}");
        writeln!(out, "{}", printable(&text))?;
        for remedy in &weakness.remedy {
            let text = format!("           remedy: {} {}", remedy.package, remedy.version);
            writeln!(out, "{}", printable(&text))?;
        }
    }
    for (purl, path) in &trial.packages {
        writeln!(out, "{}", printable(&format!("package    {purl}  {path}")))?;
    }
    for gap in &trial.gaps {
        let place = gap.path.as_deref().unwrap_or_default();
        writeln!(
            out,
            "{}",
            printable(&format!("gap        {place}  {}", gap.detail))
        )?;
    }
    let asked = usize::try_from(trial.asked).unwrap_or(usize::MAX);
    let found = counted(trial.weaknesses.len(), "finding");
    let packages = counted(trial.packages.len(), "package");
    let (asked, work) = (counted(asked, "question"), trial.work as f64 / 1_000.0);
    Ok(writeln!(
        out,
        "{name}: {asked} in {work:.1} ms, {found}, {packages}"
    )?)
}

fn shown(name: &str, trial: &Trial) -> Value {
    let packages = trial.packages.iter();
    let packages: Vec<Value> = packages
        .map(|(purl, path)| json!({"purl": purl, "path": path}))
        .collect();
    let gaps: Vec<Value> = trial.gaps.iter().map(shown_gap).collect();
    let findings: Vec<Value> = trial
        .weaknesses
        .iter()
        .map(|it| json!(it.weakness))
        .collect();
    json!({
        "plugin": name,
        "asked": trial.asked,
        "work_us": trial.work,
        "findings": findings,
        "packages": packages,
        "gaps": gaps,
        "log": trial.log,
    })
}

fn shown_gap(gap: &Gap) -> Value {
    json!({"kind": gap.kind, "path": gap.path, "detail": gap.detail})
}
