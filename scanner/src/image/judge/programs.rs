//! Programs that no package accounts for: what is in them nobody can say.
//!
//! A package's claim to the path is enough for most, for the databases list nearly all files of an
//! honest image; for what is packed nobody speaks. `inventory.rs` asks.

use sluicegate_model::coverage::{Gap, GapKind};

use crate::examples::examples;
use crate::image::merged::{Merged, MergedFile};

use super::ownership::Owners;
use super::stripped::PackageRecords;

/// Where a system keeps its C library. Source: Filesystem Hierarchy Standard 3.0, "/lib".
const LIBRARY_DIRS: [&str; 4] = ["lib", "lib64", "usr/lib", "usr/lib64"];

/// How the names of C libraries and their loaders start: glibc, musl.
const C_LIBRARIES: [&str; 3] = ["ld-linux", "ld-musl-", "libc.so."];

/// Says which programs are packed, and which are nobody's.
pub(crate) fn judge(
    merged: &Merged<'_>,
    owners: &Owners<'_>,
    records: &PackageRecords<'_>,
) -> Vec<Gap> {
    let (mut strangers, mut bytes) = (Vec::new(), 0_u64);
    let (mut packed, mut packed_and_owned) = (Vec::new(), Vec::new());
    for file in &merged.files {
        let Some(binary) = &file.found.binary else {
            continue;
        };
        // Of a language's package only what is loaded belongs to it: a record is its author's word,
        // and any program can be put beside it.
        let of_language = || owners.claim_of_language(&file.path) || records.speak_for(&file.path);
        let is_owned = owners.claim_of_system(&file.path) || (binary.is_library && of_language());
        if binary.packed {
            let found = if is_owned {
                &mut packed_and_owned
            } else {
                &mut packed
            };
            found.push(file.path.as_str());
        } else if !is_owned && !binary.identified && file.found.packages.is_empty() {
            strangers.push(file.path.as_str());
            bytes = bytes.saturating_add(binary.size_bytes);
        }
    }
    let is_packed = |paths: &[&str]| {
        let detail = format!(
            "{} programs are packed, so that what is in them cannot be read: {}",
            paths.len(),
            examples(paths.iter().copied())
        );
        (!paths.is_empty()).then_some(detail)
    };
    let gaps = [
        is_packed(&packed).map(|detail| Gap::fatal(GapKind::PackedBinary, detail)),
        is_packed(&packed_and_owned).map(|detail| Gap::partial(GapKind::PackedBinary, detail)),
        unattributed(&strangers, bytes),
    ];
    gaps.into_iter().flatten().collect()
}

/// Gives the C library of a system, if the image has one.
pub(crate) fn c_library<'a>(merged: &'a Merged<'_>) -> Option<&'a str> {
    let is_library = |file: &&MergedFile<'_>| {
        let (dir, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        // Debian has a directory for each architecture between.
        let above = dir.rsplit_once('/').map_or(dir, |(above, _)| above);
        let is_system = LIBRARY_DIRS.contains(&dir) || LIBRARY_DIRS.contains(&above);
        let is_named = C_LIBRARIES.iter().any(|start| name.starts_with(start));
        file.found.binary.is_some() && is_system && is_named
    };
    let found = merged.files.iter().find(is_library);
    found.map(|file| file.path.as_str())
}

fn unattributed(paths: &[&str], bytes: u64) -> Option<Gap> {
    let detail = format!(
        "unattributed_elf_bytes: {bytes} in {} files: {}",
        paths.len(),
        examples(paths.iter().copied())
    );
    (!paths.is_empty()).then(|| Gap::partial(GapKind::UnattributedElf, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::BinaryFacts;
    use crate::testing::{Layer, PACKED, PROGRAM, image, with_program};

    const LIBRARY: BinaryFacts = BinaryFacts {
        is_library: true,
        ..PROGRAM
    };

    const SITE: &str = "usr/local/lib/python3.11/site-packages";

    /// Gives the gaps of a layer with one file that is a program, or a library.
    fn gaps(layer: Layer, path: &str, file: BinaryFacts) -> Vec<(GapKind, bool)> {
        let facts = with_program(layer.facts(), path, file);
        let gaps = image(&[facts]).gaps.into_iter();
        gaps.map(|gap| (gap.kind, gap.fatal)).collect()
    }

    #[test]
    fn a_record_of_a_language_speaks_for_what_is_loaded_and_for_no_program() {
        let python = |path: &str| {
            let record = format!("{SITE}/tool-1.dist-info");
            Layer::new()
                .file(&format!("{record}/METADATA"), "Name: tool\nVersion: 1\n")
                .file(
                    &format!("{record}/RECORD"),
                    format!("tool/__init__.py,,\n{path},,\n"),
                )
                .file(&format!("{SITE}/tool/__init__.py"), "x")
        };
        let npm = || {
            Layer::new().file(
                "app/node_modules/x/package.json",
                r#"{"name":"x","version":"1.0.0"}"#,
            )
        };
        let listed = format!("{SITE}/tool/bin/server");
        let script = "usr/local/bin/server";
        for (number, (layer, path)) in [
            (python("tool/bin/server"), listed.as_str()),
            (python("../../../bin/server"), script),
            (npm(), "app/node_modules/x/bin/server"),
        ]
        .into_iter()
        .enumerate()
        {
            let program = gaps(layer, path, PROGRAM);
            assert_eq!(
                program,
                [(GapKind::UnattributedElf, false)],
                "case {number}"
            );
        }
        for (layer, path) in [
            (python("tool/_x.so"), format!("{SITE}/tool/_x.so")),
            (
                python("tool.libs/x.so.1"),
                format!("{SITE}/tool.libs/x.so.1"),
            ),
            (npm(), "app/node_modules/x/build/x.node".to_owned()),
        ] {
            assert_eq!(gaps(layer, &path, LIBRARY), [], "{path}");
        }
        // Packed, a program is nobody's: a record does not make it less of one.
        let packed = gaps(npm(), "app/node_modules/x/bin/server", PACKED);
        assert_eq!(packed, [(GapKind::PackedBinary, true)]);
    }
}
