//! Root file systems with real package databases, each made by the tool that users make it with.
//!
//! debootstrap, pip, npm and Debian's own packages bring real files; what they bring is kept in the
//! tests' cache, so that a machine fetches it once. The Alpine-like system is written here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::layer::{self, Archive, Compression, Layer};
use crate::process::{run, run_with};
use crate::programs;

/// How long a tool may take to fetch and unpack, in a machine that compiles at the same time.
pub(crate) const FETCH_LIMIT: Duration = Duration::from_secs(600);

/// Gives a layer with Debian 12 as debootstrap makes it.
pub async fn debian(compression: Compression) -> Layer {
    static MADE: OnceCell<PathBuf> = OnceCell::const_new();
    let archive = MADE.get_or_init(|| debian_archive("bookworm")).await;
    layer::from_tar_file(archive, compression)
}

/// Gives the archive of a Debian release as debootstrap makes it.
pub async fn debian_archive(release: &str) -> PathBuf {
    let make = async |root: &Path| make_debian(root, release).await;
    kept(&format!("debian-{release}.tar"), make).await
}

/// Gives a layer with jinja2 2.10 as pip installs it.
pub async fn pip_jinja2(compression: Compression) -> Layer {
    static MADE: OnceCell<PathBuf> = OnceCell::const_new();
    let archive = MADE
        .get_or_init(|| kept("pip-jinja2-2.10.tar", make_pip))
        .await;
    layer::from_tar_file(archive, compression)
}

/// Gives a layer with minimist 1.2.5 as npm installs it.
pub async fn npm_minimist(compression: Compression) -> Layer {
    static MADE: OnceCell<PathBuf> = OnceCell::const_new();
    let archive = MADE
        .get_or_init(|| kept("npm-minimist-1.2.5.tar", make_npm))
        .await;
    layer::from_tar_file(archive, compression)
}

/// Gives a layer with the JARs of Debian's `liblog4j2-java`, 2.19.0, without its dpkg record.
pub async fn debian_jars(compression: Compression) -> Layer {
    static MADE: OnceCell<PathBuf> = OnceCell::const_new();
    let archive = MADE
        .get_or_init(|| kept("debian-log4j2.tar", make_jars))
        .await;
    layer::from_tar_file(archive, compression)
}

/// Writes an Alpine that rolls on, whose database lists packages as (name, version, origin).
pub fn alpine(packages: &[(&str, &str, &str)]) -> Archive {
    let folders = ["etc", "lib", "lib/apk", "lib/apk/db"];
    let archive = folders.into_iter().fold(Archive::new(), Archive::directory);
    let files = alpine_files(packages).into_iter();
    files.fold(archive, |archive, (path, text)| archive.file(path, text))
}

/// Gives the files of the same, by path.
pub fn alpine_files(packages: &[(&str, &str, &str)]) -> [(&'static str, String); 3] {
    let record = |(name, version, origin): &(&str, &str, &str)| {
        format!("C:Q1test=\nP:{name}\nV:{version}\nA:x86_64\nS:1\nI:1\nT:test\no:{origin}\n\n")
    };
    let database: String = packages.iter().map(record).collect();
    let release = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.24.0_alpha20260601\n";
    [
        ("etc/os-release", release.to_owned()),
        ("etc/alpine-release", "3.24.0_alpha20260601\n".to_owned()),
        ("lib/apk/db/installed", database),
    ]
}

/// Finds a file that `SLUICEGATE_TEST_DATA` adds, for example a vendor's root file system.
pub fn extra(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SLUICEGATE_TEST_DATA")?;
    let path = Path::new(&folder).join(name);
    path.exists().then_some(path)
}

/// Makes `NAME` in the tests' cache from a directory that `make` fills, unless it is there already.
pub(crate) async fn kept(name: &str, make: impl AsyncFnOnce(&Path)) -> PathBuf {
    let folder = programs::cache().join("testdata");
    std::fs::create_dir_all(&folder).expect("make the tests' cache");
    let archive = folder.join(name);
    if archive.exists() {
        return archive;
    }
    let work = tempfile::tempdir_in(&folder).expect("make a directory");
    make(work.path()).await;
    let partial = work.path().with_extension("tar");
    let (from, to) = (text(work.path()), text(&partial));
    let options = [
        "--sort=name",
        "--numeric-owner",
        "--exclude=./dev/*",
        "-C",
        from,
        "-cf",
        to,
        ".",
    ];
    run("tar", &options, FETCH_LIMIT).await.expect_ok("tar");
    std::fs::rename(&partial, &archive).expect("publish test data");
    archive
}

async fn make_debian(root: &Path, release: &str) {
    let options = ["--variant=minbase", release, text(root)];
    run("debootstrap", &options, FETCH_LIMIT)
        .await
        .expect_ok("debootstrap");
    for cache in ["var/cache/apt", "var/lib/apt/lists"] {
        std::fs::remove_dir_all(root.join(cache)).expect("drop what debootstrap downloaded");
    }
}

async fn make_pip(root: &Path) {
    let site = root.join("usr/lib/python3/dist-packages");
    let options = [
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-compile",
        "-t",
        text(&site),
        "jinja2==2.10",
    ];
    run("python3", &options, FETCH_LIMIT).await.expect_ok("pip");
}

async fn make_npm(root: &Path) {
    let app = root.join("app");
    std::fs::create_dir(&app).expect("make a directory");
    let options = [
        "install",
        "--silent",
        "--no-audit",
        "--prefix",
        text(&app),
        "minimist@1.2.5",
    ];
    let home = root.with_extension("npm-cache");
    let cache = [("npm_config_cache", home.as_os_str())];
    run_with("npm", &options, &cache, FETCH_LIMIT)
        .await
        .expect_ok("npm");
    let _ = std::fs::remove_dir_all(home);
}

async fn make_jars(root: &Path) {
    let fetch = "cd \"$0\" && apt-get -o APT::Sandbox::User=root download -q liblog4j2-java \
                 && dpkg-deb -x liblog4j2-java_*.deb . && rm liblog4j2-java_*.deb \
                 && find . -type l -delete && test -f usr/share/java/log4j-core.jar";
    run("bash", &["-c", fetch, text(root)], FETCH_LIMIT)
        .await
        .expect_ok("apt-get download");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of readable characters")
}
