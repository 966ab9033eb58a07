//! Declared licences where a record has a list of them, or an object for each.
//!
//! Source: npm documentation, "package.json", `license` and the older forms; Composer, "The
//! composer.json schema", `license`.

use serde_json::Value;

/// Most licences of one list that are joined; more are not known.
const MAX_LISTED: usize = 16;

/// Gives what a JSON value declares: a text, an object whose `type` is one, or a list of either of
/// which users may choose. What is in any part something else is not known.
pub(super) fn one_of(declared: &Value) -> Option<String> {
    match declared {
        Value::Array(several) => {
            let texts: Option<Vec<String>> = several.iter().map(text_of).collect();
            any_of(&texts?)
        }
        one => text_of(one),
    }
}

fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::Object(fields) => fields.get("type").or_else(|| fields.get("name")),
        other => Some(other),
    };
    text.and_then(Value::as_str).map(str::to_owned)
}

/// Joins licences of which users may choose.
fn any_of(licences: &[String]) -> Option<String> {
    match licences {
        [] => None,
        [one] => Some(one.clone()),
        several if several.len() <= MAX_LISTED && several.iter().all(|it| is_joined(it)) => {
            Some(several.join(" OR "))
        }
        _ => None,
    }
}

/// Tells whether a text means the same between others: it is one licence, or in parentheses.
fn is_joined(text: &str) -> bool {
    let is_whole = text.starts_with('(') && text.ends_with(')') && text.matches('(').count() == 1;
    let text = text.trim();
    !text.is_empty() && (is_whole || !text.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicegate_model::package::MAX_LICENCE_BYTES;

    use super::*;
    use crate::analyzer::Analyzer;
    use crate::analyzers::apk::Apk;
    use crate::analyzers::composer::Composer;
    use crate::analyzers::gem::Gem;
    use crate::analyzers::npm::Npm;
    use crate::analyzers::pacman::Pacman;
    use crate::analyzers::python::Python;
    use crate::analyzers::tests::analyze;

    const GEMSPEC: &str = "a/specifications/a-1.gemspec";
    const METADATA: &str = "a-1.dist-info/METADATA";
    const MANIFEST: &str = "node_modules/a/package.json";
    const COMPOSER: &str = "vendor/composer/installed.json";
    const DESC: &str = "var/lib/pacman/local/a-1/desc";
    const INSTALLED: &str = "lib/apk/db/installed";

    /// Gives a record of each kind with what is behind its name and version.
    fn record(path: &str, rest: &str) -> String {
        match path {
            GEMSPEC => format!("s.name = 'a'\ns.version = '1'\n{rest}\n"),
            METADATA => format!("Name: a\nVersion: 1\n{rest}\n\nLicense: Body\n"),
            MANIFEST => format!(r#"{{"name":"a","version":"1"{rest}}}"#),
            COMPOSER => format!(r#"[{{"name":"a/a","version":"1"{rest}}}]"#),
            DESC => format!("%NAME%\na\n\n%VERSION%\n1\n\n{rest}\n"),
            _ => format!("P:a\nV:1\n{rest}\n\n"),
        }
    }

    #[test]
    fn each_record_states_its_licence_or_none_is_known() {
        let text = "License: MIT License\n        of many lines";
        let class = "Classifier: License :: OSI Approved :: ISC License (ISCL)";
        let best = format!("{class}\n{text}\nLicense-Expression: MIT");
        let unknown = format!("License: UNKNOWN\n{class}");
        for (analyzer, path, rest, wanted) in [
            (
                &Apk as &dyn Analyzer,
                INSTALLED,
                "L:GPL-2.0-only AND MIT",
                Some("GPL-2.0-only AND MIT"),
            ),
            (&Apk, INSTALLED, "L:", None),
            (
                &Pacman,
                DESC,
                "%LICENSE%\nGPL-2.0-or-later\n",
                Some("GPL-2.0-or-later"),
            ),
            (&Pacman, DESC, "%LICENSE%\nGPL\nLGPL\n", None),
            (&Python, METADATA, &best, Some("MIT")),
            (&Python, METADATA, text, Some("MIT License")),
            (&Python, METADATA, class, Some("ISC")),
            (&Python, METADATA, &unknown, Some("ISC")),
            (&Python, METADATA, "Summary: x", None),
            (
                &Npm,
                MANIFEST,
                r#","license":"(MIT OR ISC)""#,
                Some("(MIT OR ISC)"),
            ),
            (
                &Npm,
                MANIFEST,
                r#","licenses":[{"type":"MIT"},{"type":"ISC"}]"#,
                Some("MIT OR ISC"),
            ),
            (&Npm, MANIFEST, r#","license":7"#, None),
            (&Composer, COMPOSER, r#","license":["MIT"]"#, Some("MIT")),
            (&Composer, COMPOSER, r#","license":[]"#, None),
            (&Gem, GEMSPEC, "s.licenses = [\"MIT\".freeze]", Some("MIT")),
            (&Gem, GEMSPEC, "s.license = 'MIT'", Some("MIT")),
            (&Gem, GEMSPEC, "s.licenses = ['MIT', 'ISC']", None),
            (&Gem, GEMSPEC, "s.licenses = LICENCES", None),
        ] {
            let found = analyze(analyzer, path, record(path, rest).as_bytes());
            assert_eq!(found.gaps, [], "{path} {rest}");
            let licence = found.packages[0].package.licence.as_deref();
            assert_eq!(licence, wanted, "{path} {rest}");
        }
    }

    #[test]
    fn a_long_licence_is_none_and_its_package_counts() {
        for (bytes, is_known) in [(MAX_LICENCE_BYTES, true), (MAX_LICENCE_BYTES + 1, false)] {
            let record = record(INSTALLED, &format!("L:{}", "x".repeat(bytes)));
            let found = analyze(&Apk, INSTALLED, record.as_bytes());
            assert_eq!(found.packages[0].package.licence.is_some(), is_known);
            assert_eq!(found.gaps, []);
        }
    }

    #[test]
    fn each_form_that_npm_and_composer_have_had() {
        for (declared, wanted) in [
            (json!("MIT"), Some("MIT")),
            (json!({"type": "MIT", "url": "x"}), Some("MIT")),
            (
                json!([{"type": "MIT"}, {"type": "GPL-2.0"}]),
                Some("MIT OR GPL-2.0"),
            ),
            (json!(["GPL-2.0-or-later"]), Some("GPL-2.0-or-later")),
            (json!(["MIT", "(A AND B)"]), Some("MIT OR (A AND B)")),
            (json!(["MIT", "A AND B"]), None),
            (json!(["MIT", 7]), None),
            (json!([]), None),
            (json!(null), None),
            (json!({"url": "x"}), None),
        ] {
            assert_eq!(one_of(&declared).as_deref(), wanted, "{declared}");
        }
    }
}
