//! Until when each release of a distribution is mended: facts with their sources and their date.
//!
//! A date is the last day on which fixes are promised. A release that is not here is unknown, never
//! supported and never ended. Rolling distributions have no releases and never end.
//!
//! Sources: Debian's `distro-info-data` for Debian and Ubuntu, with which a test compares them. All
//! others are what their vendors have announced, as known on [`AS_OF`]; nothing compares those, and
//! a vendor may have moved a date since. Where a vendor names a month, its last day counts.

use jiff::civil::{Date, date};
use serde::Deserialize;

/// The day on which the table was written.
pub(super) const AS_OF: Date = date(2026, 11, 25);

/// A distribution's releases.
pub(super) struct Releases {
    /// os-release's `ID`, every one that has these releases.
    pub(super) ids: &'static [&'static str],
    /// What people call it.
    pub(super) name: &'static str,
    pub(super) naming: Naming,
    pub(super) rows: &'static [Release],
}

/// Which part of a version names the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Naming {
    /// So many of its parts between dots.
    Parts(usize),
    /// The suffix of the OSV ecosystem, which knows more than the version, without a leading `v`.
    Suffix,
    /// None: there is one release, which rolls on.
    Rolling,
}

/// A release and the ends of its support.
pub(super) struct Release {
    pub(super) name: &'static str,
    /// The last day of standard support.
    pub(super) standard: Date,
    /// Longer support that reaches everyone, by name.
    pub(super) open: Option<(&'static str, Date)>,
    /// Longer support for those who ask or pay for it, by name.
    pub(super) extended: Option<(&'static str, Date)>,
}

impl Release {
    /// The last day on which everyone is given fixes.
    #[cfg(test)]
    pub(super) fn ends(&self) -> Date {
        self.open.map_or(self.standard, |(_, ends)| ends)
    }

    const fn until(name: &'static str, year: i16, month: i8, day: i8) -> Self {
        Self {
            name,
            standard: date(year, month, day),
            open: None,
            extended: None,
        }
    }

    const fn open(self, name: &'static str, year: i16, month: i8, day: i8) -> Self {
        Self {
            open: Some((name, date(year, month, day))),
            ..self
        }
    }

    const fn extended(self, name: &'static str, year: i16, month: i8, day: i8) -> Self {
        Self {
            extended: Some((name, date(year, month, day))),
            ..self
        }
    }
}

/// Every distribution that is known.
pub(super) static DISTRIBUTIONS: &[Releases] = &[
    Releases {
        ids: &["debian"],
        name: "Debian",
        naming: Naming::Parts(1),
        rows: DEBIAN,
    },
    Releases {
        ids: &["ubuntu"],
        name: "Ubuntu",
        naming: Naming::Parts(2),
        rows: UBUNTU,
    },
    Releases {
        ids: &["alpine"],
        name: "Alpine",
        naming: Naming::Suffix,
        rows: ALPINE,
    },
    Releases {
        ids: &["rhel"],
        name: "Red Hat Enterprise Linux",
        naming: Naming::Parts(1),
        rows: RED_HAT,
    },
    Releases {
        ids: &["centos"],
        name: "CentOS Linux",
        naming: Naming::Parts(1),
        rows: CENTOS,
    },
    Releases {
        ids: &["centos-stream"],
        name: "CentOS Stream",
        naming: Naming::Parts(1),
        rows: CENTOS_STREAM,
    },
    Releases {
        ids: &["rocky"],
        name: "Rocky Linux",
        naming: Naming::Parts(1),
        rows: ROCKY,
    },
    Releases {
        ids: &["almalinux"],
        name: "AlmaLinux",
        naming: Naming::Parts(1),
        rows: ALMALINUX,
    },
    Releases {
        ids: &["ol"],
        name: "Oracle Linux",
        naming: Naming::Parts(1),
        rows: ORACLE,
    },
    Releases {
        ids: &["fedora"],
        name: "Fedora",
        naming: Naming::Parts(1),
        rows: FEDORA,
    },
    Releases {
        ids: &["amzn"],
        name: "Amazon Linux",
        naming: Naming::Parts(2),
        rows: AMAZON,
    },
    Releases {
        ids: &["sles", "sles_sap", "sled"],
        name: "SUSE Linux Enterprise",
        naming: Naming::Parts(2),
        rows: SUSE,
    },
    Releases {
        ids: &["opensuse-leap", "opensuse"],
        name: "openSUSE Leap",
        naming: Naming::Parts(2),
        rows: OPENSUSE_LEAP,
    },
    Releases {
        ids: &["azurelinux", "mariner"],
        name: "Azure Linux",
        naming: Naming::Parts(1),
        rows: AZURE,
    },
    Releases {
        ids: &["photon"],
        name: "Photon OS",
        naming: Naming::Parts(2),
        rows: PHOTON,
    },
    Releases {
        ids: &["openeuler"],
        name: "openEuler",
        naming: Naming::Suffix,
        rows: OPENEULER,
    },
    Releases {
        ids: &["mageia"],
        name: "Mageia",
        naming: Naming::Parts(1),
        rows: MAGEIA,
    },
    Releases {
        ids: &[
            "arch",
            "chainguard",
            "cleanstart",
            "echo",
            "gentoo",
            "minimos",
            "opensuse-tumbleweed",
            "wolfi",
        ],
        name: "a rolling distribution",
        naming: Naming::Rolling,
        rows: &[],
    },
];

static DEBIAN: &[Release] = &[
    Release::until("7", 2016, 4, 25)
        .open("LTS", 2018, 5, 31)
        .extended("ELTS", 2020, 6, 30),
    Release::until("8", 2018, 6, 17)
        .open("LTS", 2020, 6, 30)
        .extended("ELTS", 2025, 6, 30),
    Release::until("9", 2020, 7, 18)
        .open("LTS", 2022, 6, 30)
        .extended("ELTS", 2027, 6, 30),
    Release::until("10", 2022, 9, 10)
        .open("LTS", 2024, 6, 30)
        .extended("ELTS", 2029, 6, 30),
    Release::until("11", 2024, 8, 14)
        .open("LTS", 2026, 8, 31)
        .extended("ELTS", 2031, 6, 30),
    Release::until("12", 2026, 7, 11)
        .open("LTS", 2028, 6, 30)
        .extended("ELTS", 2033, 6, 30),
    Release::until("13", 2028, 8, 9)
        .open("LTS", 2030, 6, 30)
        .extended("ELTS", 2035, 6, 30),
];

static UBUNTU: &[Release] = &[
    Release::until("12.04", 2017, 4, 28).extended("ESM", 2019, 4, 26),
    Release::until("14.04", 2019, 4, 25).extended("ESM", 2024, 4, 25),
    Release::until("14.10", 2015, 7, 23),
    Release::until("15.04", 2016, 2, 4),
    Release::until("15.10", 2016, 7, 28),
    Release::until("16.04", 2021, 4, 30).extended("ESM", 2026, 4, 23),
    Release::until("16.10", 2017, 7, 20),
    Release::until("17.04", 2018, 1, 13),
    Release::until("17.10", 2018, 7, 19),
    Release::until("18.04", 2023, 5, 31).extended("ESM", 2028, 4, 26),
    Release::until("18.10", 2019, 7, 18),
    Release::until("19.04", 2020, 1, 23),
    Release::until("19.10", 2020, 7, 17),
    Release::until("20.04", 2025, 5, 29).extended("ESM", 2030, 4, 23),
    Release::until("20.10", 2021, 7, 22),
    Release::until("21.04", 2022, 1, 20),
    Release::until("21.10", 2022, 7, 14),
    Release::until("22.04", 2027, 6, 1).extended("ESM", 2032, 4, 21),
    Release::until("22.10", 2023, 7, 20),
    Release::until("23.04", 2024, 1, 25),
    Release::until("23.10", 2024, 7, 11),
    Release::until("24.04", 2029, 5, 31).extended("ESM", 2034, 4, 25),
    Release::until("24.10", 2025, 7, 10),
    Release::until("25.04", 2026, 1, 15),
    Release::until("25.10", 2026, 7, 9),
    Release::until("26.04", 2031, 5, 29).extended("ESM", 2036, 4, 23),
    Release::until("26.10", 2027, 7, 15),
];

static ALPINE: &[Release] = &[
    Release::until("2.1", 2012, 11, 1),
    Release::until("2.2", 2013, 5, 1),
    Release::until("2.3", 2013, 11, 1),
    Release::until("2.4", 2014, 5, 1),
    Release::until("2.5", 2014, 11, 1),
    Release::until("2.6", 2015, 5, 1),
    Release::until("2.7", 2015, 11, 1),
    Release::until("3.0", 2016, 5, 1),
    Release::until("3.1", 2016, 11, 1),
    Release::until("3.2", 2017, 5, 1),
    Release::until("3.3", 2017, 11, 1),
    Release::until("3.4", 2018, 5, 1),
    Release::until("3.5", 2018, 11, 1),
    Release::until("3.6", 2019, 5, 1),
    Release::until("3.7", 2019, 11, 1),
    Release::until("3.8", 2020, 5, 1),
    Release::until("3.9", 2020, 11, 1),
    Release::until("3.10", 2021, 5, 1),
    Release::until("3.11", 2021, 11, 1),
    Release::until("3.12", 2022, 5, 1),
    Release::until("3.13", 2022, 11, 1),
    Release::until("3.14", 2023, 5, 1),
    Release::until("3.15", 2023, 11, 1),
    Release::until("3.16", 2024, 5, 23),
    Release::until("3.17", 2024, 11, 22),
    Release::until("3.18", 2025, 5, 9),
    Release::until("3.19", 2025, 11, 1),
    Release::until("3.20", 2026, 4, 1),
    Release::until("3.21", 2026, 11, 1),
    Release::until("3.22", 2027, 5, 1),
    Release::until("3.23", 2027, 11, 1),
];

static RED_HAT: &[Release] = &[
    Release::until("5", 2017, 3, 31).extended("ELS", 2020, 11, 30),
    Release::until("6", 2020, 11, 30).extended("ELS", 2024, 6, 30),
    Release::until("7", 2024, 6, 30).extended("ELS", 2028, 6, 30),
    Release::until("8", 2029, 5, 31).extended("ELS", 2032, 5, 31),
    Release::until("9", 2032, 5, 31).extended("ELS", 2035, 5, 31),
    Release::until("10", 2035, 5, 31).extended("ELS", 2038, 5, 31),
];

static CENTOS: &[Release] = &[
    Release::until("5", 2017, 3, 31),
    Release::until("6", 2020, 11, 30),
    Release::until("7", 2024, 6, 30),
    Release::until("8", 2021, 12, 31),
];

static CENTOS_STREAM: &[Release] = &[
    Release::until("8", 2024, 5, 31),
    Release::until("9", 2027, 5, 31),
    Release::until("10", 2030, 1, 1),
];

static ROCKY: &[Release] = &[
    Release::until("8", 2029, 5, 31),
    Release::until("9", 2032, 5, 31),
    Release::until("10", 2035, 5, 31),
];

static ALMALINUX: &[Release] = &[
    Release::until("8", 2029, 3, 1),
    Release::until("9", 2032, 5, 31),
    Release::until("10", 2035, 5, 31),
];

static ORACLE: &[Release] = &[
    Release::until("6", 2021, 3, 31).extended("Extended Support", 2024, 12, 31),
    Release::until("7", 2024, 12, 31).extended("Extended Support", 2028, 6, 30),
    Release::until("8", 2029, 7, 31).extended("Extended Support", 2032, 7, 31),
    Release::until("9", 2032, 6, 30).extended("Extended Support", 2035, 6, 30),
    Release::until("10", 2035, 6, 30).extended("Extended Support", 2038, 6, 30),
];

static FEDORA: &[Release] = &[
    Release::until("20", 2015, 6, 23),
    Release::until("21", 2015, 12, 1),
    Release::until("22", 2016, 7, 19),
    Release::until("23", 2016, 12, 20),
    Release::until("24", 2017, 8, 8),
    Release::until("25", 2017, 12, 12),
    Release::until("26", 2018, 5, 29),
    Release::until("27", 2018, 11, 30),
    Release::until("28", 2019, 5, 28),
    Release::until("29", 2019, 11, 26),
    Release::until("30", 2020, 5, 26),
    Release::until("31", 2020, 11, 24),
    Release::until("32", 2021, 5, 25),
    Release::until("33", 2021, 11, 30),
    Release::until("34", 2022, 6, 7),
    Release::until("35", 2022, 12, 13),
    Release::until("36", 2023, 5, 16),
    Release::until("37", 2023, 12, 5),
    Release::until("38", 2024, 5, 21),
    Release::until("39", 2024, 11, 26),
    Release::until("40", 2025, 5, 13),
    Release::until("41", 2025, 12, 15),
    Release::until("42", 2026, 5, 13),
    Release::until("43", 2026, 12, 9),
];

static AMAZON: &[Release] = &[
    Release::until("2017.03", 2023, 12, 31),
    Release::until("2017.09", 2023, 12, 31),
    Release::until("2018.03", 2023, 12, 31),
    Release::until("2", 2026, 6, 30),
    Release::until("2023", 2029, 6, 30),
];

static SUSE: &[Release] = &[
    Release::until("11.4", 2019, 3, 31).extended("LTSS", 2022, 3, 31),
    Release::until("12", 2016, 6, 30).extended("LTSS", 2019, 7, 1),
    Release::until("12.1", 2017, 5, 31).extended("LTSS", 2020, 5, 31),
    Release::until("12.2", 2018, 3, 31).extended("LTSS", 2021, 3, 31),
    Release::until("12.3", 2019, 6, 30).extended("LTSS", 2022, 6, 30),
    Release::until("12.4", 2020, 6, 30).extended("LTSS", 2023, 6, 30),
    Release::until("12.5", 2024, 10, 31).extended("LTSS", 2027, 10, 31),
    Release::until("15", 2019, 12, 31).extended("LTSS", 2022, 12, 31),
    Release::until("15.1", 2021, 1, 31).extended("LTSS", 2024, 1, 31),
    Release::until("15.2", 2021, 12, 31).extended("LTSS", 2024, 12, 31),
    Release::until("15.3", 2022, 12, 31).extended("LTSS", 2025, 12, 31),
    Release::until("15.4", 2023, 12, 31).extended("LTSS", 2026, 12, 31),
    Release::until("15.5", 2024, 12, 31).extended("LTSS", 2027, 12, 31),
    Release::until("15.6", 2025, 12, 31).extended("LTSS", 2028, 12, 31),
    Release::until("15.7", 2031, 7, 31).extended("LTSS", 2034, 7, 31),
    Release::until("16.0", 2027, 11, 30).extended("LTSS", 2030, 11, 30),
];

static OPENSUSE_LEAP: &[Release] = &[
    Release::until("42.1", 2017, 5, 17),
    Release::until("42.2", 2018, 1, 26),
    Release::until("42.3", 2019, 7, 1),
    Release::until("15.0", 2019, 12, 3),
    Release::until("15.1", 2021, 2, 2),
    Release::until("15.2", 2022, 1, 4),
    Release::until("15.3", 2022, 12, 31),
    Release::until("15.4", 2023, 12, 7),
    Release::until("15.5", 2024, 12, 31),
    Release::until("15.6", 2026, 4, 30),
    Release::until("16.0", 2027, 10, 31),
];

static AZURE: &[Release] = &[
    Release::until("1", 2023, 8, 31),
    Release::until("2", 2025, 7, 31),
    Release::until("3", 2027, 8, 31),
];

static PHOTON: &[Release] = &[
    Release::until("1.0", 2022, 2, 28),
    Release::until("2.0", 2022, 12, 31),
    Release::until("3.0", 2024, 6, 30),
    Release::until("4.0", 2025, 12, 31),
];

static OPENEULER: &[Release] = &[
    Release::until("20.03-LTS", 2021, 3, 31),
    Release::until("20.03-LTS-SP1", 2022, 12, 31),
    Release::until("20.03-LTS-SP2", 2022, 4, 30),
    Release::until("20.03-LTS-SP3", 2023, 12, 31),
    Release::until("20.03-LTS-SP4", 2025, 11, 30),
    Release::until("22.03-LTS", 2024, 3, 31),
    Release::until("22.03-LTS-SP1", 2024, 12, 31),
    Release::until("22.03-LTS-SP2", 2024, 3, 31),
    Release::until("22.03-LTS-SP3", 2025, 12, 31),
    Release::until("22.03-LTS-SP4", 2026, 6, 30),
    Release::until("23.03", 2023, 9, 30),
    Release::until("23.09", 2024, 3, 31),
    Release::until("24.03-LTS", 2026, 5, 31),
    Release::until("24.03-LTS-SP1", 2026, 12, 31),
    Release::until("24.03-LTS-SP2", 2026, 3, 31),
    Release::until("24.03-LTS-SP3", 2027, 12, 31),
    Release::until("24.03-LTS-SP4", 2027, 3, 31),
    Release::until("24.09", 2025, 3, 31),
    Release::until("25.03", 2025, 9, 30),
    Release::until("25.09", 2026, 3, 31),
    Release::until("26.09", 2027, 3, 31),
];

static MAGEIA: &[Release] = &[
    Release::until("5", 2017, 12, 31),
    Release::until("6", 2019, 9, 30),
    Release::until("7", 2021, 6, 30),
    Release::until("8", 2023, 11, 30),
];
