//! Who judges an image as it would be.

use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::PackageType;
use sluicegate_model::verdict::Decision;

/// What policy says of an inventory.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What comes out.
    pub decision: Decision,
    /// The findings that rules refuse for, worst first; nothing quiets any of them.
    pub refused: Vec<Finding>,
    /// What refuses for something else than a finding: the rule, and its line for a person.
    pub otherwise: Vec<(String, String)>,
}

/// Who judges: the same as decided on the image, asked about the image as it would be.
pub trait Judges {
    /// Judges an inventory.
    fn judge(&self, inventory: &Inventory) -> Judged;

    /// Tells whether a version is another or a later one, in the order of a type of packages; false where
    /// that is not known.
    fn is_at_least(&self, package_type: PackageType, version: &str, other: &str) -> bool;
}
