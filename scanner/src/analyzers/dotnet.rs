//! .NET packages: the `*.deps.json` beside a published application or in a shared framework.
//!
//! Libraries of the runtime target count where they are packages; a project is the application
//! itself. A runtime pack is the .NET runtime inside a self-contained application, and advisories
//! name it as the package that it was made from. They name an installed runtime so too, whose
//! version is that of its directory: inside, .NET Core 3 and older call it `3.1.23-servicing.1`,
//! which sorts below 3.1.23.
//!
//! Source: .NET documentation, "Dependency manifest"; dotnet/sdk, "Runtime configuration files".

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use super::records::{Record, Records, from_json};
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

/// What the name of a runtime pack has before the package's own.
const RUNTIME_PACK: &str = "runtimepack.";

/// What stands in a list of files for none. Source: NuGet documentation, "Framework compatibility".
const NO_FILE: &str = "_._";

pub(super) struct Dotnet;

impl Analyzer for Dotnet {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/dotnet",
            revision: 2,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Ending(".deps.json")]
    }

    /// The SDK's own, which are the largest seen, stay below 1 MiB.
    fn max_file_bytes(&self) -> u64 {
        4 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let manifest: RuntimeManifest = from_json(file.content)?;
        let target = manifest.runtime_target.map(RuntimeTarget::into_name);
        let runtime = installed_runtime(file.path, target.as_deref());
        let present = manifest.targets.kept.into_iter();
        let present: Option<BTreeMap<String, bool>> = present
            .filter(|(name, _)| Some(name) == target.as_ref())
            .map(|(_, libraries)| libraries.into_iter().collect())
            .next();
        let mut nameless = 0_u64;
        for library in manifest.libraries.kept {
            if present
                .as_ref()
                .is_some_and(|present| !brings_files(present, &library))
            {
                continue;
            }
            if let Some(package) = package(&library) {
                if runtime.as_ref() != Some(&package) {
                    found.add(package);
                }
            } else {
                nameless += 1;
            }
        }
        if nameless > 0 {
            let detail = format!("{nameless} packages in it have no name and version");
            let gap = Gap::partial(GapKind::RecordUnreadable, detail);
            found.gaps.push(gap.at(file.path));
        }
        if let Some(runtime) = runtime {
            found.add(runtime);
        }
        Ok(())
    }
}

/// Names the runtime of `shared/framework/version/framework.deps.json` and a target for a platform.
fn installed_runtime(path: &str, target: Option<&str>) -> Option<Package> {
    let mut parts = path.rsplit('/');
    let framework = parts.next()?.strip_suffix(".deps.json")?;
    let version = parts.next().filter(|version| !version.is_empty())?;
    let is_shared = parts.next() == Some(framework) && parts.next() == Some("shared");
    // A target is `.NETCoreApp,Version=v3.1/linux-x64`.
    let (_, platform) = target?.rsplit_once('/')?;
    let name = format!("{framework}.Runtime.{platform}");
    is_shared.then(|| Package::of_language(PackageType::Nuget, name, version))
}

/// Tells whether a target uses a library and anything of it is there. One that only names others, or
/// that only a compiler reads, leaves no file; a runtime pack is the runtime itself.
fn brings_files(present: &BTreeMap<String, bool>, library: &str) -> bool {
    let used = present.get(library);
    used.is_some_and(|has_files| *has_files || library.starts_with(RUNTIME_PACK))
}

fn package(library: &str) -> Option<Package> {
    let (name, version) = library.rsplit_once('/')?;
    let name = name.strip_prefix(RUNTIME_PACK).unwrap_or(name);
    let is_whole = !name.is_empty() && !version.is_empty();
    is_whole.then(|| Package::of_language(PackageType::Nuget, name, version))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeManifest {
    runtime_target: Option<RuntimeTarget>,
    #[serde(default)]
    targets: Records<Target>,
    #[serde(default)]
    libraries: Records<Library>,
}

/// The target's name; the first release of .NET Core wrote it without an object around it.
#[derive(Deserialize)]
#[serde(untagged)]
enum RuntimeTarget {
    Named { name: String },
    Name(String),
}

impl RuntimeTarget {
    fn into_name(self) -> String {
        match self {
            Self::Named { name } | Self::Name(name) => name,
        }
    }
}

/// A target: the libraries that it uses, each as `name/version`, and whether any file of it is there.
#[derive(Deserialize)]
struct Target(Records<Used>);

impl Record for Target {
    type Kept = (String, Vec<(String, bool)>);

    fn keep(self, key: &str, kept: &mut Vec<Self::Kept>) {
        kept.push((key.to_owned(), self.0.kept));
    }
}

/// What a target takes from a library: its assemblies, its native code, its translations, and what is
/// different on each platform.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Used {
    #[serde(default)]
    runtime: Records<File>,
    #[serde(default)]
    native: Records<File>,
    #[serde(default)]
    resources: Records<File>,
    #[serde(default)]
    runtime_targets: Records<File>,
}

impl Record for Used {
    type Kept = (String, bool);

    fn keep(self, key: &str, kept: &mut Vec<Self::Kept>) {
        let lists = [
            &self.runtime,
            &self.native,
            &self.resources,
            &self.runtime_targets,
        ];
        let has_files = lists.iter().any(|files| !files.kept.is_empty());
        kept.push((key.to_owned(), has_files));
    }
}

/// A file of a library; `_._` stands for none.
#[derive(Deserialize)]
struct File(IgnoredAny);

impl Record for File {
    type Kept = ();

    fn keep(self, key: &str, kept: &mut Vec<()>) {
        let name = key.rsplit('/').next().unwrap_or_default();
        if name != NO_FILE && kept.is_empty() {
            kept.push(());
        }
    }
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "type", default)]
    kind: String,
}

impl Record for Library {
    type Kept = String;

    fn keep(self, key: &str, kept: &mut Vec<String>) {
        if matches!(&*self.kind.to_ascii_lowercase(), "package" | "runtimepack") {
            kept.push(key.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    fn names(content: &str) -> Vec<String> {
        names_at("app/shop.deps.json", content)
    }

    fn names_at(path: &str, content: &str) -> Vec<String> {
        let found = analyze(&Dotnet, path, content.as_bytes());
        assert_eq!(found.gaps, [], "{content}");
        let packages = found.packages.iter().map(|found| &found.package);
        packages
            .map(|package| format!("{} {}", package.name, package.version))
            .collect()
    }

    const LIBRARIES: &str = r#""libraries":{
        "Shop/1.0.0":{"type":"project"},
        "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.8":{"type":"runtimepack"},
        "Newtonsoft.Json/12.0.3":{"type":"package","serviceable":true},
        "Compile.Only/1.0.0":{"type":"package"},
        "Meta.Package/4.3.0":{"type":"package"},
        "Only.Compiled/4.3.0":{"type":"package"},
        "Only.Translated/1.0.0":{"type":"package"},
        "System.Reference/4.0.0":{"type":"referenceassembly"}}"#;

    const TARGETS: &str = r#""targets":{
        ".NETCoreApp,Version=v6.0":{},
        ".NETCoreApp,Version=v6.0/linux-x64":{
            "Shop/1.0.0":{"dependencies":{"Newtonsoft.Json":"12.0.3"}},
            "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.8":{},
            "Meta.Package/4.3.0":{"dependencies":{"Newtonsoft.Json":"12.0.3"}},
            "Only.Compiled/4.3.0":{"runtime":{"lib/net6.0/_._":{}},"compile":{"ref/a.dll":{}}},
            "Only.Translated/1.0.0":{"resources":{"lib/de/a.resources.dll":{"locale":"de"}}},
            "Newtonsoft.Json/12.0.3":{"runtime":{"lib/net6.0/Newtonsoft.Json.dll":{}}}}}"#;

    #[test]
    fn reads_the_packages_of_the_runtime_target() {
        let target =
            r#""runtimeTarget":{"name":".NETCoreApp,Version=v6.0/linux-x64","signature":""}"#;
        let wanted = [
            "Microsoft.NETCore.App.Runtime.linux-x64 6.0.8",
            "Newtonsoft.Json 12.0.3",
            "Only.Translated 1.0.0",
        ];
        assert_eq!(
            names(&format!("\u{feff}{{{target},{TARGETS},{LIBRARIES}}}")),
            wanted
        );
        let target = r#""runtimeTarget":".NETCoreApp,Version=v6.0/linux-x64""#;
        assert_eq!(
            names(&format!("{{{LIBRARIES},{TARGETS},{target}}}")),
            wanted
        );
    }

    #[test]
    fn names_an_installed_runtime_as_advisories_do() {
        let path =
            "usr/share/dotnet/shared/Microsoft.NETCore.App/3.1.23/Microsoft.NETCore.App.deps.json";
        let file = |library: &str| {
            format!(
                r#"{{"runtimeTarget":{{"name":".NETCoreApp,Version=v3.1/linux-musl-x64"}},
                "libraries":{{"{library}":{{"type":"package"}}}}}}"#
            )
        };
        let old = file("Microsoft.NETCore.App/3.1.23-servicing.1");
        let wanted = [
            "Microsoft.NETCore.App 3.1.23-servicing.1",
            "Microsoft.NETCore.App.Runtime.linux-musl-x64 3.1.23",
        ];
        assert_eq!(names_at(path, &old), wanted);
        let new = file("Microsoft.NETCore.App.Runtime.linux-musl-x64/3.1.23");
        assert_eq!(names_at(path, &new), wanted[1..]);
        let older = file("Microsoft.NETCore.App.Runtime.linux-musl-x64/3.1.0");
        assert_eq!(names_at(path, &older).len(), 2);
        assert_eq!(
            names_at("app/Microsoft.NETCore.App.deps.json", &new),
            wanted[1..]
        );
    }

    #[test]
    fn without_a_runtime_target_every_package_counts() {
        assert_eq!(names(&format!("{{{LIBRARIES}}}")).len(), 6);
        let unknown = r#""runtimeTarget":{"name":"other"}"#;
        assert_eq!(
            names(&format!("{{{unknown},{TARGETS},{LIBRARIES}}}")).len(),
            6
        );
    }

    #[test]
    fn what_has_no_version_is_a_gap() {
        for library in ["NoVersion", "/1.0", "Name/"] {
            let text = format!(r#"{{"libraries":{{"{library}":{{"type":"package"}}}}}}"#);
            let found = analyze(&Dotnet, "a.deps.json", text.as_bytes());
            assert_eq!(
                (found.packages.len(), found.gaps.len()),
                (0, 1),
                "{library}"
            );
        }
        assert_eq!(
            analyze(&Dotnet, "a.deps.json", b"{\"libraries\":")
                .gaps
                .len(),
            1
        );
    }
}
