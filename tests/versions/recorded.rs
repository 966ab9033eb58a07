//! The versions that real advisories name.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;

use serde_json::Value;
use sluicegate_tests::rootfs;

/// The most texts of one feed that are compared; a feed has up to 33,000.
const MOST: usize = 2_000;

/// Gives neighbours among the versions of a feed, spread over all of them; none without a feed.
pub fn pairs(ecosystem: &str) -> Vec<(String, String)> {
    let Some(archive) = rootfs::extra(&format!("feeds/{ecosystem}/all.zip")) else {
        return Vec::new();
    };
    let file = File::open(archive).expect("open a feed");
    let mut archive = zip::ZipArchive::new(file).expect("a feed is a zip archive");
    let mut texts = BTreeSet::new();
    for at in 0..archive.len() {
        let mut record = Vec::new();
        let mut entry = archive.by_index(at).expect("read an entry");
        entry.read_to_end(&mut record).expect("read a record");
        let record = serde_json::from_slice(&record).expect("a record is JSON");
        add(&record, &mut texts);
    }
    let texts: Vec<String> = texts.into_iter().collect();
    let step = texts.len().div_ceil(MOST).max(1);
    let pairs = texts.windows(2).step_by(step);
    pairs
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}

fn add(record: &Value, texts: &mut BTreeSet<String>) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for affected in list(&record["affected"]) {
        let versions = list(&affected["versions"]);
        let ranges = list(&affected["ranges"]);
        let of_versions = |range: &&Value| range["type"] != "GIT";
        let events = ranges.iter().filter(of_versions);
        let events = events.flat_map(|range| list(&range["events"]));
        let boundaries = events.flat_map(|event| {
            let event = event.as_object().cloned().unwrap_or_default();
            event.into_values()
        });
        let named = versions.into_iter().chain(boundaries);
        texts.extend(named.filter_map(|text| text.as_str().map(str::to_owned)));
    }
}
