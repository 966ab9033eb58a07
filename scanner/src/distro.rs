//! Which distribution an image is, and what OSV calls the ecosystem of its packages.
//!
//! The name is a table, never `ID_LIKE`: a derivative with its own versions must stay unmatched.
//! `inventory.rs` asks; nothing here reads files.
//!
//! Source: os-release(5); OSV schema, "Defined Ecosystems".

mod ecosystem;
mod release;
mod witnesses;

use sluicegate_model::package::{Distro, Ecosystem, Package, PackageType};

use crate::facts::OsClaim;

use self::ecosystem::ecosystem;
use self::release::{release, version};
pub(crate) use self::witnesses::{REPOSITORIES, WITNESSES, contradictions};

/// Raised with every change of how a distribution is named and what contradicts that. It enters the
/// scanner's fingerprint.
pub(crate) const DISTRO_REVISION: u32 = 2;

/// Identifies the distribution from the claims of [`WITNESSES`] that are there, in that order.
pub(crate) fn identify(claims: &[&OsClaim]) -> Option<Distro> {
    let first = claims.iter().find(|claim| !claim.id.is_empty())?;
    let same = || claims.iter().filter(|claim| claim.id == first.id);
    let of = |field: fn(&OsClaim) -> &str| {
        same()
            .map(|claim| field(claim))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let claim = OsClaim {
        id: first.id.clone(),
        version: if first.version.is_empty() {
            of(|claim| &claim.version)
        } else {
            first.version.clone()
        },
        codename: if first.codename.is_empty() {
            of(|claim| &claim.codename)
        } else {
            first.codename.clone()
        },
    };
    Some(Distro {
        ecosystem: ecosystem(&claim).map(|name| Ecosystem::new(&name)),
        version: version(&claim).to_owned(),
        id: claim.id,
    })
}

/// Tells whether a distribution's own packages can be of a type; unknown distributions may be all.
pub(crate) fn may_hold(distro: &Distro, package_type: PackageType) -> bool {
    let own = match distro.id.as_str() {
        "debian" | "ubuntu" | "echo" => PackageType::Deb,
        "alpine" | "wolfi" | "chainguard" | "minimos" | "alpaquita" => PackageType::Apk,
        "rhel"
        | "centos"
        | "centos-stream"
        | "rocky"
        | "almalinux"
        | "ol"
        | "fedora"
        | "amzn"
        | "azurelinux"
        | "mariner"
        | "photon"
        | "mageia"
        | "openeuler"
        | "sles"
        | "sle-micro"
        | "sl-micro"
        | "opensuse"
        | "opensuse-leap"
        | "opensuse-tumbleweed" => PackageType::Rpm,
        "arch" => PackageType::Pacman,
        _ => return true,
    };
    package_type == own || !package_type.is_operating_system()
}

/// Says what a package of the base system tells against the distribution's name, if anything.
///
/// `base-files` 12.4+deb12u11 belongs to Debian 12, `alpine-release` 3.20.3-r0 to Alpine 3.20.
pub(crate) fn contradiction(package: &Package, distro: &Distro) -> Option<String> {
    let (name, version) = (package.name.as_str(), package.version.as_str());
    let id = distro.id.as_str();
    let of_ubuntu = version.contains("ubuntu");
    let is_foreign = match name {
        "base-files" => (id == "debian" && of_ubuntu) || (id == "ubuntu" && !of_ubuntu),
        "alpine-baselayout" => matches!(id, "wolfi" | "chainguard"),
        "wolfi-baselayout" | "chainguard-baselayout" => id == "alpine",
        _ => false,
    };
    let carries_release = matches!(
        (id, name),
        ("debian", "base-files") | ("alpine", "alpine-release")
    );
    let carried = Distro {
        version: version
            .split(['-', '+', '_'])
            .next()
            .unwrap_or_default()
            .to_owned(),
        ..distro.clone()
    };
    let is_other_release =
        carries_release && !distro.version.is_empty() && release(&carried) != release(distro);
    (is_foreign || is_other_release || !may_hold(distro, package.package_type))
        .then(|| format!("its package {name} {version} is of another"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weaker_witnesses_fill_only_what_the_strongest_leaves_open() {
        let strong = OsClaim {
            id: "debian".to_owned(),
            ..OsClaim::default()
        };
        let weak = OsClaim {
            id: "debian".to_owned(),
            version: String::new(),
            codename: "sid".to_owned(),
        };
        let distro = identify(&[&strong, &weak]).unwrap();
        assert_eq!(distro.ecosystem, Some(Ecosystem::new("Debian:sid")));
    }

    #[test]
    fn a_codename_that_has_a_number_since_stands_for_it() {
        let of = |codename: &str| {
            let claim = OsClaim {
                id: "debian".to_owned(),
                version: String::new(),
                codename: codename.to_owned(),
            };
            let distro = identify(&[&claim]).unwrap();
            (distro.version, distro.ecosystem)
        };
        for (codename, version, ecosystem) in [
            ("trixie", "13", "Debian:13"),
            ("bookworm/sid", "12", "Debian:12"),
            ("forky", "", "Debian:14"),
            ("sid", "", "Debian:sid"),
        ] {
            let wanted = (version.to_owned(), Some(Ecosystem::new(ecosystem)));
            assert_eq!(of(codename), wanted, "{codename}");
        }
    }
}
