//! What a detector without claims is told of an image: its inventory, as text of ours.

use serde::Serialize;
use sluicegate_model::inventory::Inventory;

use crate::limits::MAX_QUESTION_BYTES;

#[derive(Serialize)]
struct Image<'a> {
    distro: Option<Distro<'a>>,
    platform: &'a str,
    packages: Vec<Package<'a>>,
}

#[derive(Serialize)]
struct Distro<'a> {
    id: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    purl: &'a str,
    path: &'a str,
}

/// Writes what is asked; none where the inventory is too large.
pub(crate) fn of(inventory: &Inventory) -> Option<Vec<u8>> {
    let image = Image {
        distro: inventory.distro.as_ref().map(|distro| Distro {
            id: &distro.id,
            version: &distro.version,
        }),
        platform: &inventory.platform,
        packages: inventory.components.iter().map(package).collect(),
    };
    let text = serde_json::to_vec(&image).ok()?;
    (text.len() <= MAX_QUESTION_BYTES).then_some(text)
}

fn package(component: &sluicegate_model::package::Component) -> Package<'_> {
    Package {
        name: &component.package.name,
        version: &component.package.version,
        purl: &component.purl,
        path: &component.path,
    }
}
