//! CVE numbers: finding one in a record's id, and the compact form that tables are keyed by.
//!
//! It never guesses: a text that is not `CVE-<year>-<number>`, alone or behind one vendor prefix
//! such as `DEBIAN-`, is no CVE. Called by the index and by the grouping of advisories.

use serde::{Deserialize, Serialize};

/// A CVE number. Ordered by year, then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CveNumber {
    year: u16,
    number: u32,
}

impl CveNumber {
    /// Reads `CVE-2021-44228`, in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        let prefix = text.get(..4)?;
        if !prefix.eq_ignore_ascii_case("CVE-") {
            return None;
        }
        let (year, number) = text.get(4..)?.split_once('-')?;
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || number.len() < 4 || !is_number(year) || !is_number(number) {
            return None;
        }
        Some(Self {
            year: year.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    /// Gives a number of 48 bits in the same order.
    pub(super) fn packed(self) -> u64 {
        u64::from(self.year) << 32 | u64::from(self.number)
    }

    /// Gives the CVE of such a number.
    pub(super) fn unpacked(number: u64) -> Option<Self> {
        let year = u16::try_from(number >> 32).ok()?;
        let number = u32::try_from(number & u64::from(u32::MAX)).ok()?;
        Some(Self { year, number })
    }

    /// Reads a record's id that is a CVE, or a vendor's page on exactly one (`DEBIAN-CVE-2021-1`).
    pub fn of_record(id: &str) -> Option<Self> {
        Self::parse(id).or_else(|| {
            let (vendor, rest) = id.split_once('-')?;
            let is_vendor = !vendor.is_empty() && vendor.bytes().all(|b| b.is_ascii_alphabetic());
            is_vendor.then(|| Self::parse(rest)).flatten()
        })
    }
}

impl std::fmt::Display for CveNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CVE-{:04}-{:04}", self.year, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_vendor_pages() {
        for (text, shown) in [
            ("CVE-2021-44228", "CVE-2021-44228"),
            ("cve-1999-0001", "CVE-1999-0001"),
            ("DEBIAN-CVE-2024-3094", "CVE-2024-3094"),
            ("ALPINE-CVE-2016-0800", "CVE-2016-0800"),
            ("UBUNTU-CVE-2024-1234567", "CVE-2024-1234567"),
        ] {
            let number = CveNumber::of_record(text).map(|cve| cve.to_string());
            assert_eq!(number.as_deref(), Some(shown), "{text}");
        }
    }

    #[test]
    fn takes_nothing_else_for_a_cve() {
        for text in [
            "",
            "CVE",
            "CVE-",
            "CVE-2021",
            "CVE-2021-1",
            "CVE-21-44228",
            "CVE-2021-44228a",
            "GHSA-jfh8-c2jp-5v3q",
            "DSA-5000-1",
            "X-Y-CVE-2021-44228",
            "-CVE-2021-44228",
            "CVE-2021-99999999999",
            "CV\u{e9}-2021-44228",
        ] {
            assert_eq!(CveNumber::of_record(text), None, "{text}");
        }
    }
}
