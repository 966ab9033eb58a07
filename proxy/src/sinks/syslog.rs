//! A line of the log as a message of syslog.
//!
//! Source: RFC 5424 (the message), RFC 6587 section 3.4.1 and RFC 5425 section 4.3 (how long it is,
//! before it). The message is the line itself, whole, so that its hash still fits it.

use jiff::Timestamp;
use sluicegate_local::decisions::FollowedLine;
use sluicegate_model::verdict::Decision;

/// "Log audit". Source: RFC 5424, table 1.
const FACILITY: u8 = 13;
/// Source: RFC 5424, table 2.
const WARNING: u8 = 4;
const INFORMATIONAL: u8 = 6;
/// Largest `sequenceId`. Source: RFC 5424, section 7.3.1.
const MAX_SEQUENCE_ID: u64 = 2_147_483_647;
/// Longest host name. Source: RFC 5424, section 6.
const MAX_HOST_BYTES: usize = 255;
/// What stands where there is no value.
const NIL: &str = "-";

/// Writes lines as messages, each behind its length.
pub(super) fn framed(lines: &[FollowedLine], host: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        let head = head(line, host);
        let length = head.len().saturating_add(line.bytes.len());
        bytes.extend_from_slice(format!("{length} ").as_bytes());
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(&line.bytes);
    }
    bytes
}

/// Gives what stands before the line.
fn head(FollowedLine { line, .. }: &FollowedLine, host: &str) -> String {
    let severity = match line.decision {
        Some(Decision::Refuse) => WARNING,
        Some(Decision::Allow | Decision::Annotate) | None => INFORMATIONAL,
    };
    let priority = FACILITY * 8 + severity;
    let (time, host) = (time(line.time), host_field(host));
    let (process, kind) = (std::process::id(), line.kind.as_str());
    // It begins again behind the largest.
    let sequence = line.seq.saturating_sub(1) % MAX_SEQUENCE_ID + 1;
    format!(
        "<{priority}>1 {time} {host} sluicegate {process} {kind} [meta sequenceId=\"{sequence}\"] "
    )
}

/// Writes an instant with as many digits as are allowed.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn host_field(host: &str) -> String {
    let printable = host.bytes().filter(u8::is_ascii_graphic);
    let host: String = printable.take(MAX_HOST_BYTES).map(char::from).collect();
    if host.is_empty() {
        NIL.to_owned()
    } else {
        host
    }
}
