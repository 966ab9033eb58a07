//! What a table may say, and that no table makes a scan slow.

use super::*;

const ACME: &str = r#"{"name": "acme", "anchor": "Acme server", "place": "near", "version": "server (\\d+\\.\\d+)"}"#;

fn table(products: &[&str]) -> Result<ProductTable, String> {
    let products = products.join(",");
    let text = format!(r#"{{"format": 1, "of": "2027-01-02", "products": [{products}]}}"#);
    fed(text.into_bytes())
}

/// Gives a product of this anchor and pattern.
fn product_with(anchor: &str, pattern: &str) -> String {
    let (anchor, pattern) = (
        serde_json::to_string(anchor).unwrap(),
        serde_json::to_string(pattern).unwrap(),
    );
    format!(r#"{{"name": "x", "anchor": {anchor}, "place": "near", "version": {pattern}}}"#)
}

#[test]
fn the_programs_own_is_one_and_says_its_day() {
    let own = ProductTable::compiled();
    assert!(own.products() >= 60 && own.file().is_none());
    assert_eq!(own.of(), jiff::civil::date(2026, 11, 28));
}

#[test]
fn what_the_programs_own_says_may_be_said_by_a_file_too() {
    let own = include_bytes!("../products.json").to_vec();
    let table = fed(own).unwrap();
    assert_eq!(table.products(), ProductTable::compiled().products());
    assert!(table.file().is_some());
}

#[test]
fn a_file_replaces_the_table_and_says_who_it_is() {
    let table = table(&[ACME]).unwrap();
    assert_eq!(
        (table.of().to_string(), table.products()),
        ("2027-01-02".into(), 1)
    );
    let file = table.file().unwrap();
    assert_eq!(file.digest().len(), 64);
    let again = ProductTable::of_bytes(Path::new("x"), file.bytes().to_vec()).unwrap();
    assert_eq!(again.file(), table.file());
}

#[test]
fn what_is_no_table_is_refused_with_the_reason() {
    for (text, wanted) in [
        ("{", "EOF"),
        ("<html>", "expected value"),
        (
            r#"{"format": 1, "of": "2027-01-02", "products": []}"#,
            "0 products",
        ),
        (
            r#"{"format": 2, "of": "2027-01-02", "products": []}"#,
            "its format is 2",
        ),
        (r#"{"format": 1, "of": "soon", "products": []}"#, "as year"),
        (
            r#"{"format": 1, "of": "2027-01-02", "products": [], "x": 1}"#,
            "unknown field",
        ),
    ] {
        let refused = fed(text.as_bytes().to_vec()).unwrap_err();
        assert!(refused.contains(wanted), "{text}: {refused}");
    }
    let odd = ACME.replace("\"acme\"", "\"a\\u0007b\"");
    assert!(table(&[&odd]).unwrap_err().contains("is no name"));
}

#[test]
fn an_anchor_that_is_everywhere_or_hides_another_is_refused() {
    let pattern = "server (\\d+)";
    for anchor in [
        "",
        "a",
        "abcd",
        "     ",
        "aaaaaaaa",
        "abababab",
        "\0\0\0\0\0\0",
        "caf\u{e9} au lait",
        &"abcdefgh".repeat(9),
    ] {
        let refused = table(&[&product_with(anchor, pattern)]).unwrap_err();
        assert!(refused.contains("anchor"), "{anchor:?}: {refused}");
    }
    let other = product_with("Acme server of", pattern);
    assert!(table(&[ACME, &other]).unwrap_err().contains("is part of"));
    assert!(table(&[ACME, ACME]).unwrap_err().contains("is part of"));
}

#[test]
fn a_pattern_that_matches_everywhere_or_takes_many_steps_is_refused() {
    for (pattern, wanted) in [
        ("", "matches less"),
        ("(x?)", "matches less"),
        ("(\\d+)", "matches less"),
        ("server \\d+", "without a group"),
        ("server (\\d+", "no pattern"),
        ("x[a-z]{0,60}y(\\d{4})", "too many steps"),
        ("([ -~]{200}){200}", "too many steps"),
        ("(?:a|b)*a(?:a|b){40}(\\d{4})", "too many steps"),
        (&"a(b)".repeat(200), "more than 512"),
    ] {
        let refused = table(&[&product_with("Acme server", pattern)]).unwrap_err();
        assert!(refused.contains(wanted), "{pattern}: {refused}");
    }
}

#[test]
fn a_table_of_more_than_its_bounds_is_refused() {
    let many: Vec<String> = (0..100_000)
        .map(|it| ACME.replace("Acme server", &format!("Acme {it:06}")))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = table(&many[..=MAX_PRODUCTS]).unwrap_err();
    assert!(refused.contains("257 products"), "{refused}");
    assert!(table(&many[..MAX_PRODUCTS]).is_ok());
    let anywhere = ACME.replace("\"near\"", "\"anywhere\"");
    let anywhere: Vec<String> = (0..=MAX_ANYWHERE)
        .map(|it| anywhere.replace("Acme server", &format!("Acme {it:06}")))
        .collect();
    let anywhere: Vec<&str> = anywhere.iter().map(String::as_str).collect();
    assert!(table(&anywhere).unwrap_err().contains("33 products"));
    assert!(table(&anywhere[..MAX_ANYWHERE]).is_ok());
    let whole = many.join(",");
    let text = format!(r#"{{"format": 1, "of": "2027-01-02", "products": [{whole}]}}"#);
    let refused = ProductTable::of_bytes(Path::new("k/products.json"), text.into_bytes());
    let refused = refused.unwrap_err().to_string();
    let wanted = "k/products.json is no table of products: it has more than 1048576 bytes";
    assert_eq!(refused, wanted);
}
