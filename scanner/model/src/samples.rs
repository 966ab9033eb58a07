//! One image for the tests of whoever writes, keeps or judges: packages of one source, a JAR, a gap,
//! a hostile name.

use crate::Digest;
use crate::artifact::ArtifactKind;
use crate::audience::Audience;
use crate::coverage::{Coverage, Gap, GapKind};
use crate::domain::Domain;
use crate::finding::{Attributed, Finding, FindingKind, FindingPackage, FindingStatus, QuietedBy};
use crate::inventory::Inventory;
use crate::package::{
    Component, Distro, Ecosystem, Evidence, Package, PackageType, SourcePackage, Standing,
};
use crate::severity::Severity;
use crate::snapshot::SnapshotId;
use crate::verdict::{Decision, PolicyReference, Provenance, Reason, Verdict};
use crate::vex::{VexJustification, VexStatement, VexStatus};
use jiff::Timestamp;

/// What a program in the image calls itself, to clear the screen of whoever reads about it.
pub const HOSTILE: &str = "evil\u{1b}[2J\u{202e}";

/// Gives the base layer's digest.
pub fn base_layer() -> Digest {
    Digest::of(b"base")
}

/// Gives the application layer's digest.
pub fn app_layer() -> Digest {
    Digest::of(b"app")
}

/// Gives an inventory of five components, one of them declared, and two gaps.
pub fn inventory() -> Inventory {
    let deb = |name: &str| component(name, "3.0.9-1", PackageType::Deb, Some("openssl"));
    let mut jar = component("org.example:app", "1.0", PackageType::Maven, None);
    jar.path = "app/lib/app-1.0.jar".into();
    jar.layer = app_layer();
    let mut claimed = component(HOSTILE, "0", PackageType::Npm, None);
    claimed.evidence = Evidence::Claimed;
    let mut declared = component("left-pad", "1.3.0", PackageType::Npm, None);
    declared.path = "app/package-lock.json".into();
    declared.evidence = Evidence::Declared;
    Inventory {
        distro: Some(distro()),
        components: vec![deb("libssl3"), deb("openssl"), jar, claimed],
        declared: vec![declared],
        gaps: gaps(),
        platform: "linux/amd64".into(),
        ..Inventory::default()
    }
}

/// Gives the verdict on [`inventory`]: refused, with findings of every kind.
pub fn verdict() -> Verdict {
    let inventory = inventory();
    let of = |id: &str, at: usize| finding(id, &inventory.components[at]);
    let mut exploited = of("CVE-2021-44228", 2);
    exploited.severity = Severity::Critical;
    exploited.cvss = Some(10.0);
    exploited.kev = true;
    exploited.epss = Some(0.97);
    exploited.aliases = vec!["GHSA-jfh8-c2jp-5v3q".into()];
    exploited.fixed = Some("1.1".into());
    let mut first = of("CVE-2023-0286", 0);
    first.fixed = Some("3.0.9-2".into());
    first.exception = Some("until-june".into());
    let mut second = of("CVE-2023-0286", 1);
    second.fixed = Some("3.0.9-2".into());
    second.exception = Some("until-june".into());
    let mut malware = of("MAL-2024-1", 3);
    malware.severity = Severity::Unknown;
    malware.kind = FindingKind::Malware;
    malware.status = FindingStatus::Unknown;
    Verdict {
        digest: Digest::of(b"manifest"),
        repository: "docker.io/library/app".parse().unwrap(),
        tags: vec!["1".parse().unwrap()],
        audience: Audience::EVERYBODY,
        domain: Domain::Here,
        read_by: None,
        claimed_name: None,
        artifact: None,
        platform: "linux/amd64".into(),
        decision: Decision::Refuse,
        policy: PolicyReference {
            name: "default".into(),
            digest: Digest::of(b"policy"),
        },
        valid_until: None,
        graces: Vec::new(),
        warnings: Vec::new(),
        reasons: vec![Reason {
            rule: "known-exploited".to_owned().into(),
            action: Decision::Refuse,
            message: "1 finding: CVE-2021-44228 critical org.example:app 1.0 (fix: 1.1)".into(),
            findings: vec!["CVE-2021-44228".into()],
        }],
        allowed_by: Vec::new(),
        findings: vec![exploited, first, second, malware],
        coverage: Coverage::from_gaps(gaps()),
        distro: Some(distro()),
        packages: 4,
        first_seen: None,
        signatures: None,
        provenance: Provenance {
            scanner: "sluicegate/0.1.0 75eb7d40".into(),
            feeds: SnapshotId::of_content([0xaa]),
            feed_time: Some(time("2026-11-01T00:00:00Z")),
            scanned_at: time("2026-11-20T10:00:00Z"),
            decided_at: time("2026-11-20T10:00:01.5Z"),
            scan_ms: 41,
        },
    }
}

/// Gives a verdict in which nothing is left out that may be: one of its findings says everything, and
/// one says that nothing is known.
pub fn verdict_with_everything() -> Verdict {
    let mut verdict = Verdict {
        claimed_name: Some("example.org/app:2".into()),
        artifact: Some(ArtifactKind::Helm),
        valid_until: Some(time("2026-12-01T00:00:00Z")),
        allowed_by: vec!["until-june".into()],
        graces: Vec::new(),
        warnings: vec!["rule \"old\" needs EPSS, which no feed has".into()],
        ..verdict()
    };
    let whole = &mut verdict.findings[0];
    whole.status = FindingStatus::NotAffected;
    whole.severity_source = Some("CVSS:3.1 of GHSA-jfh8-c2jp-5v3q".into());
    whole.detail = Some("the class is not there".into());
    whole.package.source = Some("app-source".into());
    whole.package.evidence = Evidence::Inferred;
    whole.attributed = Some(Box::new(Attributed {
        name: "org.example:lib".into(),
        version: "0.9".into(),
        purl: "pkg:maven/org.example/lib@0.9".into(),
        ecosystem: Some(Ecosystem::new("Maven")),
    }));
    whole.quieted_by = Some(QuietedBy::Owner);
    whole.copies = 3;
    whole.paths = vec!["a/app.jar".into(), "b/app.jar".into()];
    let unknown = &mut verdict.findings[3];
    unknown.kind = FindingKind::Informational;
    verdict.provenance.feed_time = None;
    verdict
}

/// Gives the same verdict with the licence that a package declares.
pub fn verdict_with_a_licence() -> Verdict {
    let mut verdict = verdict();
    verdict.findings.push(Finding {
        kind: FindingKind::Licence,
        advisories: Vec::new(),
        severity: Severity::Unknown,
        source: "the package's own metadata".into(),
        detail: Some("declared licence".into()),
        ..finding("AGPL-3.0-only", &inventory().components[2])
    });
    verdict
}

/// Gives what an author says of a finding that does not count for the default policy.
pub fn vex_statement() -> VexStatement {
    VexStatement {
        status: VexStatus::NotAffected,
        justification: Some(VexJustification::VulnerableCodeNotInExecutePath),
        statement: Some("lookups are switched off".into()),
        author: "Example PSIRT".into(),
        document: "https://example.org/vex/app".into(),
        file: "vex/app.openvex.json".into(),
        key: None,
        timestamp: time("2026-11-10T00:00:00Z"),
        policies: vec!["default".into()],
    }
}

/// Gives an image of `components` packages with `findings` findings, spread over them.
pub fn large(components: usize, findings: usize) -> (Verdict, Inventory) {
    let mut inventory = inventory();
    inventory.components = (0..components)
        .map(|number| {
            let name = format!("package-{number}");
            component(&name, "1.2.3-4", PackageType::Deb, Some("source"))
        })
        .collect();
    let mut verdict = verdict();
    verdict.findings = (0..findings)
        .map(|number| {
            let id = format!("CVE-2024-{}", number / 3);
            finding(&id, &inventory.components[number % components])
        })
        .collect();
    (verdict, inventory)
}

fn gaps() -> Vec<Gap> {
    let program = |name: &str| {
        Gap::partial(GapKind::UnattributedElf, "no product is recognised in it")
            .at(format!("usr/bin/{name}"))
            .in_layer(app_layer())
    };
    let names = ["a", "b", "c", "d", HOSTILE];
    let mut gaps: Vec<Gap> = names.into_iter().map(program).collect();
    gaps.push(Gap::fatal(GapKind::OsDbMissing, "no database of packages"));
    gaps
}

fn distro() -> Distro {
    Distro {
        id: "debian".into(),
        version: "12".into(),
        ecosystem: Some(Ecosystem::new("Debian:12")),
    }
}

/// Gives a package that is installed by the base layer.
pub fn component(name: &str, version: &str, kind: PackageType, source: Option<&str>) -> Component {
    let source = source.map(|source| SourcePackage {
        name: source.into(),
        version: version.into(),
        module: None,
    });
    let purl_name: String = name.chars().filter(char::is_ascii_graphic).collect();
    let purl_name = purl_name.replace(':', "/");
    Component {
        package: Package {
            name: name.into(),
            version: version.into(),
            package_type: kind,
            architecture: None,
            source,
            licence: None,
        },
        ecosystem: kind.language_ecosystem(),
        purl: format!("pkg:{}/{purl_name}@{version}", kind.purl_type()),
        path: "var/lib/dpkg/status".into(),
        layer: base_layer(),
        evidence: Evidence::Installed,
        standing: Standing::Own,
        linked: Vec::new(),
        platform: String::new(),
    }
}

/// Gives a weakness of a package; high, and nothing else is known of it.
pub fn finding(id: &str, package: &Component) -> Finding {
    Finding {
        id: id.into(),
        aliases: Vec::new(),
        advisories: vec![id.into()],
        kind: FindingKind::Vulnerability,
        status: FindingStatus::Affected,
        severity: Severity::High,
        severity_source: None,
        cvss: None,
        kev: false,
        epss: None,
        package: FindingPackage {
            name: package.package.name.clone(),
            source: None,
            version: package.package.version.clone(),
            purl: package.purl.clone(),
            ecosystem: package.ecosystem.clone(),
            path: package.path.clone(),
            layer: package.layer.clone(),
            layer_origin: None,
            evidence: package.evidence,
        },
        fixed: None,
        published: None,
        fix_published: None,
        source: "Debian:12".into(),
        detail: None,
        exception: None,
        vex: Vec::new(),
        attributed: None,
        quieted_by: None,
        copies: 1,
        paths: Vec::new(),
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}
