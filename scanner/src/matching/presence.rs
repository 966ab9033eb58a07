//! Whether what has a weakness is there: the part of the package, in this program and on what that
//! runs on.
//!
//! A record may limit a weakness to parts of a package, and a program may tell which of a module's parts
//! are linked into it. Of the headers of a kernel, no weakness of the kernel is any. Where either does not
//! say, the weakness is taken to be there. Pure. Called by `judge`.

use sluicegate_model::advisory::{Advisory, Part};
use sluicegate_model::package::{Component, MODULE_ROOT, Package, PackageType};

use crate::examples::examples;

/// The name of Go's own library, whose packages lie below no path of their own.
const GO_LIBRARY: &str = "stdlib";

/// What the sources of kernels are called.
const KERNELS: [&str; 2] = ["linux", "kernel"];

/// What a program runs on, as its headers say; what those do not say limits nothing. What the image's
/// config says is its author's word.
#[derive(Clone, Copy, Debug, Default)]
struct Machine<'a> {
    system: Option<&'a str>,
    architecture: Option<&'a str>,
}

impl<'a> Machine<'a> {
    /// Reads `system/architecture`.
    fn of(platform: &'a str) -> Self {
        let known = |part: &'a str| (!part.is_empty()).then_some(part);
        let mut parts = platform.split('/').map(known);
        Self {
            system: parts.next().flatten(),
            architecture: parts.next().flatten(),
        }
    }

    /// Tells whether it is known to be none of those on which a part has the weakness.
    fn is_outside(self, part: &Part) -> bool {
        let is_other = |own: Option<&str>, named: &[String]| {
            !named.is_empty() && own.is_some_and(|own| named.iter().all(|name| name != own))
        };
        is_other(self.system, &part.systems) || is_other(self.architecture, &part.architectures)
    }
}

/// Where the parts of a package are that a record speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PackageParts {
    /// The record speaks of no parts.
    Unstated,
    /// One of them is here, or may be.
    Here,
    /// All are on other platforms.
    Elsewhere,
    /// None is linked into the program, but for those on other platforms.
    Unlinked,
}

impl PackageParts {
    /// Looks for the parts that a record speaks of.
    pub(super) fn of(component: &Component, advisory: &Advisory) -> Self {
        let machine = Machine::of(&component.platform);
        let parts = advisory.scope.parts.as_slice();
        if parts.is_empty() {
            return Self::Unstated;
        }
        let mut inside = parts
            .iter()
            .filter(|part| !machine.is_outside(part))
            .peekable();
        if inside.peek().is_none() {
            return Self::Elsewhere;
        }
        if inside.all(|part| is_unlinked(component, part)) {
            Self::Unlinked
        } else {
            Self::Here
        }
    }

    /// Tells whether nothing of what the record speaks of is here.
    pub(super) fn are_absent(self) -> bool {
        matches!(self, Self::Elsewhere | Self::Unlinked)
    }
}

fn is_unlinked(component: &Component, part: &Part) -> bool {
    let Some(path) = part.path.as_deref() else {
        return false;
    };
    let module = component.package.name.as_str();
    let below = match path.strip_prefix(module) {
        _ if module == GO_LIBRARY => Some(path),
        Some("") => Some(MODULE_ROOT),
        Some(rest) => rest.strip_prefix('/'),
        None => None,
    };
    let linked = &component.linked;
    !linked.is_empty() && below.is_some_and(|below| !linked.iter().any(|path| path == below))
}

/// Why a weakness does not bear on a component that has the version.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It is one of other platforms.
    Elsewhere,
    /// What has it is not there, in words.
    Part(String),
}

/// Tells whether what records on one weakness speak of is absent, of each where its parts are. Those that
/// limit it to parts speak for those that do not.
pub(super) fn absence<'a>(
    component: &Component,
    records: impl Iterator<Item = (PackageParts, &'a Advisory)> + Clone,
) -> Option<Absence> {
    if has_headers_only(&component.package) {
        let detail = "the package has headers of the kernel, not its code";
        return Some(Absence::Part(detail.to_owned()));
    }
    let stated = records.filter(|(parts, _)| *parts != PackageParts::Unstated);
    let is_stated = stated.clone().next().is_some();
    if !is_stated || !stated.clone().all(|(parts, _)| parts.are_absent()) {
        return None;
    }
    if stated
        .clone()
        .all(|(parts, _)| parts == PackageParts::Elsewhere)
    {
        return Some(Absence::Elsewhere);
    }
    let parts = stated.flat_map(|(_, advisory)| &advisory.scope.parts);
    let mut paths: Vec<&str> = parts.filter_map(|part| part.path.as_deref()).collect();
    paths.sort_unstable();
    paths.dedup();
    let named = examples(paths);
    let detail = format!("not linked into the program, by its table of functions: {named}");
    Some(Absence::Part(detail))
}

/// Tells whether a system's package holds the kernel's headers only: what programs are compiled with.
/// Its own name says so, which packages of one source and version do not share.
pub(super) fn has_headers_only(package: &Package) -> bool {
    let name = package.name.as_str();
    let is_named_so = match package.package_type {
        PackageType::Deb => {
            name.starts_with("linux-headers-") || name.starts_with("linux-libc-dev")
        }
        PackageType::Apk => name == "linux-headers",
        PackageType::Rpm => {
            let is_kernels = name.starts_with("kernel");
            let is_headers = name.ends_with("-headers") || name.ends_with("-devel");
            (is_kernels && is_headers) || name == "linux-glibc-devel"
        }
        PackageType::Pacman => matches!(name, "linux-api-headers" | "linux-headers"),
        PackageType::Opkg => name == "linux-libc-headers-dev",
        _ => false,
    };
    let source = package.source.as_ref();
    let is_of_kernel =
        |source: &str| source == name || KERNELS.iter().any(|kernel| source.starts_with(kernel));
    is_named_so && source.is_none_or(|source| is_of_kernel(&source.name))
}
