//! Files that named the operating system before `os-release` did: a sentence, a number, a CPE.
//!
//! Source: lsb_release(1), the files that it looks at; NVD, "Official CPE Dictionary".

use crate::facts::OsClaim;

use super::shell::value;

/// How release files call a distribution, and its `ID`; the first that fits counts.
const NAMES: [(&str, &str); 17] = [
    ("Red Hat", "rhel"),
    ("CentOS Stream", "centos-stream"),
    ("CentOS", "centos"),
    ("Rocky", "rocky"),
    ("AlmaLinux", "almalinux"),
    ("Oracle", "ol"),
    ("Fedora", "fedora"),
    ("Amazon", "amzn"),
    ("Scientific", "scientific"),
    ("CloudLinux", "cloudlinux"),
    ("Virtuozzo", "virtuozzo"),
    ("openEuler", "openeuler"),
    ("Mageia", "mageia"),
    ("CBL-Mariner", "mariner"),
    ("Azure Linux", "azurelinux"),
    ("VMware Photon", "photon"),
    ("Gentoo", "gentoo"),
];

/// The `ID` that a release file's own name stands for.
const FILES: [(&str, &str); 11] = [
    ("redhat-release", "rhel"),
    ("centos-release", "centos"),
    ("rocky-release", "rocky"),
    ("almalinux-release", "almalinux"),
    ("oracle-release", "ol"),
    ("fedora-release", "fedora"),
    ("photon-release", "photon"),
    ("arch-release", "arch"),
    ("gentoo-release", "gentoo"),
    ("SuSE-release", "opensuse"),
    ("alpine-release", "alpine"),
];

/// Vendors and products of CPE names, and their `ID`.
const CPES: [(&str, &str, &str); 8] = [
    ("redhat", "enterprise_linux", "rhel"),
    ("centos", "linux", "centos"),
    ("centos", "centos", "centos"),
    ("rocky", "rocky", "rocky"),
    ("almalinux", "almalinux", "almalinux"),
    ("oracle", "linux", "ol"),
    ("fedoraproject", "fedora", "fedora"),
    ("amazon", "amazon_linux", "amzn"),
];

/// Reads `NAME release N.N (Codename)`, or a number alone; the file's name decides where the text
/// names nothing.
pub(super) fn release_file(file_name: &str, text: &str) -> OsClaim {
    let text = text.trim();
    if file_name == "SuSE-release" {
        return suse(text);
    }
    let line = text.lines().next().unwrap_or_default();
    let by_text = NAMES.iter().find(|(name, _)| line.starts_with(name));
    let by_file = FILES.iter().find(|(name, _)| *name == file_name);
    let id = by_text.or(by_file).map_or("", |(_, id)| id);
    let version = line
        .split_once(" release ")
        .map(|(_, after)| after)
        .or_else(|| line.strip_prefix("VMware Photon OS "))
        .unwrap_or(line)
        .split_whitespace()
        .next()
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    OsClaim {
        id: id.to_owned(),
        version: version.unwrap_or_default().to_owned(),
        codename: String::new(),
    }
}

/// Reads `openSUSE 13.1 (x86_64)` and the variables below it.
fn suse(text: &str) -> OsClaim {
    let is_enterprise = text.starts_with("SUSE Linux Enterprise");
    let variable = |key: &str| value(&text.replace(" = ", "="), key);
    let (version, pack) = (variable("VERSION"), variable("PATCHLEVEL"));
    OsClaim {
        id: if is_enterprise { "sles" } else { "opensuse" }.to_owned(),
        version: if is_enterprise && !pack.is_empty() {
            format!("{version}.{pack}")
        } else {
            version
        },
        codename: String::new(),
    }
}

/// Reads `12.11`, or `trixie/sid` before a release.
pub(super) fn debian(text: &str) -> OsClaim {
    let text = text.trim();
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let (version, codename) = if is_number { (text, "") } else { ("", text) };
    OsClaim {
        id: "debian".to_owned(),
        version: version.to_owned(),
        codename: codename.to_owned(),
    }
}

/// Reads `cpe:/o:centos:linux:6:GA` or `cpe:2.3:o:amazon:amazon_linux:2`.
pub(super) fn cpe(text: &str) -> OsClaim {
    let name = text.trim();
    let rest = name
        .strip_prefix("cpe:2.3:o:")
        .or_else(|| name.strip_prefix("cpe:/o:"));
    let mut fields = rest.unwrap_or_default().split(':');
    let (vendor, product) = (fields.next(), fields.next());
    let known = CPES
        .iter()
        .find(|(v, p, _)| (Some(*v), Some(*p)) == (vendor, product));
    known.map_or_else(OsClaim::default, |(_, _, id)| OsClaim {
        id: (*id).to_owned(),
        version: fields.next().unwrap_or_default().to_owned(),
        codename: String::new(),
    })
}

/// Reads the releases of Alpine that a list of repositories names.
///
/// Several, or the one without a number, tell what packages are to be held against: they are given
/// as a codename, which counts before a version.
pub(super) fn repositories(text: &str) -> OsClaim {
    let mut releases: Vec<_> = text.lines().filter_map(repository).collect();
    releases.sort_unstable();
    releases.dedup();
    let Some(newest) = releases.pop() else {
        return OsClaim::default();
    };
    let shown = match newest {
        (u32::MAX, _) => "edge".to_owned(),
        (major, minor) => format!("{major}.{minor}"),
    };
    let decides = !releases.is_empty() || newest.0 == u32::MAX;
    let (version, codename) = if decides {
        (String::new(), shown)
    } else {
        (shown, String::new())
    };
    OsClaim {
        id: "alpine".to_owned(),
        version,
        codename,
    }
}

/// Reads the release from `https://…/alpine/v3.20/main`; edge is newer than all.
fn repository(line: &str) -> Option<(u32, u32)> {
    // A tag before the address names a repository of which only chosen packages come.
    let address = line
        .trim()
        .trim_start_matches(|c: char| c != 'h' && c != '/');
    let (_, after) = address.split_once("/alpine/")?;
    if line.trim_start().starts_with('#') {
        return None;
    }
    match after.split('/').next()? {
        "edge" => Some((u32::MAX, 0)),
        release => {
            let (major, minor) = release.strip_prefix('v')?.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        }
    }
}
