//! Whose a file is: the system's package speaks for it only where it is the distribution's and
//! brought it.

use sluicegate_model::coverage::Gap;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::PackageType;

use super::*;
use crate::facts::{Event, FileDigests, FileFacts, LayerFacts};
use crate::testing::{Layer, PACKED, PROGRAM, image, with_program};

const METADATA: &str = "Name: yaml\nVersion: 6.0\n";
const SITE: &str = "usr/lib/python3/dist-packages/yaml-6.0.dist-info/METADATA";

fn md5(content: &str) -> String {
    let digest = FileDigests::of(content.as_bytes()).md5.to_string();
    digest.trim_start_matches("md5:").to_owned()
}

fn debian(id: &str, claims: &[(&str, &str)]) -> Layer {
    built(id, "6.0-3", claims)
}

fn built(id: &str, version: &str, claims: &[(&str, &str)]) -> Layer {
    let lines = claims
        .iter()
        .map(|(path, content)| format!("{}  {path}\n", md5(content)));
    Layer::new()
        .file("etc/os-release", format!("ID={id}\nVERSION_ID=12\n"))
        .file(
            "var/lib/dpkg/status",
            format!("Package: python3-yaml\nStatus: install ok installed\nVersion: {version}\n"),
        )
        .file(
            "var/lib/dpkg/info/python3-yaml:amd64.md5sums",
            lines.collect::<String>(),
        )
}

fn alpine(content: &str) -> Layer {
    use base64::Engine as _;
    let sha1 = hex::decode(&FileDigests::of(content.as_bytes()).sha1.to_string()[5..]).unwrap();
    let sha1 = base64::engine::general_purpose::STANDARD.encode(sha1);
    let (dir, name) = SITE.rsplit_once('/').unwrap();
    Layer::new()
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n")
        .file(
            "lib/apk/db/installed",
            format!("C:Q1x=\nP:py3-yaml\nV:6.0-r1\nF:{dir}\nR:{name}\nZ:Q1{sha1}\n"),
        )
}

fn names(inventory: &Inventory) -> Vec<&str> {
    let components = inventory.components.iter();
    components
        .map(|component| component.package.name.as_str())
        .collect()
}

/// Gives the owners of what was found of languages.
fn owners(inventory: &Inventory) -> Vec<Option<&str>> {
    let components = inventory.components.iter();
    let found = components.filter(|it| !it.package.package_type.is_operating_system());
    let owner = found.map(|component| component.standing.owner());
    owner
        .map(|owner| owner.map(|owner| owner.package.name.as_str()))
        .collect()
}

fn kinds(inventory: &Inventory) -> Vec<GapKind> {
    inventory.gaps.iter().map(|gap: &Gap| gap.kind).collect()
}

#[test]
fn a_language_package_is_never_dropped_and_is_its_owners_only_if_proven() {
    let owned = [(SITE, METADATA)];
    let changed = [(SITE, "Name: yaml\nVersion: 5.0\n")];
    let elsewhere = [("usr/lib/other", METADATA)];
    let owner = Some("python3-yaml");
    let table = [
        (debian("debian", &owned), owner, vec![]),
        (debian("debian", &changed), None, vec![GapKind::DbTampered]),
        (debian("debian", &elsewhere), None, vec![]),
        // A stanza that was copied is of another version than what lies there.
        (built("debian", "6.0.1-1", &owned), None, vec![]),
        (
            built("debian", "6.0-1nodesource1", &owned),
            None,
            vec![GapKind::ThirdParty],
        ),
        (alpine(METADATA), Some("py3-yaml"), vec![]),
        (debian("kali", &owned), owner, vec![]),
    ];
    for (number, (layer, owner, gaps)) in table.into_iter().enumerate() {
        let inventory = image(&[layer.file(SITE, METADATA).facts()]);
        assert!(names(&inventory).contains(&"yaml"), "case {number}");
        assert_eq!(owners(&inventory), [owner], "case {number}");
        assert_eq!(kinds(&inventory), gaps, "case {number}");
    }
}

#[test]
fn a_line_in_anybodys_list_makes_nobody_an_owner() {
    let lists = |layer: Layer, path: &str| {
        let line = format!("{}  {path}\n", md5(METADATA));
        layer.file("var/lib/dpkg/info/python3-yaml:amd64.md5sums", line)
    };
    let metadata = "app/lib/yaml-6.0.dist-info/METADATA";
    let aside = "usr/local/lib/python3.11/site-packages/yaml-6.0.dist-info/METADATA";
    // Where distributions have no files, though all came with one layer.
    for path in [metadata, aside] {
        let layer = lists(built("debian", "6.0-3", &[]), path).file(path, METADATA);
        assert_eq!(owners(&image(&[layer.facts()])), [None], "{path}");
    }
    // In a list that a later layer brought, or over a file that one did.
    let base = || debian("debian", &[]).facts();
    let both = lists(Layer::new(), SITE).file(SITE, METADATA);
    assert_eq!(owners(&image(&[base(), both.facts()])), [None]);
    let listed = debian("debian", &[(SITE, METADATA)]).facts();
    let over = Layer::new().file(SITE, METADATA).facts();
    assert_eq!(owners(&image(&[listed, over])), [None]);
    let file = debian("debian", &[]).file(SITE, METADATA).facts();
    assert_eq!(
        owners(&image(&[file, lists(Layer::new(), SITE).facts()])),
        [None]
    );
    // An apk database that a later layer wrote anew keeps the package and gains a file.
    let lower = alpine("other").facts();
    let upper = alpine(METADATA).file(SITE, METADATA).facts();
    assert_eq!(owners(&image(&[lower, upper])), [None]);
}

#[test]
fn a_claim_of_a_package_that_is_not_installed_counts_for_nothing() {
    let layer = debian("debian", &[])
        .file(
            "var/lib/dpkg/info/other.md5sums",
            format!("{}  {SITE}\n", md5(METADATA)),
        )
        .file(SITE, METADATA);
    let inventory = image(&[layer.facts()]);
    assert_eq!(names(&inventory), ["python3-yaml", "yaml"]);
    assert_eq!(owners(&inventory), [None]);
}

#[test]
fn lists_of_distroless_belong_to_the_record_beside_them() {
    let layer = Layer::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .file(
            "var/lib/dpkg/status.d/cHl0aG9u",
            "Package: python3-yaml\nVersion: 6.0-3\n",
        )
        .file(
            "var/lib/dpkg/status.d/cHl0aG9u.md5sums",
            format!("{}  {SITE}\n", md5(METADATA)),
        )
        .file(SITE, METADATA);
    let inventory = image(&[layer.facts()]);
    assert_eq!(owners(&inventory), [Some("python3-yaml")]);
    assert_eq!(inventory.gaps, []);
}

#[test]
fn a_database_may_name_either_spelling_of_a_path() {
    let aliased = SITE.strip_prefix("usr/").unwrap();
    let layer = debian("debian", &[(aliased, METADATA)])
        .symlink("lib", "usr/lib")
        .file(SITE, METADATA);
    assert_eq!(owners(&image(&[layer.facts()])), [Some("python3-yaml")]);
}

#[test]
fn a_relocated_copy_is_a_component_of_its_own() {
    let copy = "opt/venv/lib/python3.11/site-packages/yaml-6.0.dist-info/METADATA";
    let layer = debian("debian", &[(SITE, METADATA)])
        .file(SITE, METADATA)
        .file(copy, METADATA);
    let inventory = image(&[layer.facts()]);
    assert_eq!(names(&inventory), ["python3-yaml", "yaml", "yaml"]);
    for component in &inventory.components {
        let is_owned = component.standing.owner().is_some();
        assert_eq!(is_owned, component.path == SITE, "{}", component.path);
    }
    assert!(
        inventory
            .components
            .iter()
            .any(|component| component.path == copy)
    );
}

#[test]
fn a_product_in_a_binary_belongs_to_its_proven_owner_on_every_distribution() {
    let product = |content: &str| {
        let mut facts = crate::facts::FileFacts {
            path: SITE.to_owned(),
            digests: Some(FileDigests::of(content.as_bytes())),
            ..Default::default()
        };
        facts.found.add(Package {
            name: "bash".to_owned(),
            version: "5.2".to_owned(),
            package_type: PackageType::Generic,
            architecture: None,
            source: None,
            licence: None,
        });
        Event::File(Box::new(facts))
    };
    let with = |layer: Layer, content: &str| -> Inventory {
        let mut facts: LayerFacts = layer.facts();
        facts.events.push(product(content));
        image(&[facts])
    };
    assert_eq!(names(&with(alpine("x"), "x")), ["py3-yaml"]);
    assert_eq!(names(&with(alpine("y"), "x")), ["bash", "py3-yaml"]);
}

/// Adds a file that an analyzer could not read in full, as it leaves it.
fn with_gap(mut facts: LayerFacts, path: &str, content: &str, gap: Gap) -> LayerFacts {
    let mut file = FileFacts {
        path: path.to_owned(),
        digests: Some(FileDigests::of(content.as_bytes())),
        ..FileFacts::default()
    };
    if gap.kind == GapKind::PackedBinary {
        file.found.binary = Some(PACKED);
    }
    file.found.gaps.push(gap.at(path));
    facts.events.push(Event::File(Box::new(file)));
    facts
}

#[test]
fn a_proven_owner_stands_for_what_was_not_read() {
    // On Debian, and on a distribution that names fixed issues only.
    let table = [
        (GapKind::JarUnidentified, true, true),
        (GapKind::VersionUnknown, true, true),
        (GapKind::PackedBinary, false, false),
        (GapKind::NestedArchive, true, true),
        (GapKind::StrippedMetadata, true, true),
        (GapKind::FileUnreadable, true, false),
        (GapKind::FileTooLarge, true, false),
        (GapKind::RecordUnreadable, true, false),
        (GapKind::Budget, true, false),
        (GapKind::AnalyzerFailed, false, false),
    ];
    for (kind, on_debian, on_alpine) in table {
        for (layer, is_settled) in [
            (debian("debian", &[(SITE, "x")]).facts(), on_debian),
            (alpine("x").facts(), on_alpine),
        ] {
            let inventory = |content| {
                let gap = Gap::partial(kind, "detail");
                image(&[with_gap(layer.clone(), SITE, content, gap)])
            };
            let left = kinds(&inventory("x"));
            assert_eq!(left.is_empty(), is_settled, "{kind:?}: {left:?}");
            let left = kinds(&inventory("changed"));
            assert!(left.contains(&kind), "{kind:?}: {left:?}");
            assert!(left.contains(&GapKind::DbTampered), "{kind:?}: {left:?}");
        }
    }
}

#[test]
fn a_claim_to_the_path_settles_nothing() {
    let unproven = || {
        debian("debian", &[])
            .file("var/lib/dpkg/info/python3-yaml.list", format!("/{SITE}\n"))
            .facts()
    };
    let no_name = Layer::new().file(
        "var/lib/dpkg/info/python3-yaml.md5sums",
        format!("{}  {SITE}\n", md5("x")),
    );
    let stopped = Gap::fatal(GapKind::Interrupted, "detail");
    for (number, (facts, gap)) in [
        (unproven(), Gap::partial(GapKind::JarUnidentified, "detail")),
        (no_name.facts(), Gap::partial(GapKind::VersionUnknown, "")),
        (debian("debian", &[(SITE, "x")]).facts(), stopped),
    ]
    .into_iter()
    .enumerate()
    {
        let inventory = image(&[with_gap(facts, SITE, "x", gap.clone())]);
        assert!(kinds(&inventory).contains(&gap.kind), "case {number}");
    }
}

#[test]
fn no_owner_stands_for_a_database() {
    let status = "var/lib/dpkg/status";
    let layer = debian("debian", &[(status, "x")]).facts();
    let mut facts = layer.clone();
    let databases = facts.events.iter_mut().filter_map(|event| match event {
        Event::File(file) if file.path == status => Some(file),
        _ => None,
    });
    for file in databases {
        file.digests = Some(FileDigests::of(b"x"));
        let gap = Gap::partial(GapKind::RecordUnreadable, "detail");
        file.found.gaps.push(gap.at(status));
    }
    assert_eq!(kinds(&image(&[layer])), []);
    let left = kinds(&image(&[facts]));
    assert!(left.contains(&GapKind::RecordUnreadable), "{left:?}");
}

#[test]
fn scripts_of_packages_that_are_there_are_theirs() {
    let info = "var/lib/dpkg/info/";
    for (name, is_owned) in [
        ("python3-yaml.preinst", true),
        ("python3-yaml:amd64.postrm", true),
        ("python3-yaml.config", true),
        ("python3-yaml", false),
        ("python3-yaml.so", false),
        ("other.preinst", false),
        ("sub/python3-yaml.preinst", false),
    ] {
        let layer = debian("debian", &[]).facts();
        let facts = with_program(layer, &format!("{info}{name}"), PROGRAM);
        let strangers = kinds(&image(&[facts]));
        assert_eq!(strangers.is_empty(), is_owned, "{name}: {strangers:?}");
    }
}

#[test]
fn a_package_of_somebody_else_stands_for_nothing() {
    let claims = [(SITE, METADATA), ("usr/bin/x", "x")];
    let of = |version: &str| {
        let gap = Gap::partial(GapKind::VersionUnknown, "detail");
        let layer = built("debian", version, &claims).file(SITE, METADATA);
        image(&[with_gap(layer.facts(), "usr/bin/x", "x", gap)])
    };
    assert_eq!(kinds(&of("6.0-3")), []);
    let gaps = kinds(&of("6.0-1nodesource1"));
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    assert!(gaps.contains(&GapKind::VersionUnknown) && gaps.contains(&GapKind::ThirdParty));
}
