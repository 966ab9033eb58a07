//! Digests of a fixed length, written in hexadecimal wherever they are read, shown or kept.

/// Has a digest of so many bytes written in hexadecimal; what is none is the error, which quotes it.
macro_rules! hex_text {
    ($digest:ident, $bytes:literal, $error:ident) => {
        impl std::str::FromStr for $digest {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                let mut bytes = [0; $bytes];
                let read = hex::decode_to_slice(text, &mut bytes);
                read.map_err(|_| $error(text.chars().take(80).collect()))?;
                Ok(Self(bytes))
            }
        }

        impl std::fmt::Display for $digest {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        // Messages quote it.
        impl std::fmt::Debug for $digest {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl serde::Serialize for $digest {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $digest {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use hex_text;
