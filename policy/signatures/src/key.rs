//! Public keys as people write them down, and what they verify.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use sluicegate_model::Digest;

/// Longest text of a key read, in bytes: RSA's longest has about 1,500.
const MAX_TEXT_BYTES: usize = 8 * 1024;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

// Object identifiers, as DER writes them behind tag and length.
// Sources: RFC 5480 section 2.1.1, RFC 8410 section 3, RFC 8017 appendix C.
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P_384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const ED_25519: &[u8] = &[0x2b, 0x65, 0x70];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

// What cosign signs with, by kind of key. For P-384 its versions differ in the hash.
static OF_P_256: [&dyn VerificationAlgorithm; 1] = [&ECDSA_P256_SHA256_ASN1];
static OF_P_384: [&dyn VerificationAlgorithm; 2] =
    [&ECDSA_P384_SHA256_ASN1, &ECDSA_P384_SHA384_ASN1];
static OF_ED_25519: [&dyn VerificationAlgorithm; 1] = [&ED25519];
static OF_RSA: [&dyn VerificationAlgorithm; 2] =
    [&RSA_PKCS1_2048_8192_SHA256, &RSA_PSS_2048_8192_SHA256];

/// Bits of an RSA key's modulus that are taken.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// A public key.
#[derive(Clone)]
pub struct PublicKey {
    /// The SHA-256 of its DER form.
    id: Digest,
    kind: Kind,
    /// The key itself, as its kind writes it.
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    P256,
    P384,
    Ed25519,
    Rsa,
}

/// Says why a text is no public key that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is something else.
    #[error("wanted a public key that begins with {BEGIN:?}")]
    NoKey,
    /// It is longer than any key.
    #[error("wanted a public key of at most {MAX_TEXT_BYTES} bytes")]
    Long,
    /// It is the half that nobody else may see.
    #[error("this is a private key, and whoever reads the file has it now; wanted the public one")]
    Private,
    /// It is a certificate.
    #[error("certificates are not supported yet; wanted a public key")]
    Certificate,
    /// What stands between the lines is not what a key looks like.
    #[error("the public key is damaged")]
    Damaged,
    /// Nothing here verifies with it.
    #[error("keys of this kind are not supported; wanted ECDSA P-256 or P-384, Ed25519, or RSA")]
    Kind,
    /// It is too short, or longer than is verified with.
    #[error("an RSA key has 2048 to 8192 bits, this one has {0}")]
    RsaBits(usize),
}

impl PublicKey {
    /// Reads a key from its PEM text (`PUBLIC KEY`).
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.len() > MAX_TEXT_BYTES {
            return Err(KeyError::Long);
        }
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::Private);
        }
        if text.contains("-----BEGIN CERTIFICATE") {
            return Err(KeyError::Certificate);
        }
        let body = text.strip_prefix(BEGIN).ok_or(KeyError::NoKey)?;
        let body = body.strip_suffix(END).ok_or(KeyError::Damaged)?;
        let body: String = body.split_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| KeyError::Damaged)?;
        Self::from_der(&der)
    }

    /// Reads a key from its DER form, a `SubjectPublicKeyInfo`.
    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = read_info(der).ok_or(KeyError::Damaged)?;
        let kind = match (info.algorithm, info.curve) {
            (EC_PUBLIC_KEY, Some(P_256)) => Kind::P256,
            (EC_PUBLIC_KEY, Some(P_384)) => Kind::P384,
            (ED_25519, _) => Kind::Ed25519,
            (RSA_ENCRYPTION, _) => Kind::Rsa,
            _ => return Err(KeyError::Kind),
        };
        let is_point = |length: usize| info.key.first() == Some(&4) && info.key.len() == length;
        let is_sound = match kind {
            // Uncompressed points: a byte that says so, and two numbers.
            Kind::P256 => is_point(1 + 2 * 32),
            Kind::P384 => is_point(1 + 2 * 48),
            Kind::Ed25519 => info.key.len() == 32,
            Kind::Rsa => {
                let bits = rsa_bits(info.key).ok_or(KeyError::Damaged)?;
                if !RSA_BITS.contains(&bits) {
                    return Err(KeyError::RsaBits(bits));
                }
                true
            }
        };
        if !is_sound {
            return Err(KeyError::Damaged);
        }
        Ok(Self {
            id: Digest::of(der),
            kind,
            bytes: info.key.to_vec(),
        })
    }

    /// Names it: the SHA-256 of its DER form.
    pub fn id(&self) -> &Digest {
        &self.id
    }

    /// Tells whether it has signed a message so.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithms: &[&'static dyn VerificationAlgorithm] = match self.kind {
            Kind::P256 => &OF_P_256,
            Kind::P384 => &OF_P_384,
            Kind::Ed25519 => &OF_ED_25519,
            Kind::Rsa => &OF_RSA,
        };
        let verifies = |algorithm: &&'static dyn VerificationAlgorithm| {
            let key = UnparsedPublicKey::new(*algorithm, &self.bytes);
            key.verify(message, signature).is_ok()
        };
        algorithms.iter().any(verifies)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?}, {})", self.kind, self.id)
    }
}

/// A `SubjectPublicKeyInfo`, taken apart.
struct Info<'a> {
    algorithm: &'a [u8],
    /// The object identifier in its parameters, where there is one.
    curve: Option<&'a [u8]>,
    key: &'a [u8],
}

fn read_info(der: &[u8]) -> Option<Info<'_>> {
    let mut all = Der(der);
    let mut info = Der(all.element(SEQUENCE)?);
    let mut algorithm = Der(info.element(SEQUENCE)?);
    let name = algorithm.element(OBJECT)?;
    let curve = algorithm.element(OBJECT);
    if curve.is_none() && !algorithm.0.is_empty() {
        algorithm.element(NULL).filter(|it| it.is_empty())?;
    }
    let bits = info.element(BIT_STRING)?;
    // The first byte counts the bits that are left over.
    let key = bits.strip_prefix(&[0])?;
    let is_whole = all.0.is_empty() && info.0.is_empty() && algorithm.0.is_empty();
    is_whole.then_some(Info {
        algorithm: name,
        curve,
        key,
    })
}

/// Counts the bits of an RSA key's modulus.
fn rsa_bits(key: &[u8]) -> Option<usize> {
    let mut all = Der(key);
    let mut numbers = Der(all.element(SEQUENCE)?);
    let (modulus, _exponent) = (numbers.element(INTEGER)?, numbers.element(INTEGER)?);
    if !all.0.is_empty() || !numbers.0.is_empty() {
        return None;
    }
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let digits = modulus.get(first..)?;
    let unused = digits.first()?.leading_zeros() as usize;
    Some(digits.len() * 8 - unused)
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const NULL: u8 = 0x05;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// What is left to read of some DER.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Reads the next element, where it has this tag.
    fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, rest) = self.0.split_first()?;
        if *found != tag {
            return None;
        }
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }
}

/// Reads a length in its shortest form, of at most two bytes: no key is longer.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = match first {
        ..=0x7f => (u16::from(*first), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (u16::from(*length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u16::from_be_bytes(*length), rest)
        }
        _ => return None,
    };
    let shortest = match length {
        ..=0x7f => *first,
        0x80..=0xff => 0x81,
        _ => 0x82,
    };
    (*first == shortest).then_some((usize::from(length), rest))
}
