//! Findings that stand for copies in many places.

use super::*;

fn quiet(paths: &str) -> PolicySet {
    let file = SourceFile {
        name: ".trivyignore.yaml".into(),
        text: format!(
            "vulnerabilities:\n  - id: CVE-1\n    paths: [{paths}]\n    statement: fine\n"
        ),
    };
    PolicySet::parse(&[file]).unwrap()
}

fn in_places(copies: u64, paths: &[&str]) -> Report {
    let finding = Finding {
        copies,
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..finding("CVE-1", Severity::High, None, true)
    };
    report(vec![finding], vec![])
}

#[test]
fn an_exception_by_path_quiets_copies_only_where_it_names_every_one() {
    let in_app = quiet("\"app/*\"");
    let everywhere = quiet("\"**\"");
    for (set, found, wanted) in [
        (&in_app, in_places(1, &[]), Decision::Allow),
        (&in_app, in_places(2, &["app/a", "app/b"]), Decision::Allow),
        (&in_app, in_places(2, &["app/a", "srv/b"]), Decision::Refuse),
        (&in_app, in_places(3, &["app/a", "app/b"]), Decision::Refuse),
        (
            &everywhere,
            in_places(3, &["app/a", "app/b"]),
            Decision::Refuse,
        ),
    ] {
        assert_eq!(decided(set, IMAGE, &found).decision, wanted, "{found:?}");
    }
}
