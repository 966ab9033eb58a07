//! What is made of layers: images of several systems, and everything that can be laid over them.

use sluicegate_model::image_config::{HistoryEntry, ImageConfig};
use tar::EntryType;

use super::pins::Row;
use super::systems::{BASES, Base, INSTALLED, STATUS};
use super::{Transcript, revision_of};
use crate::facts::{FileDigests, LayerFacts};
use crate::testing::{Layer, PACKED, config, image, image_with, with_program};

pub(super) fn row() -> Row {
    let mut transcript = Transcript::default();
    transcript.note("nothing", &image(&[]));
    for base in BASES {
        let name = base.name;
        transcript.note(name, &image(&[base.facts()]));
        for (number, over) in layers_over(base).into_iter().enumerate() {
            let layers = [base.facts(), over.facts()];
            transcript.note(format!("{name} {number}"), &image(&layers));
            let last = Layer::new().file("unrelated", "").facts();
            let layers = [base.facts(), layers[1].clone(), last, base.facts()];
            transcript.note(format!("{name} {number} and again"), &image(&layers));
        }
        for (number, alone) in single_layers(base).into_iter().enumerate() {
            transcript.note(format!("{name} alone {number}"), &image(&[alone.facts()]));
        }
        note_configs(base, &mut transcript);
    }
    for (number, owned) in owned_files().into_iter().enumerate() {
        transcript.note(format!("owned {number}"), &image(&[owned.facts()]));
    }
    for (number, system) in other_systems().into_iter().enumerate() {
        transcript.note(format!("system {number}"), &image(&[system.facts()]));
    }
    transcript.row("merge", revision_of("merge"))
}

/// What takes away, hides, doubles or forges.
fn layers_over(base: Base) -> Vec<Layer> {
    let (dir, file) = base.place();
    let (above, last) = dir.rsplit_once('/').unwrap();
    let new = Layer::new;
    vec![
        new().file(&format!("{dir}/.wh.{file}"), ""),
        new().file(&format!("{above}/.wh.{last}"), ""),
        new().dir(dir).file(&format!("{dir}/.wh..wh..opq"), ""),
        new()
            .file(".wh..wh..opq", "")
            .file("etc/os-release", base.os),
        new().file(base.path, ""),
        new().file(base.path, base.database.replace("lib", "other")),
        new().dir(base.path),
        new().symlink(base.path, "/nowhere"),
        new()
            .symlink(dir, "/opt")
            .file(&format!("opt/{file}"), base.database),
        new().hardlink(base.path, "app/node_modules/lodash/index.js"),
        new().file(dir, "a file"),
        new().entry(EntryType::Fifo, base.path, "", b""),
        new().dir(base.path).file("opt/db/x", base.database),
        new().file("etc/.wh.os-release", ""),
        new().file("etc/os-release", "ID=bagelos\n"),
        new().file("etc/os-release", "ID=debian\nVERSION_ID=11\n"),
        new().file("etc/os-release", "ID=alpine\nVERSION_ID=3.16.9\n"),
        new().file("etc/os-release", "ID=ubuntu\nVERSION_ID=22.04\n"),
        new().file("etc/alpine-release", "3.20.3\n"),
        new().file("etc/debian_version", "12.11\n"),
        new().symlink("a", "b").symlink("b", "a").file("a/x", ""),
        new().file("app/node_modules/lodash/.wh.package.json", ""),
        new().file("app/node_modules/.wh.lodash", ""),
        new().file("usr/lib/python3/site-packages/.wh.yaml-5.1.dist-info", ""),
        new().file("usr/lib/ruby/gems/3.1.0/gems/rake-13.0.6/lib/rake.rb", "x"),
        new().file(
            "var/lib/dpkg/info/lib.md5sums",
            format!("{}  usr/bin/x\n", "1".repeat(32)),
        ),
        new().file(INSTALLED, "C:Q1x=\nP:musl\nV:1-r0\n"),
        new().file(
            STATUS,
            "Package: second\nStatus: install ok installed\nVersion: 1\n",
        ),
        new().file("app/bom.cdx.json", BOM),
        new().file("app/go.mod", "require a.example/a v1.0.0\n"),
        new().file("nix/var/nix/db/db.sqlite", "x"),
        new().file("usr/share/snappy/dpkg.yaml", "packages:\n- a=1\n"),
        new().file("app/node_modules/x/package.json", "{"),
    ]
}

const BOM: &str = r#"{"bomFormat":"CycloneDX","components":[{"purl":"pkg:pypi/Yaml@5.1"},{"purl":"pkg:npm/left@1.0.0"},{"purl":"pkg:apk/alpine/curl@8.0-r0?arch=x86_64"},{"purl":"pkg:golang/x.example/y@1.0.0"}]}"#;

fn single_layers(base: Base) -> Vec<Layer> {
    let new = || Layer::new().file("etc/os-release", base.os);
    let (dir, file) = base.place();
    vec![
        new(),
        Layer::new().file(base.path, base.database),
        new()
            .file("opt/db/x", base.database)
            .symlink(base.path, "/opt/db/x"),
        new()
            .file("opt/db/x", base.database)
            .hardlink(base.path, "opt/db/x"),
        new()
            .file(&format!("opt/{file}"), base.database)
            .symlink(dir, "/opt"),
        new().file("srv/root/db", base.database),
        new().file("app/bom.cdx.json", BOM),
        Layer::new()
            .file("usr/lib/os-release", base.os)
            .file(base.path, base.database),
    ]
}

/// The image's author says other things than the layers.
fn note_configs(base: Base, transcript: &mut Transcript) {
    let name = base.name;
    let layers = [
        base.facts(),
        with_program(Layer::new().facts(), "app/server", PACKED),
    ];
    let step = |text: &str, empty_layer| HistoryEntry {
        created_by: Some(text.to_owned()),
        empty_layer,
    };
    let mut told = config(&layers);
    told.created = Some("2024-01-02T03:04:05Z".to_owned());
    told.variant = Some("v8".to_owned());
    told.history = vec![step("ADD rootfs.tar /", false), step("CMD [\"sh\"]", true)];
    told.history.push(step(&"RUN x ".repeat(200), false));
    transcript.note(format!("{name} told"), &image_with(Some(&told), &layers));
    told.history.pop();
    transcript.note(format!("{name} short"), &image_with(Some(&told), &layers));
    told.rootfs.diff_ids.pop();
    transcript.note(format!("{name} less"), &image_with(Some(&told), &layers));
    let swapped = ImageConfig {
        os: "windows".to_owned(),
        rootfs: config(&[layers[1].clone(), layers[0].clone()]).rootfs,
        ..told
    };
    transcript.note(
        format!("{name} other"),
        &image_with(Some(&swapped), &layers),
    );
    transcript.note(format!("{name} untold"), &image_with(None, &layers));
    for unread in [
        LayerFacts::foreign(),
        LayerFacts::encrypted(),
        LayerFacts::unknown("application/x"),
        LayerFacts::unreadable("why"),
        LayerFacts::stopped(),
    ] {
        let label = format!("{name} {:?}", unread.gaps[0].kind);
        transcript.note(label, &image(&[base.facts(), unread]));
    }
}

/// Packages of a language that a system's package brought, or seems to have.
fn owned_files() -> Vec<Layer> {
    let site = "usr/lib/python3/dist-packages/yaml-6.0.dist-info/METADATA";
    let metadata = "Name: yaml\nVersion: 6.0\n";
    let md5 = FileDigests::of(metadata.as_bytes()).md5.to_string();
    let md5 = md5.trim_start_matches("md5:").to_owned();
    let of = |id: &str, digest: &str, path: &str| {
        Layer::new()
            .file("etc/os-release", format!("ID={id}\nVERSION_ID=12\n"))
            .file(
                STATUS,
                "Package: python3-yaml\nStatus: install ok installed\nVersion: 6.0-3\n",
            )
            .file(
                "var/lib/dpkg/info/python3-yaml:amd64.md5sums",
                format!("{digest}  {path}\n"),
            )
            .file(site, metadata)
    };
    vec![
        of("debian", &md5, site),
        of("debian", &"0".repeat(32), site),
        of("debian", &md5, "usr/lib/other"),
        of("kali", &md5, site),
        of("debian", &md5, site).symlink("lib", "usr/lib"),
    ]
}

fn other_systems() -> Vec<Layer> {
    let os = |text: &str| Layer::new().file("etc/os-release", text);
    vec![
        os("ID=arch\n")
            .file("var/lib/pacman/local/ALPM_DB_VERSION", "9\n")
            .file("var/lib/pacman/local/zlib-1-1/desc", "%NAME%\nzlib\n\n%VERSION%\n1-1\n"),
        os("ID=openwrt\n").file("usr/lib/opkg/status", "Package: zlib\nVersion: 1-1\nStatus: install user installed\n"),
        os("ID=azurelinux\nVERSION_ID=3.0\n").file("var/lib/rpmmanifest/container-manifest-2", "bash\t5.1.8-2.azl3\t1\t2\tMicrosoft\t(none)\t9\tx86_64\t0\tbash-5.1.8-2.azl3.src.rpm\n"),
        os("ID=fedora\nVERSION_ID=40\n").file("var/lib/rpm/rpmdb.sqlite", crate::analyzers::samples::of("os/rpm")[0].1.clone()),
        Layer::new().file(STATUS, "Package: x\nStatus: install ok installed\nVersion: 1.1.1w-0+deb11u1\n"),
        Layer::new().file("app/server", "static"),
    ]
}
