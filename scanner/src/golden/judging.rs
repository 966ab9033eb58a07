//! What is found in an inventory: every kind of package against the records of the corpus.

use serde_json::json;
use sluicegate_model::form::{Each, WrittenAs};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{
    Component, Ecosystem, Evidence, Package, PackageType, SourcePackage, Standing,
};
use tempfile::TempDir;

use super::feeds::{build, families, now, record, records, with};
use super::pins::Row;
use super::stored::{StoredCoverage, StoredFinding};
use super::{Transcript, revision_of};
use crate::feeds::FeedIndex;
use crate::testing::layer_digest;

pub(super) fn row() -> Row {
    let home = TempDir::new().unwrap();
    let index = FeedIndex::open(&build(home.path(), &more_records())).unwrap();
    let mut transcript = Transcript::default();
    let components = components();
    for component in &components {
        note(
            &mut transcript,
            &component.purl,
            vec![component.clone()],
            &index,
        );
    }
    note(&mut transcript, "all", components.clone(), &index);
    note(
        &mut transcript,
        "without feeds",
        components,
        &FeedIndex::empty(),
    );
    note(&mut transcript, "nothing", Vec::new(), &index);
    transcript.row("matching", revision_of("matching"))
}

fn note(transcript: &mut Transcript, label: &str, components: Vec<Component>, index: &FeedIndex) {
    let inventory = Inventory {
        components,
        platform: "linux/amd64".to_owned(),
        ..Inventory::default()
    };
    let report = crate::judge(&inventory, index, now());
    // The snapshot's name follows the index, which has a row of its own.
    let told = (
        WrittenAs::<Each<StoredFinding>>(&report.findings),
        WrittenAs::<StoredCoverage>(&report.coverage),
        report.packages,
        report.valid_until,
    );
    transcript.note(label, &told);
}

fn more_records() -> Vec<serde_json::Value> {
    let alias = |record, name: &str| with(record, "aliases", json!([name]));
    let mut all = records();
    let mut on_part = record("GO-9", "Go", "a/m", "v2.0.0");
    if let Some(affected) = on_part.pointer_mut("/affected/0") {
        *affected = with(
            affected.clone(),
            "ecosystem_specific",
            json!({"imports": [{"path": "a/m/y"}]}),
        );
    }
    all.extend([on_part, record("CVE-2024-8", "Debian:12", "linux", "2.0-1")]);
    let words = [
        json!({"urgency": "end-of-life"}),
        json!({"urgency": "low", "status": "undetermined"}),
        json!({"urgency": "unimportant"}),
    ];
    for (number, said) in words.into_iter().enumerate() {
        let mut tracked = record(&format!("CVE-2024-10{number}"), "Debian:12", "x", "0");
        if let Some(affected) = tracked.pointer_mut("/affected/0") {
            let open = json!([{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]);
            let open = with(affected.clone(), "ranges", open);
            *affected = with(open, "ecosystem_specific", said);
        }
        all.push(tracked);
    }
    for ecosystem in families() {
        all.push(alias(
            record(&format!("A-{ecosystem}"), &ecosystem, "x", "1.5"),
            "CVE-2024-0001",
        ));
        all.push(alias(
            record(
                &format!("B-{ecosystem}"),
                &ecosystem,
                "x",
                "nonsense version",
            ),
            "CVE-2024-7",
        ));
        all.push(record(
            &format!("C-{ecosystem}"),
            &ecosystem,
            "source",
            "2.0-3",
        ));
    }
    all
}

fn components() -> Vec<Component> {
    let mut found = Vec::new();
    let ecosystems: Vec<Option<Ecosystem>> = families()
        .iter()
        .map(|name| Some(Ecosystem::new(name)))
        .chain([
            None,
            Some(Ecosystem::new("Debian:99")),
            Some(Ecosystem::new("Unheard")),
        ])
        .collect();
    for package_type in PackageType::ALL {
        for ecosystem in &ecosystems {
            let own = package_type.language_ecosystem();
            if own.is_some() && own != *ecosystem {
                continue;
            }
            for (version, source) in [
                ("1.0", None),
                ("1.4-1", Some("source")),
                ("not a version", None),
                ("9", Some("x")),
            ] {
                found.push(component(
                    package_type,
                    ecosystem.clone(),
                    "x",
                    version,
                    source,
                ));
            }
        }
    }
    let special = [
        (PackageType::Python, "PyPI", "Foo.Bar", "1.0"),
        (PackageType::Npm, "npm", "@s/p", "1.0.0"),
        (PackageType::Npm, "npm", "x", "1.0.1"),
        (PackageType::Npm, "npm", "x", "2.3.0"),
        (PackageType::Npm, "npm", "foo-bar", "1.0.0"),
        (PackageType::Maven, "Maven", "g:a", "2.14.1"),
        (PackageType::Rpm, "AlmaLinux:8", "perl-Errno", "1.28-400"),
        (PackageType::Deb, "Debian:12", "x", "1.0-1"),
    ];
    for (package_type, ecosystem, name, version) in special {
        let ecosystem = Some(Ecosystem::new(ecosystem));
        found.push(component(package_type, ecosystem, name, version, None));
    }
    found.extend(streams());
    found.extend(absent());
    found
}

/// Packages that lack the part with a weakness, or lie in a cache.
fn absent() -> Vec<Component> {
    let go = || {
        component(
            PackageType::Go,
            Some(Ecosystem::new("Go")),
            "a/m",
            "v1.0.0",
            None,
        )
    };
    let linked = |paths: &[&str]| Component {
        linked: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..go()
    };
    let debian = Some(Ecosystem::new("Debian:12"));
    // In one image what holds headers only stands before the kernel.
    let [headers, kernel] = ["linux-libc-dev", "linux-modules"].map(|name| {
        let debian = debian.clone();
        component(PackageType::Deb, debian, name, "1.0-1", Some("linux"))
    });
    let npm = Some(Ecosystem::new("npm"));
    let cached = Component {
        evidence: Evidence::Cached,
        ..component(PackageType::Npm, npm, "x", "1.0.1", None)
    };
    let mut all = vec![
        go(),
        linked(&["y"]),
        linked(&["z"]),
        headers,
        kernel,
        cached,
    ];
    let platforms = ["linux/amd64", "windows/amd64", "linux/", "/386"];
    all.extend(platforms.map(|platform| Component {
        platform: platform.to_owned(),
        ..go()
    }));
    all
}

/// Packages of a module: of the advisory's stream, of another, and of none.
fn streams() -> Vec<Component> {
    let labels = [
        None,
        Some("nodejs:18:8090020240101:a1b2"),
        Some("nodejs:16:8070020230101:d1e2"),
        Some("odd"),
    ];
    labels
        .map(|label| {
            let ecosystem = Some(Ecosystem::new("AlmaLinux:8"));
            let version = "1:18.1.0-1.module_el8.7.0+9+c";
            let mut found = component(
                PackageType::Rpm,
                ecosystem,
                "nodejs",
                version,
                Some("nodejs"),
            );
            if let Some(source) = &mut found.package.source {
                source.module = label.map(str::to_owned);
            }
            found
        })
        .into()
}

fn component(
    package_type: PackageType,
    ecosystem: Option<Ecosystem>,
    name: &str,
    version: &str,
    source: Option<&str>,
) -> Component {
    let place = ecosystem
        .as_ref()
        .map_or("none", |it| it.as_str())
        .to_owned();
    let source = source.map(|name| SourcePackage {
        name: name.to_owned(),
        version: version.to_owned(),
        module: None,
    });
    let label = source.as_ref().map_or("", |it| &it.name).to_owned();
    Component {
        package: Package {
            source,
            ..Package::of_language(package_type, name, version)
        },
        ecosystem,
        purl: format!(
            "pkg:{}/{place}/{name}@{version}?{label}",
            package_type.purl_type()
        ),
        path: format!("evidence/{name}"),
        layer: layer_digest(0),
        evidence: Evidence::Installed,
        standing: Standing::Own,
        linked: Vec::new(),
        platform: String::new(),
    }
}
