//! What `inspect-image` says would have to be done, done: a bookworm of Debian's `main` by apt against
//! `bookworm-security`, an environment of Python by pip, a project by npm, and Alpine's database as apk
//! would write it. Each step alone is not enough, all of them are.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::process::{Outcome, run, run_with};
use sluicegate_tests::proxy::program;
use sluicegate_tests::rootfs;
use tempfile::TempDir;

use crate::scene;

/// How long a manager may take to fetch and install, in a machine that compiles at the same time.
const LIMIT: Duration = Duration::from_secs(600);
/// What apt fetches mended packages from.
const SECURITY: &str = "deb http://deb.debian.org/debian-security bookworm-security main\n";
/// An Alpine in whose database is what has a weakness, and the manager of its packages.
const ALPINE: [(&str, &str, &str); 3] = [
    ("apk-tools", "2.14.4-r0", "apk-tools"),
    ("libbad", "1.0-r0", "bad"),
    ("bad-tools", "1.0-r0", "bad"),
];

/// A root file system, and by what it is judged.
struct Bench {
    root: TempDir,
    feed: TempDir,
    home: TempDir,
}

impl Bench {
    fn new() -> Self {
        let make = || tempfile::tempdir().expect("make a directory");
        let bench = Self {
            root: make(),
            feed: make(),
            home: make(),
        };
        std::fs::write(bench.home.path().join("prod.yaml"), scene::POLICY).expect("write a policy");
        bench
    }

    /// Begins with an Alpine.
    fn alpine(packages: &[(&str, &str, &str)]) -> Self {
        let bench = Self::new();
        for (path, bytes) in rootfs::alpine_files(packages) {
            bench.put(path, &bytes);
        }
        bench
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("make it");
        std::fs::write(path, text).expect("write a file");
    }

    /// Inspects the file system; gives the exit code, and what it printed as JSON.
    async fn inspect(&self) -> (i32, Value) {
        let path = |path: &Path| path.display().to_string();
        let policy = path(&self.home.path().join("prod.yaml"));
        let (data, feed) = (path(&self.home.path().join("data")), path(self.feed.path()));
        let root = format!("dir:{}", path(self.root.path()));
        let arguments = [
            "inspect-image",
            "--format",
            "json",
            "--data",
            &data,
            "--feed",
            &feed,
            "--policy",
            &policy,
            &root,
        ];
        let program = program().display().to_string();
        let outcome = run_with(&program, &arguments, &[], LIMIT).await;
        let told = serde_json::from_str(&outcome.stdout);
        (
            outcome.status,
            told.unwrap_or_else(|error| panic!("{error}: {}", outcome.text())),
        )
    }

    /// Inspects what is refused; gives the remedy, which is to be enough.
    async fn refused(&self) -> Value {
        let (status, told) = self.inspect().await;
        assert_eq!(status, 1, "{told}");
        let remedy = &told["remedy"];
        assert_ne!(remedy["decision_after"], "refuse", "{remedy}");
        assert_eq!(remedy["unmendable"], serde_json::json!([]), "{remedy}");
        remedy.clone()
    }

    /// Does all steps, the last of them alone: without it the image is refused, with it it is not.
    async fn mend(&self, steps: usize, by: impl AsyncFn(&str) -> Outcome) {
        let remedy = self.refused().await;
        let all = remedy["steps"]
            .as_array()
            .expect("steps are a list")
            .clone();
        assert_eq!(all.len(), steps, "{remedy}");
        for step in all {
            self.refused().await;
            for command in step["commands"].as_array().expect("commands are a list") {
                let command = command.as_str().expect("a command is text");
                by(command).await.expect_ok(command);
            }
        }
        let (status, told) = self.inspect().await;
        assert_eq!((status, &told["remedy"]), (0, &Value::Null), "{told}");
    }

    async fn chroot(&self, line: &str) -> Outcome {
        let root = self.root.path().display().to_string();
        run("chroot", &[&root, "sh", "-ec", line], LIMIT).await
    }
}

fn fact(id: &str, ecosystem: &str, package: &str, fixed: &str) -> Advisory {
    let advisory = Advisory::new(id, ecosystem, package, fixed);
    advisory.alias(&id.replace("FACT-", "CVE-")).critical()
}

/// Says something of a package that no image has, so that the system's advisories are known.
fn on_nothing() -> Advisory {
    fact("FACT-2099-2002", "Alpine:edge", "nothing", "1.0-r0")
}

/// Lists the sources of which the archive has newer versions: source, version.
async fn newer(bench: &Bench) -> Vec<(String, String)> {
    let list = "apt-get update -q >/dev/null && apt list --upgradable 2>/dev/null \
        | sed -n 's,^\\([^/]*\\)/[^ ]*-security[^ ]* \\([^ ]*\\) .*,\\1=\\2,p' \
        | xargs apt-cache show | grep -E '^(Package|Source|Version): '; rm -rf /var/lib/apt/lists/*";
    let told = bench.chroot(list).await.expect_ok("apt-cache show").stdout;
    let mut sources = std::collections::BTreeMap::new();
    for record in told.split("Package: ").skip(1) {
        let field = |name: &str| record.lines().find_map(|line| line.strip_prefix(name));
        let name = record.lines().next().expect("a record has a name");
        let version = field("Version: ").expect("a record has a version");
        let source = field("Source: ").unwrap_or(name);
        let (source, of_source) = source.split_once(' ').unwrap_or((source, version));
        let of_source = of_source.trim_matches(['(', ')']);
        sources.insert(source.to_owned(), of_source.to_owned());
    }
    sources.into_iter().collect()
}

#[tokio::test]
async fn what_apt_is_told_makes_a_bookworm_allowed() {
    let bench = Bench::new();
    let archive = rootfs::debian_archive("bookworm").await;
    let (archive, root) = (
        archive.display().to_string(),
        bench.root.path().display().to_string(),
    );
    run("tar", &["-C", &root, "-xf", &archive], LIMIT)
        .await
        .expect_ok("tar");
    let resolver = std::fs::read_to_string("/etc/resolv.conf").expect("read the resolver");
    bench.put("etc/resolv.conf", &resolver);
    bench.put("etc/apt/sources.list.d/security.list", SECURITY);
    for folder in [
        "var/cache/apt/archives/partial",
        "var/lib/apt/lists/partial",
    ] {
        std::fs::create_dir_all(bench.root.path().join(folder)).expect("make a folder");
    }
    // The archive has no devices, and apt checks signatures by programs that want some.
    for (device, number) in [("null", "3"), ("urandom", "9")] {
        let path = format!("{root}/dev/{device}");
        let make = ["-m", "666", &path, "c", "1", number];
        run("mknod", &make, LIMIT).await.expect_ok("mknod");
    }
    let sources = newer(&bench).await;
    assert!(
        sources.len() >= 2,
        "bookworm-security has too little: {sources:?}"
    );
    let facts = sources.iter().take(3).enumerate();
    let facts = facts.map(|(at, (source, version))| {
        fact(&format!("FACT-2099-100{at}"), "Debian:12", source, version)
    });
    let facts: Vec<Advisory> = facts.collect();
    feeds::write(bench.feed.path(), &["Debian:12"], &facts);
    bench
        .mend(facts.len(), async |line| bench.chroot(line).await)
        .await;
}

#[tokio::test]
async fn what_apk_is_told_makes_an_alpine_allowed() {
    let bench = Bench::alpine(&ALPINE);
    let facts = [
        fact("FACT-2099-2000", "Alpine:edge", "bad", "1.0-r1"),
        // The fix of the first has the second.
        fact("FACT-2099-2001", "Alpine:edge", "bad", "1.1-r0"),
    ];
    feeds::write(bench.feed.path(), &["Alpine:edge"], &facts);
    let apk = async |line: &str| {
        let wanted = "apk add --no-cache --upgrade 'bad-tools>=1.1-r0' 'libbad>=1.1-r0'";
        assert_eq!(line, wanted);
        let mended = ALPINE.map(|(name, version, origin)| {
            let version = if line.contains(&format!("'{name}>=")) {
                "1.1-r0"
            } else {
                version
            };
            (name, version, origin)
        });
        for (path, bytes) in rootfs::alpine_files(&mended) {
            bench.put(path, &bytes);
        }
        run("true", &[], LIMIT).await
    };
    bench.mend(1, apk).await;
}

#[tokio::test]
async fn what_pip_is_told_makes_an_environment_allowed() {
    let bench = Bench::alpine(&ALPINE[..1]);
    let root = bench.root.path().display().to_string();
    let environment = format!("{root}/opt/venv");
    run("python3", &["-m", "venv", &environment], LIMIT)
        .await
        .expect_ok("python3 -m venv");
    let install =
        format!("{environment}/bin/python3 -m pip install -q sqlparse==0.4.3 urllib3==1.26.4");
    run("sh", &["-c", &install], LIMIT).await.expect_ok("pip");
    let facts = [
        fact("FACT-2023-30608", "PyPI", "sqlparse", "0.4.4"),
        fact("FACT-2021-33503", "PyPI", "urllib3", "1.26.5"),
        on_nothing(),
    ];
    feeds::write(bench.feed.path(), &[], &facts);
    let pip = async |line: &str| {
        assert!(line.starts_with("/opt/venv/bin/python3."), "{line}");
        let line = line.replace("/opt/venv", &environment);
        run("sh", &["-ec", &line], LIMIT).await
    };
    bench.mend(2, pip).await;
}

#[tokio::test]
async fn what_npm_is_told_makes_a_project_allowed() {
    let bench = Bench::alpine(&ALPINE[..1]);
    let project = bench.root.path().join("app");
    std::fs::create_dir(&project).expect("make a directory");
    let (project, cache) = (project.display().to_string(), bench.home.path().join("npm"));
    let npm = async |line: &str| {
        let line = format!("cd '{project}' && {line}");
        let cache = [("npm_config_cache", cache.as_os_str())];
        run_with("sh", &["-ec", &line], &cache, LIMIT).await
    };
    // The second has a copy of the first of its own, far older.
    let begin = "npm init --yes && npm install --no-audit minimist@1.2.5 mkdirp@0.5.1";
    npm(begin).await.expect_ok("npm install");
    let mut nested = fact("FACT-2021-44906", "npm", "minimist", "0.2.4");
    nested = nested.and_between("1.0.0", "1.2.6");
    feeds::write(bench.feed.path(), &[], &[nested, on_nothing()]);
    bench.mend(2, npm).await;
}
