//! Programs that no package accounts for: what is in them nobody can say.
//!
//! A package's claim to the path is enough for most, for the databases list nearly all files of an
//! honest image; what is packed needs its owner's digest as well. `inventory.rs` asks.

use sluicegate_model::coverage::{Gap, GapKind};

use crate::code;
use crate::image::examples::examples;
use crate::image::merged::{Merged, MergedFile};

use super::ownership::{Owners, Ownership};
use super::stripped;

/// Where a system keeps its C library. Source: Filesystem Hierarchy Standard 3.0, "/lib".
const LIBRARY_DIRS: [&str; 4] = ["lib", "lib64", "usr/lib", "usr/lib64"];

/// How the names of C libraries and their loaders start: glibc, musl.
const C_LIBRARIES: [&str; 3] = ["ld-linux", "ld-musl-", "libc.so."];

/// Says which programs are packed, and which are nobody's.
pub(crate) fn judge(merged: &Merged<'_>, owners: &Owners<'_>) -> Vec<Gap> {
    let (mut strangers, mut bytes) = (Vec::new(), 0_u64);
    let (mut packed, mut packed_and_owned) = (Vec::new(), Vec::new());
    for file in &merged.files {
        let Some(binary) = &file.found.binary else {
            continue;
        };
        let is_owned = owners.claim(&file.path) || is_of_language_package(file, merged, owners);
        if binary.packed {
            if owners.of_file(file) == Ownership::Proven {
                continue;
            }
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

/// Tells whether a program lies in the directory of a language's package that has its record.
fn is_of_language_package(file: &MergedFile<'_>, merged: &Merged<'_>, owners: &Owners<'_>) -> bool {
    code::root(&file.path).is_some_and(|root| stripped::has_record(&root, merged, owners))
}
