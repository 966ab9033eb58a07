//! When a certificate ends, and what its holder is called: all that is read of it here. Whether it is
//! good is the library's business, and was told before.
//!
//! Source: RFC 5280, section 4.1; the encoding is DER, ITU-T X.690.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::pki_types::CertificateDer;

/// Tags of what stands on the way to the end.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0C;
const PRINTABLE_STRING: u8 = 0x13;
/// 2.5.4.3, a common name. Source: RFC 5280, appendix A.1.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// Longest common name, in characters. Source: the same.
const MAX_NAME_CHARS: usize = 64;
/// First year of two digits that belongs to the 20th century.
const CENTURY_TURNS_AT: i16 = 50;

/// Gives the last instant at which a certificate is valid; none where it cannot be read.
pub(super) fn ends(der: &[u8]) -> Option<Timestamp> {
    let mut validity = validity_of(der)?.0;
    let _begins = validity.element()?;
    let (tag, text) = validity.element()?;
    instant(tag, std::str::from_utf8(text).ok()?)
}

/// Gives the common name of whoever holds a chain's first certificate; none where it has none, or
/// more than one, or one that is no plain text.
pub(super) fn common_name(chain: &[CertificateDer<'_>]) -> Option<Arc<str>> {
    let (_, mut rest) = validity_of(chain.first()?)?;
    let mut subject = rest.inside(SEQUENCE)?;
    let mut names = Vec::new();
    while !subject.0.is_empty() {
        let mut set = subject.inside(SET)?;
        while !set.0.is_empty() {
            let mut attribute = set.inside(SEQUENCE)?;
            let (tag, kind) = attribute.element()?;
            let (text_tag, text) = attribute.element()?;
            if tag == OBJECT_IDENTIFIER && kind == COMMON_NAME {
                names.push((text_tag, text));
            }
        }
    }
    let [(UTF8_STRING | PRINTABLE_STRING, name)] = names[..] else {
        return None;
    };
    let name = std::str::from_utf8(name).ok()?;
    let is_plain = name.chars().all(|it| !it.is_control()) && !name.is_empty();
    let fits = name.chars().count() <= MAX_NAME_CHARS;
    (is_plain && fits).then(|| Arc::from(name))
}

/// Reads a certificate up to when it is valid; gives that, and what stands behind it.
fn validity_of(der: &[u8]) -> Option<(DerReader<'_>, DerReader<'_>)> {
    let mut certificate = DerReader(der).inside(SEQUENCE)?;
    let mut signed = certificate.inside(SEQUENCE)?;
    // The first version has no field for it.
    if signed.0.first() == Some(&VERSION) {
        signed.element()?;
    }
    let _serial_number = signed.element()?;
    let _algorithm = signed.element()?;
    let _issuer = signed.element()?;
    let validity = signed.inside(SEQUENCE)?;
    Some((validity, signed))
}

fn instant(tag: u8, text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let written = match tag {
        GENERALIZED_TIME => digits.to_owned(),
        UTC_TIME => {
            let year: i16 = digits.get(..2)?.parse().ok()?;
            let century = if year >= CENTURY_TURNS_AT { "19" } else { "20" };
            format!("{century}{digits}")
        }
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%S", &written).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

/// What is left of a text in DER.
struct DerReader<'a>(&'a [u8]);

impl<'a> DerReader<'a> {
    /// Takes the next element, which has this tag, and reads inside of it.
    fn inside(&mut self, wanted: u8) -> Option<Self> {
        let (tag, content) = self.element()?;
        (tag == wanted).then_some(DerReader(content))
    }

    /// Takes the next element: its tag and its content.
    fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            // The lower bits say how many bytes the length has; a certificate needs no more than 3.
            let (bytes, rest) = rest.split_at_checked(usize::from(*first & 0x7F))?;
            if bytes.is_empty() || bytes.len() > 3 {
                return None;
            }
            let length = bytes
                .iter()
                .fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
            (length, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn a_certificate_says_what_its_holder_is_called_or_nothing_at_all() {
        let key = KeyPair::generate().unwrap();
        let long = "n".repeat(65);
        for (names, wanted) in [
            (&["node-1"][..], Some("node-1")),
            (&["knoten-ü"], Some("knoten-ü")),
            (&[], None),
            (&["a\nb"], None),
            (&[""], None),
            (&[long.as_str()], None),
        ] {
            let mut parameters = CertificateParams::new(vec!["node.example".to_owned()]).unwrap();
            parameters.distinguished_name = rcgen::DistinguishedName::new();
            parameters
                .distinguished_name
                .push(DnType::OrganizationName, "corp");
            for name in names {
                parameters
                    .distinguished_name
                    .push(DnType::CommonName, *name);
            }
            let certificate = parameters.self_signed(&key).unwrap();
            let chain = [certificate.der().clone()];
            assert_eq!(common_name(&chain).as_deref(), wanted);
            for cut in 0..chain[0].len() {
                let cut = CertificateDer::from(chain[0][..cut].to_vec());
                let _nothing_or_a_name = common_name(&[cut]);
            }
        }
        assert_eq!(common_name(&[]), None);
    }

    #[test]
    fn a_certificate_says_when_it_ends() {
        let key = KeyPair::generate().unwrap();
        for (year, wanted) in [
            (2027, "2027-03-04T00:00:00Z"),
            (2049, "2049-03-04T00:00:00Z"),
            (2051, "2051-03-04T00:00:00Z"),
        ] {
            let mut parameters = CertificateParams::new(vec!["gate.example".to_owned()]).unwrap();
            parameters.not_after = date_time_ymd(year, 3, 4);
            let certificate = parameters.self_signed(&key).unwrap();
            let der = certificate.der();
            assert_eq!(
                ends(der).map(|end| end.to_string()).as_deref(),
                Some(wanted)
            );
            for cut in 0..der.len().min(200) {
                let _nothing_or_an_end = ends(der.get(..cut).unwrap());
            }
        }
        assert_eq!(
            instant(UTC_TIME, "991231235959Z").unwrap().to_string(),
            "1999-12-31T23:59:59Z"
        );
        for damaged in [
            &b""[..],
            &[0x30],
            &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0x30, 0x80],
        ] {
            assert_eq!(ends(damaged), None);
        }
    }
}
