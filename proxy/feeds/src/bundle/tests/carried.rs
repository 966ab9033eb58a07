//! What a bundle carries beside advisories comes with it and goes with it, within bounds.

use super::*;

fn put(directory: &std::path::Path, path: &str, content: &[u8]) {
    let place = directory.join(path);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, content).unwrap();
}

#[test]
fn plugins_and_knowledge_come_with_a_bundle_and_go_with_the_next() {
    let site = Site::new();
    let (feeds, more) = (
        site.home.path().join("feeds"),
        site.home.path().join("more"),
    );
    put(&feeds, FILE, &archive("v9"));
    put(&feeds, "plugins/acme.wasm", b"of the source");
    put(&feeds, "plugins/other.wasm", b"other");
    put(&feeds, "knowledge/jars.idx", b"jars");
    put(&more, "acme.wasm", b"given");
    put(&more, ".hidden", b"nobody's");
    let bundle = site.home.path().join("out.tar.zst");
    let times = (at(NOON), after_noon(60));
    let mut contents = Contents::open(&feeds).unwrap();
    contents.add_plugins(&more).unwrap();
    let places: Vec<_> = contents.plugins().map(std::path::Path::to_owned).collect();
    assert_eq!(
        places,
        [more.join("acme.wasm"), feeds.join("plugins/other.wasm")]
    );
    assert_eq!(
        pack(contents, 9, times, &site.keys, &bundle).unwrap().files,
        4
    );
    let outcome = site.imported.import(&bundle, &site.trust(), at(NOON));
    assert!(matches!(outcome, Ok(ImportOutcome::New(_))), "{outcome:?}");
    let (snapshot, place) = site.imported.current().unwrap().unwrap();
    // The second key signed as well, and is not trusted here.
    assert_eq!(snapshot.signed_by, [site.keys[0].public().to_string()]);
    let read = |path: &str| std::fs::read(place.join(path)).unwrap();
    assert_eq!(read("plugins/acme.wasm"), b"given");
    assert_eq!(read("plugins/other.wasm"), b"other");
    assert_eq!(read("knowledge/jars.idx"), b"jars");
    site.import(&Forged::new(10).bundle(&site.keys[..1]))
        .unwrap();
    let (_, place) = site.imported.current().unwrap().unwrap();
    assert!(!place.join("plugins").exists());
}

#[test]
fn what_cannot_be_carried_is_not_left_out_unnoticed() {
    let site = Site::new();
    let feeds = site.home.path().join("feeds");
    put(&feeds, FILE, &archive("v9"));
    for path in ["plugins/acme.txt", "plugins/a b.wasm", "knowledge/a/b"] {
        put(&feeds, path, b"x");
        let error = Contents::open(&feeds).err().expect(path).to_string();
        assert!(error.contains("has no place in it"), "{error}");
        let folder = path.split('/').next().unwrap();
        std::fs::remove_dir_all(feeds.join(folder)).unwrap();
    }
    assert!(Contents::open(&feeds).is_ok());
}

#[test]
fn more_than_is_carried_is_refused() {
    let site = Site::new();
    let keys = &site.keys[..1];
    let mut large = Forged::of(9, &[(FILE, b"x"), ("plugins/acme.wasm", b"x")]);
    large.manifest.files[1].length = 16 * 1024 * 1024 + 1;
    site.refuses(&large.bundle(keys), "plugins/acme.wasm has 16777217 bytes");
    let names: Vec<String> = (0..65).map(|it| format!("plugins/p{it}.wasm")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|it| (it.as_str(), &b"x"[..])).collect();
    let many = Forged::of(9, &[&[(FILE, &b"x"[..])][..], &files].concat());
    site.refuses(&many.bundle(keys), "more than 64 files in plugins");
    for path in ["plugins/../x.wasm", "plugins/x", "knowledge/.x"] {
        let forged = Forged::of(9, &[(FILE, b"x"), (path, b"x")]);
        site.refuses(&forged.bundle(keys), "is no path of a feed");
    }
}
