//! Measures the feed index by hand: builds it, opens it, and matches a made-up inventory against it.
//!
//! `cargo run --release -p sluicegate-scanner --example feed_index -- FEEDS OUT [INVENTORY.json]`

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sluicegate_model::Digest;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Ecosystem, Evidence, Package, PackageType, Standing};
use sluicegate_scanner::feeds::{FeedDirectory, FeedIndex, build_index};
use sluicegate_scanner::judge;

/// How many packages the figure of the design is about.
const PACKAGES: usize = 1000;

/// Most runs behind a median; enough to outlast a busy machine's noise.
const WARM_RUNS: usize = 201;

/// After this long no further run is begun.
const WARM_LIMIT: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(feeds), Some(out_dir)) = (arguments.next(), arguments.next()) else {
        return Err("usage: feed_index FEEDS OUT [INVENTORY.json]".into());
    };
    let mut out = std::io::stdout().lock();
    let now = jiff::Timestamp::now();
    let (built, path) = timed(|| build_index(&[FeedDirectory::at(feeds)], &out_dir, now, &|_| {}));
    let path = path?;
    writeln!(out, "build {built:?} -> {}", path.display())?;
    report_memory(&mut out, "built")?;
    let (opened, index) = timed(|| FeedIndex::open(&path));
    let index = index?;
    writeln!(out, "open {opened:?}, snapshot {}", index.snapshot())?;
    report_memory(&mut out, "opened")?;
    for status in index.ecosystems() {
        writeln!(
            out,
            "  {:<14} {:>6} records, {:>6} without severity, {} problems",
            status.name, status.records, status.without_severity, status.problems
        )?;
    }
    for problem in index.problems() {
        writeln!(out, "  problem: {problem:?}")?;
    }
    let inventory = match arguments.next() {
        Some(path) => serde_json::from_slice(&std::fs::read(path)?)?,
        None => made_up(),
    };
    let (first, report) = timed(|| judge(&inventory, &index, now));
    let started = Instant::now();
    let mut warm: Vec<Duration> = (0..WARM_RUNS)
        .take_while(|_| started.elapsed() < WARM_LIMIT)
        .map(|_| timed(|| judge(&inventory, &index, now)).0)
        .collect();
    warm.sort();
    let median = warm.get(warm.len() / 2).copied().unwrap_or_default();
    let (findings, gaps) = (report.findings.len(), report.coverage.gaps.len());
    writeln!(
        out,
        "match of {} packages: first {first:?}, median of {} more {median:?}; \
         {findings} findings, {gaps} gaps",
        report.packages,
        warm.len()
    )?;
    report_memory(&mut out, "matched")
}

/// Well-known packages, at versions that many advisories speak of.
const KNOWN: &[(PackageType, &str, &str, &str)] = &[
    (
        PackageType::Deb,
        "Debian:12",
        "1.0-1",
        "openssl curl glibc linux systemd perl zlib krb5",
    ),
    (
        PackageType::Python,
        "PyPI",
        "1.0",
        "django pillow requests urllib3 jinja2 flask numpy aiohttp",
    ),
    (
        PackageType::Npm,
        "npm",
        "1.0.0",
        "lodash minimist jquery express axios ws semver tar",
    ),
    (
        PackageType::Maven,
        "Maven",
        "2.0",
        "org.apache.logging.log4j:log4j-core io.netty:netty-all",
    ),
];

/// Spreads packages that advisories speak of, and as many that none does, over the ecosystems.
fn made_up() -> Inventory {
    let known = KNOWN
        .iter()
        .flat_map(|(package_type, ecosystem, version, names)| {
            names
                .split(' ')
                .map(move |name| (*package_type, *ecosystem, *version, name))
        });
    let known: Vec<_> = known.collect();
    let mut components = Vec::new();
    for (number, (package_type, ecosystem, version, name)) in
        known.into_iter().cycle().take(PACKAGES / 2).enumerate()
    {
        for name in [name.to_owned(), format!("unheard-of-{number}")] {
            components.push(component(number, package_type, ecosystem, &name, version));
        }
    }
    Inventory {
        components,
        platform: "linux/amd64".to_owned(),
        ..Inventory::default()
    }
}

fn component(
    number: usize,
    package_type: PackageType,
    ecosystem: &str,
    name: &str,
    version: &str,
) -> Component {
    Component {
        purl: format!("pkg:generic/{name}@{version}"),
        path: format!("evidence/{number}"),
        layer: Digest::of(b"layer"),
        evidence: Evidence::Installed,
        standing: Standing::Own,
        linked: Vec::new(),
        platform: String::new(),
        ecosystem: Some(Ecosystem::new(ecosystem)),
        package: Package {
            name: name.to_owned(),
            version: version.to_owned(),
            package_type,
            architecture: None,
            source: None,
            licence: None,
        },
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let outcome = work();
    (start.elapsed(), outcome)
}

/// Prints the peak so far and what is held now, both in KiB.
fn report_memory(out: &mut impl Write, step: &str) -> Result<(), Box<dyn Error>> {
    let status = std::fs::read_to_string(Path::new("/proc/self/status"))?;
    for line in status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("RssAnon"))
    {
        writeln!(out, "  {step}: {line}")?;
    }
    Ok(())
}
