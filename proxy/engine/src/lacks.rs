//! What the loaded feeds have nothing of, for policies that count on it. Called for each verdict, for
//! status, and when feeds or policies change.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::package::family_of;
use sluicegate_model::report::Knowledge;
use sluicegate_policy::Lacks;
use sluicegate_scanner::feeds::FeedIndex;

/// Share of records, in percent, without a severity from which on a family counts as unrated.
const UNRATED_PERCENT: u64 = 99;

/// Tells what is missing for every family that is loaded; nothing before anything is.
pub fn lacks(index: &FeedIndex) -> Lacks {
    if index.ecosystems().is_empty() {
        return Lacks::default();
    }
    let severities = if index.severities() > 0 {
        BTreeSet::new()
    } else {
        unrated(index)
    };
    Lacks {
        exploited: index.known_exploited() == 0,
        probabilities: index.exploit_scores() == 0,
        severities,
    }
}

/// Tells what is missing for an image that uses these families.
pub fn lacks_for(index: &FeedIndex, used: &[Knowledge]) -> Lacks {
    let mut lacks = lacks(index);
    let is_used = |family: &String| used.iter().any(|known| known.family == *family);
    lacks.severities.retain(is_used);
    lacks
}

fn unrated(index: &FeedIndex) -> BTreeSet<String> {
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for status in index.ecosystems() {
        let family = family_of(&status.name);
        let (all, without) = counts.entry(family).or_default();
        *all = all.saturating_add(status.records);
        *without = without.saturating_add(status.without_severity);
    }
    let is_unrated = |(all, without): (u64, u64)| {
        all > 0 && without.saturating_mul(100) >= all.saturating_mul(UNRATED_PERCENT)
    };
    let unrated = counts.into_iter().filter(|(_, counts)| is_unrated(*counts));
    unrated.map(|(family, _)| family.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;

    use serde_json::json;
    use sluicegate_scanner::feeds::{FeedDirectory, build_index};

    use super::*;

    const NOON: &str = "2026-11-23T12:00:00Z";

    fn write(path: &Path, content: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn archive(ecosystem: &str) -> Vec<u8> {
        let ranges = json!([{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]);
        let package = json!({"ecosystem": ecosystem, "name": "tool"});
        let record = json!({"schema_version": "1.6.0", "id": format!("TEST-{}", &ecosystem[..3]),
            "modified": NOON, "affected": [{"package": package, "ranges": ranges}]});
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file("TEST.json", options).unwrap();
        zip.write_all(record.to_string().as_bytes()).unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn nvd() -> Vec<u8> {
        let metric = json!({"source": "nvd@nist.gov", "type": "Primary",
            "cvssData": {"baseScore": 9.8}});
        let cve = json!({"id": "CVE-2025-0001", "lastModified": "2026-01-01T00:00:00",
            "metrics": {"cvssMetricV31": [metric]}});
        let document = json!({"vulnerabilities": [{"cve": cve}]}).to_string();
        let level = flate2::Compression::fast();
        let mut file = flate2::write::GzEncoder::new(Vec::new(), level);
        file.write_all(document.as_bytes()).unwrap();
        file.finish().unwrap()
    }

    fn indexed(feed: &Path, out: &Path) -> FeedIndex {
        let directory = FeedDirectory::at(feed.to_owned());
        let path = build_index(&[directory], out, NOON.parse().unwrap(), &|_| {}).unwrap();
        FeedIndex::open(&path).unwrap()
    }

    #[test]
    fn what_feeds_have_nothing_of_is_known() {
        let nothing = lacks(&FeedIndex::empty());
        assert_eq!(nothing, Lacks::default(), "nothing is loaded yet");
        let home = tempfile::tempdir().unwrap();
        let (feed, out) = (home.path().join("feed"), home.path().join("out"));
        for ecosystem in ["Debian:12", "npm"] {
            write(&feed.join(ecosystem).join("all.zip"), &archive(ecosystem));
        }
        let index = indexed(&feed, &out);
        let all = Lacks {
            exploited: true,
            probabilities: true,
            severities: ["Debian", "npm"].map(str::to_owned).into(),
        };
        assert_eq!(lacks(&index), all);
        let used = index.knowledge("Debian", NOON.parse().unwrap()).unwrap();
        let of_image = lacks_for(&index, &[used]).severities;
        assert_eq!(of_image, BTreeSet::from(["Debian".to_owned()]));
        write(&feed.join("nvd/nvdcve-2.0-2025.json.gz"), &nvd());
        let kev = br#"{"vulnerabilities": [{"cveID": "CVE-2021-44228"}]}"#;
        write(&feed.join("kev/known_exploited_vulnerabilities.json"), kev);
        let left = Lacks {
            probabilities: true,
            ..Lacks::default()
        };
        assert_eq!(lacks(&indexed(&feed, &out)), left);
    }
}
