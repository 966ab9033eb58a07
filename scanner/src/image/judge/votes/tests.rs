//! Elections with the versions that distributions give.

use sluicegate_model::package::Ecosystem;

use super::*;

fn package(package_type: PackageType, name: &str, version: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        package_type,
        architecture: None,
        source: None,
        licence: None,
    }
}

fn deb(version: &str) -> Package {
    package(PackageType::Deb, "x", version)
}

fn rpm(version: &str) -> Package {
    package(PackageType::Rpm, "x", version)
}

fn named(id: &str, version: &str) -> Distro {
    let claim = OsClaim {
        id: id.to_owned(),
        version: version.to_owned(),
        codename: String::new(),
    };
    distro::identify(&[&claim]).unwrap()
}

#[test]
fn versions_name_their_release() {
    let table = [
        (deb("1.1.1w-0+deb11u1"), Some(("debian", "11"))),
        (deb("2:3.0-1~deb12u2"), Some(("debian", "12"))),
        (deb("1.2-3"), None),
        (deb("7.88.1-10ubuntu0.22.04.3"), Some(("ubuntu", "22.04"))),
        (deb("2.35-0ubuntu3~24.10"), Some(("ubuntu", "24.10"))),
        (deb("5.1-6ubuntu1"), Some(("ubuntu", ""))),
        (
            package(PackageType::Deb, "base-files", "12.4"),
            Some(("debian", "12")),
        ),
        (
            package(PackageType::Apk, "alpine-release", "3.20.3-r0"),
            Some(("alpine", "3.20")),
        ),
        (
            package(PackageType::Apk, "wolfi-baselayout", "20230201-r7"),
            Some(("wolfi", "")),
        ),
        (rpm("1:3.0.7-27.el9"), Some(("el", "9"))),
        (rpm("8.0-1.fc40"), Some(("fedora", "40"))),
        (rpm("1.0-2.amzn2023.0.3"), Some(("amzn", "2023"))),
        (rpm("3.3.0-1.azl3"), Some(("azurelinux", "3"))),
        (
            package(PackageType::Rpm, "rocky-release", "9.4-1.7.el9"),
            Some(("rocky", "")),
        ),
    ];
    for (package, wanted) in table {
        let got = vote(&package);
        let got = got.as_ref().map(|vote| (vote.id, vote.release.as_str()));
        assert_eq!(got, wanted, "{} {}", package.name, package.version);
    }
}

#[test]
fn the_majority_names_an_image_without_a_name() {
    let table = [
        (
            vec![deb("1+deb12u1"), deb("2+deb12u3"), deb("3+deb11u1")],
            Some("Debian:12"),
        ),
        (
            vec![deb("1ubuntu0.22.04.1"), deb("2ubuntu1"), deb("3")],
            Some("Ubuntu:22.04:LTS"),
        ),
        (
            vec![
                package(PackageType::Rpm, "almalinux-release", "9.4-1.el9"),
                rpm("1-1.el9"),
                rpm("2-1.el9"),
            ],
            Some("AlmaLinux:9"),
        ),
        (vec![rpm("1-1.el9")], None),
        (vec![deb("1"), deb("2")], None),
    ];
    for (packages, wanted) in table {
        let elected = elect(packages.iter()).and_then(|distro| distro.ecosystem);
        assert_eq!(elected, wanted.map(Ecosystem::new), "{packages:?}");
    }
}

#[test]
fn a_name_that_most_packages_deny_is_contradicted() {
    let three = |package: Package| vec![package.clone(), package.clone(), package];
    let table = [
        (named("debian", "12"), three(deb("1+deb12u1")), false),
        (named("debian", "11"), three(deb("1+deb12u1")), true),
        (named("debian", ""), three(deb("1+deb12u1")), false),
        (named("debian", "12"), three(deb("1ubuntu1")), true),
        (named("ubuntu", "22.04"), three(deb("1+deb12u1")), true),
        (
            named("ubuntu", "22.04"),
            three(deb("1ubuntu0.24.04.1")),
            true,
        ),
        (
            named("ubuntu", "24.04"),
            three(deb("1ubuntu0.24.04.1")),
            false,
        ),
        (named("rocky", "9.4"), three(rpm("1-1.el9")), false),
        (named("rocky", "8.9"), three(rpm("1-1.el9")), true),
        (named("rocky", "9.4"), three(rpm("1-1.fc40")), true),
        (named("raspbian", "12"), three(deb("1ubuntu1")), false),
    ];
    for (distro, packages, wanted) in table {
        let got = contradiction(packages.iter(), &distro);
        assert_eq!(
            got.is_some(),
            wanted,
            "{} {}: {got:?}",
            distro.id,
            distro.version
        );
    }
    let two = [deb("1+deb12u1"), deb("2+deb12u1")];
    assert_eq!(contradiction(two.iter(), &named("debian", "13")), None);
}
