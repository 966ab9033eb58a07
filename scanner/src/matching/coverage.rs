//! The gaps of matching: packages that no feed was asked about, advisories that give no range.
//!
//! Called by `judge`; it never drops a gap that scanning found.

use std::collections::BTreeMap;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Component, Ecosystem};

use super::Matched;
use super::ranges::Affected;

/// Components for whose ecosystem no feed is loaded, counted.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    by_ecosystem: BTreeMap<Option<Ecosystem>, Count>,
}

#[derive(Debug, Default)]
struct Count {
    components: u64,
    /// Whether any of them belongs to the operating system.
    operating_system: bool,
}

impl Unanswered {
    /// Counts a component.
    pub(super) fn add(&mut self, component: &Component) {
        let count = self
            .by_ecosystem
            .entry(component.ecosystem.clone())
            .or_default();
        count.components += 1;
        count.operating_system |= component.package.package_type.is_operating_system();
    }

    /// Gives one gap for each ecosystem. Without feeds for the operating system, or for anything at
    /// all, the findings say nothing about the image.
    pub(super) fn gaps(self, others_were_answered: bool) -> impl Iterator<Item = Gap> {
        self.by_ecosystem
            .into_iter()
            .map(move |(ecosystem, count)| {
                let packages = match count.components {
                    1 => "1 package".to_owned(),
                    many => format!("{many} packages"),
                };
                let detail = match &ecosystem {
                    Some(ecosystem) => {
                        format!("{packages} of {ecosystem}: no advisories are loaded for it")
                    }
                    None => {
                        format!("{packages} of an unknown distribution: no advisories speak of it")
                    }
                };
                if count.operating_system || ecosystem.is_none() || !others_were_answered {
                    Gap::fatal(GapKind::NoFeed, detail)
                } else {
                    Gap::partial(GapKind::NoFeed, detail)
                }
            })
    }
}

/// Gives a gap for each advisory that names the component but neither versions nor ranges.
pub(super) fn rangeless(
    component: &Component,
    matched: &[Matched<'_>],
) -> impl Iterator<Item = Gap> {
    matched
        .iter()
        .filter(|matched| matched.affected == Affected::NoRange)
        .map(|matched| {
            let (id, name) = (&matched.advisory.id, &component.package.name);
            let detail = format!("{id} names {name} but no versions that can be compared");
            Gap::partial(GapKind::UnknownRange, detail)
                .at(component.path.clone())
                .in_layer(component.layer.clone())
        })
}
