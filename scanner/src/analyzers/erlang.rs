//! Erlang and Elixir applications: the `*.app` file in an application's `ebin`.
//!
//! Releases have one for each application they hold, though no lockfile. The file is one Erlang
//! term, `{application, Name, [{vsn, "1.2"}, …]}`, read as marks and never evaluated.
//!
//! Source: Erlang/OTP, Kernel reference, `app(4)`.

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

mod marks;

use marks::{AppMark, Marks};

/// Most marks of which a file may consist: the longest lists of modules have some thousands.
const MAX_MARKS: usize = 1_000_000;

pub(super) struct Erlang;

impl Analyzer for Erlang {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/erlang",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::InDirsNamed {
            dir: "ebin",
            ending: ".app",
        }]
    }

    /// The largest in use stay below 100 KiB.
    fn max_file_bytes(&self) -> u64 {
        4 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let application = application(file.content)?;
        if application.version.is_empty() {
            let detail = format!("the application {:?} states no version", application.name);
            let gap = Gap::partial(GapKind::VersionUnknown, detail);
            found.gaps.push(gap.at(file.path));
        } else {
            let Application { name, version } = application;
            found.add(Package::of_language(PackageType::Hex, name, version));
        }
        Ok(())
    }
}

struct Application {
    name: String,
    /// Empty where none is stated.
    version: String,
}

/// Reads the name and the property `vsn`, which stands right in the list of properties.
fn application(content: &[u8]) -> Result<Application, AnalyzeError> {
    let wrong = || AnalyzeError::of("it is no term {application, Name, Properties}");
    let mut marks = Marks::new(content);
    let head = [marks.next(), marks.next(), marks.next()];
    let [
        Some(AppMark::Open),
        Some(AppMark::Atom(tag)),
        Some(AppMark::Comma),
    ] = head
    else {
        return Err(wrong());
    };
    let (Some(AppMark::Atom(name)), Some(AppMark::Comma), "application") =
        (marks.next(), marks.next(), &*tag)
    else {
        return Err(wrong());
    };
    let version = version(&mut marks).ok_or_else(wrong)?;
    Ok(Application { name, version })
}

/// Gives the string of `{vsn, "…"}` right in the properties, empty where there is none.
///
/// None where the term does not end.
fn version(marks: &mut Marks<'_>) -> Option<String> {
    // The tuple of the application is open.
    let mut depth: usize = 1;
    let mut version = String::new();
    let mut last = [AppMark::Other, AppMark::Other, AppMark::Other];
    for mark in marks.take(MAX_MARKS) {
        match &mark {
            AppMark::Open => depth += 1,
            AppMark::Close => depth -= 1,
            AppMark::Text(text) if depth == 3 && version.is_empty() => {
                let [open, tag, comma] = &last;
                let is_property = *open == AppMark::Open && *comma == AppMark::Comma;
                if is_property && *tag == AppMark::Atom("vsn".to_owned()) {
                    version.clone_from(text);
                }
            }
            AppMark::Unreadable => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(version);
        }
        last.rotate_left(1);
        last[2] = mark;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    fn found(text: &str) -> Observations {
        analyze(
            &Erlang,
            "opt/app/lib/cowboy-2.9.0/ebin/cowboy.app",
            text.as_bytes(),
        )
    }

    #[test]
    fn reads_name_and_version_of_a_term() {
        for text in [
            "{application,cowboy,[{description,\"a\"},{vsn,\"2.9.0\"},{modules,[]}]}.",
            "%% {vsn,\"0\"}\n{application, 'cowboy', % x\n  [{vsn , \"2.9.0\"}]}.\n",
            "{application,cowboy,[{env,[{vsn,\"1\"},{a,<<\"b\">>},{c,$\"},{e,$\\\"},{d,#{}}]},{vsn,\"2.9.0\"}]}.",
            "{application,cowboy,[{description,\"{vsn,\\\"1\\\"}\"},{vsn,\"2.9.0\"}]}.",
            "{application,cowboy,[{n,-1.5e3},{h,16#ff},{vsn,\"2.9.0\"}]}",
        ] {
            let found = found(text);
            assert_eq!(found.gaps, [], "{text}");
            let wanted = Package::of_language(PackageType::Hex, "cowboy", "2.9.0");
            assert_eq!(found.packages[0].package, wanted, "{text}");
        }
    }

    #[test]
    fn without_a_version_or_an_end_it_is_a_gap() {
        for (text, kind) in [
            ("{application,a,[{vsn,git}]}.", GapKind::VersionUnknown),
            (
                "{application,a,[{env,[{vsn,\"1\"}]}]}.",
                GapKind::VersionUnknown,
            ),
            ("{application,a,[{vsn,\"1\"}]", GapKind::FileUnreadable),
            ("{application,a,[{vsn,\"1}]}.", GapKind::FileUnreadable),
            ("{release,a,[{vsn,\"1\"}]}.", GapKind::FileUnreadable),
            ("}}}}", GapKind::FileUnreadable),
            ("", GapKind::FileUnreadable),
        ] {
            let found = found(text);
            assert_eq!(found.packages, [], "{text}");
            assert_eq!(found.gaps[0].kind, kind, "{text}");
        }
    }
}
