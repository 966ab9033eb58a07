//! Keeps the C library's allocator from holding on to what was freed; called first of all by main.
//!
//! By default glibc has eight arenas a core and lets each keep up to 64 MiB at its top. Measured: a
//! hundred cold pulls leave 290 MiB that way, and 120 MiB under these settings. They can only be
//! given in the environment of a program that starts, so this one starts itself once more: same
//! process id, same arguments, a millisecond.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The variable that glibc reads at a program's start; other C libraries ignore it.
const TUNABLES: &str = "GLIBC_TUNABLES";
/// Bytes from which an allocation has pages of its own, which go back when it is freed. Fixed:
/// glibc would raise it to the largest one freed. Above the pieces that blobs travel in.
const OWN_PAGES_BYTES: usize = 256 * 1024;
/// Most free bytes that an arena keeps at its top.
const TRIM_BYTES: usize = 512 * 1024;

/// Starts the program once more with its allocator's settings, unless somebody has chosen some.
///
/// Returns where that was done already or cannot be done; then the program uses more memory.
pub(crate) fn restrain() {
    let chosen = env::var_os(TUNABLES).unwrap_or_default();
    if chosen.to_string_lossy().contains("glibc.malloc.") {
        return;
    }
    let Ok(program) = env::current_exe() else {
        return;
    };
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| program.clone().into());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut tunables = format!(
        "glibc.malloc.arena_max={cores}:glibc.malloc.mmap_threshold={OWN_PAGES_BYTES}:\
         glibc.malloc.trim_threshold={TRIM_BYTES}"
    );
    if !chosen.is_empty() {
        tunables = format!("{}:{tunables}", chosen.to_string_lossy());
    }
    // Comes back only if it could not be done.
    let _not_started = Command::new(program)
        .arg0(name)
        .args(arguments)
        .env(TUNABLES, tunables)
        .exec();
}
