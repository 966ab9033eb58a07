//! What a person reads of a verdict.

use sluicegate_model::Digest;
use sluicegate_model::coverage::Coverage;
use sluicegate_model::finding::FindingStatus;
use sluicegate_model::heard::{HeardVex, SignedDocument, Unheard};
use sluicegate_model::inventory::{BuiltLayer, Inventory};
use sluicegate_model::samples;
use sluicegate_model::severity::Severity;
use sluicegate_model::signature::{Signatures, Signed, Statement};
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::vex::VexStatement;

use super::super::appearance::Appearance;
use super::super::view::View;
use super::write;

fn table(verdict: &Verdict, inventory: &Inventory, appearance: Appearance) -> String {
    let mut out = Vec::new();
    write(verdict, inventory, &View::default(), appearance, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(verdict: &Verdict) -> String {
    table(verdict, &samples::inventory(), Appearance::plain())
}

fn line<'a>(table: &'a str, with: &str) -> &'a str {
    let found = table.lines().find(|line| line.contains(with));
    found.unwrap_or_else(|| panic!("no line with {with:?} in\n{table}"))
}

#[test]
fn the_head_says_what_was_decided_by_which_rule() {
    let table = plain(&samples::verdict());
    line(&table, "Image     docker.io/library/app:1");
    line(&table, "Platform  linux/amd64, debian 12");
    line(&table, "Decision  refused by policy \"default\"");
    line(
        &table,
        "rule \"known-exploited\" refuses: 1 finding: CVE-2021-44228",
    );
}

#[test]
fn what_a_policy_needs_in_vain_stands_below_its_rules() {
    let mut verdict = samples::verdict();
    assert!(!plain(&verdict).contains("Warning"));
    verdict.warnings = vec!["rule \"odds\" of policy \"p\" needs EPSS scores".into()];
    let table = plain(&verdict);
    let warning = line(&table, "needs EPSS scores");
    assert!(warning.starts_with("Warning   rule \"odds\""), "{warning}");
}

#[test]
fn a_policy_that_only_watches_says_what_it_would_do() {
    let mut verdict = samples::verdict();
    verdict.decision = Decision::Allow;
    let table = plain(&verdict);
    line(&table, "Decision  allowed by policy");
    line(&table, "rule \"known-exploited\" would refuse:");
}

#[test]
fn findings_stand_worst_first_with_the_fix_beside_each() {
    let table = plain(&samples::verdict());
    let worst = line(&table, "CVE-2021-44228  ");
    for part in [
        "critical 10.0",
        "org.example:app",
        "1.1",
        "exploited",
        "app/lib/app-1.0.jar",
    ] {
        assert!(worst.contains(part), "{part} in {worst}");
    }
    let at = |id: &str| table.rfind(id).unwrap();
    assert!(at("CVE-2021-44228") < at("CVE-2023-0286"));
    assert!(at("CVE-2023-0286") < at("MAL-2024-1"));
    assert!(line(&table, "MAL-2024-1").contains("malware, version not comparable, claimed"));
}

#[test]
fn what_an_author_says_is_noted_beside_the_finding() {
    let mut verdict = samples::verdict();
    verdict.findings[0].vex = vec![samples::vex_statement()];
    line(&plain(&verdict), "vex not_affected by Example PSIRT");
}

#[test]
fn packages_of_one_source_share_a_row() {
    let table = plain(&samples::verdict());
    assert_eq!(table.matches("CVE-2023-0286").count(), 1);
    let row = line(&table, "CVE-2023-0286");
    assert!(row.contains("openssl (libssl3, openssl)"), "{row}");
    assert!(
        row.contains("3.0.9-2") && row.contains("exception until-june"),
        "{row}"
    );
}

#[test]
fn gaps_are_counted_by_kind_the_worst_first() {
    let table = plain(&samples::verdict());
    let at = |text: &str| {
        table
            .find(text)
            .unwrap_or_else(|| panic!("{text} in\n{table}"))
    };
    let fatal = at("os-db-missing (1 gap, leaves the image unscannable)");
    assert!(fatal < at("unattributed-elf (5 gaps)"));
    line(&table, "    usr/bin/a: no product is recognised in it");
    line(&table, "    usr/bin/d: no product is recognised in it");
    let terminal = on_terminal(&samples::verdict(), 100);
    line(&terminal, "    and 2 more");
    assert!(!terminal.contains("usr/bin/d"), "{terminal}");
}

#[test]
fn the_summary_counts_findings_not_rows() {
    let table = plain(&samples::verdict());
    line(
        &table,
        "4 findings (1 critical, 2 high, 1 unknown), 3 with a fix, 1 known to be exploited",
    );
    line(
        &table,
        "4 packages, too little could be looked at to say anything;",
    );
    let mut clean = samples::verdict();
    clean.findings.clear();
    clean.coverage = Coverage::from_gaps(Vec::new());
    let table = plain(&clean);
    line(&table, "0 findings");
    line(&table, "everything was looked at");
    assert!(!table.contains("Could not be looked at"), "{table}");
}

#[test]
fn what_an_image_says_cannot_steer_the_terminal() {
    let mut verdict = samples::verdict();
    let evil = samples::HOSTILE;
    verdict.platform = evil.into();
    verdict.policy.name = evil.into();
    verdict.warnings = vec![evil.into()];
    for reason in &mut verdict.reasons {
        reason.rule = evil.to_owned().into();
        reason.message = evil.into();
    }
    for finding in &mut verdict.findings {
        finding.id = evil.into();
        finding.package.name = evil.into();
        finding.package.version = evil.into();
        finding.package.path = evil.into();
        finding.fixed = Some(evil.into());
        finding.exception = Some(evil.into());
        finding.vex = vec![VexStatement {
            author: evil.into(),
            ..samples::vex_statement()
        }];
    }
    for gap in &mut verdict.coverage.gaps {
        gap.detail = evil.into();
        gap.path = Some(evil.into());
    }
    if let Some(distro) = &mut verdict.distro {
        distro.id = evil.into();
        distro.version = evil.into();
    }
    let table = plain(&verdict);
    let acts = |c: char| c != '\n' && super::super::text::is_treacherous(c);
    assert!(!table.contains(acts), "{table:?}");
    assert!(table.contains("evil\\u{1b}[2J"), "{table}");
}

#[test]
fn colours_are_shown_only_where_they_are_wanted() {
    let (verdict, inventory) = (samples::verdict(), samples::inventory());
    let colours = Appearance {
        colours: true,
        ..Appearance::plain()
    };
    assert!(table(&verdict, &inventory, colours).contains("\u{1b}[31mrefused\u{1b}[0m"));
    assert!(!plain(&verdict).contains('\u{1b}'));
}

fn on_terminal(verdict: &Verdict, width: u16) -> String {
    let terminal = Appearance {
        width: Some(width),
        colours: false,
    };
    table(verdict, &samples::inventory(), terminal)
}

#[test]
fn a_terminal_of_any_width_is_fitted_and_what_is_searched_for_stays_whole() {
    let mut verdict = samples::verdict();
    verdict.findings[0].id = "CVE-2026-109076".into();
    verdict.findings[0].package.version = "1.0.0.RELEASE-20260101".into();
    let words = [
        "CVE-2026-109076",
        "1.0.0.RELEASE-20260101",
        "org.example:app",
    ];
    for width in 72..200 {
        let table = on_terminal(&verdict, width);
        for line in table.lines() {
            assert!(line.chars().count() <= width.into(), "{width}: {line}");
        }
        for word in words {
            let mut found = table.split_whitespace();
            assert!(
                found.any(|found| found == word),
                "{width}: {word} in\n{table}"
            );
        }
    }
}

#[test]
fn nothing_is_cut_in_a_pipe() {
    let mut verdict = samples::verdict();
    let long = "a/very/long/".repeat(40);
    verdict.findings[0].package.path.clone_from(&long);
    let names: Vec<String> = (0..9).map(|n| format!("libssl-part-{n}")).collect();
    let part = verdict.findings[1].clone();
    verdict.findings.extend(names.iter().map(|name| {
        let mut finding = part.clone();
        finding.package.name.clone_from(name);
        finding.package.source = Some("openssl".into());
        finding
    }));
    let table = plain(&verdict);
    let layer = verdict.findings[0].package.layer.as_str();
    for whole in names
        .iter()
        .map(String::as_str)
        .chain([&*long, layer, verdict.digest.as_str()])
    {
        assert!(table.contains(whole), "{whole} in\n{table}");
    }
    let row = line(&table, "CVE-2023-0286");
    assert!(
        row.contains("openssl (libssl3, openssl, libssl-part-0"),
        "{row}"
    );
}

#[test]
fn packages_of_one_source_share_a_row_without_an_inventory_too() {
    let mut verdict = samples::verdict();
    for finding in &mut verdict.findings[1..3] {
        finding.package.source = Some("openssl".into());
    }
    let table = table(&verdict, &Inventory::default(), Appearance::plain());
    let row = line(&table, "CVE-2023-0286");
    assert!(row.contains("openssl (libssl3, openssl)"), "{row}");
    line(&table, "4 in 3 rows: packages of one source");
}

#[test]
fn thousands_of_rows_are_the_worst_and_a_count_on_a_terminal() {
    let (mut verdict, inventory) = samples::large(500, 2_000);
    for (number, finding) in verdict.findings.iter_mut().enumerate() {
        finding.id = format!("CVE-2024-{number}");
    }
    let written = |view: &View, width| {
        let appearance = Appearance {
            width,
            colours: false,
        };
        let mut out = Vec::new();
        write(&verdict, &inventory, view, appearance, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let short = written(&View::default(), Some(120));
    line(
        &short,
        "and 1900 more rows, none worse than high: --all shows them",
    );
    line(&short, "2000 findings (2000 high)");
    assert!(!short.contains("CVE-2024-1999"));
    let all = View {
        all: true,
        ..View::default()
    };
    for whole in [written(&all, Some(120)), written(&View::default(), None)] {
        assert!(whole.contains("CVE-2024-1999") && !whole.contains("more rows"));
    }
}

#[test]
fn rows_that_do_not_bear_on_the_image_are_counted_apart() {
    let (mut verdict, inventory) = samples::large(500, 300);
    for (number, finding) in verdict.findings.iter_mut().enumerate() {
        finding.id = format!("CVE-2024-{number}");
        if number >= 100 {
            finding.status = FindingStatus::NotAffected;
        }
    }
    let appearance = Appearance {
        width: Some(120),
        colours: false,
    };
    let mut out = Vec::new();
    write(&verdict, &inventory, &View::default(), appearance, &mut out).unwrap();
    let table = String::from_utf8(out).unwrap();
    for wanted in [
        "and 200 more rows, which do not bear on the image: --all shows them",
        "100 findings (100 high)",
        "200 more findings listed that no rule counts: not affected, or quieted",
    ] {
        line(&table, wanted);
    }
}

#[test]
fn what_is_not_shown_still_counts_and_is_told() {
    let verdict = samples::verdict();
    let view = View {
        severities: vec![Severity::Critical],
        ..View::default()
    };
    let mut out = Vec::new();
    let inventory = samples::inventory();
    write(&verdict, &inventory, &view, Appearance::plain(), &mut out).unwrap();
    let table = String::from_utf8(out).unwrap();
    line(&table, "Decision  refused by policy");
    line(&table, "4 findings (1 critical, 2 high, 1 unknown)");
    line(
        &table,
        "3 findings not shown (--severity critical); they count in the decision",
    );
    assert!(!table.contains("CVE-2023-0286"), "{table}");
}

#[test]
fn rules_and_the_footer_count_alike_or_it_says_why() {
    let mut verdict = samples::verdict();
    let mut elsewhere = verdict.findings[0].clone();
    elsewhere.package.path = "srv/app.jar".into();
    verdict.findings.push(elsewhere);
    let table = plain(&verdict);
    line(&table, "5 findings (2 critical");
    line(
        &table,
        "5 in 3 rows: packages of one source, and places of one version",
    );
    line(
        &table,
        "rules count 4 findings: a version of a package once",
    );
    assert!(!plain(&samples::verdict()).contains("rules count"));
}

#[test]
fn many_findings_are_all_written() {
    let (verdict, inventory) = samples::large(500, 2_000);
    let table = table(&verdict, &inventory, Appearance::plain());
    assert!(table.contains("2000 findings"));
}

#[test]
fn a_layer_with_findings_is_named_by_its_instruction() {
    let verdict = samples::verdict();
    let blamed = verdict.findings[0].package.layer.clone();
    let built = |digest, text: &str| BuiltLayer {
        digest,
        created_by: Some(text.to_owned()),
        origin: None,
    };
    let inventory = Inventory {
        layers: vec![
            built(sluicegate_model::Digest::of(b"blameless"), "FROM nothing"),
            built(blamed.clone(), "RUN install\u{1b}[31m app"),
        ],
        ..samples::inventory()
    };
    let table = table(&verdict, &inventory, Appearance::plain());
    let named = line(&table, ": RUN install");
    assert!(
        named.contains(blamed.as_str()) && named.contains("2 of 2"),
        "{named}"
    );
    assert!(
        !table.contains("FROM nothing") && !table.contains('\u{1b}'),
        "{table}"
    );
}

#[test]
fn who_signed_stands_in_the_head_or_why_nobody_looked() {
    let mut verdict = samples::verdict();
    line(&plain(&verdict), "Signers   not looked up: a service looks");
    let [key, other, image] = ["key", "other", "image"].map(|it| Digest::of(it.as_bytes()));
    let signed = |statement| Signed {
        key: key.clone(),
        statement,
        manifest: image.clone(),
    };
    let spdx = Statement::Attestation("https://spdx.dev/\u{1b}[2JDocument".into());
    let mut known = Signatures {
        keys: [key.clone(), other.clone()].into(),
        statements: [Statement::Signature, spdx.clone()].into(),
        found: Vec::new(),
        looked_up_at: "2026-11-20T10:00:00.5Z".parse().unwrap(),
        unknown: None,
        vex: None,
    };
    verdict.signatures = Some(known.clone());
    line(
        &plain(&verdict),
        "Signers   none of 2 keys; looked up 2026-11-20T10:00:00Z",
    );
    known.found = vec![signed(Statement::Signature), signed(spdx)];
    known.unknown = Some("the list of referrers fails".into());
    verdict.signatures = Some(known.clone());
    let table = plain(&verdict);
    let signers = line(&table, "Signers   ");
    assert!(signers.contains(&format!("key {key} (signature, https://spdx.dev/")));
    assert!(!table.contains('\u{1b}'));
    line(&table, "not all is known: the list of referrers fails");

    known.vex = Some(HeardVex {
        keys: [other.clone()].into(),
        documents: vec![SignedDocument {
            key: other.clone(),
            manifest: image.clone(),
            digest: Digest::of(b"vex"),
            text: "{}".into(),
        }],
        remembered: Vec::new(),
        unheard: vec![Unheard {
            key: other.clone(),
            manifest: image.clone(),
            document: None,
            why: "it is older".into(),
        }],
    });
    verdict.signatures = Some(known.clone());
    line(&plain(&verdict), "attached VEX does not count");
    known.unknown = None;
    verdict.signatures = Some(known);
    let table = plain(&verdict);
    line(&table, &format!("key {other}: 1 VEX document heard"));
    line(&table, &format!("key {other}: not heard: it is older"));
}

#[test]
fn a_licence_has_a_line_without_a_severity() {
    let table = plain(&samples::verdict_with_a_licence());
    let row = line(&table, "AGPL-3.0-only  ");
    assert!(row.starts_with("-  "), "{row}");
    assert!(row.contains("licence, declared licence"), "{row}");
    line(
        &table,
        "5 findings (1 critical, 2 high, 1 unknown, 1 on licences)",
    );
}
