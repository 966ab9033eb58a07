//! Which versions of a licence a package may be had under.

use std::fmt;
use std::sync::LazyLock;

use spdx::{AdditionItem, LicenseItem, LicenseReq};

use super::name;

/// One licence of an expression.
pub(super) struct Term {
    name: String,
    /// The licence without a word on later versions, such as `GPL-2.0`.
    base: String,
    /// Whether later versions do as well.
    or_later: bool,
    /// The exception, and whether it is on SPDX's list.
    pub(super) exception: Option<(String, bool)>,
}

/// A version of a licence on SPDX's list.
struct Version {
    base: &'static str,
    family: &'static str,
    number: Vec<u32>,
}

/// The versions of all licences that have several, or may.
static VERSIONS: LazyLock<Vec<Version>> = LazyLock::new(|| {
    let bases = BASES.iter().filter_map(|base| {
        let (family, number) = split(base)?;
        Some(Version {
            base,
            family,
            number,
        })
    });
    bases.collect()
});

/// The names of all licences on SPDX's list, without a word on later versions.
pub(super) static BASES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let names = spdx::identifiers::LICENSES.iter().map(|it| base(it.name).0);
    let mut bases: Vec<&str> = names.collect();
    bases.sort_unstable();
    bases.dedup();
    bases
});

impl Term {
    pub(super) fn of(required: &LicenseReq) -> Self {
        let name = name(required);
        let (base, or_later) = match required.license {
            LicenseItem::Spdx { .. } => base(&name),
            LicenseItem::Other(_) => (name.as_str(), false),
        };
        let exception = required.addition.as_ref();
        Self {
            base: base.to_owned(),
            or_later,
            exception: exception.map(|it| (it.to_string(), matches!(it, AdditionItem::Spdx(_)))),
            name,
        }
    }

    /// Lists the versions that it leaves the choice of: of what may be later, those that SPDX lists.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        let own = split(&self.base).filter(|_| self.or_later);
        let later = VERSIONS.iter().filter(move |it| {
            let own = own.as_ref();
            own.is_some_and(|(family, number)| it.family == *family && it.number > *number)
        });
        std::iter::once(self.base.as_str()).chain(later.map(|it| it.base))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.exception {
            Some((exception, _)) => write!(f, " WITH {exception}"),
            None => Ok(()),
        }
    }
}

/// Takes a name apart into the licence and whether later versions do as well.
fn base(name: &str) -> (&str, bool) {
    let later = name
        .strip_suffix("-or-later")
        .or_else(|| name.strip_suffix('+'));
    let base = later.or_else(|| name.strip_suffix("-only"));
    (base.unwrap_or(name), later.is_some())
}

/// Takes a licence apart into its family and the number of its version; none where it has none.
fn split(base: &str) -> Option<(&str, Vec<u32>)> {
    let (family, number) = base.rsplit_once('-')?;
    let number: Result<Vec<u32>, _> = number.split('.').map(str::parse).collect();
    Some((family, number.ok()?))
}
