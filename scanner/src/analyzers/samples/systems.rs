//! Databases and names of operating systems.

use super::{Sample, texts};
use crate::analyzers::rpm::tests::databases::{self, HeaderBuilder, PAGE};
use crate::analyzers::{chisel, rpm};

pub(super) fn of(analyzer: &str) -> Option<Vec<Sample>> {
    Some(match analyzer {
        "os/release" => texts(&RELEASES),
        "os/dpkg" => texts(&DPKG),
        "os/dpkg-files" => texts(&DPKG_FILES),
        "os/apk" => texts(&APK),
        "os/rpm" => rpms(),
        "os/pacman" => texts(&PACMAN),
        "os/opkg" => texts(&OPKG),
        "os/chisel" => chisels(),
        "os/snap" => texts(&SNAP),
        _ => return None,
    })
}

const RELEASES: [(&str, &str); 26] = [
    (
        "etc/os-release",
        "ID=debian\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\n",
    ),
    (
        "usr/lib/os-release",
        "NAME='CentOS Stream'\nID=\"centos\"\nVERSION_ID=9\n",
    ),
    (
        "etc/os-release",
        "ID=debian\nVERSION_CODENAME=trixie\nPRETTY_NAME=\"a \\\"b\\\" $c\"\n",
    ),
    (
        "etc/os-release",
        "ID=openEuler\nVERSION=\"24.03 (LTS-SP1)\"\nVERSION_ID=24.03\n",
    ),
    ("etc/os-release", "# nothing\nNAME=x\n"),
    (
        "etc/os-release",
        "ID=\n\nID=alpine\n  ID=late\nexport VERSION_ID=3\n",
    ),
    ("opt/root/etc/os-release", "ID=ubuntu\nVERSION_ID=22.04\n"),
    (
        "etc/lsb-release",
        "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=24.04\nDISTRIB_CODENAME=noble\n",
    ),
    ("etc/lsb-release", "DISTRIB_ID=Mint\nDISTRIB_RELEASE=21\n"),
    ("etc/debian_version", "12.4\n"),
    ("etc/debian_version", "trixie/sid\n"),
    ("etc/alpine-release", "3.20.3\n"),
    ("etc/alpine-release", "3.21.0_alpha20240923\n"),
    (
        "etc/redhat-release",
        "Red Hat Enterprise Linux release 8.10 (Ootpa)\n",
    ),
    (
        "etc/redhat-release",
        "AlmaLinux release 9.4 (Seafoam Ocelot)\n",
    ),
    (
        "etc/centos-release",
        "CentOS Linux release 7.9.2009 (Core)\n",
    ),
    ("etc/rocky-release", "Rocky Linux release 9.3\n"),
    ("etc/almalinux-release", "9.4\n"),
    ("etc/oracle-release", "Oracle Linux Server release 8.9\n"),
    ("etc/fedora-release", "Fedora release 40 (Forty)\n"),
    ("etc/system-release", "Amazon Linux release 2 (Karoo)\n"),
    (
        "etc/system-release-cpe",
        "cpe:2.3:o:amazon:amazon_linux:2023\n",
    ),
    (
        "etc/system-release-cpe",
        "cpe:/o:redhat:enterprise_linux:8::baseos\n",
    ),
    (
        "etc/photon-release",
        "VMware Photon OS 4.0\nPHOTON_BUILD_NUMBER=1\n",
    ),
    (
        "etc/SuSE-release",
        "openSUSE 13.1 (x86_64)\nVERSION = 13.1\nCODENAME = Bottle\n",
    ),
    (
        "etc/apk/repositories",
        "https://dl-cdn.alpinelinux.org/alpine/v3.18/main\n#x\n/media/edge\n",
    ),
];

const DPKG: [(&str, &str); 9] = [
    (
        "var/lib/dpkg/status",
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\nVersion: 2.36-9+deb12u1\nDescription: x\n more\n .\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: half\nStatus: install reinstreq half-installed\nVersion: 2:1.0~rc1-1\n",
    ),
    (
        "var/lib/dpkg/status",
        "Package: a\nStatus: install ok installed\n\nPackage: b\nVersion: 1\nVersion: 2\nStatus: install ok installed\n",
    ),
    (
        "var/lib/dpkg/status",
        " leading\nPackage: odd\nStatus: install ok unpacked\nVersion: 1\n\n\n\n",
    ),
    (
        "var/lib/dpkg/status",
        "package: lower\nstatus: install ok installed\nversion: 1\n\nPackage:\nVersion:\nStatus: x\n",
    ),
    (
        "var/lib/dpkg/status",
        "Package: a\nStatus: hold ok triggers-pending\nSource: s\nVersion: 1-1+b2\n\nPackage: a\nStatus: install ok installed\nArchitecture: i386\nVersion: 1-1+b3\n",
    ),
    ("var/lib/dpkg/status", ""),
    (
        "var/lib/dpkg/status.d/base",
        "Package: base-files\nVersion: 12.4+deb12u5\nArchitecture: amd64\n",
    ),
    (
        "var/lib/dpkg/status.d/base.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  usr/bin/x\n",
    ),
    (
        "opt/elsewhere",
        "Package: x\nPriority: y\nStatus: install ok installed\nVersion: 3\n",
    ),
];

const DPKG_FILES: [(&str, &str); 5] = [
    (
        "var/lib/dpkg/info/python3-yaml:amd64.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  usr/lib/python3/yaml.py\nnonsense\nd41d8cd98f00b204e9800998ecf8427e  usr/share/doc/x/y\nD41D8CD98F00B204E9800998ECF8427E *bin/z\n\n",
    ),
    (
        "var/lib/dpkg/info/libc6.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  ./lib/libc.so.6\nd41d8  short\n",
    ),
    (
        "var/lib/dpkg/status.d/cHl0aG9u.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  /usr/bin/python\n",
    ),
    (
        "home/x.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  etc/passwd\n",
    ),
    (
        "var/lib/dpkg/info/.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  a b c\n",
    ),
];

const APK: [(&str, &str); 7] = [
    (
        "lib/apk/db/installed",
        "C:Q1abc=\nP:libcrypto3\nV:3.1.4-r5\nA:x86_64\nL:Apache-2.0\no:openssl\nF:lib\nR:libcrypto.so.3\na:0:0:755\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\nF:usr/share/doc\nR:x\n\nP:musl\nV:1.2.4-r2\no:musl",
    ),
    (
        "lib/apk/db/installed",
        "P:a\nnonsense\nV:1\n\nV:2\n\nP:c\nV:3\nV:4\n\n\n\nP:d\nV:\n",
    ),
    (
        "lib/apk/db/installed",
        "P:f\nV:1_git20240101-r0\nF:\nR:top\nF:etc\nR:a\nR:b\nZ:Q1broken\nZ:Q2aaaa\n",
    ),
    ("lib/apk/db/installed", ""),
    (
        "usr/lib/apk/db/installed",
        "C:Q1x=\nP:x\nV:9-r9\nA:noarch\n",
    ),
    ("mnt/db", "C:Q1x=\nP:moved\nV:1-r0\n"),
    ("mnt/db", "P:alone\nV:1-r0\no:\n"),
];

const PACMAN: [(&str, &str); 5] = [
    ("var/lib/pacman/local/ALPM_DB_VERSION", "9\n"),
    (
        "var/lib/pacman/local/gcc-libs-1:14.1.1-1/desc",
        "%NAME%\ngcc-libs\n\n%VERSION%\n1:14.1.1-1\n\n%BASE%\ngcc\n\n%DESC%\nx y\n\n%ARCH%\nx86_64\n\n%LICENSE%\nGPL\n",
    ),
    (
        "var/lib/pacman/local/a-1/desc",
        "%NAME%\na\n\n%VERSION%\n\n%ARCH%\nany\n",
    ),
    (
        "var/lib/pacman/local/b-1/desc",
        "%VERSION%\n1-1\n%NAME%\nb\n%BASE%\nb\n",
    ),
    ("elsewhere/desc", "%NAME%\nc d\n\n%VERSION%\n2-1\n"),
];

const OPKG: [(&str, &str); 4] = [
    (
        "usr/lib/opkg/status",
        "Package: busybox\nVersion: 1.36.1-1\nStatus: install user installed\nArchitecture: aarch64\n\nPackage: gone\nVersion: 1\nStatus: deinstall user not-installed\n\nPackage: broken\n",
    ),
    (
        "var/lib/opkg/status",
        "Package: x\nVersion: 2023-01-01-a1b2\nStatus: install hold unpacked\n",
    ),
    (
        "srv/root/lib/opkg/status",
        "Package: y\nVersion: 1\nStatus: install ok installed\n",
    ),
    (
        "var/lib/dpkg/status",
        "Package: z\nVersion: 1\nStatus: install ok installed\n",
    ),
];

const SNAP: [(&str, &str); 3] = [
    (
        "usr/share/snappy/dpkg.yaml",
        "package-repositories:\n- x=1\npackages:\n- adduser=3.118ubuntu5\n- libc6:amd64=2.35-0ubuntu3.8\n- 'quoted=1'\n- nonsense\nother:\n- y=2\n",
    ),
    (
        "usr/share/snappy/dpkg.yaml",
        "packages:\n  - a=1:2-3\n  - b = 2\n  -\n",
    ),
    ("usr/share/snappy/dpkg.yaml", "nothing\n"),
];

fn chisels() -> Vec<Sample> {
    let packed = |text: &str| zstd::bulk::compress(text.as_bytes(), 1).unwrap();
    let whole = chisel::tests::sample();
    vec![
        (chisel::MANIFEST, whole.clone()),
        ("opt/manifest.wall", whole),
        (
            chisel::MANIFEST,
            packed("{\"kind\":\"package\"}\nnonsense\n"),
        ),
        (
            chisel::MANIFEST,
            packed(
                "{\"kind\":\"package\",\"name\":\"a\",\"version\":\"1\"}\n{\"kind\":\"path\",\"path\":\"/x\",\"slices\":[],\"sha256\":\"00\"}\n\n{\"kind\":\"new\"}\n",
            ),
        ),
        (chisel::MANIFEST, b"no zstd".to_vec()),
    ]
}

fn zlib(version: &str) -> Vec<u8> {
    HeaderBuilder::new("zlib", version, "40.el9")
        .text(1022, "x86_64")
        .text(1044, "zlib-1.2.11-40.el9.src.rpm")
        .blob()
}

fn rpms() -> Vec<Sample> {
    let mut samples: Vec<Sample> = rpm::tests::samples().into();
    let modular = HeaderBuilder::new("nodejs", "18.1", "1.module_el8+1+a")
        .numbers(1003, &[1])
        .text(1044, "nodejs-18.1-1.module_el8+1+a.src.rpm")
        .text(5096, "nodejs:18:8090020240101:a1b2");
    let nameless = HeaderBuilder::new("", "1", "1");
    let odd = [modular.blob(), nameless.blob(), vec![0; 40], zlib("1.3")];
    samples.extend([
        ("usr/lib/sysimage/rpm/rpmdb.sqlite", databases::sqlite(&odd)),
        ("usr/lib/sysimage/rpm/Packages.db", databases::ndb(&odd)),
        ("usr/share/rpm/Packages", databases::berkeley(&odd)),
        ("var/lib/rpm/rpmdb.sqlite", databases::sqlite(&[zlib("1.1")])[..PAGE].to_vec()),
        ("var/lib/rpm/rpmdb.sqlite-wal", log_of("1.4", 0)),
        ("var/lib/rpm/Packages", b"nothing of the kind".to_vec()),
        (
            rpm::MANIFEST,
            b"bash\t5.1.8-2.cm2\t1\t2\tMicrosoft\t(none)\t9\tx86_64\t0\tbash-5.1.8-2.cm2.src.rpm\nopenssl-libs\t1.1.1k-17.cm2\t1\t2\tMicrosoft\t1\t9\tx86_64\t1\topenssl-1.1.1k-17.cm2.src.rpm\nnonsense\n".to_vec(),
        ),
    ]);
    samples
}

fn log_of(version: &str, uncommitted: usize) -> Vec<u8> {
    let new = databases::sqlite(&[zlib(version)]);
    let leaf = new.chunks(PAGE).nth(2).unwrap().to_vec();
    databases::log(&[(3, leaf)], uncommitted)
}

pub(super) fn rpm_with_logs() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let path = "var/lib/rpm/rpmdb.sqlite";
    let old = databases::sqlite(&[zlib("1.2")]);
    [log_of("1.3", 0), log_of("1.3", 1), Vec::new(), vec![7; 64]]
        .map(|log| (path, old.clone(), log))
        .into()
}
