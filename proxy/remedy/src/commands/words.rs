//! What of an image or a feed may stand in a line for a shell: names, versions and paths of a strict set
//! of characters, none of which means anything to a shell, to XML or to a Dockerfile.

use sluicegate_model::package::PackageType;

/// Longest name, version or path that is taken, in bytes.
const MAX_BYTES: usize = 256;

/// Tells whether a name is one that managers of its kind take for a package and for nothing else.
pub(super) fn is_name(package_type: PackageType, name: &str) -> bool {
    match package_type {
        // Anything else would be a path, an address or a repository to npm.
        PackageType::Npm => match name.strip_prefix('@') {
            Some(scoped) => {
                let parts = scoped.split_once('/');
                parts.is_some_and(|(scope, name)| is_plain(scope, "._-") && is_plain(name, "._-"))
            }
            None => is_plain(name, "._-"),
        },
        PackageType::Maven => parts(name, ':', 2),
        PackageType::Composer => parts(name, '/', 2),
        PackageType::Go => {
            let mut parts = name.split('/');
            parts.all(|part| is_plain(part, "._-~"))
        }
        PackageType::Deb | PackageType::Apk | PackageType::Rpm | PackageType::Pacman => {
            is_plain(name, "+._-")
        }
        PackageType::Opkg
        | PackageType::Python
        | PackageType::Gem
        | PackageType::Cargo
        | PackageType::Nuget
        | PackageType::Conda
        | PackageType::Cran
        | PackageType::Hex
        | PackageType::Cpan
        | PackageType::Bitnami
        | PackageType::Generic => is_plain(name, "._-"),
    }
}

fn parts(name: &str, separator: char, count: usize) -> bool {
    name.split(separator).count() == count
        && name.split(separator).all(|part| is_plain(part, "._-"))
}

/// Tells whether a version is one: `latest`, ranges and addresses are none.
pub(super) fn is_version(package_type: PackageType, version: &str) -> bool {
    let begins = |c: char| c.is_ascii_digit() || package_type.is_operating_system();
    let number = version.strip_prefix('v').unwrap_or(version);
    number.starts_with(begins) && is_plain(version, "._-+~:^!")
}

/// Tells whether a path of the image is a plain one.
pub(super) fn is_path(path: &str) -> bool {
    let mut parts = path.split('/');
    let is_part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && !part.starts_with('-')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-+@".contains(c))
    };
    path.len() <= MAX_BYTES && parts.all(is_part)
}

/// Tells whether a name of a user or a number of one is a plain one.
pub(super) fn is_user(user: &str) -> bool {
    is_plain(user, "._-:")
}

/// Tells whether a text begins with a letter or a digit and has nothing else but those and some more.
fn is_plain(text: &str, more: &str) -> bool {
    text.len() <= MAX_BYTES
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        && !text.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_managers_take_for_packages_alone() {
        for (kind, name, is_one) in [
            (PackageType::Npm, "lodash.merge", true),
            (PackageType::Npm, "@scope/x", true),
            (PackageType::Npm, "evil/repository", false),
            (PackageType::Npm, "@scope/../x", false),
            (PackageType::Npm, "-g", false),
            (PackageType::Npm, "file:x", false),
            (PackageType::Deb, "libstdc++6", true),
            (PackageType::Deb, "--allow-unauthenticated", false),
            (PackageType::Deb, "a b", false),
            (PackageType::Maven, "org.x:y", true),
            (PackageType::Maven, "y", false),
            (PackageType::Maven, "a:</dependency>", false),
            (PackageType::Go, "golang.org/x/net", true),
            (PackageType::Go, "golang.org//net", false),
            (PackageType::Python, "x; rm -rf /", false),
            (PackageType::Python, "$(id)", false),
            (PackageType::Python, "x'", false),
            (PackageType::Python, "", false),
        ] {
            assert_eq!(is_name(kind, name), is_one, "{name}");
        }
    }

    #[test]
    fn versions_and_paths_are_plain() {
        assert!(is_version(PackageType::Deb, "1:3.0.11-1~deb12u2"));
        assert!(is_version(PackageType::Python, "1!2.0.post1"));
        for bad in [
            "latest",
            ">=1",
            "git+https://x",
            "1 2",
            "1'",
            "1`id`",
            "1\n2",
            "-1",
            "",
        ] {
            assert!(!is_version(PackageType::Npm, bad), "{bad}");
        }
        assert!(is_path("opt/venv/lib/python3.11/site-packages"));
        for bad in ["/opt", "a/../b", "a b", "a/-rf", "a/$x", ""] {
            assert!(!is_path(bad), "{bad}");
        }
    }
}
