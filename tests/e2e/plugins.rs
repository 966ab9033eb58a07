//! Plugins in Rust and in C, built by their compilers and tried by the program: the project that
//! `plugins new` writes, and the guest in C that the documentation shows.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;
use sluicegate_tests::guests::{build_rust, compile_c};
use sluicegate_tests::proxy::sluicegate;

const PAGE: &str = include_str!("../../docs/plugins.md");
/// A detector that looks for a class's reference to JNDI in the archives of Java.
const JAR: &str = include_str!("plugins/jar.rs.txt");

fn text(path: &Path) -> String {
    path.to_str().expect("a readable path").to_owned()
}

async fn tried(plugin: &str, rootfs: &Path) -> Value {
    let rootfs = text(rootfs);
    let arguments = ["plugins", "test", plugin, &rootfs, "--format", "json"];
    let answer = sluicegate(&arguments).await.expect_ok("plugins test");
    serde_json::from_str(&answer.stdout).expect("an answer in JSON")
}

#[tokio::test]
async fn a_project_of_plugins_new_finds_a_vulnerable_configuration() {
    let place = tempfile::tempdir().expect("make a directory");
    let (project, rootfs) = (place.path().join("acme"), place.path().join("rootfs"));
    sluicegate(&["plugins", "new", "acme", "--directory", &text(&project)])
        .await
        .expect_ok("plugins new");
    fs::create_dir_all(rootfs.join("etc")).expect("make a directory");
    fs::write(rootfs.join("etc/acme.conf"), "a = 1\ndebug = on\n").expect("write a file");
    let plugin = build_rust(&project, "acme").await;
    let answer = tried(&plugin, &rootfs).await;
    let finding = &answer["findings"][0];
    assert_eq!(finding["id"], "ACME-DEBUG", "{answer}");
    assert_eq!(finding["path"], "etc/acme.conf");
    assert_eq!(finding["line"], 2);
    assert_eq!(finding["remedy"][0]["version"], "2.0");
    assert_eq!(answer["log"][0], "etc/acme.conf: 1 findings");
    let plugins = place.path().join("plugins");
    fs::create_dir(&plugins).expect("make a directory");
    fs::copy(&plugin, plugins.join("acme.wasm")).expect("copy a plugin");
    let listed = sluicegate(&["plugins", "list", "--plugin", &text(&plugins)]).await;
    let listed = listed.expect_ok("plugins list").stdout;
    assert!(listed.contains("fed/acme"), "{listed}");
    // Under another name it is refused, as what is no plugin is.
    fs::rename(plugins.join("acme.wasm"), plugins.join("other.wasm")).expect("rename it");
    let refused = sluicegate(&["plugins", "list", "--plugin", &text(&plugins)]).await;
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(
        refused.text().contains("has to be acme.wasm"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_plugin_in_rust_finds_a_weakness_in_a_jar_by_its_class_bytes() {
    let place = tempfile::tempdir().expect("make a directory");
    let (project, rootfs) = (place.path().join("jndi"), place.path().join("rootfs"));
    sluicegate(&["plugins", "new", "jndi", "--directory", &text(&project)])
        .await
        .expect_ok("plugins new");
    fs::write(project.join("src/lib.rs"), JAR).expect("write a file");
    let manifest = fs::read_to_string(project.join("plugin.json")).expect("read a file");
    let claims = manifest.replace("{\"name\": \"jndi.conf\"}", "{\"ending\": \".jar\"}");
    fs::write(project.join("plugin.json"), claims).expect("write a file");
    let cargo = fs::read_to_string(project.join("Cargo.toml")).expect("read a file");
    let inflating = "\n[dependencies]\nminiz_oxide = \"0.8\"\n";
    fs::write(project.join("Cargo.toml"), cargo + inflating).expect("write a file");
    let plugin = build_rust(&project, "jndi").await;
    fs::create_dir_all(rootfs.join("app")).expect("make a directory");
    let class = |text: &str| [b"\xca\xfe\xba\xbe\0\0\0\x34".as_slice(), text.as_bytes()].concat();
    write_jar(
        &rootfs.join("app/bad.jar"),
        &class("javax/naming/InitialContext"),
    );
    write_jar(&rootfs.join("app/good.jar"), &class("java/lang/String"));
    let answer = tried(&plugin, &rootfs).await;
    let findings = answer["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{answer}");
    assert_eq!(findings[0]["path"], "app/bad.jar");
    assert_eq!(answer["asked"], 2);
}

fn write_jar(path: &Path, class: &[u8]) {
    let file = fs::File::create(path).expect("make a file");
    let mut jar = zip::ZipWriter::new(file);
    let deflated = zip::write::SimpleFileOptions::default();
    let deflated = deflated.compression_method(zip::CompressionMethod::Deflated);
    jar.start_file("org/example/Lookup.class", deflated)
        .expect("begin an entry");
    jar.write_all(&class.repeat(20)).expect("write an entry");
    jar.finish().expect("end an archive");
}

#[tokio::test]
async fn the_guest_in_c_of_the_documentation_finds_a_home_grown_format() {
    let place = tempfile::tempdir().expect("make a directory");
    for (language, name) in [("json", "acme_list.json"), ("c", "acme_list.c")] {
        let begin = format!("```{language} {name}\n");
        let (_, listing) = PAGE.split_once(&begin).expect("a listing");
        let (listing, _) = listing.split_once("```").expect("its end");
        fs::write(place.path().join(name), listing).expect("write a file");
    }
    let (_, compile) = PAGE
        .split_once("python3 -m ziglang cc")
        .expect("the command");
    let (compile, _) = compile.split_once('\n').expect("its end");
    compile_c(place.path(), compile).await;
    let rootfs = place.path().join("rootfs");
    fs::create_dir_all(rootfs.join("opt")).expect("make a directory");
    let list = "pypi django 4.0\nnpm left-pad 1.0.0\n";
    fs::write(rootfs.join("opt/app.acme"), list).expect("write a file");
    let plugin = text(&place.path().join("acme_list.wasm"));
    let answer = tried(&plugin, &rootfs).await;
    let packages = answer["packages"].as_array().expect("packages");
    let purls: Vec<_> = packages.iter().map(|package| &package["purl"]).collect();
    assert_eq!(
        purls,
        ["pkg:npm/left-pad@1.0.0", "pkg:pypi/django@4.0"],
        "{answer}"
    );
    // A line that is no package makes the file a gap, and the command says so.
    fs::write(rootfs.join("opt/bad.acme"), "nothing\n").expect("write a file");
    let failed = sluicegate(&["plugins", "test", &plugin, &text(&rootfs)]).await;
    assert_eq!(failed.status, 1, "{failed:?}");
    assert!(failed.stdout.contains("package URL"), "{failed:?}");
}
