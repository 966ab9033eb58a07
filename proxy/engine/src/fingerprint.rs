//! Names what made an inventory or a verdict: the scanner, and the parts of this crate that decide
//! with it. What was kept under another name is made anew.

use sluicegate_model::Digest;
use sluicegate_scanner::PluginSet;

/// The parts beside the scanner, each with its revision: raised with every change of the shape in
/// which scans are kept. `pull/golden` pins what they give.
pub const PARTS: [(&str, u32); 1] = [("scanned", 1)];

/// The revision of the shape in which verdicts are kept. Raised, every verdict is made anew from its
/// inventory, and nothing is read again.
pub const VERDICTS: (&str, u32) = ("verdict", 2);

/// Gives the name of all that makes a verdict with these plugins, as verdicts cite it.
pub(crate) fn verdict_fingerprint_by(plugins: &PluginSet) -> String {
    fingerprint_of(&fingerprint_by(plugins), &[VERDICTS])
}

/// Gives the name of all that makes an inventory with these plugins, as kept documents cite it.
pub(crate) fn fingerprint_by(plugins: &PluginSet) -> String {
    fingerprint_of(&sluicegate_scanner::fingerprint_by(plugins), &PARTS)
}

fn fingerprint_of(scanner: &str, parts: &[(&str, u32)]) -> String {
    let mut lines = vec![format!("scanner {scanner}\n")];
    let of_part = |(name, revision): &(&str, u32)| format!("{name} {revision}\n");
    lines.extend(parts.iter().map(of_part));
    let digest = Digest::of(lines.concat().as_bytes());
    digest.hex().chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revision_is_part_of_it() {
        let before = fingerprint_of("a", &PARTS);
        assert_eq!(before.len(), 32);
        assert_ne!(fingerprint_of("b", &PARTS), before);
        for index in 0..PARTS.len() {
            let mut raised = PARTS;
            raised[index].1 += 1;
            assert_ne!(fingerprint_of("a", &raised), before, "{:?}", PARTS[index]);
        }
    }
}
