//! Which Go programs are those of the Go toolchain itself, and what it is called in advisories.
//!
//! They are built without a module of their own: their build information has a path below `cmd/`,
//! which the language keeps for itself, and before Go 1.18 nothing but the version. Others' programs
//! may be below a `cmd` too, so that only the names of Go's own count.
//!
//! Source: Go, "Command documentation"; Go vulnerability database, module `toolchain`.

use sluicegate_model::package::{Package, PackageType};

/// The module of the toolchain's programs, and what their paths start with.
const MODULE: &str = "cmd";
const PROGRAMS: &str = "cmd/";

/// The release 1.18, since which all programs state their paths. Source: Go 1.18 release notes.
const FIRST_WITH_PATHS: u32 = 18;

/// The names of its programs.
const NAMES: [&str; 25] = [
    "addr2line",
    "api",
    "asm",
    "buildid",
    "cgo",
    "compile",
    "covdata",
    "cover",
    "dist",
    "distpack",
    "doc",
    "fix",
    "go",
    "gofmt",
    "link",
    "nm",
    "objdump",
    "pack",
    "pprof",
    "preprofile",
    "test2json",
    "tour",
    "trace",
    "vet",
    "yacc",
];

/// Those of which advisories on the toolchain speak. The others only read their own files.
const SPOKEN_OF: [&str; 4] = ["go", "cgo", "compile", "link"];

/// Gives the name of the toolchain's program that one is, without what lies before it.
///
/// `program` is the path of its main package, empty where it states none; `module` that of its main
/// module, if any; `release` that of the toolchain; `place` is where it lies in the image, which tells
/// only of releases that did not write the path down: anybody may put a program there.
pub(super) fn name<'a>(
    program: &'a str,
    module: Option<&str>,
    release: Option<&str>,
    place: &'a str,
) -> Option<&'a str> {
    if module.is_some_and(|module| module != MODULE) {
        return None;
    }
    let stated = program.strip_prefix(PROGRAMS);
    let may_state_none = || program.is_empty() && release.is_some_and(states_no_path);
    let name = stated.or_else(|| may_state_none().then(|| at(place)).flatten());
    name.filter(|name| NAMES.contains(name))
}

/// Tells whether a main package is one of those that the language keeps for its own programs.
pub(super) fn is_program(path: &str) -> bool {
    path.strip_prefix(PROGRAMS)
        .is_some_and(|name| NAMES.contains(&name))
}

/// Tells whether a release is older than the first that wrote paths of its own programs down.
fn states_no_path(release: &str) -> bool {
    let minor = release.strip_prefix("1.").and_then(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit());
        rest.get(..end.unwrap_or(rest.len()))?.parse::<u32>().ok()
    });
    minor.is_some_and(|minor| minor < FIRST_WITH_PATHS)
}

/// Gives the program by its place: `…/go/bin/go`, `…/go-1.17/pkg/tool/linux_amd64/link`.
fn at(place: &str) -> Option<&str> {
    let mut parts = place.rsplit('/');
    let name = parts.next()?;
    let (one, two, three) = (parts.next()?, parts.next()?, parts.next());
    let is_command = one == "bin" && two.starts_with("go") && matches!(name, "go" | "gofmt");
    let is_tool = one.contains('_') && two == "tool" && three == Some("pkg");
    (is_command || is_tool).then_some(name)
}

/// Gives the package that advisories on the toolchain name, where they speak of its program.
pub(super) fn package(name: &str, release: &str) -> Option<Package> {
    let is_spoken_of = SPOKEN_OF.contains(&name);
    is_spoken_of.then(|| Package::of_language(PackageType::Go, "toolchain", release))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_programs_are_known_by_their_path_or_without_one_by_their_place() {
        for (program, module, place, wanted) in [
            ("cmd/go", None, "x", Some("go")),
            ("cmd/go", Some("cmd"), "x", Some("go")),
            ("cmd/vet", None, "x", Some("vet")),
            ("cmd/server", Some("cmd"), "x", None),
            ("cmd/server", None, "x", None),
            ("cmd/go", Some("github.com/a/b"), "x", None),
            ("github.com/a/b/cmd/go", None, "usr/local/go/bin/go", None),
            ("command-line-arguments", None, "go/bin/go", None),
            ("", None, "usr/local/go/bin/go", Some("go")),
            ("", None, "usr/lib/go-1.17/bin/gofmt", Some("gofmt")),
            (
                "",
                None,
                "usr/lib/go/pkg/tool/linux_amd64/link",
                Some("link"),
            ),
            ("", None, "usr/bin/go", None),
            ("", None, "go/bin/shop", None),
            ("", Some("github.com/a/b"), "usr/local/go/bin/go", None),
        ] {
            let found = name(program, module, Some("1.17.13"), place);
            assert_eq!(found, wanted, "{program} {module:?} {place}");
            let later = [None, Some("1.18"), Some("1.22.1"), Some("2.0")];
            let wanted = wanted.filter(|_| !program.is_empty());
            for release in later {
                let found = name(program, module, release, place);
                assert_eq!(found, wanted, "{release:?} {program} {module:?} {place}");
            }
        }
        assert!(package("go", "1.22.1").is_some() && package("vet", "1.22.1").is_none());
    }
}
