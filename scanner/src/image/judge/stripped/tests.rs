//! Records that were taken away while the code stayed, for each installer.

use sluicegate_model::coverage::GapKind;
use sluicegate_model::inventory::Inventory;

use crate::testing::{Layer, image};

const SITE: &str = "usr/local/lib/python3.11/site-packages";

/// A site with distributions, each with its list and its metadata.
fn site(distributions: &[(&str, &[&str])]) -> Layer {
    let mut layer = Layer::new();
    for (name, files) in distributions {
        let record = format!("{SITE}/{name}-1.0.dist-info");
        let own = format!("{name}-1.0.dist-info/METADATA,,\n");
        let lines = files.iter().flat_map(|file| [*file, ",,\n"]);
        let lines: String = lines.collect();
        layer = layer
            .file(
                &format!("{record}/METADATA"),
                format!("Name: {name}\nVersion: 1.0\n"),
            )
            .file(&format!("{record}/RECORD"), own + &lines);
        for file in *files {
            layer = layer.file(&format!("{SITE}/{file}"), "x");
        }
    }
    layer
}

fn gaps(layer: Layer) -> Vec<String> {
    let inventory: Inventory = image(&[layer.facts()]);
    let gaps = inventory.gaps.into_iter();
    let stripped = gaps.filter(|gap| gap.kind == GapKind::StrippedMetadata);
    stripped.map(|gap| gap.detail).collect()
}

#[test]
fn a_directory_of_scripts_beside_packages_is_no_package() {
    let bin = format!("{SITE}/bin");
    let scripts = || Layer::new().file(&format!("{bin}/jp.py"), "x");
    assert_eq!(gaps(scripts()), [""; 0]);
    let many = scripts()
        .file(&format!("{bin}/a.py"), "x")
        .file(&format!("{bin}/b.py"), "x");
    let imported = many.file(&format!("{bin}/__init__.py"), "x");
    let nested = Layer::new().file(&format!("{bin}/jinja2/x.py"), "x");
    for layer in [imported, nested] {
        assert_eq!(gaps(layer).len(), 1);
    }
}

#[test]
fn what_installers_leave_is_no_gap() {
    let python = site(&[
        ("PyYAML", &["yaml/__init__.py", "_yaml/__init__.py"]),
        (
            "setuptools",
            &[
                "setuptools/__init__.py",
                "pkg_resources/__init__.py",
                "_distutils_hack/__init__.py",
            ],
        ),
        ("six", &["six.py"]),
        ("pillow", &["PIL/__init__.py"]),
        ("mysqlclient", &["MySQLdb/__init__.py"]),
        (
            "Faker",
            &[
                "faker/__init__.py",
                "tests/x.py",
                "81d2__mypyc.cpython-311.so",
            ],
        ),
        ("google-cloud-storage", &["google/cloud/x.py"]),
    ])
    .file(
        &format!("{SITE}/six.egg-info/PKG-INFO"),
        "Name: six\nVersion: 1\n",
    )
    .file(&format!("{SITE}/distutils-precedence.pth"), "x");
    let others = Layer::new()
        .file(
            "app/vendor/composer/installed.json",
            r#"{"packages":[{"name":"Symfony/console","version":"v5.0.0"}]}"#,
        )
        .file("app/vendor/symfony/console/Application.php", "x")
        .file("app/vendor/autoload.php", "x")
        .file("opt/conda/conda-meta/history", "x")
        .file(
            "opt/conda/conda-meta/zlib-1.json",
            r#"{"name":"zlib","version":"1","files":[]}"#,
        )
        .file("shop/shop.dll", "x")
        .file("shop/fr/shop.resources.dll", "x")
        .file("shop/shop.deps.json", r#"{"libraries":{}}"#)
        .file("r/bundler/gems/rack-1f/lib/rack.rb", "x")
        .file(
            "r/bundler/gems/rack-1f/rack.gemspec",
            "s.name = 'rack'\ns.version = '1'\n",
        );
    for layer in [python, others] {
        assert_eq!(gaps(layer), [""; 0]);
    }
}

#[test]
fn a_list_without_metadata_is_a_gap() {
    let yaml: &[(&str, &[&str])] = &[("PyYAML", &["yaml/__init__.py"])];
    let metadata = format!("{SITE}/PyYAML-1.0.dist-info/METADATA");
    let removed = format!("{SITE}/PyYAML-1.0.dist-info/.wh.METADATA");
    for over in [
        Layer::new().file(&removed, ""),
        Layer::new().symlink(&metadata, "/nowhere"),
        Layer::new().symlink(&metadata, "RECORD"),
        Layer::new().dir(&metadata),
    ] {
        let inventory = image(&[site(yaml).facts(), over.facts()]);
        let details: Vec<_> = inventory
            .gaps
            .iter()
            .map(|gap| gap.detail.as_str())
            .collect();
        let told = details
            .iter()
            .any(|detail| detail.contains("list of their files"));
        assert!(told, "{details:?}");
    }
    // Where no installer puts code, too.
    let aside = Layer::new().file("app/lib/yaml-1.dist-info/RECORD", "yaml/__init__.py,,\n");
    assert_eq!(gaps(aside).len(), 1);
    let linked = site(yaml)
        .symlink(&metadata, "/opt/x.dist-info/METADATA")
        .file("opt/x.dist-info/METADATA", "Name: PyYAML\nVersion: 1.0\n");
    assert_eq!(gaps(linked), [""; 0]);
}

#[test]
fn a_list_speaks_for_no_other_distribution() {
    let table: &[(&str, &[&str])] = &[
        ("six", &["six.py", "jinja2/__init__.py"]),
        ("six", &["six.py", "yaml/__init__.py"]),
        ("six", &["six.py", "somebody/__init__.py"]),
        ("harmless", &["jinja2/__init__.py"]),
        ("harmless", &["a1/x.py", "b1/x.py", "c1/x.py", "d1/x.py"]),
        ("jinja2-helpers", &["jinja2/__init__.py"]),
    ];
    for row in table {
        assert_eq!(gaps(site(&[*row])).len(), 1, "{row:?}");
    }
}

#[test]
fn a_distribution_without_a_list_excuses_nothing_but_its_own() {
    let harmless = |name: &str| {
        Layer::new().file(
            &format!("{SITE}/{name}-1.dist-info/METADATA"),
            format!("Name: {name}\nVersion: 1\n"),
        )
    };
    let own = harmless("PyYAML").file(&format!("{SITE}/yaml/__init__.py"), "x");
    assert_eq!(gaps(own), [""; 0]);
    let others = ["jinja2", "flask", "one", "two"].into_iter();
    let layer = others.fold(harmless("PyYAML"), |layer, name| {
        layer.file(&format!("{SITE}/{name}/__init__.py"), "x")
    });
    let told = gaps(layer);
    assert!(
        told.len() == 1 && told[0].starts_with("4 directories"),
        "{told:?}"
    );
}

#[test]
fn code_without_any_record_is_a_gap_whoever_installs_it() {
    let layers = [
        Layer::new().file(&format!("{SITE}/six.py"), "x"),
        Layer::new().file(&format!("{SITE}/jinja2/__init__.py"), "x"),
        Layer::new().file("r/gems/rake-13.0.6/lib/rake.rb", "x"),
        Layer::new().file("r/bundler/gems/rack-1f/lib/rack.rb", "x"),
        Layer::new().file("app/vendor/symfony/console/Application.php", "x"),
        Layer::new()
            .file("app/vendor/composer/installed.json", r#"{"packages":[]}"#)
            .file("app/vendor/symfony/console/Application.php", "x"),
        Layer::new().file("shop/Newtonsoft.Json.dll", "x"),
        Layer::new().file("opt/conda/conda-meta/history", "x"),
        Layer::new().file("opt/conda/condabin/conda", "x"),
    ];
    for (number, layer) in layers.into_iter().enumerate() {
        assert_eq!(gaps(layer).len(), 1, "layer {number}");
    }
}
