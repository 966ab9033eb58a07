//! What is taken for a policy file, and what is said about what is not.

use super::*;

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: sluicegate/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

fn said(text: &str) -> String {
    let lines = mistakes(text);
    let line = |(line, column, message): &(u64, u64, String)| format!("{line}:{column}: {message}");
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_of_the_contract_loads_without_what_comes_later() {
    let text = r#"
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: prod-baseline, owner: platform-team}
spec:
  mode: enforce
  onInconclusive: {partial: annotate, unscannable: refuse}
  feeds: {maxAge: 7d, onStale: annotate}
  artifacts: {default: refuse, allow: [signatures, sboms, attestations, helm]}
  rules:
    - id: known-exploited
      when: {kev: true}
      action: refuse
    - id: fixable-critical
      when: {severityAtLeast: critical, fixable: true, epssAtLeast: 0.01}
      action: refuse
      message: "Rebuild on {fixed}; ask #platform-security"
    - id: no-log4j-1
      when: {package: "pkg:maven/log4j/log4j"}
      action: refuse
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: prod}
spec: {policy: prod-baseline, repositories: ["docker.io/**", "quay.io/team/*"]}
---
apiVersion: sluicegate/v1
kind: Exception
metadata: {name: libxml2-not-reachable, author: a.lopez, ticket: SEC-1412}
spec: {id: CVE-2026-1234, purls: ["pkg:deb/debian/libxml2"], images: ["docker.io/library/php"], statement: "parser not used", expiresAt: 2027-01-31}
"#;
    assert_eq!(set(text).policy_names(), ["prod-baseline"]);
}

#[test]
fn all_mistakes_of_all_documents_are_told_at_once() {
    let text = "apiVersion: sluicegate/v2\nkind: Policy\nmetadata: {name: 'a b', ownr: x}\nspec:\n  \
                mode: strict\n  onInconclusive: maybe\n  feeds: {maxAge: soon, onStale: never}\n  \
                artifacts: {allow: [charts]}\n  rules:\n  - {id: inconclusive, when: {kev: 1, \
                severityAtLeast: unknown, epssAtLeast: 2, package: x}, action: deny}\n  - {id: r}\n\
                ---\nkind: Rule\n";
    let said = said(text);
    for wanted in [
        "1:13: wanted sluicegate/v1, got \"sluicegate/v2\"",
        "3:18: wanted a name",
        "3:25: unknown key \"ownr\"",
        "5:9: wanted one of enforce, annotate, audit, got \"strict\"",
        "6:19: wanted one of refuse, annotate, allow, got \"maybe\"",
        "7:19: \"soon\" is no duration",
        "7:34: wanted one of refuse",
        "8:23: wanted one of signatures, sboms, attestations, helm, got \"charts\"",
        "rule id \"inconclusive\" is the name of a built-in rule",
        "wanted true or false, got 1",
        "wanted one of negligible, low, medium, high, critical, got \"unknown\"",
        "wanted a probability from 0 to 1",
        "\"x\" is no package URL",
        "got \"deny\"",
        "11:5: \"action\" is missing",
        "11:5: \"when\", \"unless\" or \"image\" is missing",
        "13:1: \"apiVersion\" is missing",
    ] {
        assert!(said.contains(wanted), "{wanted:?} is not in\n{said}");
    }
}

#[test]
fn what_comes_later_is_refused_by_name_and_never_passed_over() {
    let rule = |rule: &str| {
        document(
            "Policy",
            "p",
            &format!("{{rules: [{{id: a, action: refuse, {rule}}}]}}"),
        )
    };
    for (text, key) in [
        (rule("when: {kev: true}, cel: 'true'"), "cel"),
        (rule("cel: 'true'"), "cel"),
    ] {
        let said = said(&text);
        assert!(
            said.contains(&format!("{key}: not supported yet")),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(!said.starts_with("0:"), "{said}");
    }
}

#[test]
fn names_are_used_once_and_bindings_name_what_is_there() {
    let policy = document("Policy", "p", "{mode: audit}");
    assert!(
        said(&[policy.clone(), policy].concat()).contains("9:18: another policy is called \"p\"")
    );
    let binding = document("Binding", "b", "{policy: nobody, repositories: ['**']}");
    assert!(
        said(&binding).contains("5:16: no policy is called \"nobody\""),
        "{}",
        said(&binding)
    );
    let twice = document("Binding", "b", "{policy: default, repositories: ['**']}");
    assert!(said(&[twice.clone(), twice].concat()).contains("another binding"));
    let same = exception("");
    assert!(said(&format!("{same}---\n{same}")).contains("another exception"));
}

#[test]
fn patterns_that_match_nothing_are_mistakes() {
    let binding = |pattern: &str| {
        let spec = format!("{{policy: default, repositories: [\"{pattern}\"]}}");
        document("Binding", "b", &spec)
    };
    for pattern in [
        "docker.io/**",
        "quay.io/*",
        "**",
        "**/nginx",
        "r.example:5000/a/b",
        "r.example:5000/a/b:V1_2-*",
        "docker.io/library/php:8.?",
        "**:latest",
        "docker.io/library/*",
    ] {
        set(&binding(pattern));
    }
    for pattern in [
        "",
        "nginx",
        "*",
        "docker.io/nginx",
        "docker.io/*",
        "Docker.io/x/y",
        "a/b:",
        "a/b:1:2",
        "a/b:1/c",
        "a/b:ä",
        "a/b@sha256:1",
        "a/b:1@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        let said = said(&binding(pattern));
        assert!(said.starts_with("5:40:"), "{pattern}: {said}");
    }
}

#[test]
fn an_exception_says_why_and_until_when() {
    for (from, to) in [
        ("statement: \"not reachable\", ", ""),
        ("\"not reachable\"", "\" \""),
        (", expiresAt: 2026-06-30", ""),
        ("2026-06-30", "2026-02-30"),
        ("id: CVE-1,", ""),
        ("id: CVE-1,", "id: CVE-1, purls: [],"),
        ("id: CVE-1,", "id: CVE-1, images: [],"),
        ("id: CVE-1,", "id: CVE-1, purls: [openssl],"),
    ] {
        let text = exception("").replace(from, to);
        assert_ne!(text, exception(""));
        assert_eq!(mistakes(&text).len(), 1, "{text}{}", said(&text));
    }
}

#[test]
fn a_binding_can_name_the_built_in_policy() {
    let text = [
        document("Policy", "p", "{mode: audit}"),
        document(
            "Binding",
            "b",
            "{policy: default, repositories: ['docker.io/**']}",
        ),
    ]
    .concat();
    let bad = report(vec![finding("CVE-1", Severity::Low, None, true)], vec![]);
    let outcome = decided(&set(&text), IMAGE, &bad);
    assert_eq!(
        (outcome.decision, outcome.policy.name.as_str()),
        (Decision::Refuse, "p+default")
    );
    assert_eq!(
        decided(&set(&text), "quay.io/a/b", &bad).decision,
        Decision::Allow
    );
}

#[test]
fn digests_follow_meaning_and_not_layout() {
    let digest = |text: &str, repository: &str| set(text).digest_for(&scope(repository));
    let plain = document("Policy", "p", "{mode: audit}");
    let spaced = format!(
        "# why\n{}",
        plain.replace("{mode: audit}", "\n  mode: audit # later")
    );
    assert_eq!(digest(&plain, IMAGE), digest(&spaced, IMAGE));
    assert_ne!(
        digest(&plain, IMAGE),
        digest(&plain.replace("audit", "enforce"), IMAGE)
    );
    let elsewhere = exception("images: [quay.io/a/b],");
    let both = format!("{plain}---\n{elsewhere}");
    assert_eq!(digest(&plain, IMAGE), digest(&both, IMAGE));
    assert_ne!(digest(&plain, "quay.io/a/b"), digest(&both, "quay.io/a/b"));
}

#[test]
fn a_damaged_trivyignore_is_an_error_with_a_place() {
    for text in [
        "vulnerabilities:\n  - id: CVE-1\n    expired_at: later\n",
        "vulnerabilities:\n  - id: CVE-1\n    path: x\n",
        "vulnerabilities:\n  - purls: ['pkg:a/b']\n",
        "vulnerabilities:\n  - id: CVE-1\n    paths: ['a[bc]']\n",
        "vulns: []\n",
        "vulnerabilities: {}\n",
    ] {
        let file = SourceFile {
            name: "x/.trivyignore.yaml".into(),
            text: text.into(),
        };
        let errors = PolicySet::parse(&[file]).unwrap_err();
        assert!(
            errors.0.len() == 1 && errors.0[0].line > 0,
            "{text}{errors}"
        );
    }
}

#[test]
fn a_plain_trivyignore_is_an_exception_on_each_line() {
    let file = |text: &str| SourceFile {
        name: "teams/shop/.trivyignore".into(),
        text: text.into(),
    };
    let text = "\u{feff}# reviewed by shop\r\n\r\nCVE-2021-44228\r\n  CVE-2024-1 exp:2026-01-31 # later\n\
        DS002 nobody needs this\n";
    let set = PolicySet::parse(&[file(text)]).unwrap();
    let named: Vec<_> = set
        .exceptions_for(&scope(IMAGE), &DIGEST)
        .into_iter()
        .map(|it| (it.name.as_str(), it.id.as_str(), it.expires_at))
        .collect();
    let ends = Some("2026-02-01T00:00:00Z".parse().unwrap());
    let wanted = [
        (".trivyignore#CVE-2021-44228", "CVE-2021-44228", None),
        (".trivyignore#CVE-2024-1", "CVE-2024-1", ends),
        (".trivyignore#DS002", "DS002", None),
    ];
    assert_eq!(named, wanted);
    let errors = PolicySet::parse(&[file("CVE-1\nCVE-2 exp:soon\n")]).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "teams/shop/.trivyignore:2:7: \"soon\" is no date, such as 2027-01-31"
    );
}
