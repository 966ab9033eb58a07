//! Files kept for where they lie: code in the directory of one package, and that package's record.
//!
//! The merge tells from them whether a record was removed and the code left. A few of each
//! directory are enough; `walk.rs` asks.

use std::collections::HashMap;

use crate::code::{self, WITNESSES};
use crate::facts::PathHash;

/// Most directories of one layer that have witnesses. The largest trees of npm have 10,000.
const MAX_DIRECTORIES: usize = 100_000;

/// Counts the witnesses of each directory.
#[derive(Default)]
pub(super) struct Witnesses {
    kept: HashMap<PathHash, u8>,
}

impl Witnesses {
    /// Tells whether a file is to be kept as a witness.
    pub(super) fn want(&mut self, path: &str) -> bool {
        if code::is_record(path) {
            return true;
        }
        let Some(root) = code::root(path).filter(|root| code::is_code(root.installer, path)) else {
            return false;
        };
        let is_full = self.is_full();
        let kept = match self.kept.get_mut(&PathHash::of(root.path)) {
            Some(kept) => kept,
            None if is_full => return false,
            None => self.kept.entry(PathHash::of(root.path)).or_default(),
        };
        let is_wanted = *kept < WITNESSES;
        *kept += u8::from(is_wanted);
        is_wanted
    }

    /// Tells whether directories may have gone without a witness.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= MAX_DIRECTORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_few_files_of_each_directory_and_every_record() {
        let mut witnesses = Witnesses::default();
        let mut kept = |path: &str| witnesses.want(path);
        for number in 0..10_u8 {
            let is_kept = kept(&format!("node_modules/a/{number}.js"));
            assert_eq!(is_kept, number < WITNESSES);
        }
        assert!(kept("node_modules/b/x.js"));
        assert!(kept("node_modules/a/package.json"));
        assert!(!kept("node_modules/a/lib/package.json"));
        assert!(!kept("app/x.js"));
    }
}
