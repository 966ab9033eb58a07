//! What OSV calls the packages of a distribution's release: a table by `ID`.
//!
//! A distribution that is not in it has no advisories in OSV, and neither has a derivative. Whether
//! a feed is loaded for the name is asked when packages are matched.
//!
//! Source: OSV schema, "Defined Ecosystems"; the names in OSV's own list of ecosystems.

use crate::facts::OsClaim;

use super::release::{series, version};

/// Codenames that have no number in `VERSION_ID` yet. Source: Debian releases.
const DEBIAN_TESTING: [(&str, &str); 2] = [("forky", "14"), ("duke", "15")];

/// Names the ecosystem; none where OSV has none.
pub(super) fn ecosystem(claim: &OsClaim) -> Option<String> {
    let version = version(claim);
    let major = version.split('.').next().unwrap_or_default();
    let dotted = |name: &str| (!version.is_empty()).then(|| format!("{name}{version}"));
    let by_major = |name: &str| (!major.is_empty()).then(|| format!("{name}:{major}"));
    match claim.id.as_str() {
        "debian" => by_major("Debian").or_else(|| debian_series(&claim.codename)),
        "ubuntu" => ubuntu(version),
        "alpine" => alpine(version, &claim.codename),
        "wolfi" => Some("Wolfi".to_owned()),
        "chainguard" => Some("Chainguard".to_owned()),
        "minimos" => Some("MinimOS".to_owned()),
        "echo" => Some("Echo".to_owned()),
        "cleanstart" => Some("CleanStart".to_owned()),
        "alpaquita" => by_major("Alpaquita"),
        "bellsoft-hardened-containers" => by_major("BellSoft Hardened Containers"),
        "rhel" => red_hat(major),
        "almalinux" => by_major("AlmaLinux"),
        "rocky" => by_major("Rocky Linux"),
        "azurelinux" | "mariner" => by_major("Azure Linux"),
        "photon" => dotted("Photon OS:"),
        "mageia" => by_major("Mageia"),
        "openeuler" => open_euler(version, &claim.codename),
        "sles" => suse("Linux Enterprise Server", version),
        "sles_sap" => suse("Linux Enterprise Server for SAP Applications", version),
        "sled" => suse("Linux Enterprise Desktop", version),
        "sle-micro" => dotted("SUSE:Linux Enterprise Micro "),
        "sl-micro" => dotted("SUSE:Linux Micro "),
        "opensuse-leap" | "opensuse" => dotted("openSUSE:Leap "),
        "opensuse-leap-micro" => dotted("openSUSE:Leap Micro "),
        "opensuse-tumbleweed" => Some("openSUSE:Tumbleweed".to_owned()),
        _ => None,
    }
}

/// Reads `sid`, `forky` or `forky/sid`.
fn debian_series(codename: &str) -> Option<String> {
    let series = series(codename);
    let number = DEBIAN_TESTING
        .iter()
        .find(|(name, _)| *name == series)
        .map(|(_, number)| *number);
    match number {
        Some(number) => Some(format!("Debian:{number}")),
        None => (!series.is_empty()).then(|| format!("Debian:{series}")),
    }
}

/// Long-term releases are those of April in even years.
fn ubuntu(version: &str) -> Option<String> {
    let (year, month) = version.split_once('.')?;
    let month = month.split('.').next().unwrap_or_default();
    let is_long_term = month == "04" && year.parse::<u32>().ok()? % 2 == 0;
    let suffix = if is_long_term { ":LTS" } else { "" };
    Some(format!("Ubuntu:{year}.{month}{suffix}"))
}

/// Releases are `v3.20`; snapshots such as `3.22.0_alpha20250108` belong to edge.
///
/// Packages of several releases belong to the newest of them, which the repositories name as a
/// codename.
fn alpine(version: &str, newest_repository: &str) -> Option<String> {
    let version = if newest_repository.is_empty() {
        version
    } else {
        newest_repository
    };
    if version.contains("_alpha") || version.contains("edge") {
        return Some("Alpine:edge".to_owned());
    }
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(major) && is_number(minor)).then(|| format!("Alpine:v{major}.{minor}"))
}

/// The repository that every image of the release has; others are known by content sets only.
fn red_hat(major: &str) -> Option<String> {
    let number: u32 = major.parse().ok()?;
    let repository = if number < 8 { "server" } else { "baseos" };
    Some(format!("Red Hat:enterprise_linux:{number}::{repository}"))
}

/// `24.03` with `LTS-SP1` is `24.03-LTS-SP1`; a release without long-term support has no more.
fn open_euler(version: &str, codename: &str) -> Option<String> {
    if version.is_empty() {
        return None;
    }
    let is_long_term = codename.starts_with("LTS");
    Some(if is_long_term {
        format!("openEuler:{version}-{codename}")
    } else {
        format!("openEuler:{version}")
    })
}

/// `15.5` is sold as "15 SP5".
fn suse(product: &str, version: &str) -> Option<String> {
    let (major, pack) = version.split_once('.').unwrap_or((version, "0"));
    match (major, pack) {
        ("", _) => None,
        // From 16 on, releases are numbered as they are sold.
        (major, pack) if major.parse::<u32>().is_ok_and(|number| number > 15) => {
            Some(format!("SUSE:{product} {major}.{pack}"))
        }
        (major, "0") => Some(format!("SUSE:{product} {major}")),
        (major, pack) => Some(format!("SUSE:{product} {major} SP{pack}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ID`, `VERSION_ID`, codename, and the ecosystem.
    type Row = (
        &'static str,
        &'static str,
        &'static str,
        Option<&'static str>,
    );

    const TABLE: &[Row] = &[
        ("debian", "12", "bookworm", Some("Debian:12")),
        ("debian", "12.11", "", Some("Debian:12")),
        ("debian", "", "sid", Some("Debian:sid")),
        ("debian", "", "forky/sid", Some("Debian:14")),
        ("debian", "", "trixie", Some("Debian:13")),
        ("debian", "", "trixie/sid", Some("Debian:13")),
        ("debian", "", "bookworm", Some("Debian:12")),
        ("debian", "", "", None),
        ("ubuntu", "", "noble", Some("Ubuntu:24.04:LTS")),
        ("ubuntu", "", "Questing Quokka", Some("Ubuntu:25.10")),
        ("ubuntu", "", "unheard", None),
        ("kali", "", "trixie", None),
        ("ubuntu", "22.04", "", Some("Ubuntu:22.04:LTS")),
        ("ubuntu", "24.10", "", Some("Ubuntu:24.10")),
        ("ubuntu", "23.04", "", Some("Ubuntu:23.04")),
        ("alpine", "3.20.3", "", Some("Alpine:v3.20")),
        ("alpine", "3.22.0_alpha20250108", "", Some("Alpine:edge")),
        ("alpine", "3.20.3", "edge", Some("Alpine:edge")),
        ("alpine", "3.20.3", "3.21", Some("Alpine:v3.21")),
        ("alpine", "", "", None),
        ("wolfi", "20230201", "", Some("Wolfi")),
        ("chainguard", "20230214", "", Some("Chainguard")),
        ("minimos", "", "", Some("MinimOS")),
        ("echo", "1", "", Some("Echo")),
        ("cleanstart", "", "", Some("CleanStart")),
        ("alpaquita", "23", "", Some("Alpaquita:23")),
        ("alpaquita", "stream", "", Some("Alpaquita:stream")),
        (
            "bellsoft-hardened-containers",
            "stream",
            "",
            Some("BellSoft Hardened Containers:stream"),
        ),
        (
            "rhel",
            "9.4",
            "",
            Some("Red Hat:enterprise_linux:9::baseos"),
        ),
        (
            "rhel",
            "7.9",
            "",
            Some("Red Hat:enterprise_linux:7::server"),
        ),
        ("centos", "8", "", None),
        ("centos-stream", "9", "", None),
        ("rocky", "9.4", "", Some("Rocky Linux:9")),
        ("almalinux", "9.4", "", Some("AlmaLinux:9")),
        ("almalinux", "10.0", "", Some("AlmaLinux:10")),
        ("sles", "15", "", Some("SUSE:Linux Enterprise Server 15")),
        (
            "sles",
            "15.7",
            "",
            Some("SUSE:Linux Enterprise Server 15 SP7"),
        ),
        (
            "sles",
            "16.0",
            "",
            Some("SUSE:Linux Enterprise Server 16.0"),
        ),
        (
            "sle-micro",
            "5.5",
            "",
            Some("SUSE:Linux Enterprise Micro 5.5"),
        ),
        ("sl-micro", "6.1", "", Some("SUSE:Linux Micro 6.1")),
        ("opensuse-leap", "15.6", "", Some("openSUSE:Leap 15.6")),
        (
            "opensuse-tumbleweed",
            "20260801",
            "",
            Some("openSUSE:Tumbleweed"),
        ),
        ("azurelinux", "3.0", "", Some("Azure Linux:3")),
        ("mariner", "2.0", "", Some("Azure Linux:2")),
        (
            "openeuler",
            "24.03",
            "LTS-SP1",
            Some("openEuler:24.03-LTS-SP1"),
        ),
        ("openeuler", "23.09", "", Some("openEuler:23.09")),
        ("mageia", "9", "", Some("Mageia:9")),
        ("photon", "5.0", "", Some("Photon OS:5.0")),
        ("amzn", "2023", "", None),
        ("ol", "9.4", "", None),
        ("fedora", "40", "", None),
        ("arch", "", "", None),
        ("gentoo", "2.15", "", None),
        ("bottlerocket", "1.20.0", "", None),
        ("kali", "2024.1", "", None),
    ];

    #[test]
    fn names_ecosystems_as_osv_does() {
        for (id, version, codename, wanted) in TABLE {
            let claim = OsClaim {
                id: (*id).to_owned(),
                version: (*version).to_owned(),
                codename: (*codename).to_owned(),
            };
            assert_eq!(ecosystem(&claim).as_deref(), *wanted, "{id} {version}");
        }
    }
}
