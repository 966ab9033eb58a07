//! Files that name the operating system: `os-release` and its elder relatives.
//!
//! Each is read by its name wherever it lies; the merge decides which ones count.
//!
//! Source: os-release(5); lsb_release(1).

mod elder;
mod shell;

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::distro::{REPOSITORIES, WITNESSES};
use crate::facts::{Observations, OsClaim};
use crate::limits::KIB;

use self::shell::value;

pub(super) struct OsRelease;

impl Analyzer for OsRelease {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "os/release",
            revision: 2,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Named("os-release"),
            Wants::Named("lsb-release"),
            Wants::Named("debian_version"),
            Wants::Named("alpine-release"),
            Wants::Named("redhat-release"),
            Wants::Named("centos-release"),
            Wants::Named("rocky-release"),
            Wants::Named("almalinux-release"),
            Wants::Named("oracle-release"),
            Wants::Named("fedora-release"),
            Wants::Named("system-release"),
            Wants::Named("system-release-cpe"),
            Wants::Named("photon-release"),
            Wants::Exact("etc/SuSE-release"),
            Wants::Exact("etc/arch-release"),
            Wants::Exact("etc/gentoo-release"),
            Wants::Exact(REPOSITORIES),
        ]
    }

    /// Such files have a few lines.
    fn max_file_bytes(&self) -> u64 {
        256 * KIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let text = String::from_utf8_lossy(file.content);
        let claim = match file.name() {
            "os-release" => os_release(&text),
            "lsb-release" => lsb_release(&text),
            "debian_version" => elder::debian(&text),
            "system-release-cpe" => elder::cpe(&text),
            "repositories" => elder::repositories(&text),
            name => elder::release_file(name, &text),
        };
        // These say nothing of most systems, and need not.
        let may_be_silent = matches!(
            file.name(),
            "lsb-release" | "repositories" | "system-release" | "system-release-cpe"
        );
        if !claim.id.is_empty() {
            found.os = Some(claim);
        } else if WITNESSES.contains(&file.path) && !may_be_silent {
            return Err(AnalyzeError::of("it names no operating system"));
        }
        Ok(())
    }
}

fn os_release(text: &str) -> OsClaim {
    let id = value(text, "ID").to_ascii_lowercase();
    // The stream runs ahead of the releases whose `ID` it shares.
    let is_stream = id == "centos" && value(text, "NAME").contains("Stream");
    let codename = value(text, "VERSION_CODENAME");
    OsClaim {
        id: if is_stream {
            "centos-stream".to_owned()
        } else {
            id
        },
        version: value(text, "VERSION_ID"),
        codename: if codename.is_empty() {
            in_parentheses(&value(text, "VERSION"))
        } else {
            codename
        },
    }
}

/// Gives `LTS-SP1` of `24.03 (LTS-SP1)`.
fn in_parentheses(version: &str) -> String {
    let after = version.split_once('(').map(|(_, after)| after);
    let inside = after.and_then(|after| after.split_once(')'));
    inside.map_or("", |(inside, _)| inside).to_owned()
}

/// Reads what only Ubuntu is known by; others have the file and mean less by it.
fn lsb_release(text: &str) -> OsClaim {
    let id = value(text, "DISTRIB_ID").to_ascii_lowercase();
    if id != "ubuntu" {
        return OsClaim::default();
    }
    OsClaim {
        id,
        version: value(text, "DISTRIB_RELEASE"),
        codename: value(text, "DISTRIB_CODENAME"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn a_file_that_names_nothing_is_a_gap() {
        for nothing in [&b"\n# nothing\n"[..], b"", b"VERSION_ID=12\n"] {
            let found = analyze(&OsRelease, "etc/os-release", nothing);
            assert_eq!(found.os, None);
            assert_eq!(found.gaps.len(), 1);
        }
        assert!(analyze(&OsRelease, "usr/share/x/os-release", b"").is_empty());
        let other = b"DISTRIB_ID=Arch\nDISTRIB_RELEASE=rolling\n";
        assert!(analyze(&OsRelease, "etc/lsb-release", other).is_empty());
    }

    const SUSE: &str = "SUSE Linux Enterprise Server 12 (x86_64)\nVERSION = 12\nPATCHLEVEL = 3\n";
    const STREAM: &str = "NAME=\"CentOS Stream\"\nID=\"centos\"\nVERSION_ID=\"9\"\n";
    const EULER: &str = "ID=\"openEuler\"\nVERSION_ID=\"24.03\"\nVERSION=\"24.03 (LTS-SP1)\"\n";

    /// A witness, its text, and the id, version and codename that it names.
    const TABLE: &[(&str, &str, &str)] = &[
        (
            "etc/os-release",
            "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm",
            "debian 12 bookworm",
        ),
        ("etc/os-release", STREAM, "centos-stream 9 "),
        ("etc/os-release", EULER, "openeuler 24.03 LTS-SP1"),
        (
            "etc/lsb-release",
            "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04",
            "ubuntu 22.04 ",
        ),
        ("etc/debian_version", "12.11\n", "debian 12.11 "),
        ("etc/debian_version", "trixie/sid\n", "debian  trixie/sid"),
        ("etc/alpine-release", "3.20.3\n", "alpine 3.20.3 "),
        (
            "etc/centos-release",
            "CentOS release 6.10 (Final)\n",
            "centos 6.10 ",
        ),
        (
            "etc/centos-release",
            "CentOS Stream release 9\n",
            "centos-stream 9 ",
        ),
        (
            "etc/redhat-release",
            "AlmaLinux release 9.4 (Seafoam Ocelot)\n",
            "almalinux 9.4 ",
        ),
        (
            "etc/redhat-release",
            "Red Hat Enterprise Linux release 9.4 (Plow)\n",
            "rhel 9.4 ",
        ),
        (
            "etc/rocky-release",
            "Rocky Linux release 9.4 (Blue Onyx)\n",
            "rocky 9.4 ",
        ),
        (
            "etc/oracle-release",
            "Oracle Linux Server release 8.9\n",
            "ol 8.9 ",
        ),
        (
            "usr/lib/fedora-release",
            "Fedora release 40 (Forty)\n",
            "fedora 40 ",
        ),
        (
            "etc/system-release",
            "Amazon Linux AMI release 2018.03\n",
            "amzn 2018.03 ",
        ),
        (
            "usr/lib/system-release",
            "Amazon Linux release 2023.5 (Amazon Linux)\n",
            "amzn 2023.5 ",
        ),
        (
            "etc/system-release-cpe",
            "cpe:/o:centos:linux:6:GA\n",
            "centos 6 ",
        ),
        (
            "etc/system-release-cpe",
            "cpe:2.3:o:amazon:amazon_linux:2\n",
            "amzn 2 ",
        ),
        ("etc/SuSE-release", SUSE, "sles 12.3 "),
        (
            "etc/SuSE-release",
            "openSUSE 13.1 (x86_64)\nVERSION = 13.1\n",
            "opensuse 13.1 ",
        ),
        (
            "etc/photon-release",
            "VMware Photon OS 5.0\nPHOTON_BUILD_NUMBER=1\n",
            "photon 5.0 ",
        ),
        ("etc/arch-release", "", "arch  "),
        (
            "etc/gentoo-release",
            "Gentoo Base System release 2.15\n",
            "gentoo 2.15 ",
        ),
    ];

    #[test]
    fn every_witness_names_its_system() {
        for (path, text, wanted) in TABLE {
            let claim = analyze(&OsRelease, path, text.as_bytes()).os.unwrap();
            let got = [claim.id, claim.version, claim.codename].join(" ");
            assert_eq!(got, *wanted, "{path}");
            assert!(WITNESSES.contains(path), "{path}");
        }
    }

    #[test]
    fn repositories_decide_only_where_they_are_several_or_edge() {
        let table = [
            (
                "https://x.org/alpine/v3.20/main\nhttps://x.org/alpine/v3.20/community",
                "3.20 ",
            ),
            (
                "https://x.org/alpine/v3.20/main\n@t https://x.org/alpine/edge/testing",
                " edge",
            ),
            (
                "https://x.org/alpine/v3.9/main\nhttps://x.org/alpine/v3.10/main",
                " 3.10",
            ),
            (
                "https://x.org/alpine/v3.20/main\n#https://x.org/alpine/edge/main",
                "3.20 ",
            ),
        ];
        for (text, wanted) in table {
            let claim = analyze(&OsRelease, REPOSITORIES, text.as_bytes())
                .os
                .unwrap();
            assert_eq!([claim.version, claim.codename].join(" "), wanted, "{text}");
        }
        let other = b"https://packages.wolfi.dev/os\n";
        assert!(analyze(&OsRelease, REPOSITORIES, other).is_empty());
    }
}
