//! The table's own laws, and what its rows find in programs built from the texts they look for.

use super::*;
use crate::analyzers::binary::testing::elf;

fn products(texts: &[&str]) -> (Vec<String>, usize) {
    products_of(ProductTable::compiled(), texts)
}

fn products_of(table: &ProductTable, texts: &[&str]) -> (Vec<String>, usize) {
    let data = texts.join("\0");
    let program = elf(&[(".rodata", format!("\0{data}\0").as_bytes())]);
    let mut found = Observations::default();
    let content = ProgramContent::in_memory(&program);
    read(
        table,
        &content,
        &crate::analyzers::binary::kinds::layout(&content),
        "x",
        &mut found,
    );
    let each = |found: &crate::facts::FoundPackage| {
        format!("{} {}", found.package.name, found.package.version)
    };
    (found.packages.iter().map(each).collect(), found.gaps.len())
}

#[test]
fn a_product_is_found_by_the_table_that_has_it() {
    let table = br#"{"format": 1, "of": "2027-01-02", "products": [
        {"name": "acme", "anchor": "Acme server", "place": "near", "version": "server (\\d+\\.\\d+)"},
        {"name": "blob", "anchor": "blob engine", "place": "anywhere", "version": "\\x00v(\\d+\\.\\d+)"}]}"#;
    let fed = ProductTable::of_bytes(std::path::Path::new("x"), table.to_vec()).unwrap();
    let texts = ["Acme server 3.1", "BusyBox v1.36.1", "v2.4", "blob engine"];
    let found = ["acme 3.1", "blob 2.4"].map(str::to_owned).to_vec();
    assert_eq!(products_of(&fed, &texts), (found, 0));
    assert_eq!(products(&texts), (vec!["busybox 1.36.1".to_owned()], 0));
    // Without end, it is a gap.
    let versions = "v2.4\0".repeat(70_000);
    assert_eq!(products_of(&fed, &["blob engine", &versions]), (vec![], 1));
}

#[test]
fn a_products_own_texts_give_its_version() {
    for (texts, wanted) in [
        (&["nginx version: nginx/1.25.3"][..], "nginx 1.25.3"),
        (&["BusyBox v1.36.1 (2024-01-01)"], "busybox 1.36.1"),
        (
            &["\nThis is perl 5, version 36, subversion 0 (%-p)"],
            "perl 5.36.0",
        ),
        (
            &[
                "OpenSSL 3.0.11 19 Sep 2023",
                "built on: x",
                "OPENSSLDIR: \"/usr\"",
            ],
            "openssl 3.0.11",
        ),
        (
            &["OPENSSLDIR: \"/x\"", "OpenSSL 1.1.1w  11 Sep 2023"],
            "openssl 1.1.1w",
        ),
        (
            &["PYTHONINSPECT", "3.2.0", "ucd_3_2_0", "3.11.2"],
            "python 3.11.2",
        ),
        (
            &[
                "redis_version:%s",
                "7.0.0",
                "7.0.15builder-17051234560000000000",
            ],
            "redis 7.0.15",
        ),
        (&["5.5.5-10.11.6-MariaDB"], "mariadb 10.11.6"),
        (
            &["OpenJDK 64-Bit Server VM (17.0.9+9-x) for linux"],
            "openjdk 17.0.9+9",
        ),
    ] {
        assert_eq!(products(texts), (vec![wanted.to_owned()], 0), "{texts:?}");
    }
}

#[test]
fn a_mention_is_no_product() {
    for texts in [
        &["OpenSSL 3.0.11 19 Sep 2023"][..],
        &["see nginx/1.25.3", "Server: nginx/1.25.3"],
        &["PYTHONINSPECT", "no version here"],
        &["3.11.2", "1.2.13"],
    ] {
        assert_eq!(products(texts), (vec![], 0), "{texts:?}");
    }
}

#[test]
fn an_anchor_without_end_is_a_gap() {
    let texts = vec!["BusyBox v"; 5_000];
    assert_eq!(products(&texts), (vec![], 1));
    let versions: Vec<_> = (10..40).map(|n| format!("BusyBox v1.{n}.0")).collect();
    let texts: Vec<_> = versions.iter().map(String::as_str).collect();
    assert_eq!(products(&texts), (vec![], 1));
}
