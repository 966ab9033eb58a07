//! Versions made of the parts that real ones have, and pairs of them that differ in little.

use rand::Rng as _;
use rand::rngs::StdRng;
use sluicegate_tests::seeds::pick;

/// What stands at each place of a version, one word of each.
pub type Places = &'static [&'static [&'static str]];

const NUMBER: &[&str] = &["0", "1", "2", "9", "10", "01", "20240101"];
const MORE: &[&str] = &["", "", ".0", ".1", ".10", ".00", ".2"];

pub const DEB: Places = &[
    &["", "", "", "0:", "1:", "2:", "01:"],
    NUMBER,
    MORE,
    &[
        "", ".", "a", "+", "~", "~rc", "+dfsg", "a~", "~~", "~~a", "-", ".a", "0.",
    ],
    &[
        "",
        "1",
        "2",
        "01",
        "10",
        "~",
        "99999999999999999999",
        "100000000000000000000",
    ],
    &["", "", "-0", "-1", "-1.1", "-0ubuntu1", "-1~bpo", "-01"],
    &["", "", "+deb12u1", "+deb12u10", "+b1", "~deb11u1", ".2"],
];

pub const RPM: Places = &[
    &["", "", "", "0:", "1:", "2:", "01:"],
    NUMBER,
    MORE,
    &[
        "", "", "a", "_", "~", "~rc", "^", "^git", "+", "..", "~~", "^^", "p", ".p",
    ],
    &["", "1", "2", "01", "10", ".1", "~1", "^1"],
    &["", "-1", "-2", "-01", "-0.1", "-1~", "-10"],
    &[
        "",
        "",
        ".el8",
        ".el8_4",
        ".el9",
        ".fc40",
        ".module_el8.6.0+28",
        "^x",
    ],
    &["", "", ".1", ".alma.1", "~a"],
];

pub const PACMAN: Places = &[
    &["", "", "", "0:", "1:", "2:", "01:"],
    &["0", "1", "2", "10", "01", "r99", "r", "a", "20240101"],
    MORE,
    &[
        "", "", "a", "_", "_a", "rc", ".rc", "+", "+g", "..", "~", "^", "beta", "..",
    ],
    &["1", "2", "01", "10", "a", "b1", "1a"],
];

pub const PACMAN_RELEASE: &[&str] = &["-1", "-2", "-1.1", "-01", "-10"];

/// Only with three numbers and no odd end: npm reads `1.2.34.5` as `1.2.3-4.5`.
pub const NPM: Places = &[
    &["", "", "", "v", "=", "= v"],
    &["0", "1", "2", "10", "01"],
    &[".0", ".1", ".10", ".02"],
    &[".0", ".1", ".10", ".02"],
    &[
        "",
        "",
        "",
        "-alpha",
        "-alpha.1",
        "-alpha.beta",
        "-beta",
        "-beta.2",
        "-beta.11",
        "-rc1",
        "-rc10",
        "beta",
        "beta.02",
        "rc1",
        "-0",
        "-0.1",
        "-00",
        "-a-b",
        "--",
        "--1",
        "-A",
        "-2014-03",
        "-1.a",
        "-1.a.0",
        "-1.a.b",
    ],
    &["", "", "+build", "+b.1", "+01"],
];

pub const COMPOSER: Places = &[
    &["", "", "", "v", "V"],
    &["0", "1", "2", "10", "01", "2024", "99999"],
    &["", "", ".0", ".1", ".10", ".02", ".x", "-3"],
    &["", "", ".0", ".1", ".10", ".02", ".x", "."],
    &["", "", ".0", ".1", ".10", ".X", ".*"],
    &["", "", "-", "_", ".", "-"],
    STABILITY,
    &["", "1", "2", "10", ".1", "-2", "01", ".1.2"],
    &["", "", "", "dev", "-dev", ".dev", "-DEV"],
    &["", "", "", "+build", "+a.b"],
];

/// Without `dev`: an elder Composer that does not take such a date for one takes it for a branch then.
pub const COMPOSER_DATES: Places = &[
    &["2024", "2023", "v2024"],
    &["01", ".01", "-01", ":01", "-02", "02", "-1", "1"],
    &["02", ".02", "-02", "-03", "", "-10-20", "1020"],
    &["", "", ".1", "-10", ".123", "-999"],
    &["", "", "-", "_", "."],
    &[
        "", "", "alpha", "beta.10", "rc1", "RC2", "RC10", "p1", "stable2", "x",
    ],
];

pub const COMPOSER_DEV_DATES: Places = &[
    &["2024", "2023", "v2024"],
    &["01", ".01", "-01", ":01", "-02", "02"],
    &["", "02", ".02", "-02", "-03"],
    &["", "", "-", "."],
    &["", "", "alpha", "beta.10", "rc1", "RC10", "p1", "stable2"],
    &["dev", "-dev", ""],
];

const STABILITY: &[&str] = &[
    "", "", "alpha", "a", "beta", "B", "RC", "rc", "p", "pl", "patch", "stable", "d", "x",
];

pub const GEM: Places = &[
    &["0", "1", "2", "10", "01", "20240101120000", "a"],
    &["", ".0", ".1", ".10", ".00", ".a"],
    &["", "", ".0", ".1", ".2a", ".b1", "."],
    &["", "", ".rc", ".pre", ".beta", ".RC", "-", "rc", ".0"],
    &["", "1", "2", "10", ".1", ".0", "a", "-1", ".01"],
    &["", "", ".0", ".0.0", ".a"],
];

pub const PEP440: Places = &[
    &["", "", "", "v", "0!", "1!"],
    &["0", "1", "2", "10", "01", "2024"],
    &["", ".0", ".1", ".10", ".0.0", ".02"],
    &[
        "", "", "a1", "b", ".rc1", "-c2", "_alpha.3", "rc10", "pre1", "x",
    ],
    &["", "", ".post1", "-1", ".post", "r2", "-rev.3", ".post0"],
    &["", "", ".dev0", "dev", ".dev1", "-dev.2"],
    &[
        "",
        "",
        "",
        "+local",
        "+1",
        "+ubuntu.1",
        "+ubuntu-1",
        "+a.10",
        "+",
    ],
];

/// Makes a pair: the second is the first again, with some of its places taken anew.
pub fn pair(places: &[&[&str]], rng: &mut StdRng) -> (String, String) {
    let first: Vec<&str> = places.iter().map(|words| pick(rng, words)).collect();
    let mut second = first.clone();
    for (word, words) in second.iter_mut().zip(places) {
        if rng.random_ratio(1, 4) {
            *word = pick(rng, words);
        }
    }
    (first.concat(), second.concat())
}
