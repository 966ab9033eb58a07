//! Archives that a list beside them names, as Quarkus' applications have one.
//!
//! A list proves a package only where the archive lies under the name that it gives it.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::package::{Evidence, Package};

use super::merged::{Merged, MergedFile};
use crate::analyzers::{JarNames, candidates};
use crate::facts::{FoundPackage, Observations, Record};

/// The archives that Quarkus makes anew of classes that lie in the others.
const GENERATED: [&str; 2] = [
    "quarkus/generated-bytecode.jar",
    "quarkus/transformed-bytecode.jar",
];

/// Gives the files that lists beside them name their packages, and marks those that are made of
/// others; `names` is what is known of classes.
pub(super) fn name_files<'a>(merged: &mut Merged<'a>, names: &JarNames) {
    let mut listed = BTreeMap::<String, &'a Package>::new();
    let mut generated = BTreeSet::new();
    for file in &merged.files {
        let directory = file.path.rfind('/').and_then(|at| file.path.get(..=at));
        let directory = directory.unwrap_or_default();
        let found: &'a Observations = file.found;
        for candidate in &found.candidates {
            if let Record::Beside(place) = &candidate.record {
                listed.insert(format!("{directory}{place}"), &candidate.package);
                generated.extend(GENERATED.map(|place| format!("{directory}{place}")));
            }
        }
    }
    if listed.is_empty() {
        return;
    }
    for file in &mut merged.files {
        file.is_generated = generated.contains(&file.path) && !has_others(file, &listed, names);
        let Some(package) = listed.get(&file.path) else {
            continue;
        };
        let mut stated = file.found.packages.iter();
        if !stated.any(|found| found.package == **package) {
            let package = (*package).clone();
            let named = FoundPackage::of(Evidence::Installed, package);
            file.named.push(named);
        }
    }
}

/// Tells whether an archive has classes of an artifact that is known and that no list names: those
/// are no work of Quarkus, which puts its own beside those that it makes them of.
fn has_others(
    file: &MergedFile<'_>,
    listed: &BTreeMap<String, &Package>,
    names: &JarNames,
) -> bool {
    file.found.candidates.iter().any(|candidate| {
        let Record::Java(classes) = &candidate.record else {
            return false;
        };
        !classes.starts_with("javax/")
            && !candidates::is_of_any(names, classes, listed.values().copied())
    })
}

#[cfg(test)]
mod tests {
    use crate::analyzers::tests::zip;
    use crate::testing::{Layer, image};

    const LIST: &str = "com.acme:tool::jar:1.0\nx:y::jar:2\n";

    /// Gives what an application of one JAR and the generated ones is found to hold.
    fn inventory(list: &str, generated: &[u8]) -> (Vec<String>, Vec<Option<String>>) {
        let jar = zip(&[("net/y/A.class", b"")]);
        let layer = Layer::new()
            .file("app/quarkus-app-dependencies.txt", list)
            .file("app/lib/main/com.acme.tool-1.0.jar", jar)
            .file("app/quarkus/generated-bytecode.jar", generated);
        let inventory = image(&[layer.facts()]);
        let names = inventory.components.into_iter();
        let names = names.map(|component| format!("{} {}", component.purl, component.path));
        (
            names.collect(),
            inventory.gaps.into_iter().map(|gap| gap.path).collect(),
        )
    }

    #[test]
    fn a_list_names_the_archives_beside_it() {
        let generated = zip(&[("net/y/B.class", b"")]);
        let (names, gaps) = inventory(LIST, &generated);
        let place = "app/lib/main/com.acme.tool-1.0.jar";
        assert_eq!(names, [format!("pkg:maven/com.acme/tool@1.0 {place}")]);
        assert_eq!(gaps, Vec::<Option<String>>::new());
        assert_eq!(inventory("", &generated).1.len(), 2);
    }

    #[test]
    fn classes_of_a_known_artifact_are_not_generated() {
        let hidden = zip(&[
            ("javax/inject/A.class", b""),
            ("org/apache/logging/log4j/core/A.class", b""),
        ]);
        let with_it = format!("{LIST}org.apache.logging.log4j:log4j-core::jar:2.17.1\n");
        assert_eq!(inventory(&with_it, &hidden).1, Vec::<Option<String>>::new());
        let (_, gaps) = inventory(LIST, &hidden);
        assert_eq!(
            gaps,
            [Some("app/quarkus/generated-bytecode.jar".to_owned())]
        );
    }
}
