//! The list of modules in a Go program: main module, dependencies, replacements, build settings.
//!
//! A main module that was built from a checkout has the version of its tag, of its linker's flags, or
//! none: `(devel)` is recorded as it stands, so that what advisories say of it is not known. The commit
//! that Go names in place of a tag is no version of it, for a checkout may lack the tags.
//!
//! Source: Go, package `runtime/debug`, `BuildInfo.String`; Go modules reference, "Pseudo-versions".

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use super::linked::Linked;
use super::toolchain;
use crate::facts::Observations;
use crate::versions::go::is_of_commit;

/// What Go writes as the version of a main module that it did not download.
const DEVELOPMENT: &str = "(devel)";

/// Modules named in the gap about those without a version.
const MAX_SHOWN: usize = 5;

/// The list as its lines say it.
#[derive(Default)]
pub(super) struct List<'a> {
    /// The path of the main package; empty where it is not told.
    program: &'a str,
    main: Option<Module<'a>>,
    dependencies: Vec<Module<'a>>,
    settings: Vec<(&'a str, String)>,
}

#[derive(Clone, Copy, Default)]
struct Module<'a> {
    /// The path that its packages are imported by.
    imported: &'a str,
    /// Its own path, which is another where it stands in one's place.
    path: &'a str,
    version: &'a str,
    /// The checksum, of what was downloaded.
    sum: &'a str,
}

impl<'a> List<'a> {
    /// Reads the lines of a list.
    pub(super) fn read(text: &'a str) -> Self {
        parse(text)
    }

    /// Finds whose packages are linked into the program, of those that have functions in it.
    pub(super) fn linked(&self, functions: &BTreeSet<String>) -> Linked {
        let modules = self.main.iter().chain(&self.dependencies);
        let modules: Vec<&str> = modules.map(|module| module.imported).collect();
        Linked::of(functions, self.program, &modules)
    }

    /// Records every module of the list; local code in place of a dependency is one gap.
    ///
    /// `release` is that of the toolchain, where it has one.
    pub(super) fn add(
        &self,
        release: Option<&str>,
        linked: &Linked,
        path: &str,
        found: &mut Observations,
    ) {
        let main = self.main.map(|main| main.path);
        if let Some(tool) = toolchain::name(self.program, main, release, path) {
            // Where the toolchain is no release, that is a gap already.
            let package = release.and_then(|release| toolchain::package(tool, release));
            if let Some(package) = package {
                found.add(package);
            }
        } else if let Some(main) = self.main {
            let version = main_version(&main, &self.settings);
            let package = Package::of_language(PackageType::Go, main.path, version);
            found.add_linked(package, linked.of_module(main.imported));
        } else if self.dependencies.is_empty() {
            let detail = "it was built without modules, so its Go dependencies are not known";
            let gap = Gap::partial(GapKind::VersionUnknown, detail);
            found.gaps.push(gap.at(path));
        }
        let (known, unknown): (Vec<&Module<'_>>, Vec<_>) = self
            .dependencies
            .iter()
            .partition(|module| module.is_versioned());
        for module in known {
            found.add_linked(package_of(module), linked.of_module(module.imported));
        }
        if !unknown.is_empty() {
            found.gaps.push(without_version(&unknown).at(path));
        }
    }
}

/// Says that modules are local code.
fn without_version(modules: &[&Module<'_>]) -> Gap {
    let paths: Vec<&str> = modules.iter().map(|module| module.path).collect();
    let shown = paths.get(..MAX_SHOWN).unwrap_or(&paths).join(", ");
    let count = paths.len();
    let detail = format!("{count} Go modules in it are local code without a version: {shown}");
    Gap::partial(GapKind::VersionUnknown, detail)
}

impl Module<'_> {
    fn is_versioned(&self) -> bool {
        !self.version.is_empty() && self.version != DEVELOPMENT
    }

    /// Tells whether Go made the version of a checkout up: from a commit above which it saw no tag, or
    /// of a tag with changes that are in no commit. What was downloaded has a checksum.
    fn is_invented(&self) -> bool {
        let (version, marks) = self.version.split_once('+').unwrap_or((self.version, ""));
        let is_untagged = version.starts_with("v0.0.0-") && is_of_commit(version);
        let is_dirty = marks.split(['.', '+']).any(|mark| mark == "dirty");
        is_dirty || (is_untagged && self.sum.is_empty())
    }
}

fn package_of(module: &Module<'_>) -> Package {
    Package::of_language(PackageType::Go, module.path, module.version)
}

fn parse(text: &str) -> List<'_> {
    let mut list = List::default();
    let mut last_is_main = false;
    for line in text.lines() {
        let mut fields = line.split('\t');
        let kind = fields.next().unwrap_or_default();
        let module = || {
            let mut fields = fields.clone();
            let path = fields.next().filter(|path| !path.is_empty())?;
            let version = fields.next().unwrap_or_default();
            let sum = fields.next().unwrap_or_default();
            Some(Module {
                imported: path,
                path,
                version,
                sum,
            })
        };
        match kind {
            "path" => list.program = fields.clone().next().unwrap_or_default(),
            "mod" => {
                list.main = module();
                last_is_main = true;
            }
            "dep" => {
                list.dependencies.extend(module());
                last_is_main = false;
            }
            "=>" => {
                let replaced = if last_is_main {
                    list.main.as_mut()
                } else {
                    list.dependencies.last_mut()
                };
                if let (Some(replaced), Some(module)) = (replaced, module()) {
                    replace(replaced, module);
                }
            }
            "build" => list.settings.extend(setting(line)),
            _ => {}
        }
    }
    list
}

/// Puts the replacement in a module's place; local code keeps the name and has no version.
fn replace<'a>(replaced: &mut Module<'a>, replacement: Module<'a>) {
    if replacement.is_versioned() {
        *replaced = Module {
            imported: replaced.imported,
            ..replacement
        };
    } else {
        replaced.version = "";
    }
}

/// Reads `build<tab>key=value`, where the value may be quoted.
fn setting(line: &str) -> Option<(&str, String)> {
    let (key, value) = line.strip_prefix("build\t")?.split_once('=')?;
    Some((key, unquoted(value)))
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return value.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        let escaped = character == '\\';
        plain.extend(if escaped {
            characters.next()
        } else {
            Some(character)
        });
    }
    plain
}

/// Gives the main module's version: its own, or what its linker was told, or that it has none.
fn main_version(main: &Module<'_>, settings: &[(&str, String)]) -> String {
    if main.is_versioned() && !main.is_invented() {
        return main.version.to_owned();
    }
    let value = |wanted: &str| {
        let mut all = settings.iter();
        all.find_map(|(key, value)| (*key == wanted).then_some(value.as_str()))
    };
    let told = value("-ldflags").and_then(|flags| linked_version(flags, main.path));
    told.unwrap_or_else(|| DEVELOPMENT.to_owned())
}

/// Finds the version that `-X importpath.name=value` gave to a variable named so.
///
/// One of the program's own packages counts before one of a library.
fn linked_version(flags: &str, main_path: &str) -> Option<String> {
    let words = flags.split([' ', '\'', '"', '\n', '\t']);
    let rank_of = |word: &str| {
        let (variable, value) = word.trim_start_matches("-X=").split_once('=')?;
        let (package, name) = variable.rsplit_once('.')?;
        let name = name.to_ascii_lowercase();
        let names_it = name.ends_with("version") && !name.starts_with("go");
        let bare = value.strip_prefix('v').unwrap_or(value);
        let is_number = bare.starts_with(|first: char| first.is_ascii_digit());
        if !names_it || !is_number || !bare.contains('.') {
            return None;
        }
        let rank = if package == "main" {
            0
        } else if package.starts_with(main_path) {
            1
        } else {
            2
        };
        Some((rank, value.to_owned()))
    };
    let (_, version) = words.filter_map(rank_of).min_by_key(|(rank, _)| *rank)?;
    Some(if version.starts_with('v') {
        version
    } else {
        format!("v{version}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> (Vec<String>, Vec<String>) {
        let mut found = Observations::default();
        let linked = Linked::default();
        List::read(text).add(Some("1.22.1"), &linked, "x", &mut found);
        let each = |found: &crate::facts::FoundPackage| {
            format!("{} {}", found.package.name, found.package.version)
        };
        let packages = found.packages.iter().map(each).collect();
        let gaps = found.gaps.iter().map(|gap| gap.detail.clone()).collect();
        (packages, gaps)
    }

    #[test]
    fn replacements_stand_for_what_they_replace() {
        let (packages, gaps) = listed(
            "path\tgithub.com/a/b/cmd/c\nmod\tgithub.com/a/b\tv1.2.3\th1:x=\n\
             dep\tgolang.org/x/net\tv0.7.0\th1:x=\ndep\tgithub.com/old/x\tv1.0.0\n\
             =>\tgithub.com/new/x\tv1.0.1\th1:x=\ndep\tk8s.io/api\tv0.0.0\n=>\t./staging/api\t\n",
        );
        let wanted = [
            "github.com/a/b v1.2.3",
            "golang.org/x/net v0.7.0",
            "github.com/new/x v1.0.1",
        ];
        assert_eq!(packages, wanted);
        assert!(
            gaps.len() == 1 && gaps[0].contains("k8s.io/api"),
            "{gaps:?}"
        );
    }

    #[test]
    fn a_development_version_is_told_by_linker_flags_or_not_at_all() {
        let stamp = "build\tvcs.revision=0123456789abcdef\nbuild\tvcs.time=2024-01-31T12:00:00Z\n";
        for (settings, wanted) in [
            (r#"build	-ldflags="-s -w -X main.version=1.2.3""#, "v1.2.3"),
            (
                r#"build	-ldflags="-X 'm/x/version.Version=v4.5.6' -X main.goVersion=1.20""#,
                "v4.5.6",
            ),
            (
                r#"build	-ldflags="-X other/lib.Version=9.9.9 -X m/x.AppVersion=1.0.0""#,
                "v1.0.0",
            ),
            (
                r#"build	-ldflags="-X main.version=unknown -X main.minVersion=x""#,
                "(devel)",
            ),
            (r"build	-ldflags=-s", "(devel)"),
            ("", "(devel)"),
        ] {
            let text = format!("mod\tm/x\t(devel)\t\n{settings}\n{stamp}");
            assert_eq!(
                listed(&text),
                (vec![format!("m/x {wanted}")], vec![]),
                "{settings}"
            );
        }
    }

    #[test]
    fn what_go_makes_up_for_a_checkout_is_no_version() {
        for (main, wanted) in [
            ("v0.0.0-20240131120000-0123456789ab\t", "(devel)"),
            ("v0.0.0-20240131120000-0123456789ab+dirty\t", "(devel)"),
            ("v1.2.3+dirty\t", "(devel)"),
            ("v2.0.0+incompatible.dirty\t", "(devel)"),
            (
                "v0.0.0-20240131120000-0123456789ab\th1:x=",
                "v0.0.0-20240131120000-0123456789ab",
            ),
            (
                "v1.2.4-0.20240131120000-0123456789ab\t",
                "v1.2.4-0.20240131120000-0123456789ab",
            ),
            ("v1.2.3\t", "v1.2.3"),
        ] {
            let (packages, gaps) = listed(&format!("mod\tm/x\t{main}\n"));
            let wanted = vec![format!("m/x {wanted}")];
            assert_eq!((packages, gaps), (wanted, vec![]), "{main}");
        }
    }

    #[test]
    fn programs_of_the_toolchain_are_no_gap() {
        let (packages, gaps) = listed("path\tcmd/go\nbuild\t-compiler=gc\n");
        assert_eq!(
            (packages, gaps),
            (vec!["toolchain 1.22.1".to_owned()], vec![])
        );
        let (packages, gaps) = listed("path\tcmd/vet\nmod\tcmd\t(devel)\t\n");
        assert_eq!((packages, gaps), (vec![], vec![]));
    }

    #[test]
    fn a_program_without_modules_is_a_gap() {
        for text in ["", "path\tcommand-line-arguments\n", "mod\n"] {
            let (packages, gaps) = listed(text);
            assert_eq!((packages.len(), gaps.len()), (0, 1), "{text:?}");
        }
    }
}
