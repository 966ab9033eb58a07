//! What the operating system says of this process, under the names that every program gives it.
//!
//! Source: "Process metrics" of Prometheus' guide for client libraries; proc_pid_stat(5),
//! proc_pid_status(5). What cannot be read is left out.

use std::fs;

use jiff::Timestamp;

use super::measured::Measured;

/// Ticks of a second in which Linux tells times to programs. Source: time(7), `USER_HZ`.
const TICKS_PER_SECOND: f64 = 100.0;
/// Fields of the process' state after its name, at which its times in user and system mode stand.
const USER_TIME: usize = 11;

/// Measures all of it.
pub(super) fn measure(started: Timestamp) -> Vec<Measured> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let started = started.as_millisecond() as f64 / 1_000.0;
    let resident = kibibytes(&status, "VmRSS:");
    let measured = [
        cpu_seconds().map(|seconds| {
            Measured::one("process_cpu_seconds", "Time on processors", seconds).that_only_grows()
        }),
        resident.map(|bytes| {
            let help = "Memory that is resident";
            Measured::one("process_resident_memory_bytes", help, bytes)
        }),
        kibibytes(&status, "VmSize:").map(|bytes| {
            let help = "Memory that is mapped";
            Measured::one("process_virtual_memory_bytes", help, bytes)
        }),
        open_files()
            .map(|files| Measured::one("process_open_fds", "File descriptors in use", files)),
        most_files()
            .map(|files| Measured::one("process_max_fds", "File descriptors at most", files)),
        Some(Measured::one(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            started,
        )),
    ];
    measured.into_iter().flatten().collect()
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name stands in brackets and may hold anything, spaces and brackets too.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = fields.split(' ').skip(USER_TIME).take(2);
    let ticks: Option<Vec<f64>> = ticks.map(|ticks| ticks.parse().ok()).collect();
    ticks.map(|ticks| ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn kibibytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let count: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(count * 1_024.0)
}

fn open_files() -> Option<f64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    // One of them is the directory that is being read.
    Some(files.saturating_sub(1) as f64)
}

fn most_files() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_itself() {
        assert!(cpu_seconds().is_some());
        assert!(open_files().unwrap() >= 3.0 && most_files().unwrap() >= open_files().unwrap());
        assert_eq!(measure(Timestamp::UNIX_EPOCH).len(), 6);
        let status = "VmSize:\t  123 kB\nVmRSS:\t   7 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(7_168.0));
        assert_eq!(kibibytes(status, "VmSwap:"), None);
    }
}
