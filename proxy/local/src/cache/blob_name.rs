//! A blob's digest as it is kept in memory of every blob: its bytes, which are half of its text's and
//! need no room of their own.

use sluicegate_model::Digest;
use sluicegate_model::digest::Algorithm;

/// What tells one blob from all others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum BlobName {
    Sha256([u8; 32]),
    Sha512(Box<[u8; 64]>),
}

impl BlobName {
    pub(super) fn of(digest: &Digest) -> Self {
        match digest.algorithm() {
            Algorithm::Sha256 => Self::Sha256(bytes(digest)),
            Algorithm::Sha512 => Self::Sha512(Box::new(bytes(digest))),
        }
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Gives the hexadecimal part of the digest.
    pub(super) fn hex(&self) -> String {
        match self {
            Self::Sha256(bytes) => hex::encode(bytes),
            Self::Sha512(bytes) => hex::encode(bytes.as_slice()),
        }
    }
}

fn bytes<const LEN: usize>(digest: &Digest) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    hex::decode_to_slice(digest.hex(), &mut bytes)
        .expect("a digest has as many hexadecimal digits as its algorithm");
    bytes
}

#[cfg(test)]
mod tests {
    use sluicegate_model::DigestHasher;

    use super::*;

    #[test]
    fn a_name_has_the_digits_of_its_digest() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let mut hasher = DigestHasher::new(algorithm);
            hasher.update(b"content");
            let digest = hasher.finish();
            let name = BlobName::of(&digest);
            assert_eq!((name.algorithm(), &*name.hex()), (algorithm, digest.hex()));
        }
    }
}
