//! Packages whose records lie under other names, and that programs find through links.

use sluicegate_model::coverage::GapKind;

use crate::analyzers::tests::zip;
use crate::testing::{Layer, image};

const PACKAGE: &str = r#"{"name":"lodash","version":"4.17.4"}"#;
const APP: &str = r#"{"name":"app","version":"1.0.0"}"#;
const GEMSPEC: &str =
    "Gem::Specification.new do |s|\n  s.name = \"rack\"\n  s.version = \"2.0.1\"\nend\n";
const INSTALLED: &str = r#"{"packages":[{"name":"monolog/monolog","version":"1.0"}]}"#;
const METADATA: &str = "Name: PyYAML\nVersion: 5.1\n\n";

/// Asserts that an image has one package and no gap, in one layer and with each link in another.
fn finds(wanted: &str, files: &[(&str, &str)], links: &[(&str, &str)]) {
    let with_files = |layer: Layer| {
        files
            .iter()
            .fold(layer, |layer, (path, text)| layer.file(path, text))
    };
    let with_links = |layer: Layer| {
        links
            .iter()
            .fold(layer, |layer, (path, target)| layer.symlink(path, target))
    };
    let alone = with_links(with_files(Layer::new())).facts();
    let split = [
        with_files(Layer::new()).facts(),
        with_links(Layer::new()).facts(),
    ];
    for layers in [&[alone][..], &split] {
        let inventory = image(layers);
        let names: Vec<_> = inventory
            .components
            .iter()
            .map(|it| format!("{}@{}", it.package.name, it.package.version))
            .collect();
        assert_eq!(names, [wanted], "{links:?}");
        assert_eq!(inventory.gaps, [], "{links:?}");
    }
}

#[test]
fn npm_packages_are_found_through_links() {
    let wanted = "lodash@4.17.4";
    let store = [("opt/deps/lodash/package.json", PACKAGE)];
    for links in [
        &[("app/node_modules", "/opt/deps")][..],
        &[("app/node_modules", "../opt/deps")],
        &[("app/node_modules/lodash", "../../opt/deps/lodash")],
        &[("app/node_modules/other", "/opt/deps/lodash")],
        &[(
            "app/node_modules/lodash/package.json",
            "/opt/deps/lodash/package.json",
        )],
        &[
            ("app/node_modules", "/srv/m"),
            ("srv/m/lodash", "/opt/deps/lodash"),
        ],
    ] {
        finds(wanted, &store, links);
    }
    let pnpm = [(
        "app/node_modules/.store/lodash-virtual-012/package/package.json",
        PACKAGE,
    )];
    finds(
        wanted,
        &pnpm,
        &[(
            "app/node_modules/lodash",
            ".store/lodash-virtual-012/package",
        )],
    );
    let deno = [(
        "d/npm/registry.npmjs.org/lodash/4.17.4/package.json",
        PACKAGE,
    )];
    finds(
        wanted,
        &deno,
        &[(
            "app/node_modules/lodash",
            "/d/npm/registry.npmjs.org/lodash/4.17.4",
        )],
    );
}

#[test]
fn a_link_to_the_root_hides_nothing_and_leads_there() {
    let wanted = "lodash@4.17.4";
    finds(
        wanted,
        &[("lodash/package.json", PACKAGE)],
        &[("app/node_modules", "/")],
    );
    let files = [("opt/deps/lodash/package.json", PACKAGE)];
    for root in ["aaa/node_modules", "zzz/node_modules"] {
        let links = [("app/node_modules", "/opt/deps"), (root, "/")];
        finds(wanted, &files, &links);
    }
    finds(
        wanted,
        &files,
        &[("app/node_modules", "/"), ("lodash", "opt/deps/lodash")],
    );
}

#[test]
fn links_that_give_paths_without_end_are_a_gap() {
    let layer = Layer::new().file("opt/deps/lodash/package.json", PACKAGE);
    let names: Vec<String> = (0..30).map(|n| format!("n{n}/node_modules")).collect();
    let link = |layer: Layer, name: &String| layer.symlink(name, "/");
    let inventory = image(&[names.iter().fold(layer, link).facts()]);
    let kinds: Vec<GapKind> = inventory.gaps.iter().map(|gap| gap.kind).collect();
    assert_eq!(kinds, [GapKind::Budget]);
}

#[test]
fn records_of_other_languages_are_found_through_links() {
    let gems = [("opt/s/rack-2.0.1.gemspec", GEMSPEC)];
    for link in [
        "usr/lib/ruby/gems/3.1.0/specifications",
        "v/specifications/default",
        "srv/specifications",
    ] {
        finds("rack@2.0.1", &gems, &[(link, "/opt/s")]);
    }
    let php = [("opt/c/installed.json", INSTALLED)];
    for link in ["app/vendor/composer", "srv/composer", "app/lib/composer"] {
        finds("monolog/monolog@1.0", &php, &[(link, "/opt/c")]);
    }
    let python = [("opt/p/METADATA", METADATA)];
    for link in [
        "usr/lib/python3/site-packages/PyYAML-5.1.dist-info",
        "opt/v/PyYAML.dist-info",
        "srv/site/PyYAML-5.1.DIST-INFO",
    ] {
        finds("PyYAML@5.1", &python, &[(link, "/opt/p")]);
    }
}

#[test]
fn a_name_on_a_link_identifies_an_archive() {
    let jar = zip(&[("com/thoughtworks/xstream/XStream.class", b"")]);
    let stored = |link: &str| {
        let layer = Layer::new().file("opt/store/abc123", &jar);
        image(&[layer.symlink(link, "/opt/store/abc123").facts()])
    };
    for link in [
        "app/lib/xstream-1.4.17.jar",
        "srv/xstream-1.4.17.jar",
        "opt/store/xstream-1.4.17.JAR",
    ] {
        let inventory = stored(link);
        let names: Vec<_> = inventory
            .components
            .iter()
            .map(|it| it.purl.as_str())
            .collect();
        assert_eq!(
            names,
            ["pkg:maven/com.thoughtworks.xstream/xstream@1.4.17"],
            "{link}"
        );
        assert_eq!(inventory.gaps, [], "{link}");
    }
    for link in ["app/lib/gson-2.8.5.jar", "app/lib/xstream.jar", "app/x"] {
        let inventory = stored(link);
        assert_eq!(inventory.components, [], "{link}");
        assert_eq!(inventory.gaps.len(), 1, "{link}");
        assert_eq!(inventory.gaps[0].kind, GapKind::JarUnidentified, "{link}");
    }
}

#[test]
fn a_package_beside_its_code_is_one_and_a_project_is_not() {
    let code = ("opt/lib/lodash/index.js", "x");
    finds(
        "lodash@4.17.4",
        &[("opt/lib/lodash/package.json", PACKAGE), code],
        &[],
    );
    for files in [
        &[("app/package.json", APP), ("app/index.js", "x")][..],
        &[
            ("srv/lodash/package.json", PACKAGE),
            ("srv/lodash/index.js", "x"),
            ("srv/lodash/package-lock.json", "{}"),
        ],
        &[
            ("srv/tests/lodash/package.json", PACKAGE),
            ("srv/tests/lodash/index.js", "x"),
        ],
        &[("srv/lodash/package.json", PACKAGE)],
    ] {
        let layer = files
            .iter()
            .fold(Layer::new(), |layer, (path, text)| layer.file(path, text));
        let inventory = image(&[layer.facts()]);
        assert_eq!(
            (inventory.components, inventory.gaps),
            (vec![], vec![]),
            "{files:?}"
        );
    }
}
