//! Files that nobody but this instance can have written: a line of JSON, and the code of the instance
//! key over it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sluicegate_engine::instance_key::{Code, InstanceKey};

/// What a file's code is for, as distinct from all else that the instance key signs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose(pub(crate) &'static str);

impl Purpose {
    /// Writes a value down as only this instance can.
    pub(crate) fn seal(
        self,
        instance: &InstanceKey,
        value: &impl Serialize,
    ) -> serde_json::Result<String> {
        let line = serde_json::to_string(value)?;
        let code = hex::encode(self.code(instance, &line).bytes());
        Ok(format!("{line}\n{code}\n"))
    }

    /// Reads a value that this instance wrote down; none where it did not, or anything changed.
    pub(crate) fn open<T: DeserializeOwned>(
        self,
        instance: &InstanceKey,
        text: &[u8],
    ) -> Option<T> {
        let (line, code) = std::str::from_utf8(text).ok()?.split_once('\n')?;
        let code = hex::decode(code.strip_suffix('\n')?).ok()?;
        let code = Code::of(code.try_into().ok()?);
        let is_ours = self.code(instance, line) == code;
        is_ours.then(|| serde_json::from_str(line).ok()).flatten()
    }

    fn code(self, instance: &InstanceKey, line: &str) -> Code {
        instance.code(self.0, &[line])
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_engine::instance_key::KEY_BYTES;

    use super::*;

    #[test]
    fn only_what_was_written_here_for_this_is_read() {
        let instance = |seed| InstanceKey::of(&[seed; KEY_BYTES]);
        let purpose = Purpose("a");
        let text = purpose
            .seal(&instance(1), &["x", "y"])
            .unwrap()
            .into_bytes();
        let read = |purpose: Purpose, seed, text: &[u8]| -> Option<Vec<String>> {
            purpose.open(&instance(seed), text)
        };
        assert_eq!(read(purpose, 1, &text).unwrap(), ["x", "y"]);
        assert_eq!(read(purpose, 2, &text), None, "another instance's");
        assert_eq!(read(Purpose("b"), 1, &text), None, "for something else");
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert_eq!(read(purpose, 1, &changed), None, "byte {at}");
            assert_eq!(read(purpose, 1, &text[..at]), None, "{at} bytes");
        }
    }
}
