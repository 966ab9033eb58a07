//! Lockfiles in the forms that their tools write.

use super::*;
use crate::analyzers::tests::analyze;
use crate::plugin_set::PluginSet;
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
        "node_modules/alias":{"name":"real","version":" =v3.0.0"}}}"#;
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
fn keys_of_yarn_and_pnpm_may_be_quoted_and_long() {
    let quoted = "\"a@^1\", 'b@^1':\n  \"version\" \"1.0.0\"\n\n'@s/b@^2':\n  'version': '2.0.0'\n    \
        version \"9\"\n";
    assert_eq!(pins("yarn.lock", quoted), ["@s/b 2.0.0", "a 1.0.0"]);
    let long =
        "? \"@s/a@npm:^1, @s/a@npm:^1.1\"\n:\n  version: 1.2.0\n\n\"b@npm:2\":\n  version: 2.0.0\n";
    assert_eq!(pins("yarn.lock", long), ["@s/a 1.2.0", "b 2.0.0"]);
    let pnpm = "lockfileVersion: '9.0'\npackages:\n  ? '@s/a@1.0.0(b@2)'\n  : resolution: {integrity: x}\n  b@2.0.0:\n";
    assert_eq!(pins("pnpm-lock.yaml", pnpm), ["@s/a 1.0.0", "b 2.0.0"]);
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
fn a_name_within_a_string_names_nothing() {
    let text = "[[package]]\nname = \"a\"\nversion = \"1\" # x\ndescription = \"\"\"\nname = \"b\"\n\
        [[package]]\nname = \"c\"\nversion = \"3\"\n\"\"\"\nfiles = [\n{x = \"name = 'd'\",\nname = \"e\"}\n]\n\
        source = { registry = \"x\" }\n\n[[ package ]]\n\"name\"='e'\nversion=\"2\"\nsource=\"registry+x\"\n";
    for path in ["Cargo.lock", "poetry.lock", "pdm.lock", "uv.lock"] {
        assert_eq!(pins(path, text), ["a 1", "e 2"], "{path}");
    }
}

#[test]
fn reads_the_lists_of_pythons_tools() {
    for (path, text, wanted) in [
        (
            "pylock.toml",
            "lock-version = \"1.0\"\n\n[[packages]]\nname = \"a\"\nversion = \"1.0\"\n\n[[packages.wheels]]\n\
            name = \"a-1.0-py3-none-any.whl\"\n\n[packages.wheels.hashes]\nsha256 = \"0\"\n\n[[packages]]\n\
            name = \"own\"\nversion = \"0.1\"\n\n[packages.directory]\npath = \".\"\n\n[[packages]]\n\
            name = \"own-too\"\nversion = \"0.1\"\ndirectory = { path = \"x\" }\n\n[[packages]]\nname = \"unversioned\"\n\
            vcs = { url = \"x\" }\n",
            &["a 1.0"][..],
        ),
        (
            "pdm.lock",
            "[metadata]\ngroups = [\"default\"]\n\n[[package]]\nname = \"a\"\nversion = \"1.0\"\n\n[[package]]\n\
            name = \"a\"\nversion = \"1.0\"\nextras = [\"x\"]\n\n[[package]]\nname = \"own\"\nversion = \"0.1\"\n\
            editable = true\npath = \"./own\"\n",
            &["a 1.0"],
        ),
        (
            "poetry.lock",
            "[[package]]\nname = \"own\"\nversion = \"0\"\n\n[package.source]\ntype = \"directory\"\n\n[[package]]\n\
            name = \"b\"\nversion = \"2\"\n\n[package.source]\ntype = \"git\"\n",
            &["b 2"],
        ),
        (
            "Pipfile.lock",
            r#"{"default":{"a":{"version":"===1.0"},"b":{"version":"==1.*"},"c":{"version":"==${V}"}}}"#,
            &["a 1.0"],
        ),
    ] {
        assert_eq!(pins(path, text), wanted, "{path}");
    }
}

#[test]
fn one_of_several_pylocks_has_one_name_between() {
    let plugins = PluginSet::built_in();
    let text = "[[packages]]\nname = \"a\"\nversion = \"1.0\"\n";
    assert_eq!(pins("app/pylock.dev.toml", text), ["a 1.0"]);
    for (path, is_claimed) in [
        ("app/pylock.dev.toml", true),
        ("app/pylock.dev.old.toml", false),
        ("app/pylock..toml", false),
        ("app/my-pylock.dev.toml", false),
    ] {
        assert_eq!(!plugins.by_path(path).is_empty(), is_claimed, "{path}");
    }
}

#[test]
fn reads_requirements_as_pip_does() {
    for (text, wanted) in [
        (
            "a == 1.0\nb==\\\n2.0\nc \\\n  ==3\nd==4\\\n.5",
            &["a 1.0", "b 2.0", "c 3", "d 4.5"][..],
        ),
        (
            "# a==1 \\\nb==2\nc>=1 \\\n# d==3\ne==4 # f==5\n  #g==6",
            &["b 2", "e 4"],
        ),
        ("a===1.0-x\nb === 2.*\nc==3.*", &["a 1.0-x", "b 2.*"]),
        ("a==${V}\n${N}==1\nb=={{ b }}\nc==$V\nd==1", &["d 1"]),
        (
            "a[x]==1;os_name=='nt'\nb (==2)\nc>=1,==1.5\nd @ https://x/d#e==1\n--hash=x==1\n-r f==1",
            &["a 1", "b 2", "c 1.5"],
        ),
    ] {
        assert_eq!(pins("requirements.txt", text), wanted, "{text}");
    }
    for mark in [&b"\xff\xfe"[..], b""] {
        let text = "a==1\r\nb==2\r\n".encode_utf16().flat_map(u16::to_le_bytes);
        let content: Vec<u8> = mark.iter().copied().chain(text).collect();
        assert_eq!(
            analyze(&Lockfiles, "requirements.txt", &content)
                .packages
                .len(),
            2
        );
    }
    assert_eq!(pins("requirements.txt", "\u{feff}a==1"), ["a 1"]);
}

#[test]
fn a_replaced_module_is_what_replaces_it() {
    let text = "module x\nrequire(\n\ta.example/a v1.0.0\n\t\"b.example/b\" v2.0.0\n\tc.example/c v3.0.0 // indirect\n\
        \td.example/d v4.0.0\n)\nreplace a.example/a => fork.example/a v1.1.0\nreplace (\n\
        \tb.example/b v2.0.0 => b.example/b v2.0.1 // x\n\tb.example/b => ./own\n\
        \tc.example/c v3.0.1 => c.example/c v9.0.0\n\td.example/d => ../d\n)\nexclude z v1.0.0\n";
    assert_eq!(
        pins("go.mod", text),
        [
            "b.example/b v2.0.1",
            "c.example/c v3.0.0",
            "fork.example/a v1.1.0"
        ]
    );
}

#[test]
fn reads_the_lockfiles_of_bun_and_deno() {
    let bun = "{\n  // x\n  \"lockfileVersion\": 1,\n  \"workspaces\": {\"\": {\"name\": \"own\",},},\n  \"packages\": {\n\
        \"a\": [\"a@1.0.0\", \"\", { \"dependencies\": {} }, \"sha512-x//,]\"],\n\"@s/b/a\": [\"a@2.0.0\", {}],\n\
        \"alias\": [\"@s/real@3.0.0\"],\n\"own\": [\"own@workspace:packages/own\"],\n\"g\": [\"g@github:x/g#0a\", {}],\n  },\n}\n";
    assert_eq!(
        pins("bun.lock", bun),
        ["@s/real 3.0.0", "a 1.0.0", "a 2.0.0"]
    );
    let packages = r#"{"a@1.0.0":{"integrity":"x","dependencies":{"z":"z@9.0.0"}},"@s/b@2.0.0_a@1.0.0":{"integrity":"x"}}"#;
    for text in [
        format!(
            r#"{{"version":"2","remote":{{}},"npm":{{"specifiers":{{"a@1":"a@1.0.0"}},"packages":{packages}}}}}"#
        ),
        format!(
            r#"{{"version":"3","packages":{{"specifiers":{{"npm:a@1":"npm:a@1.0.0"}},"npm":{packages}}},"remote":{{}}}}"#
        ),
        format!(
            r#"{{"version":"5","specifiers":{{"npm:a@1":"1.0.0"}},"jsr":{{"@std/c@1.0.0":{{}}}},"npm":{packages}}}"#
        ),
    ] {
        assert_eq!(
            pins("deno.lock", &text),
            ["@s/b 2.0.0", "a 1.0.0"],
            "{text}"
        );
    }
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
            &["a 1.0", "b 2.0", "d 1"],
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
        let name = match wants {
            Wants::Named(name) => name.to_owned(),
            Wants::NamedAround { starts, ends } => format!("{starts}x{ends}"),
            _ => panic!("lockfiles are known by their names"),
        };
        let (package_type, _) = read(&name, "");
        assert_ne!(package_type, PackageType::Generic, "{name} has no reader");
        for text in [
            &b""[..],
            b"{",
            b"[[package]]\n\"",
            b"\xff\xfe\0",
            b"packages:\n  :\n",
        ] {
            assert!(analyze(&Lockfiles, &name, text).is_empty(), "{name}");
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
