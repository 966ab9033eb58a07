//! Managers of languages whose programs are built before they are in an image: what is done where the
//! sources are.

use sluicegate_model::package::PackageType;

use crate::step::{Command, Place, Step};

/// Gives the line that raises a package.
pub(super) fn command(step: &Step) -> Result<Command, String> {
    let (name, from, to) = (&step.package, &step.from, &step.to);
    let go = |version: &str| version.trim_start_matches('v').to_owned();
    let sources = |tool, line| {
        Ok(Command {
            place: Place::Sources,
            tool,
            line,
        })
    };
    match step.package_type {
        PackageType::Go if name == "stdlib" => sources("go", format!("go get 'go@{}'", go(to))),
        PackageType::Go => sources("go", format!("go get '{name}@v{}' && go mod tidy", go(to))),
        PackageType::Cargo => sources(
            "cargo",
            format!("cargo update --package '{name}@{from}' --precise '{to}'"),
        ),
        PackageType::Gem => sources("bundler", format!("bundle update --conservative '{name}'")),
        PackageType::Composer => sources(
            "composer",
            format!(
                "composer require --update-with-all-dependencies '{name}:^{}'",
                go(to)
            ),
        ),
        PackageType::Nuget => sources(
            "dotnet",
            format!("dotnet add package '{name}' --version '{to}'"),
        ),
        PackageType::Hex => sources("mix", format!("mix deps.update '{name}'")),
        PackageType::Maven => sources("maven", maven(name, to)),
        PackageType::Conda => Ok(Command {
            place: Place::Image,
            tool: "conda",
            line: format!("conda install --yes '{name}>={to}'"),
        }),
        _ => Err("no manager is known that raises it by a command".to_owned()),
    }
}

/// Writes what a `pom.xml` has to say in its `dependencyManagement`.
fn maven(name: &str, version: &str) -> String {
    let (group, artifact) = name.split_once(':').unwrap_or(("", name));
    format!(
        "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
    )
}
