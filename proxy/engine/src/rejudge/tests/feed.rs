//! A small feed that changes at random, and the images whose packages it speaks of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Distro, Ecosystem, Owner, PackageType, Standing};
use sluicegate_model::samples;
use sluicegate_scanner::feeds::{FeedDirectory, FeedIndex, build_index};
use zip::write::SimpleFileOptions;

const CRITICAL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
const LOW: &str = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N";

/// Packages that records speak of, by the names that feeds have for them.
const PACKAGES: [(&str, &str); 11] = [
    ("Debian:12", "openssl"),
    ("Debian:12", "zlib"),
    ("Debian:12", "python-foo"),
    ("Debian:10", "openssl"),
    ("PyPI", "foo-bar"),
    ("PyPI", "zlib"),
    ("Maven", "org.log:core"),
    ("Maven", "com.other:core"),
    ("Maven", "org.dom4j:dom4j"),
    ("npm", "left"),
    ("crates.io", "serde-json"),
];

/// A number that follows from another, by splitmix64.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    pub(super) fn is_one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())]
    }
}

/// Everything that a feed says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Feed {
    /// By id and by the folder.
    records: BTreeMap<(String, String), Value>,
    exploited: BTreeSet<String>,
    probabilities: BTreeMap<String, f32>,
    scores: BTreeMap<String, f64>,
}

impl Feed {
    /// Has so many things change, the newest of them at `now`.
    pub(super) fn change(&mut self, dice: &mut Dice, count: usize, now: Timestamp) {
        for _ in 0..count {
            let cve = format!("CVE-2026-{}", 1_000 + dice.roll(9));
            match dice.roll(12) {
                0 => drop(self.exploited.insert(cve)),
                1 => drop(self.exploited.remove(&cve)),
                2 | 3 => {
                    let score = dice.of(&[0.0, 0.1, 0.49, 0.5, 0.9]);
                    self.probabilities.insert(cve, score);
                }
                4 => drop(self.scores.insert(cve, dice.of(&[2.0, 9.8]))),
                5 => {
                    let key = self.records.keys().nth(dice.roll(24)).cloned();
                    key.and_then(|key| self.records.remove(&key));
                }
                6 => {
                    let changed = self.records.values_mut().nth(dice.roll(24));
                    if let Some(record) = changed {
                        record["withdrawn"] = json!(now.to_string());
                        record["modified"] = json!(now.to_string());
                    }
                }
                _ => self.add(dice, now),
            }
        }
    }

    /// Has a record say something of a package.
    pub(super) fn speak_of(&mut self, id: &str, (ecosystem, name): (&str, &str), now: Timestamp) {
        let record = json!({
            "id": id, "modified": now.to_string(),
            "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                          "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}],
        });
        self.records.insert((id.into(), ecosystem.into()), record);
    }

    fn add(&mut self, dice: &mut Dice, now: Timestamp) {
        let (ecosystem, name) = dice.of(&PACKAGES);
        let number = 1_000 + dice.roll(9);
        let (cve, ghsa) = (
            format!("CVE-2026-{number}"),
            format!("GHSA-{}", dice.roll(6)),
        );
        let (id, aliases, upstream) = match dice.roll(5) {
            0 => (format!("DEBIAN-{cve}"), vec![], vec![cve]),
            1 => (ghsa, vec![cve], vec![]),
            2 => (format!("PYSEC-{}", dice.roll(5)), vec![ghsa], vec![]),
            3 => (format!("DSA-{}-1", dice.roll(5)), vec![ghsa], vec![cve]),
            _ => (cve, vec![], vec![]),
        };
        let fixed = format!("{}.0", 1 + dice.roll(4));
        let events = match dice.roll(6) {
            0 => json!([{"introduced": "0"}]),
            1 => json!([]),
            _ => json!([{"introduced": "0"}, {"fixed": fixed}]),
        };
        let vector = dice.of(&[None, Some(LOW), Some(CRITICAL)]);
        let severity: Vec<Value> = vector
            .map(|score| json!({"type": "CVSS_V3", "score": score}))
            .into_iter()
            .collect();
        // Some are of a time before.
        let ago = SignedDuration::from_hours(24 * dice.of(&[0, 0, 0, 3]));
        let published = dice.of(&[None, Some(1), Some(19), Some(40)]);
        let published =
            published.map(|days| (now - SignedDuration::from_hours(24 * days)).to_string());
        let record = json!({
            "id": id, "aliases": aliases, "upstream": upstream, "severity": severity,
            "modified": (now - ago).to_string(), "published": published,
            "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                          "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
        });
        self.records.insert((id, ecosystem.to_owned()), record);
    }

    /// Builds the index of it.
    pub(super) fn index(&self, now: Timestamp) -> FeedIndex {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("feed");
        let mut folders: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
        for ((id, folder), record) in &self.records {
            folders.entry(folder).or_default().push((id, record));
        }
        for (folder, records) in folders {
            archive(&root.join(folder), &records);
        }
        let of = |cve: &String| json!({"cveID": cve});
        let exploited: Vec<Value> = self.exploited.iter().map(of).collect();
        let exploited = json!({"vulnerabilities": exploited}).to_string();
        let kev = "kev/known_exploited_vulnerabilities.json";
        write(&root.join(kev), exploited.as_bytes());
        let line = |(cve, score): (&String, &f32)| format!("{cve},{score},0.5\n");
        let lines: String = self.probabilities.iter().map(line).collect();
        write(&root.join("epss/epss_scores.csv.gz"), &packed(&lines));
        let scored = |(cve, score): (&String, &f64)| {
            let metric = json!({"source": "nvd@nist.gov", "type": "Primary",
                "cvssData": {"baseScore": score}});
            json!({"cve": {"id": cve, "lastModified": "2026-01-01T00:00:00",
                "metrics": {"cvssMetricV31": [metric]}}})
        };
        let scores: Vec<Value> = self.scores.iter().map(scored).collect();
        let scores = json!({"vulnerabilities": scores}).to_string();
        write(&root.join("nvd/nvdcve-2.0-2026.json.gz"), &packed(&scores));
        let out = home.path().join("out");
        let path = build_index(&[FeedDirectory::at(root)], &out, now, &|_| {}).unwrap();
        FeedIndex::open(&path).unwrap()
    }
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn packed(text: &str) -> Vec<u8> {
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    file.write_all(text.as_bytes()).unwrap();
    file.finish().unwrap()
}

fn archive(folder: &Path, records: &[(&str, &Value)]) {
    fs::create_dir_all(folder).unwrap();
    let mut zip = zip::ZipWriter::new(File::create(folder.join("all.zip")).unwrap());
    for (id, record) in records {
        let options = SimpleFileOptions::default();
        zip.start_file(format!("{id}.json"), options).unwrap();
        zip.write_all(record.to_string().as_bytes()).unwrap();
    }
    zip.finish().unwrap();
}

/// What images may hold.
fn pool() -> Vec<Component> {
    let deb = |name: &str, source: &str, ecosystem: &str| Component {
        ecosystem: Some(Ecosystem::new(ecosystem)),
        ..samples::component(name, "1.5", PackageType::Deb, Some(source))
    };
    let of = |kind, name: &str| samples::component(name, "1.5", kind, None);
    let mut owned = of(PackageType::Python, "Foo_Bar");
    let owner = deb("python3-foo", "python-foo", "Debian:12");
    owned.standing = Standing::OwnedBy(Box::new(Owner {
        package: owner.package.clone(),
        ecosystem: owner.ecosystem.clone(),
        purl: owner.purl.clone(),
    }));
    vec![
        deb("libssl3", "openssl", "Debian:12"),
        deb("zlib1g", "zlib", "Debian:12"),
        deb("libssl1.1", "openssl", "Debian:10"),
        deb("unheard-of", "unheard-of", "Debian:12"),
        of(PackageType::Python, "Foo.Bar"),
        of(PackageType::Python, "zlib"),
        of(PackageType::Maven, "org.log:core"),
        of(PackageType::Maven, "core"),
        // Advisories speak of it by the coordinates that it has since.
        of(PackageType::Maven, "dom4j:dom4j"),
        of(PackageType::Npm, "left"),
        of(PackageType::Cargo, "Serde_JSON"),
        of(PackageType::Gem, "no-feed"),
        owned,
    ]
}

/// Chooses what an image holds.
pub(super) fn inventory(dice: &mut Dice) -> Inventory {
    let pool = pool();
    let mut components: Vec<Component> = Vec::new();
    for _ in 0..=dice.roll(4) {
        let chosen = &pool[dice.roll(pool.len())];
        if !components.contains(chosen) {
            components.push(chosen.clone());
        }
    }
    components.sort();
    let version = dice.of(&["10", "12"]);
    let ecosystem = Some(Ecosystem::new(&format!("Debian:{version}")));
    let debian = Distro {
        id: "debian".into(),
        version: version.into(),
        ecosystem,
    };
    Inventory {
        distro: (!dice.is_one_in(3)).then_some(debian),
        components,
        platform: "linux/amd64".into(),
        ..Inventory::default()
    }
}
