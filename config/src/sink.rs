//! Where the lines of the decision log go beside the log itself.

use std::path::{Path, PathBuf};

use sluicegate_model::names::folded_host;

use crate::errors::Notes;
use crate::layer::Sourced;
use crate::said::Said;
use crate::upstreams;
use crate::values::{SinkPlace, SinkSettings};
use crate::webhook;

/// What stands before a syslog server's host, over TCP.
const SYSLOG: &str = "syslog://";
/// The same over TLS.
const SYSLOG_TLS: &str = "syslog+tls://";
/// The port of syslog over TCP. Source: RFC 6587 names none; IANA, "syslog-conn".
const PORT: u16 = 601;
/// The port of syslog over TLS. Source: RFC 5425, section 4.1.
const TLS_PORT: u16 = 6514;
/// Most places.
const MOST: usize = 16;
const WANTED: &str =
    "stdout, the absolute path of a file, syslog://HOST[:PORT] or syslog+tls://HOST[:PORT]";

/// Reads `decision_log_to`.
pub(crate) fn read(said: &mut Said<'_>) -> Vec<SinkSettings> {
    let mut sinks: Vec<SinkSettings> = Vec::new();
    for entry in &said.extras.sinks {
        if entry.said.one("to").is_none() {
            said.notes
                .error(&entry.place, format!("an entry needs to: {WANTED}"));
        }
    }
    for to in said.many() {
        // Wherever a place is named, what the file says of it holds.
        let mut entries = said.extras.sinks.iter();
        let entry = entries.find(|it| it.said.one("to").is_some_and(|own| own.text == to.text));
        let of = |key| entry.and_then(|entry| entry.said.one(key));
        let (name, ca_file) = (of("name"), of("ca_file"));
        let Some(sink) = sink(to, name, ca_file, said.notes) else {
            continue;
        };
        if sinks.iter().any(|other| other.name == sink.name) {
            let message = format!(
                "the log goes to {:?} already; give one of them a name",
                sink.name
            );
            said.notes.error(&to.place, message);
        }
        sinks.push(sink);
        if sinks.len() == MOST + 1 {
            said.notes
                .error(&to.place, format!("the log goes to at most {MOST} places"));
        }
    }
    let to_stdout = |sink: &&SinkSettings| sink.place == SinkPlace::Stdout;
    if sinks.iter().filter(to_stdout).count() > 1 {
        let place = said.place("decision_log_to");
        said.notes.error(place, "stdout stands there twice");
    }
    sinks
}

fn sink(
    to: &Sourced,
    name: Option<&Sourced>,
    ca_file: Option<&Sourced>,
    notes: &mut Notes,
) -> Option<SinkSettings> {
    let ca = ca_file.map(|file| PathBuf::from(&file.text));
    let place = to.read(WANTED, notes, |text| place(text, ca))?;
    if let (Some(file), false) = (ca_file, matches!(place, SinkPlace::SyslogTls { .. })) {
        notes.error(&file.place, "ca_file is for syslog+tls:// alone");
    }
    let name = match name {
        Some(name) => name.read(
            "a name such as siem, of a-z, 0-9, . _ -",
            notes,
            webhook::named,
        )?,
        None => to.text.clone(),
    };
    Some(SinkSettings { name, place })
}

fn place(text: &str, ca_file: Option<PathBuf>) -> Option<SinkPlace> {
    if text == "stdout" {
        return Some(SinkPlace::Stdout);
    }
    if let Some(host) = text.strip_prefix(SYSLOG_TLS) {
        let (host, port) = host_and_port(host, TLS_PORT)?;
        return Some(SinkPlace::SyslogTls {
            host,
            port,
            ca_file,
        });
    }
    if let Some(host) = text.strip_prefix(SYSLOG) {
        let (host, port) = host_and_port(host, PORT)?;
        return Some(SinkPlace::Syslog { host, port });
    }
    let path = Path::new(text);
    (path.is_absolute() && path.file_name().is_some()).then(|| SinkPlace::File(path.to_owned()))
}

/// Takes a host and its port apart; an IPv6 address stands in brackets.
fn host_and_port(text: &str, usual: u16) -> Option<(String, u16)> {
    let text = folded_host(text.trim_end_matches('/'));
    if !upstreams::is_host(&text) {
        return None;
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (text.as_str(), usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), port))
}
