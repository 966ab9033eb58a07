//! Lockfiles in the forms that their tools write.

use super::*;
use crate::analyzers::tests::analyze;
use crate::testing::{Layer, image};

fn pins(path: &str, text: &str) -> Vec<String> {
    let found = analyze(&Lockfiles, path, text.as_bytes());
    assert_eq!(found.gaps, [], "{path}");
    let packages = found.packages.iter().map(|found| {
        assert_eq!(found.evidence, Evidence::Declared, "{path}");
        format!("{} {}", found.package.name, found.package.version)
    });
    packages.collect()
}

#[test]
fn reads_the_three_versions_of_npm() {
    let first = r#"{"lockfileVersion":1,"dependencies":{
        "a":{"version":"1.0.0","dependencies":{"b":{"version":"2.0.0"}}},
        "b":{"version":"2.0.0"},
        "c":{"version":"npm:@s/real@3.0.0"},
        "d":{"version":"git+ssh://x/d.git#0a"}}}"#;
    assert_eq!(
        pins("app/npm-shrinkwrap.json", first),
        ["@s/real 3.0.0", "a 1.0.0", "b 2.0.0"]
    );
    let third = r#"{"lockfileVersion":3,"packages":{
        "":{"name":"app","version":"9.0.0"},
        "packages/own":{"version":"9.0.0"},
        "node_modules/own":{"resolved":"packages/own","link":true},
        "node_modules/a":{"version":"1.0.0"},
        "node_modules/a/node_modules/@s/b":{"version":"2.0.0"},
        "node_modules/alias":{"name":"real","version":"3.0.0"}}}"#;
    assert_eq!(
        pins("app/package-lock.json", third),
        ["@s/b 2.0.0", "a 1.0.0", "real 3.0.0"]
    );
}

#[test]
fn reads_both_formats_of_yarn() {
    let classic = "# yarn lockfile v1\n\n\"@s/a@^1.0.0\", \"@s/a@^1.1.0\":\n  version \"1.2.0\"\n  \
        dependencies:\n    b \"^2\"\n\nb@^2:\n  version \"2.0.0\"\n\n\"c@npm:real@^3\":\n  version \"3.0.0\"\n";
    assert_eq!(
        pins("yarn.lock", classic),
        ["@s/a 1.2.0", "b 2.0.0", "real 3.0.0"]
    );
    let berry = "__metadata:\n  version: 6\n\n\"@s/a@npm:^1.0.0, @s/a@npm:^1.1.0\":\n  version: 1.2.0\n  \
        resolution: \"@s/a@npm:1.2.0\"\n\n\"app@workspace:.\":\n  version: 0.0.0-use.local\n";
    assert_eq!(pins("yarn.lock", berry), ["@s/a 1.2.0"]);
}

#[test]
fn reads_every_key_form_of_pnpm() {
    let file = |version: &str, keys: [&str; 3]| {
        let keys = keys.map(|key| {
            format!(
                "  {key}:\n    resolution: {{integrity: x}}\n    dependencies:\n      z: 9.0.0\n"
            )
        });
        format!(
            "lockfileVersion: {version}\n\nimporters:\n\n  .:\n    dependencies:\n\npackages:\n\n{}\nsnapshots:\n\n  y@1.0.0: {{}}\n",
            keys.join("\n")
        )
    };
    for text in [
        file(
            "5.4",
            ["/a/1.0.0", "/@s/b/2.0.0_react@18.0.0", "x.example/c/3.0.0"],
        ),
        file(
            "'6.0'",
            ["/a@1.0.0", "/@s/b@2.0.0(react@18.0.0)", "/c@file:c"],
        ),
        file("'9.0'", ["a@1.0.0", "'@s/b@2.0.0'", "c@https://x/c.tgz"]),
    ] {
        assert_eq!(
            pins("pnpm-lock.yaml", &text),
            ["@s/b 2.0.0", "a 1.0.0"],
            "{text}"
        );
    }
}

#[test]
fn reads_sections_without_the_project_itself() {
    let cargo = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n\
        dependencies = [\n \"b\",\n]\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n";
    assert_eq!(pins("src/Cargo.lock", cargo), ["a 1.0.0"]);
    let uv = "[[package]]\nname = \"a\"\nversion = \"1.0\"\nsource = { registry = \"x\" }\n\n\
        [[package]]\nname = \"own\"\nversion = \"0.1\"\nsource = { editable = \".\" }\n";
    assert_eq!(pins("uv.lock", uv), ["a 1.0"]);
    let poetry = "[[package]]\nname = \"a\"\nversion = \"1.0\"\nfiles = [\n    {file = \"x\"},\n]\n\n\
        [package.dependencies]\nname = \"b\"\nversion = \">=2\"\n\n[metadata]\nversion = \"9\"\n";
    assert_eq!(pins("poetry.lock", poetry), ["a 1.0"]);
}

#[test]
fn reads_the_other_formats() {
    for (path, text, wanted) in [
        (
            "Pipfile.lock",
            r#"{"_meta":{},"default":{"a":{"version":"==1.0"},"own":{"path":"."}},"develop":{"b":{"version":"==2"}}}"#,
            &["a 1.0", "b 2"][..],
        ),
        (
            "requirements.txt",
            "# x==1\na==1.0 \\\n    --hash=sha256:0\nb[x,y] == 2.0;python_version<'3'\nc>=1\nd===1\ne==1.*\n-r f==1\n",
            &["a 1.0", "b 2.0"],
        ),
        (
            "Gemfile.lock",
            "PATH\n  remote: .\n  specs:\n    own (0.1)\n\nGEM\n  specs:\n    a (1.0)\n      b (>= 1)\n    b (2.0-x86_64-linux)\n\nDEPENDENCIES\n  a (~> 1)\n",
            &["a 1.0", "b 2.0"],
        ),
        (
            "go.mod",
            "module x\n\ngo 1.21\n\nrequire a.example/a v1.0.0\n\nrequire (\n\tb.example/b v2.0.0 // indirect\n)\n\nreplace c => d v3.0.0\n",
            &["a.example/a v1.0.0", "b.example/b v2.0.0"],
        ),
        (
            "composer.lock",
            r#"{"packages":[{"name":"a/a","version":"v1"}],"packages-dev":[{"name":"b/b","version":"2"},{}]}"#,
            &["a/a v1", "b/b 2"],
        ),
        (
            "packages.lock.json",
            r#"{"version":1,"dependencies":{"net6.0":{"A":{"type":"Direct","resolved":"1.0.0"},"own":{"type":"Project"}}}}"#,
            &["A 1.0.0"],
        ),
        (
            "mix.lock",
            "%{\n  \"a\": {:hex, :a, \"1.0.0\", \"0f\", [:mix], [{:b, \"~> 2.0\", [hex: :b]}], \"hexpm\"},\n  \"c\": {:git, \"https://x\", \"0a\", []},\n}\n",
            &["a 1.0.0"],
        ),
    ] {
        assert_eq!(pins(path, text), wanted, "{path}");
    }
}

#[test]
fn an_unreadable_lockfile_is_no_gap() {
    for wants in Lockfiles.wants() {
        let Wants::Named(name) = wants else {
            panic!("lockfiles are known by their names");
        };
        assert_ne!(
            read(name, b"").0,
            PackageType::Generic,
            "{name} has no reader"
        );
        for text in [
            &b""[..],
            b"{",
            b"[[package]]\n\"",
            b"\xff\xfe\0",
            b"packages:\n  :\n",
        ] {
            assert!(analyze(&Lockfiles, name, text).is_empty(), "{name}");
        }
    }
}

#[test]
fn declared_packages_are_apart_from_what_is_installed() {
    let layer = Layer::new()
        .file("app/go.mod", "require a.example/a v1.0.0\n")
        .file(
            "app/node_modules/b/package.json",
            r#"{"name":"b","version":"2.0.0"}"#,
        );
    let inventory = image(&[layer.facts()]);
    let names = |components: &[sluicegate_model::package::Component]| -> Vec<String> {
        let names = components
            .iter()
            .map(|component| component.package.name.clone());
        names.collect()
    };
    assert_eq!(names(&inventory.declared), ["a.example/a"]);
    assert_eq!(names(&inventory.components), ["b"]);
}

#[test]
fn dependencies_nested_without_end_are_left_out() {
    let deep = r#"{"dependencies":{"a":"#.repeat(100_000);
    assert!(analyze(&Lockfiles, "package-lock.json", deep.as_bytes()).is_empty());
}
