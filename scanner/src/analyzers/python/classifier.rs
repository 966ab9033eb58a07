//! The licences that Python's classifiers name.
//!
//! Source: PyPI, "Classifiers", those that begin with `License`; SPDX, "License List".

/// Most bytes of a classifier that is looked at.
const MAX_CLASSIFIER_BYTES: usize = 200;

/// Classifiers that name one licence and not a family of them, with what SPDX calls it.
const KNOWN: [(&str, &str); 24] = [
    ("Academic Free License (AFL)", "AFL-3.0"),
    ("Apache Software License 2.0", "Apache-2.0"),
    ("Boost Software License 1.0 (BSL-1.0)", "BSL-1.0"),
    ("CMU License (MIT-CMU)", "MIT-CMU"),
    ("Eclipse Public License 1.0 (EPL-1.0)", "EPL-1.0"),
    ("Eclipse Public License 2.0 (EPL-2.0)", "EPL-2.0"),
    ("GNU Affero General Public License v3", "AGPL-3.0-only"),
    (
        "GNU Affero General Public License v3 or later (AGPLv3+)",
        "AGPL-3.0-or-later",
    ),
    ("GNU General Public License v2 (GPLv2)", "GPL-2.0-only"),
    (
        "GNU General Public License v2 or later (GPLv2+)",
        "GPL-2.0-or-later",
    ),
    ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
    (
        "GNU General Public License v3 or later (GPLv3+)",
        "GPL-3.0-or-later",
    ),
    (
        "GNU Lesser General Public License v2 (LGPLv2)",
        "LGPL-2.0-only",
    ),
    (
        "GNU Lesser General Public License v2 or later (LGPLv2+)",
        "LGPL-2.0-or-later",
    ),
    (
        "GNU Lesser General Public License v3 (LGPLv3)",
        "LGPL-3.0-only",
    ),
    (
        "GNU Lesser General Public License v3 or later (LGPLv3+)",
        "LGPL-3.0-or-later",
    ),
    ("ISC License (ISCL)", "ISC"),
    ("MIT License", "MIT"),
    ("MIT No Attribution License (MIT-0)", "MIT-0"),
    ("Mozilla Public License 1.1 (MPL 1.1)", "MPL-1.1"),
    ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
    ("The Unlicense (Unlicense)", "Unlicense"),
    ("Universal Permissive License (UPL)", "UPL-1.0"),
    ("zlib/libpng License", "Zlib"),
];

/// What classifiers say so far.
#[derive(Debug, Default)]
pub(super) enum Classified {
    /// Nothing.
    #[default]
    Silent,
    /// One licence.
    One(&'static str),
    /// A family of licences, or several, of which nobody says whether all are meant or any.
    Open,
}

impl Classified {
    /// Takes a classifier, whatever it is about.
    pub(super) fn take(&mut self, value: &[u8]) {
        if value.len() > MAX_CLASSIFIER_BYTES {
            return;
        }
        let Ok(value) = std::str::from_utf8(value) else {
            return;
        };
        let mut parts = value.split("::").map(str::trim);
        if parts.next() != Some("License") {
            return;
        }
        let Some(name) = parts.last().filter(|name| *name != "OSI Approved") else {
            return;
        };
        let known = KNOWN.iter().find(|(known, _)| *known == name);
        *self = match (&*self, known) {
            (Self::Silent, Some((_, id))) => Self::One(id),
            (Self::One(before), Some((_, id))) if before == id => return,
            _ => Self::Open,
        };
    }

    /// Gives the licence where one is named.
    pub(super) fn one(&self) -> Option<String> {
        match self {
            Self::One(id) => Some((*id).to_owned()),
            Self::Silent | Self::Open => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(classifiers: &[&str]) -> Option<String> {
        let mut classified = Classified::default();
        for classifier in classifiers {
            classified.take(classifier.as_bytes());
        }
        classified.one()
    }

    #[test]
    fn one_licence_is_named_and_a_family_or_several_are_not() {
        let mit = " License :: OSI Approved :: MIT License";
        let family = "License :: OSI Approved :: BSD License";
        for (classifiers, wanted) in [
            (&[mit][..], Some("MIT")),
            (&[mit, mit, "Topic :: MIT"], Some("MIT")),
            (&["License :: OSI Approved", mit], Some("MIT")),
            (&[family], None),
            (&[mit, family], None),
            (&[family, mit], None),
            (
                &[mit, "License :: OSI Approved :: ISC License (ISCL)"],
                None,
            ),
            (&["License"], None),
            (&[], None),
        ] {
            assert_eq!(read(classifiers).as_deref(), wanted, "{classifiers:?}");
        }
    }
}
