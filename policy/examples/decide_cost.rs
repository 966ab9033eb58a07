//! What it costs to decide on one image of many findings under many rules and exceptions.
//!
//! `cargo run --release -p sluicegate-policy --example decide_cost` prints the median and the slowest
//! of 200 decisions on 500 findings under 100 rules and 1,000 exceptions, in milliseconds, copying the
//! report left out.

use std::cmp::Ordering;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

use jiff::Timestamp;
use sluicegate_model::artifact::Content;
use sluicegate_model::coverage::Coverage;
use sluicegate_model::finding::Finding;
use sluicegate_model::package::PackageType;
use sluicegate_model::report::Report;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::{Digest, Scope, samples};
use sluicegate_policy::{FeedStanding, PolicySet, SourceFile, Subject, decide};

const FINDINGS: usize = 500;
const RULES: usize = 100;
const EXCEPTIONS: usize = 1_000;
const DECISIONS: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let text = policies()?;
    let name = "cost.yaml".to_owned();
    let set = PolicySet::parse(&[SourceFile { name, text }])?;
    let scope = Scope::for_all("docker.io/library/app".parse()?);
    let digest = Digest::of(b"image");
    let now: Timestamp = "2026-06-01T12:00:00Z".parse()?;
    let subject = Subject {
        scope: &scope,
        digest: &digest,
        content: Content::Image,
        created: None,
        run: None,
        first_seen: None,
        graces: &[],
    };
    let report = report();
    let (mut took, mut spoken) = (Vec::with_capacity(DECISIONS), 0);
    for _ in 0..DECISIONS {
        let copy = report.clone();
        let began = Instant::now();
        let standing = FeedStanding::default();
        let outcome = decide(&set, &subject, copy, &standing, by_text, now);
        took.push(began.elapsed());
        spoken = outcome.reasons.len();
    }
    took.sort_unstable();
    writeln!(std::io::stdout(), "{spoken} rules spoke")?;
    let (median, slowest) = (took.get(DECISIONS / 2), took.last());
    for (what, time) in [("median", median), ("slowest", slowest)] {
        let milliseconds = time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
        writeln!(std::io::stdout(), "{what} {milliseconds:.2} ms")?;
    }
    Ok(())
}

/// Writes rules of every kind, most of which hit nothing, and exceptions of which a third are on one of
/// the findings.
fn policies() -> Result<String, std::fmt::Error> {
    let mut text =
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: cost}\nspec:\n  rules:\n"
            .to_owned();
    for rule in 0..RULES {
        let when = match rule % 5 {
            0 => format!("package: 'pkg:deb/debian/lib*{rule}'"),
            1 => format!("ids: [CVE-2026-{rule}, CVE-2025-{rule}]"),
            2 => format!("path: '**/lib{rule}/*.so', fixable: true"),
            3 => format!("package: {{purl: 'pkg:deb/debian/lib*', vers: 'vers:deb/<{rule}'}}"),
            _ => "severityAtLeast: high, epssAtLeast: 0.5, olderThan: 30d".to_owned(),
        };
        writeln!(
            text,
            "    - {{id: r{rule}, when: {{{when}}}, action: annotate}}"
        )?;
    }
    for exception in 0..EXCEPTIONS {
        let id = exception * 3;
        writeln!(
            text,
            "---\napiVersion: sluicegate/v1\nkind: Exception\nmetadata: {{name: e{exception}, author: a}}\n\
             spec: {{id: CVE-2026-{id}, purls: ['pkg:deb/debian/lib*'], images: ['docker.io/**'], \
             statement: s, expiresAt: 2027-01-01}}"
        )?;
    }
    Ok(text)
}

fn report() -> Report {
    let finding = |number: usize| -> Finding {
        let (name, version) = (format!("lib{number}"), format!("1.{number}"));
        let mut package = samples::component(&name, &version, PackageType::Deb, None);
        package.path = format!("usr/lib/x86_64-linux-gnu/lib{number}/lib{number}.so");
        let mut finding = samples::finding(&format!("CVE-2026-{number}"), &package);
        finding.package.purl =
            format!("pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12");
        finding
    };
    Report {
        findings: (0..FINDINGS).map(finding).collect(),
        coverage: Coverage::from_gaps(Vec::new()),
        distro: None,
        packages: FINDINGS as u64,
        platform: "linux/amd64".into(),
        feeds: SnapshotId::NO_FEEDS,
        feed_time: None,
        knowledge: Vec::new(),
        valid_until: None,
    }
}

/// Orders versions as texts, where there are any: what real orders cost is theirs.
fn by_text(_: &str, one: &str, other: &str) -> Option<Ordering> {
    let are_any = !one.is_empty() && !other.is_empty();
    are_any.then(|| one.cmp(other))
}
