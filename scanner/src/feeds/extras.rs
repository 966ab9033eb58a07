//! What databases say of a package beside OSV's own fields: which parts of it have the weakness and on
//! which platforms, that it is no weakness, and how far a distribution has got with it.
//!
//! What is not said, or in another shape, limits nothing. Called by the OSV reader for each affected
//! package. Sources: Go vulnerability database, "OSV JSON schema"; RustSec, "Advisory format"; Debian
//! Security Tracker, "Undetermined tags", "end-of-life packages" and its JSON.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sluicegate_model::advisory::{Part, Range, RangeEvent, Triage};
use sluicegate_model::package::family_of;

/// What RustSec calls records on no weakness. One on unsound code may be one, and counts.
const INFORMATIONAL: [&str; 2] = ["unmaintained", "notice"];

/// Most parts of a package that are told apart; a record with more limits nothing.
const MAX_PARTS: usize = 256;

/// Rust's names of systems and architectures that are others in an image's config.
const NAMES: [(&str, &str); 9] = [
    ("macos", "darwin"),
    ("x86_64", "amd64"),
    ("x86", "386"),
    ("aarch64", "arm64"),
    ("powerpc64", "ppc64"),
    ("powerpc", "ppc"),
    ("loongarch64", "loong64"),
    ("wasm32", "wasm"),
    ("mips64r6", "mips64"),
];

/// Tells whether a record is on no weakness, by what it says beside the package it names.
pub(super) fn is_informational(ecosystem: &str, extra: Option<&RawValue>) -> bool {
    #[derive(Deserialize)]
    struct Extra {
        informational: Option<String>,
    }
    let extra: Option<Extra> = read(extra.filter(|_| ecosystem == "crates.io"));
    let stated = extra.and_then(|extra| extra.informational);
    stated.is_some_and(|stated| INFORMATIONAL.contains(&stated.as_str()))
}

/// Reads how far Debian has got with a weakness of its package, in the words of its tracker.
///
/// The public records have its `urgency`, which says what is at the end of its life; its `status` is
/// read where a record was given that too, for an undetermined weakness has ranges as an open one has.
/// What has a fix is settled.
pub(super) fn triage(ecosystem: &str, extras: [Option<&RawValue>; 2], ranges: &[Range]) -> Triage {
    #[derive(Deserialize)]
    struct Extra {
        urgency: Option<Value>,
        status: Option<Value>,
    }
    let is_fix =
        |event: &RangeEvent| matches!(event, RangeEvent::Fixed(_) | RangeEvent::LastAffected(_));
    let has_fix = ranges.iter().flat_map(|range| &range.events).any(is_fix);
    if has_fix || family_of(ecosystem) != "Debian" {
        return Triage::Settled;
    }
    let said = extras.into_iter().filter_map(read::<Extra>);
    let words = said.flat_map(|extra| [extra.status, extra.urgency]);
    let stated = words.flatten().find_map(|word| match word.as_str()? {
        "undetermined" => Some(Triage::Undetermined),
        "end-of-life" => Some(Triage::EndOfLife),
        _ => None,
    });
    stated.unwrap_or_default()
}

/// Lists the parts of a package that a record limits a weakness to; none where any of them is the whole
/// package on all platforms.
pub(super) fn parts(ecosystem: &str, extra: Option<&RawValue>) -> Vec<Part> {
    let parts = match ecosystem {
        "Go" => of_go(extra),
        "crates.io" => of_rust(extra),
        _ => Vec::new(),
    };
    let is_limit = |part: &Part| *part != Part::default();
    let limits = parts.len() <= MAX_PARTS && parts.iter().all(is_limit);
    if limits { parts } else { Vec::new() }
}

fn of_go(extra: Option<&RawValue>) -> Vec<Part> {
    #[derive(Deserialize)]
    struct Extra {
        imports: Option<Vec<Import>>,
    }
    #[derive(Deserialize)]
    struct Import {
        path: Option<String>,
        goos: Option<Vec<String>>,
        goarch: Option<Vec<String>>,
    }
    let extra: Option<Extra> = read(extra);
    let imports = extra.and_then(|extra| extra.imports).unwrap_or_default();
    let parts = imports.into_iter().map(|import| Part {
        path: import.path.filter(|path| !path.is_empty()),
        systems: import.goos.unwrap_or_default(),
        architectures: import.goarch.unwrap_or_default(),
    });
    parts.collect()
}

fn of_rust(extra: Option<&RawValue>) -> Vec<Part> {
    #[derive(Deserialize)]
    struct Extra {
        affects: Option<Affects>,
    }
    #[derive(Deserialize)]
    struct Affects {
        os: Option<Vec<String>>,
        arch: Option<Vec<String>>,
    }
    let extra: Option<Extra> = read(extra);
    let affects = extra.and_then(|extra| extra.affects);
    let named = |names: Option<Vec<String>>| {
        let names = names.unwrap_or_default().into_iter();
        names.map(config_name).collect()
    };
    let parts = affects.into_iter().map(|affects| Part {
        path: None,
        systems: named(affects.os),
        architectures: named(affects.arch),
    });
    parts.collect()
}

fn config_name(name: String) -> String {
    let known = NAMES.iter().find(|(rust, _)| *rust == name);
    known.map_or(name, |(_, config)| (*config).to_owned())
}

fn read<'a, T: Deserialize<'a>>(extra: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(extra?.get()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).expect("valid JSON")
    }

    fn shown(ecosystem: &str, extra: &Value) -> Vec<String> {
        let parts = parts(ecosystem, Some(&raw(extra))).into_iter();
        let shown = |part: Part| {
            let (systems, architectures) = (part.systems.join(","), part.architectures.join(","));
            format!(
                "{} {systems}/{architectures}",
                part.path.unwrap_or_default()
            )
        };
        parts.map(shown).collect()
    }

    #[test]
    fn parts_limit_where_each_of_them_does() {
        let windows = json!({"path": "x/windows", "goos": ["windows"]});
        let wide = json!({"path": "x", "goarch": ["386", "arm"]});
        let plain = json!({"path": "x/y", "symbols": ["F"]});
        let all = json!({"symbols": ["F"]});
        for (imports, wanted) in [
            (json!([windows]), &["x/windows windows/"][..]),
            (
                json!([windows, wide]),
                &["x/windows windows/", "x /386,arm"],
            ),
            (json!([windows, plain]), &["x/windows windows/", "x/y /"]),
            (json!([windows, all]), &[]),
            (json!([]), &[]),
            (json!("odd"), &[]),
        ] {
            assert_eq!(
                shown("Go", &json!({"imports": imports})),
                wanted,
                "{imports}"
            );
        }
        assert_eq!(shown("npm", &json!({"imports": [windows]})), [""; 0]);
        let affects = json!({"affects": {"os": ["macos", "linux"], "arch": ["x86_64"]}});
        assert_eq!(shown("crates.io", &affects), [" darwin,linux/amd64"]);
        let affects = json!({"affects": {"os": [], "arch": [], "functions": []}});
        assert_eq!(shown("crates.io", &affects), [""; 0]);
    }

    #[test]
    fn what_rustsec_calls_unmaintained_or_a_notice_is_informational() {
        for (ecosystem, stated, wanted) in [
            ("crates.io", json!("unmaintained"), true),
            ("crates.io", json!("notice"), true),
            ("crates.io", json!("unsound"), false),
            ("crates.io", json!(null), false),
            ("crates.io", json!(7), false),
            ("npm", json!("notice"), false),
        ] {
            let extra = raw(&json!({"categories": [], "informational": stated}));
            assert_eq!(
                is_informational(ecosystem, Some(&extra)),
                wanted,
                "{ecosystem} {stated}"
            );
        }
        assert!(!is_informational("crates.io", None));
    }
}
