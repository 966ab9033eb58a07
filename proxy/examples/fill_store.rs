//! Fills a data directory with judged images, for measuring what has to look at all of them.
//!
//! `cargo run --release -p sluicegate --example fill_store -- DATA IMAGES PACKAGES ECOSYSTEM ENGINE`
//! reads lines of `name version source source-version` and gives each image that many of them, another
//! choice each; every hundredth holds the package `rare` as well. The verdicts cite no feed, so that the service that is started next finds all of
//! them old. There are no layers: reading one would fail. With `bare` at the end there are no
//! inventories either, so that no verdict is made anew.

use std::error::Error;
use std::io::BufRead as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_engine::content::{Content as _, DocumentKind, PackedDocument};
use sluicegate_engine::ledger::{Replacement, Verdicts as _};
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_engine::scan::Scanned;
use sluicegate_local::cache::ContentStore;
use sluicegate_local::ledger::Records;
use sluicegate_local::record::TurnLog;
use sluicegate_local::store::EngineKind;
use sluicegate_model::artifact::Content;
use sluicegate_model::coverage::Coverage;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{
    Component, Distro, Ecosystem, Evidence, Package, PackageType, SourcePackage, Standing,
};
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{Decision, PolicyReference, Provenance, Verdict};
use sluicegate_model::{Audience, Digest, Domain, Repository};

/// Images written together.
const BATCH: usize = 200;
/// Of how many images one holds the rare package.
const RARE: usize = 100;
/// Capacity of the content store, in bytes: what a service has by default.
const CAPACITY_BYTES: u64 = 20 * 1024 * 1024 * 1024;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    const USAGE: &str = "usage: fill_store DATA IMAGES PACKAGES ECOSYSTEM ENGINE [bare] < LINES";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, images, packages, ecosystem, engine, bare @ ..] = &arguments[..] else {
        return Err(USAGE.into());
    };
    let is_bare = bare.iter().any(|word| word == "bare");
    let (images, packages): (usize, usize) = (images.parse()?, packages.parse()?);
    let data = Path::new(data);
    let (store, _) = engine.parse::<EngineKind>()?.open(data)?;
    let content = ContentStore::open(&data.join("content"), CAPACITY_BYTES)?;
    let (record, _) = TurnLog::open(&data.join("decisions"))?;
    let records = Records::new(store, Arc::new(content.clone())).recording(record);
    let known = components(ecosystem)?;
    let numbers: Vec<usize> = (0..images).collect();
    for batch in numbers.chunks(BATCH) {
        let mut documents = Vec::new();
        let mut replacements = Vec::new();
        for number in batch {
            let digest = Digest::of(&number.to_le_bytes());
            let inventory = inventory(&known, *number, packages, ecosystem);
            let mut verdict = verdict(&digest, &inventory)?;
            let earlier = records.known_verdict(&verdict.scope(), &digest).await?;
            replacements.push(
                Replacement::new(&mut verdict, &earlier)?
                    .listing(&inventory, &ActivePlugins::built_in()),
            );
            if !is_bare {
                documents.push(document(&digest, inventory)?);
            }
        }
        content.put_documents(documents).await?;
        records.replace_verdicts(replacements).await?;
    }
    Ok(())
}

fn components(ecosystem: &str) -> Outcome<Vec<Component>> {
    let mut components = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, version, source, source_version] = words[..] else {
            return Err(format!("not four words: {line:?}").into());
        };
        components.push(Component {
            package: Package {
                name: name.into(),
                version: version.into(),
                package_type: PackageType::Deb,
                architecture: Some("amd64".into()),
                source: Some(SourcePackage {
                    name: source.into(),
                    version: source_version.into(),
                    module: None,
                }),
                licence: None,
            },
            ecosystem: Some(Ecosystem::new(ecosystem)),
            purl: format!("pkg:deb/debian/{name}@{version}?arch=amd64"),
            path: "var/lib/dpkg/status".into(),
            layer: Digest::of(name.as_bytes()),
            evidence: Evidence::Installed,
            standing: Standing::Own,
            linked: Vec::new(),
            platform: String::new(),
        });
    }
    Ok(components)
}

/// Chooses packages: a run of them that starts elsewhere for each image.
fn inventory(known: &[Component], number: usize, packages: usize, ecosystem: &str) -> Inventory {
    let start = number.wrapping_mul(37);
    let chosen = known.iter().cycle().skip(start % known.len().max(1));
    let mut components: Vec<Component> = chosen.take(packages).cloned().collect();
    if number.is_multiple_of(RARE) {
        components.extend(known.first().map(rare));
    }
    components.sort();
    Inventory {
        distro: Some(Distro {
            id: "debian".into(),
            version: ecosystem.rsplit(':').next().unwrap_or_default().into(),
            ecosystem: Some(Ecosystem::new(ecosystem)),
        }),
        components,
        platform: "linux/amd64".into(),
        ..Inventory::default()
    }
}

/// Makes a package that few images hold of one that many do.
fn rare(like: &Component) -> Component {
    let mut rare = like.clone();
    rare.package.name = "rare".into();
    rare.package.source = None;
    rare.purl = "pkg:deb/debian/rare@1.0?arch=amd64".into();
    rare
}

fn verdict(digest: &Digest, inventory: &Inventory) -> Outcome<Verdict> {
    let repository: Repository = "up.bench/bench/app".parse()?;
    Ok(Verdict {
        digest: digest.clone(),
        repository,
        tags: vec!["1".parse()?],
        audience: Audience::EVERYBODY,
        domain: Domain::Here,
        read_by: None,
        claimed_name: None,
        artifact: None,
        platform: inventory.platform.clone(),
        decision: Decision::Allow,
        policy: PolicyReference {
            name: "bench".into(),
            digest: Digest::of(b"none"),
        },
        valid_until: None,
        reasons: Vec::new(),
        allowed_by: Vec::new(),
        graces: Vec::new(),
        warnings: Vec::new(),
        findings: Vec::new(),
        coverage: Coverage::from_gaps(Vec::new()),
        distro: inventory.distro.clone(),
        packages: inventory.components.len() as u64,
        first_seen: None,
        signatures: None,
        provenance: Provenance {
            scanner: "bench".into(),
            feeds: SnapshotId::NO_FEEDS,
            feed_time: None,
            scanned_at: Timestamp::UNIX_EPOCH,
            decided_at: Timestamp::UNIX_EPOCH,
            scan_ms: 1,
        },
    })
}

fn document(digest: &Digest, inventory: Inventory) -> Outcome<PackedDocument> {
    let scanned = Scanned {
        content: Content::Image,
        inventory,
        scanned_at: Timestamp::UNIX_EPOCH,
        scan_ms: 1,
        read_by: None,
    };
    let body = serde_json::to_vec(&scanned)?;
    // As a job keeps it.
    let key = format!(
        "{}-{}",
        digest.hex(),
        ActivePlugins::built_in().fingerprint()
    );
    Ok(PackedDocument::new(DocumentKind::Inventory, &key, &body)?)
}
