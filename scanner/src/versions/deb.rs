//! The order of Debian and Ubuntu package versions: `[epoch:]upstream[-revision]`.
//!
//! Source: Debian Policy 5.6.12; the comparison itself is the `debversion` crate's. It never
//! repairs a text that dpkg would refuse. Called by the Debian and Ubuntu matcher.

use std::cmp::Ordering;

use super::{ParsedVersion, VersionError, bounded, malformed};

/// A Debian version.
#[derive(Clone, Debug)]
pub struct DebVersion(debversion::Version);

impl ParsedVersion for DebVersion {
    fn parse(text: &str) -> Result<Self, VersionError> {
        let version: debversion::Version = bounded(text)?
            .parse()
            .map_err(|_| malformed("dpkg", text))?;
        // The crate reads a colon behind anything but a number as part of the version.
        if version.epoch.is_none() && text.contains(':') {
            return Err(malformed("dpkg", text));
        }
        Ok(Self(version))
    }
}

impl Ord for DebVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for DebVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for DebVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for DebVersion {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::laws;
    use proptest::prelude::*;
    use std::process::Command;

    const ORDERED: &[&str] = &[
        "0~~ < 0~~a < 0~ < 0 < 0a < 0+ < 0.",
        "1.0~beta1 < 1.0~rc1-1 < 1.0 < 1.0-0.1 < 1.0-1 < 1.0-1+deb12u1 < 1.0-1+deb12u10",
        "2.9 < 2.10 < 1:0.1 < 2:0",
        "1.0-1~deb11u1 < 1.0-1~deb12u1 < 1.0-1 < 1.0-1ubuntu1 < 1.0-1ubuntu1.1",
        "1.2.3 < 1.2.3a < 1.2.3+dfsg < 1.2.3.1",
        "1.0-0 = 1.0 = 0:1.0 = 01.00",
        "99999999999999999998 < 99999999999999999999 < 100000000000000000000",
    ];

    #[test]
    fn orders_the_table() {
        laws::check_table::<DebVersion>(ORDERED);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in ["", "1.0 2", "a:1", "1.0_2", "1:\u{e9}", &"1".repeat(300)] {
            assert!(DebVersion::parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn agrees_with_dpkg() {
        let chains: Vec<&str> = laws::words(ORDERED);
        for left in &chains {
            for right in &chains {
                let status = Command::new("dpkg")
                    .args(["--compare-versions", left, "lt", right])
                    .status()
                    .expect("dpkg is part of every Debian and is needed to check the order");
                let ours = laws::parsed::<DebVersion>(left) < laws::parsed::<DebVersion>(right);
                assert_eq!(ours, status.success(), "{left} against {right}");
            }
        }
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in TEXT, b in TEXT, c in TEXT) {
            laws::check_total_order::<DebVersion>(&a, &b, &c)?;
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = DebVersion::parse(&text);
        }
    }

    const TEXT: &str = "([0-2]:)?[0-2][0-2a~+.]{0,5}(-[0-1a~+.]{1,3})?";
}
