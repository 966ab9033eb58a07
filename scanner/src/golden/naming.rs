//! How distributions are named, how packages are written, and until when a release is mended.

use jiff::Timestamp;
use sluicegate_model::form::WrittenAs;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Distro, Evidence, Package, PackageType, Standing};

use super::pins::Row;
use super::stored::StoredFinding;
use super::{Transcript, revision_of};
use crate::distro::{WITNESSES, contradiction, contradictions, identify, may_hold};
use crate::eol;
use crate::facts::OsClaim;
use crate::purl::purl;
use crate::testing::layer_digest;

pub(super) fn rows() -> Vec<Row> {
    vec![distro(), purls(), ends()]
}

/// Every `ID` that is treated in a way of its own, and some that are not.
const IDS: [&str; 46] = [
    "",
    "almalinux",
    "alpaquita",
    "alpine",
    "amzn",
    "arch",
    "azurelinux",
    "bellsoft-hardened-containers",
    "centos",
    "centos-stream",
    "chainguard",
    "cleanstart",
    "debian",
    "devuan",
    "echo",
    "fedora",
    "gentoo",
    "kali",
    "linuxmint",
    "mageia",
    "mariner",
    "minimos",
    "openeuler",
    "opensuse",
    "opensuse-leap",
    "opensuse-leap-micro",
    "opensuse-tumbleweed",
    "openwrt",
    "ol",
    "photon",
    "raspbian",
    "rhel",
    "rocky",
    "sl-micro",
    "sle-micro",
    "sled",
    "sles",
    "sles_sap",
    "suse",
    "ubuntu",
    "wolfi",
    "cos",
    "bottlerocket",
    "scientific",
    "nixos",
    "unheard",
];

const VERSIONS: [(&str, &str); 14] = [
    ("", ""),
    ("", "sid"),
    ("", "forky/sid"),
    ("", "trixie"),
    ("12", "bookworm"),
    ("9.4", ""),
    ("3.20.3", ""),
    ("3.21.0_alpha20240923", ""),
    ("edge", ""),
    ("22.04", "jammy"),
    ("24.10", "oracular"),
    ("15.6", ""),
    ("24.03", "LTS-SP1"),
    ("2023", ""),
];

fn claim(id: &str, version: &str, codename: &str) -> OsClaim {
    OsClaim {
        id: id.to_owned(),
        version: version.to_owned(),
        codename: codename.to_owned(),
    }
}

fn package(package_type: PackageType, name: &str, version: &str) -> Package {
    Package {
        architecture: Some("x86_64".to_owned()),
        ..Package::of_language(package_type, name, version)
    }
}

fn distro() -> Row {
    let mut transcript = Transcript::default();
    transcript.note("witnesses", &WITNESSES.as_slice());
    let base = [
        package(PackageType::Deb, "base-files", "12.4+deb12u5"),
        package(PackageType::Deb, "base-files", "12ubuntu4.7"),
        package(PackageType::Apk, "alpine-release", "3.20.3-r0"),
        package(PackageType::Apk, "alpine-baselayout", "3.6.5-r0"),
        package(PackageType::Apk, "wolfi-baselayout", "20230201-r7"),
        package(PackageType::Rpm, "rocky-release", "9.4-1.7.el9"),
    ];
    for id in IDS {
        for (version, codename) in VERSIONS {
            let claim = claim(id, version, codename);
            let Some(distro) = identify(&[&claim]) else {
                transcript.note(format!("{id} {version} {codename}"), &());
                continue;
            };
            let says: Vec<_> = base.iter().map(|it| contradiction(it, &distro)).collect();
            let holds: Vec<_> = PackageType::ALL.map(|kind| may_hold(&distro, kind)).into();
            transcript.note(format!("{id} {version} {codename}"), &(distro, says, holds));
        }
    }
    for (one, other) in IDS.iter().zip(IDS.iter().skip(1)) {
        for pair in [
            (one, other),
            (other, one),
            (&"debian", other),
            (&"rhel", other),
        ] {
            let claims = [claim(pair.0, "", ""), claim(pair.1, "12", "x")];
            let claims: Vec<&OsClaim> = claims.iter().collect();
            let found = identify(&claims);
            transcript.note(format!("{pair:?}"), &found);
            let places = WITNESSES.iter().copied().zip(claims.iter().copied());
            let against = contradictions(&places.collect::<Vec<_>>());
            transcript.note(format!("{pair:?} against"), &against);
        }
    }
    transcript.row("distro", revision_of("distro"))
}

fn purls() -> Row {
    let mut transcript = Transcript::default();
    let distros = [
        None,
        identify(&[&claim("debian", "12", "")]),
        identify(&[&claim("sles", "15.6", "")]),
        identify(&[&claim("a b", "", "")]),
    ];
    let packages = [
        ("name", "1.0"),
        ("Upper.Case_x", "1:2.0~rc1+b"),
        ("@scope/name", "v1.0.0+incompatible"),
        ("org.x:y", "1 2"),
        ("a.example/b/v2", ""),
        ("ü%25?#&=", "ü@/"),
    ];
    for package_type in PackageType::ALL {
        for (name, version) in packages {
            for distro in &distros {
                let found = purl(&package(package_type, name, version), distro.as_ref());
                let place = distro.as_ref().map_or("none", |distro| &distro.id);
                transcript.note(format!("{package_type:?} {name} {version} {place}"), &found);
            }
        }
    }
    transcript.row("purl", revision_of("purl"))
}

fn ends() -> Row {
    let mut transcript = Transcript::default();
    let times = [
        "2019-06-01",
        "2024-01-01",
        "2026-11-28",
        "2028-06-30",
        "2040-01-01",
    ];
    let mut releases: Vec<Distro> = eol::known();
    releases.extend(
        IDS.iter()
            .filter_map(|id| identify(&[&claim(id, "0.1", "")])),
    );
    releases.extend(
        IDS.iter()
            .filter_map(|id| identify(&[&claim(id, "", "sid")])),
    );
    for distro in releases {
        let found = Component {
            package: package(PackageType::Deb, "x", "1"),
            ecosystem: None,
            purl: String::new(),
            path: String::new(),
            layer: layer_digest(0),
            evidence: Evidence::Installed,
            standing: Standing::Own,
            linked: Vec::new(),
            platform: String::new(),
        };
        let label = format!("{} {}", distro.id, distro.version);
        let inventory = Inventory {
            distro: Some(distro),
            components: vec![found],
            ..Inventory::default()
        };
        for time in times {
            let now: Timestamp = format!("{time}T12:00:00Z").parse().unwrap();
            let standing = eol::standing(&inventory, eol::SupportTable::compiled(), now);
            let finding = standing.finding.as_ref().map(WrittenAs::<StoredFinding>);
            transcript.note(format!("{label} {time}"), &(finding, standing.ends));
        }
    }
    transcript.row("eol", revision_of("eol"))
}
