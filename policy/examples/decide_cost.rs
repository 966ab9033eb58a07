//! What it costs to decide on one image of many findings under many rules, exceptions and statements.
//!
//! `cargo run --release -p sluicegate-policy --example decide_cost` prints the median and the slowest
//! of 200 decisions on 500 findings under 100 rules, 1,000 exceptions and 1,000 VEX statements, in
//! milliseconds, copying the report left out. Then the same under as many statements on one package as
//! are accepted, one of which is about each of them.

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
use sluicegate_policy::{
    AttachedFile, AttachedText, FeedStanding, NamedFile, PolicySet, SourceFile, Sources, Subject,
    decide,
};

const FINDINGS: usize = 500;
const RULES: usize = 100;
const EXCEPTIONS: usize = 1_000;
const STATEMENTS: usize = 1_000;
/// Most comparisons for one package with one weakness.
const ALIKE: usize = 10_000;
const DECISIONS: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let statements = (0..STATEMENTS).map(|at| statement(at / 2 * 3, at / 2 * 3, at % 2));
    measure(
        "1,000 statements",
        &document(&statements.collect::<Vec<_>>()),
    )?;
    let alike = (0..ALIKE).map(|at| statement(1, 1, at));
    measure(
        "10,000 on one package",
        &document(&alike.collect::<Vec<_>>()),
    )
}

fn measure(what: &str, vex: &str) -> Result<(), Box<dyn Error>> {
    let set = set(vex)?;
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
        signatures: None,
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
    writeln!(std::io::stdout(), "{what}: {spoken} rules spoke")?;
    let (median, slowest) = (took.get(DECISIONS / 2), took.last());
    for (what, time) in [("median", median), ("slowest", slowest)] {
        let milliseconds = time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
        writeln!(std::io::stdout(), "{what} {milliseconds:.2} ms")?;
    }
    Ok(())
}

/// Makes a set that believes a VEX document.
fn set(vex: &str) -> Result<PolicySet, Box<dyn Error>> {
    let text = policies()?;
    let name = "cost.yaml".to_owned();
    let vex = SourceFile {
        name: "vex.json".to_owned(),
        text: vex.to_owned(),
    };
    let attached = AttachedFile {
        named: NamedFile {
            by: name.clone(),
            path: "vex.json".to_owned(),
        },
        found: Ok(vec![AttachedText {
            path: "vex.json".to_owned(),
            file: vex,
        }]),
    };
    Ok(PolicySet::load(&Sources {
        files: &[SourceFile { name, text }],
        attached: &[attached],
        now: "2026-06-01T12:00:00Z".parse()?,
    })?)
}

fn document(statements: &[String]) -> String {
    format!(
        "{{\"@context\": \"https://openvex.dev/ns/v0.2.0\", \"@id\": \"urn:x\", \"author\": \"a\", \
         \"timestamp\": \"2026-05-01T00:00:00Z\", \"version\": 1, \"statements\": [{}]}}",
        statements.join(",")
    )
}

/// Says that a weakness is mended in some version of a package.
fn statement(weakness: usize, package: usize, version: usize) -> String {
    format!(
        "{{\"vulnerability\": {{\"name\": \"CVE-2026-{weakness}\"}}, \"status\": \"fixed\", \"products\": \
         [{{\"@id\": \"pkg:deb/debian/lib{package}@{version}.{package}?arch=amd64&distro=debian-12\"}}]}}"
    )
}

/// Writes rules of every kind, most of which hit nothing, and exceptions of which a third are on one of
/// the findings.
fn policies() -> Result<String, std::fmt::Error> {
    let mut text =
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: cost}\nspec:\n  vex: [vex.json]\n  rules:\n"
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
