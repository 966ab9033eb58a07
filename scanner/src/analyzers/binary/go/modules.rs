//! The list of modules in a Go program: main module, dependencies, replacements, build settings.
//!
//! Source: Go, package `runtime/debug`, `BuildInfo.String`; Go modules reference, "Pseudo-versions".

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use crate::facts::Observations;

/// What Go writes as the version of a main module that it did not download.
const DEVELOPMENT: &str = "(devel)";

/// Modules named in the gap about those without a version.
const MAX_SHOWN: usize = 5;

/// The list as its lines say it.
#[derive(Default)]
struct List<'a> {
    main: Option<Module<'a>>,
    dependencies: Vec<Module<'a>>,
    settings: Vec<(&'a str, String)>,
}

#[derive(Clone, Copy, Default)]
struct Module<'a> {
    path: &'a str,
    version: &'a str,
}

/// Records every module of a list; those whose version is not told are one gap.
pub(super) fn add(text: &str, path: &str, found: &mut Observations) {
    let list = parse(text);
    let mut unknown = Vec::new();
    if list.main.is_none() && list.dependencies.is_empty() {
        let detail = "it was built without modules, so its Go dependencies are not known";
        let gap = Gap::partial(GapKind::VersionUnknown, detail);
        found.gaps.push(gap.at(path));
        return;
    }
    if let Some(main) = list.main {
        match main_version(&main, &list.settings) {
            Some(version) => found.add(package(main.path, &version)),
            None => unknown.push(main.path),
        }
    }
    for module in &list.dependencies {
        if module.is_versioned() {
            found.add(package(module.path, module.version));
        } else {
            unknown.push(module.path);
        }
    }
    if !unknown.is_empty() {
        let shown = unknown.get(..MAX_SHOWN).unwrap_or(&unknown).join(", ");
        let count = unknown.len();
        let detail = format!("{count} Go modules in it are local code without a version: {shown}");
        let gap = Gap::partial(GapKind::VersionUnknown, detail);
        found.gaps.push(gap.at(path));
    }
}

impl Module<'_> {
    fn is_versioned(&self) -> bool {
        !self.version.is_empty() && self.version != DEVELOPMENT
    }
}

fn package(name: &str, version: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        package_type: PackageType::Go,
        architecture: None,
        source: None,
    }
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
            Some(Module { path, version })
        };
        match kind {
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
        *replaced = replacement;
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

/// Gives the main module's version: its own, what its linker was told, or what its commit says.
fn main_version(main: &Module<'_>, settings: &[(&str, String)]) -> Option<String> {
    if main.is_versioned() {
        return Some(main.version.to_owned());
    }
    let value = |wanted: &str| {
        let mut all = settings.iter();
        all.find_map(|(key, value)| (*key == wanted).then_some(value.as_str()))
    };
    value("-ldflags")
        .and_then(|flags| linked_version(flags, main.path))
        .or_else(|| pseudo_version(value("vcs.time")?, value("vcs.revision")?))
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

/// Names a commit as Go does for modules without a tag: `v0.0.0-20240131120000-0123456789ab`.
fn pseudo_version(time: &str, revision: &str) -> Option<String> {
    let digits: String = time.chars().filter(char::is_ascii_digit).take(14).collect();
    let short = revision.get(..12)?;
    let is_hex = short.bytes().all(|byte| byte.is_ascii_hexdigit());
    (digits.len() == 14 && is_hex).then(|| format!("v0.0.0-{digits}-{short}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> (Vec<String>, Vec<String>) {
        let mut found = Observations::default();
        add(text, "x", &mut found);
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
    fn a_development_version_is_told_by_linker_flags_or_the_commit() {
        let stamp = "build\tvcs.revision=0123456789abcdef\nbuild\tvcs.time=2024-01-31T12:00:00Z\n";
        for (settings, wanted) in [
            (
                r#"build	-ldflags="-s -w -X main.version=1.2.3""#,
                Some("v1.2.3"),
            ),
            (
                r#"build	-ldflags="-X 'm/x/version.Version=v4.5.6' -X main.goVersion=1.20""#,
                Some("v4.5.6"),
            ),
            (
                r#"build	-ldflags="-X other/lib.Version=9.9.9 -X m/x.AppVersion=1.0.0""#,
                Some("v1.0.0"),
            ),
            (
                r#"build	-ldflags="-X main.version=unknown -X main.minVersion=x""#,
                None,
            ),
            (r"build	-ldflags=-s", None),
            ("", None),
        ] {
            let text = format!("mod\tm/x\t(devel)\t\n{settings}\n");
            let (packages, gaps) = listed(&text);
            let wanted_packages: Vec<_> = wanted.iter().map(|v| format!("m/x {v}")).collect();
            assert_eq!(packages, wanted_packages, "{settings}");
            assert_eq!(gaps.len(), usize::from(wanted.is_none()), "{settings}");
            if wanted.is_none() {
                let (packages, gaps) = listed(&(text + stamp));
                let stamped = "m/x v0.0.0-20240131120000-0123456789ab";
                assert_eq!((packages, gaps), (vec![stamped.to_owned()], vec![]));
            }
        }
    }

    #[test]
    fn a_program_without_modules_is_a_gap() {
        for text in ["", "path\tcommand-line-arguments\n", "mod\n"] {
            let (packages, gaps) = listed(text);
            assert_eq!((packages.len(), gaps.len()), (0, 1), "{text:?}");
        }
    }
}
