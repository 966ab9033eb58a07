//! The list of what a Quarkus application is made of, `quarkus-app-dependencies.txt`: the coordinates
//! of the JARs in the directories beside it.
//!
//! Only where a JAR lies under the name that its coordinates give it is it a component;
//! `image/listed.rs` looks.
//!
//! Source: Quarkus, "fast-jar packaging"; `ArtifactCoords`, `toGACTVString`.

use sluicegate_model::package::{Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::{Observations, Record};
use crate::limits::MIB;

/// Reads the list.
pub(super) struct Quarkus;

/// Where the JARs lie: those of the application, and those that start it.
const DIRECTORIES: [&str; 2] = ["lib/main", "lib/boot"];

impl Analyzer for Quarkus {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/quarkus",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("quarkus-app-dependencies.txt")]
    }

    fn max_file_bytes(&self) -> u64 {
        MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let text = String::from_utf8_lossy(file.content);
        for line in text.lines() {
            let parts: Vec<_> = line.trim().split(':').collect();
            let [group, artifact, classifier, "jar", version] = parts.as_slice() else {
                continue;
            };
            if [group, artifact, version]
                .iter()
                .any(|part| part.is_empty())
            {
                continue;
            }
            let tail = match *classifier {
                "" => String::new(),
                classifier => format!("-{classifier}"),
            };
            let name = format!("{group}:{artifact}");
            for directory in DIRECTORIES {
                let place = format!("{directory}/{group}.{artifact}-{version}{tail}.jar");
                let package = Package::of_language(PackageType::Maven, &name, *version);
                found.add_candidate(Record::Beside(place), package);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn each_line_names_a_jar_by_its_coordinates() {
        let text = b"io.quarkus:quarkus-core::jar:2.7.0.Final\n\
                     io.netty:netty-x:linux-x86_64:jar:4.1.0.Final\nx:y::pom:1\n::::\ntext\n";
        let found = analyze(&Quarkus, "app/quarkus-app-dependencies.txt", text);
        let places: Vec<_> = found
            .candidates
            .iter()
            .map(|candidate| (&candidate.record, candidate.package.name.as_str()))
            .collect();
        let place = |path: &str| Record::Beside(path.to_owned());
        assert_eq!(places.len(), 4);
        assert_eq!(
            places[0],
            (
                &place("lib/main/io.quarkus.quarkus-core-2.7.0.Final.jar"),
                "io.quarkus:quarkus-core"
            )
        );
        assert_eq!(
            places[3].0,
            &place("lib/boot/io.netty.netty-x-4.1.0.Final-linux-x86_64.jar")
        );
    }
}
