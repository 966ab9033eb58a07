//! Known answers on declared licences and lists of licences.

use super::*;

#[test]
fn what_is_declared_is_written_as_spdx_does_or_not_known() {
    for (declared, wanted) in [
        ("MIT", Some("MIT")),
        ("mit", Some("MIT")),
        ("MIT/Apache-2.0", Some("MIT OR Apache-2.0")),
        ("MIT / Apache-2.0", Some("MIT OR Apache-2.0")),
        ("GPLv2+", Some("GPL-2.0-or-later")),
        ("GPL-2.0", Some("GPL-2.0-only")),
        ("GPL-2.0+", Some("GPL-2.0-or-later")),
        ("LGPL-2.1+", Some("LGPL-2.1-or-later")),
        ("ASL 2.0", Some("Apache-2.0")),
        (
            "GPLv2+ and (MIT or ASL 2.0)",
            Some("GPL-2.0-or-later AND (MIT OR Apache-2.0)"),
        ),
        ("MIT AND ISC OR Zlib", Some("(MIT AND ISC) OR Zlib")),
        (
            "GPL-2.0-only WITH Classpath-exception-2.0",
            Some("GPL-2.0-only WITH Classpath-exception-2.0"),
        ),
        (
            "GPL-2.0-with-classpath-exception",
            Some("GPL-2.0-only WITH Classpath-exception-2.0"),
        ),
        (
            "gpl-2.0-only with classpath-exception-2.0",
            Some("GPL-2.0-only WITH Classpath-exception-2.0"),
        ),
        ("LicenseRef-Ours", Some("LicenseRef-Ours")),
        // Each of these may mean several licences, or none at all.
        ("BSD", None),
        ("GPL", None),
        ("GNU GPL v2", None),
        ("GPL2 BSD", None),
        ("MIT and Public Domain", None),
        ("SEE LICENSE IN LICENSE.md", None),
        ("MIT OR", None),
        ("((((MIT", None),
        (NOT_DECLARED, None),
        ("", None),
    ] {
        let written = Licence::parse(declared).map(|licence| licence.to_string());
        assert_eq!(written.as_deref(), wanted, "{declared:?}");
        let again = wanted.and_then(|text| Licence::parse(text).map(|it| it.to_string()));
        assert_eq!(again.as_deref(), wanted, "{declared:?} once more");
    }
}

#[test]
fn what_has_to_be_described_elsewhere_is_not_listed() {
    for (declared, is_listed) in [
        ("MIT OR GPL-2.0-only WITH Classpath-exception-2.0", true),
        ("MIT OR LicenseRef-Ours", false),
        ("GPL-2.0-only WITH AdditionRef-Ours", false),
    ] {
        let licence = Licence::parse(declared).unwrap();
        assert_eq!(licence.is_listed(), is_listed, "{declared}");
    }
}

#[test]
fn no_text_of_any_form_is_too_much() {
    for text in ["(", "MIT OR ", "/", "A+", "WITH ", "\u{0}", "é ( ", ") "] {
        let declared = text.repeat(MAX_LICENCE_BYTES / text.len());
        assert!(Licence::parse(&declared).is_none(), "{declared}");
    }
    let deep = MAX_LICENCE_BYTES / 2 - 2;
    let declared = format!("{}MIT{}", "(".repeat(deep), ")".repeat(deep));
    assert_eq!(Licence::parse(&declared).unwrap().to_string(), "MIT");
}

fn list(entries: &str) -> LicenceList {
    let entries = entries.split(',').map(|entry| Listed::parse(entry.trim()));
    entries.flat_map(Result::unwrap).collect()
}

/// Tells whether a licence needs one of a list, and whether it is met by that alone.
fn held(declared: &str, entries: &str) -> (bool, bool) {
    let (licence, list) = (Licence::parse(declared).unwrap(), list(entries));
    (licence.needs(&list), licence.is_met_by(&list))
}

#[test]
fn a_choice_needs_neither_and_both_together_need_each() {
    for (declared, list, needs, is_met) in [
        ("GPL-3.0-only", "GPL-3.0-only", true, true),
        ("MIT", "GPL-3.0-only", false, false),
        ("MIT OR GPL-3.0-only", "GPL-3.0-only", false, true),
        ("MIT AND GPL-3.0-only", "GPL-3.0-only", true, false),
        ("MIT AND GPL-3.0-only", "MIT, GPL-3.0-only", true, true),
        ("AGPL-3.0-only OR SSPL-1.0", "AGPL-3.0-only", false, true),
        (
            "AGPL-3.0-only OR SSPL-1.0",
            "AGPL-3.0-only, SSPL-1.0",
            true,
            true,
        ),
        (
            "AGPL-3.0-only OR SSPL-1.0",
            "AGPL-3.0-only OR SSPL-1.0",
            true,
            true,
        ),
        (
            "(MIT OR GPL-2.0-only) AND ISC",
            "GPL-2.0-only, ISC",
            true,
            true,
        ),
        (
            "(MIT OR GPL-2.0-only) AND ISC",
            "GPL-2.0-only",
            false,
            false,
        ),
        ("mit/apache 2.0", "apache license 2.0", false, true),
        ("LicenseRef-Ours", "LicenseRef-Ours", true, true),
        ("LicenseRef-Ours-only", "LicenseRef-Ours", false, false),
    ] {
        assert_eq!(
            held(declared, list),
            (needs, is_met),
            "{declared} by {list}"
        );
    }
}

#[test]
fn what_may_be_later_is_the_choice_of_the_versions_there_are() {
    for (declared, list, needs, is_met) in [
        // Who is bound to one version of several takes another.
        ("GPL-2.0-or-later", "GPL-2.0-only", false, true),
        ("GPL-2.0-or-later", "GPL-3.0-only", false, true),
        ("GPL-2.0-or-later", "GPL-1.0-only", false, false),
        ("GPL-2.0-or-later", "GPL-2.0-only, GPL-3.0-only", true, true),
        ("GPL-2.0-or-later", "GPL-2.0-or-later", true, true),
        ("GPL-2.0-or-later", "GPL-3.0-or-later", false, true),
        ("GPL-2.0+", "GPL-*", true, true),
        ("GPL-2.0-only", "GPL-2.0-or-later", true, true),
        ("GPL-3.0-only", "GPL-2.0-or-later", true, true),
        ("GPL-1.0-only", "GPL-2.0-or-later", false, false),
        // There is no later version.
        ("AGPL-3.0-or-later", "AGPL-3.0-only", true, true),
        ("Apache-1.1+", "Apache-2.0", false, true),
        ("Apache-1.1+", "Apache-1.1, Apache-2.0", true, true),
        (
            "GFDL-1.2-invariants-or-later",
            "GFDL-1.2-invariants-only",
            true,
            true,
        ),
    ] {
        assert_eq!(
            held(declared, list),
            (needs, is_met),
            "{declared} by {list}"
        );
    }
}

#[test]
fn a_family_is_what_is_called_so() {
    for (declared, list, wanted) in [
        ("GPL-3.0-only", "GPL-*", true),
        ("GPL-2.0-or-later", "gpl-*", true),
        ("GPL-2.0-only", "GPL-2.*", true),
        ("GPL-2.0-or-later", "GPL-2.*", false),
        ("LGPL-3.0-only", "GPL-*", false),
        ("AGPL-3.0-only", "GPL-*", false),
        ("CC-BY-NC-4.0", "CC-BY-NC-*", true),
        ("LicenseRef-Ours", "LicenseRef-*", true),
        ("LicenseRef-Ours", "LicenseRef-O*", true),
        ("MIT", "LicenseRef-*", false),
    ] {
        assert_eq!(held(declared, list).0, wanted, "{declared} by {list}");
    }
}

#[test]
fn an_exception_is_another_licence_where_the_list_names_one() {
    let (bare, classpath) = ("GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0");
    for (declared, list, needs, is_met) in [
        (bare, classpath, false, false),
        (classpath, classpath, true, true),
        (
            "GPL-2.0-only WITH GCC-exception-2.0",
            classpath,
            false,
            false,
        ),
        // Whatever is permitted beside it, it is that licence.
        (classpath, bare, true, true),
        (classpath, "GPL-*", true, true),
        // Nobody knows what is added here.
        ("MIT WITH AdditionRef-Ours", "MIT", true, false),
        (
            "MIT WITH AdditionRef-Ours",
            "MIT WITH AdditionRef-Ours",
            true,
            true,
        ),
        (
            "GPL-2.0-or-later WITH Classpath-exception-2.0",
            classpath,
            false,
            true,
        ),
    ] {
        assert_eq!(
            held(declared, list),
            (needs, is_met),
            "{declared} by {list}"
        );
    }
}

#[test]
fn what_names_no_licence_is_no_entry() {
    for entry in [
        "",
        "*",
        "BSD",
        "GPL",
        "MIT-x*",
        "NOASSERTION",
        "NONE",
        "*GPL",
        "GPL-*-only",
        "MIT OR",
    ] {
        let unknown = NoLicence::Unknown(entry.to_owned());
        assert_eq!(Listed::parse(entry), Err(unknown), "{entry:?}");
    }
    let joined = "MIT AND ISC";
    assert_eq!(
        Listed::parse(joined),
        Err(NoLicence::Joined(joined.to_owned()))
    );
}

#[test]
fn a_list_covers_another_that_has_no_more() {
    for (own, other, wanted) in [
        ("GPL-*", "GPL-2.0-or-later", true),
        ("GPL-*", "GPL-2.0-only, MIT", false),
        ("MIT, GPL-*", "GPL-2.0-only, MIT", true),
        ("GPL-2.0-or-later", "GPL-3.0-only", true),
        ("GPL-3.0-only", "GPL-2.0-or-later", false),
        (
            "GPL-2.0-only",
            "GPL-2.0-only WITH Classpath-exception-2.0",
            true,
        ),
        (
            "GPL-2.0-only WITH Classpath-exception-2.0",
            "GPL-2.0-only",
            false,
        ),
        ("LicenseRef-*", "LicenseRef-Ours", true),
        ("LicenseRef-*", "LicenseRef-O*", true),
        ("LicenseRef-O*", "LicenseRef-*", false),
    ] {
        assert_eq!(
            list(own).covers(&list(other)),
            wanted,
            "{own} covers {other}"
        );
    }
}

#[test]
fn nothing_is_needed_of_an_empty_list_and_nothing_is_met() {
    let (licence, none) = (Licence::parse("MIT").unwrap(), LicenceList::default());
    assert!(!licence.needs(&none) && !licence.is_met_by(&none));
}
