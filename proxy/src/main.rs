//! The `sluicegate` program: arguments in, exit code out.

/// Gives freed memory back, page by page, wherever in its arenas it lies; `.cargo/config.toml` says
/// when. The C library's own gives back what is free at an arena's end: after a few large images a
/// service had three times the memory that anything in it used.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Threads for work that blocks: eight layers are scanned at most, and what else there is takes
/// milliseconds. Each thread keeps memory, so that hundreds would keep some for nothing.
const BLOCKING_THREADS: usize = 32;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use sluicegate::commands::{self, Cli, CommandError};
use sluicegate_formats::text::printable_lines;
use sluicegate_machine::private::shut_out_others;

fn main() -> ExitCode {
    shut_out_others();
    // Every TLS user is given its provider; this covers whatever a dependency does on its own.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return fail(&CommandError::Failed(format!(
                "cannot start threads: {error}"
            )));
        }
    };
    let outcome = runtime.block_on(commands::run(cli, &mut std::io::stdout()));
    // Work that outlives its request, such as a scan, must not keep the process.
    runtime.shutdown_background();
    match outcome {
        Ok(done) => ExitCode::from(done.exit_code()),
        // Whoever reads the output has seen enough: no failure of ours.
        Err(CommandError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

/// Tells what clap has to say, help and version too, and the right word where a wrong one is known.
fn not_understood(error: &clap::Error) -> ExitCode {
    let _nowhere_to_complain = error.print();
    if let Some(hint) = commands::hints::hint(error) {
        let hint = printable_lines(&hint);
        let _nowhere_to_complain = writeln!(std::io::stderr(), "\nhint: {hint}");
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn fail(error: &CommandError) -> ExitCode {
    // What went wrong may be told in the words of an image, an archive or a server.
    let error_text = printable_lines(&error.to_string());
    let _nowhere_to_complain = writeln!(std::io::stderr(), "sluicegate: {error_text}");
    ExitCode::from(error.exit_code())
}
