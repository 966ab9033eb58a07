//! Random values from a seed, and the encodings and checksums that issuers put around them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

pub(crate) const ALNUM: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
pub(crate) const HEX: &str = "0123456789abcdef";
pub(crate) const LOWER: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
pub(crate) const UPPER: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
pub(crate) const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
pub(crate) const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
pub(crate) const DIGITS: &str = "123456789";
pub(crate) const URL64: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
pub(crate) const BASE64: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    pub(crate) fn of(&mut self, letters: &str, length: usize) -> String {
        let letters = letters.as_bytes();
        (0..length)
            .map(|_| char::from(letters[self.below(letters.len())]))
            .collect()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[3]).collect()
    }

    pub(crate) fn base64(&mut self, bytes: usize) -> String {
        STANDARD.encode(self.bytes(bytes))
    }

    pub(crate) fn uuid(&mut self) -> String {
        let mut part = |length| self.of(HEX, length);
        let (a, b, c, d) = (part(8), part(4), part(3), part(3));
        format!("{a}-{b}-4{c}-a{d}-{}", part(12))
    }

    /// A word that names something.
    pub(crate) fn word(&mut self) -> &'static str {
        self.pick(&[
            "billing",
            "orders",
            "gateway",
            "search",
            "inventory",
            "mailer",
            "worker",
            "frontend",
            "reports",
            "catalog",
            "payments",
            "ledger",
        ])
    }

    /// A password as people choose them, or as their tools make them.
    pub(crate) fn password(&mut self) -> String {
        let word = self.pick(&[
            "Sommer",
            "dragon",
            "Mountain",
            "blue-Whale",
            "rocket",
            "Kaffee",
        ]);
        match self.below(4) {
            0 => format!("{word}{}!", self.of(DIGITS, 3)),
            1 => self.of(ALNUM, 14) + &self.of(DIGITS, 1),
            2 => format!(
                "{}#{}{}",
                self.of(LETTERS, 6),
                self.of(DIGITS, 2),
                self.of(LETTERS, 4)
            ),
            _ => format!("{word}{}", self.of(DIGITS, 4)),
        }
    }
}

pub(crate) fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn url_encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// CRC-32 as in IEEE 802.3, bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 {
            crc >> 1 ^ 0xEDB8_8320
        } else {
            crc >> 1
        }
    };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(!0, byte)
}

/// A text with six digits of its checksum, as GitHub and npm have them.
pub(crate) fn summed(body: &str) -> String {
    let mut left = crc32(body.as_bytes());
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(char::from(ALNUM.as_bytes()[(left % 62) as usize]));
        left /= 62;
    }
    digits.reverse();
    body.to_owned() + &digits.into_iter().collect::<String>()
}

/// Bech32 of a prefix and groups of five bits, BIP 173.
pub(crate) fn bech32(prefix: &str, groups: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const STEPS: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    let mut values: Vec<u8> = prefix.bytes().map(|byte| byte >> 5).collect();
    values.push(0);
    values.extend(prefix.bytes().map(|byte| byte & 31));
    values.extend_from_slice(groups);
    let sum = values
        .iter()
        .copied()
        .chain([0; 6])
        .fold(1_u32, |sum, value| {
            let top = sum >> 25;
            let mut sum = (sum & 0x1ff_ffff) << 5 ^ u32::from(value);
            for (bit, step) in STEPS.iter().enumerate() {
                if top >> bit & 1 == 1 {
                    sum ^= step;
                }
            }
            sum
        })
        ^ 1;
    let sums = (0..6).map(|at| (sum >> (5 * (5 - at)) & 31) as u8);
    let letters = groups.iter().copied().chain(sums);
    let data: String = letters
        .map(|value| char::from(LETTERS[usize::from(value)]))
        .collect();
    format!("{prefix}1{data}")
}
