//! Environments of conda whose records are gone.
//!
//! Conda keeps a record of each package and, beside them, a few files that are no package's.

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::PackageType;

use crate::code;
use crate::examples::examples;
use crate::image::merged::Merged;

/// Says which environments have no record of any package.
pub(super) fn without_records(merged: &Merged<'_>) -> Option<Gap> {
    let read = merged.files.iter().map(|file| file.path.as_str());
    let kept = read.chain(merged.witnesses.iter().map(String::as_str));
    let marked: BTreeSet<&str> = kept.filter_map(code::conda_environment).collect();
    let bare = marked
        .into_iter()
        .filter(|environment| !has_records(merged, environment));
    let names: Vec<&str> = bare
        .map(|environment| environment.trim_end_matches('/'))
        .collect();
    let count = names.len();
    let detail = format!(
        "{count} conda environments have no record of any package: {}",
        examples(names)
    );
    (count > 0).then(|| Gap::partial(GapKind::StrippedMetadata, detail))
}

fn has_records(merged: &Merged<'_>, environment: &str) -> bool {
    let records = format!("{environment}conda-meta/");
    let start = merged
        .files
        .partition_point(|file| file.path.as_str() < records.as_str());
    let mut found = merged.files.iter().skip(start);
    found
        .by_ref()
        .take_while(|file| file.path.starts_with(&records))
        .flat_map(|file| &file.found.packages)
        .any(|found| found.package.package_type == PackageType::Conda)
}
