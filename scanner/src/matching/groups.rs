//! Joins advisories that are about the same weakness, through all their names.
//!
//! Ids and aliases are names and join transitively. `upstream` is no name: a record that names no
//! CVE otherwise is evidence for each CVE in its `upstream` and joins none of them with another.
//! Pure. Called for the advisories that matched one component.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::advisory::Advisory;

use crate::feeds::cve::CveNumber;

/// Advisories about one weakness.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// The weakness's display name: its lowest CVE, else the lowest id of a record.
    pub(super) id: String,
    /// Every other name.
    pub(super) aliases: BTreeSet<String>,
    /// The CVEs among the names.
    pub(super) cves: BTreeSet<CveNumber>,
    /// Which of the advisories speak of it.
    pub(super) members: Vec<usize>,
}

/// Groups advisories. `behind` gives the CVE that records on other packages say is behind a name.
pub(super) fn groups(
    advisories: &[&Advisory],
    behind: &dyn Fn(&str) -> Option<CveNumber>,
) -> Vec<Group> {
    let mut names = JoinedNames::default();
    let mut evidence: Vec<(usize, BTreeSet<CveNumber>)> = Vec::new();
    let mut homes: Vec<(usize, usize)> = Vec::new();
    for (member, advisory) in advisories.iter().enumerate() {
        let own = own_names(advisory, behind);
        let upstream = cves(&advisory.upstream);
        if cves(&own).is_empty() && !upstream.is_empty() {
            evidence.push((member, upstream));
            continue;
        }
        if let Some(home) = names.join(&own) {
            homes.push((member, home));
        }
    }
    for (member, upstream) in evidence {
        for cve in upstream {
            if let Some(home) = names.join(&BTreeSet::from([cve.to_string()])) {
                homes.push((member, home));
            }
        }
    }
    collect(advisories, &mut names, homes)
}

fn collect(
    advisories: &[&Advisory],
    names: &mut JoinedNames,
    homes: Vec<(usize, usize)>,
) -> Vec<Group> {
    let mut members: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (member, home) in homes {
        members.entry(names.root(home)).or_default().insert(member);
    }
    let mut texts = names.by_root();
    members
        .into_iter()
        .map(|(root, members)| {
            let mut aliases = texts.remove(&root).unwrap_or_default();
            let cves = cves(&aliases);
            let first_record = || {
                let ids = members.iter().filter_map(|member| advisories.get(*member));
                ids.map(|advisory| advisory.id.clone()).min()
            };
            let id = cves
                .first()
                .map(ToString::to_string)
                .or_else(first_record)
                .unwrap_or_default();
            aliases.remove(&id);
            Group {
                id,
                aliases,
                cves,
                members: members.into_iter().collect(),
            }
        })
        .collect()
}

/// Lists the names of a record; one that is a vendor's page on a CVE is also named by the CVE.
fn own_names(advisory: &Advisory, behind: &dyn Fn(&str) -> Option<CveNumber>) -> BTreeSet<String> {
    let written = || std::iter::once(&advisory.id).chain(&advisory.aliases);
    let mut names: BTreeSet<String> = written()
        .flat_map(|name| {
            let cve = CveNumber::of_record(name).map(|cve| cve.to_string());
            [Some(name.clone()), cve]
        })
        .flatten()
        .collect();
    if cves(&names).is_empty() {
        let told = written().filter_map(|name| behind(name));
        names.extend(told.map(|cve| cve.to_string()).collect::<Vec<_>>());
    }
    names
}

fn cves<'a>(names: impl IntoIterator<Item = &'a String>) -> BTreeSet<CveNumber> {
    names
        .into_iter()
        .filter_map(|name| CveNumber::of_record(name))
        .collect()
}

/// Names, joined into sets (union-find).
#[derive(Default)]
struct JoinedNames {
    numbers: BTreeMap<String, usize>,
    parents: Vec<usize>,
    /// How many names are below each root; the larger set takes the smaller one in, so that the way
    /// to a root stays short.
    sizes: Vec<usize>,
}

impl JoinedNames {
    /// Puts names into one set; returns a member of it, none where there are no names.
    fn join(&mut self, names: &BTreeSet<String>) -> Option<usize> {
        let mut first = None;
        for name in names {
            let number = self.number(name);
            let root = self.root(number);
            match first {
                None => first = Some(root),
                Some(home) => self.unite(home, root),
            }
        }
        first
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let size = |root: usize| self.sizes.get(root).copied().unwrap_or_default();
        let both = size(one).saturating_add(size(other));
        let (home, guest) = if size(one) < size(other) {
            (other, one)
        } else {
            (one, other)
        };
        if home != guest
            && let (Some(parent), Some(size)) =
                (self.parents.get_mut(guest), self.sizes.get_mut(home))
        {
            *parent = home;
            *size = both;
        }
    }

    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.parents.len();
        self.parents.push(number);
        self.sizes.push(1);
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn root(&self, number: usize) -> usize {
        let mut at = number;
        while let Some(parent) = self.parents.get(at).copied().filter(|parent| *parent != at) {
            at = parent;
        }
        at
    }

    fn by_root(&self) -> BTreeMap<usize, BTreeSet<String>> {
        let mut sets: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (name, number) in &self.numbers {
            let root = self.root(*number);
            sets.entry(root).or_default().insert(name.clone());
        }
        sets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn advisory(id: &str, aliases: &[&str], upstream: &[&str]) -> Advisory {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Advisory {
            aliases: owned(aliases),
            upstream: owned(upstream),
            ..testing::advisory(id)
        }
    }

    fn grouped(advisories: &[Advisory]) -> Vec<(String, Vec<usize>)> {
        let references: Vec<&Advisory> = advisories.iter().collect();
        let mut groups: Vec<_> = groups(&references, &|_| None)
            .into_iter()
            .map(|group| (group.id, group.members))
            .collect();
        groups.sort();
        groups
    }

    #[test]
    fn joins_aliases_transitively() {
        let advisories = [
            advisory("GHSA-1", &["CVE-2021-0001"], &[]),
            advisory("PYSEC-1", &["SNYK-1"], &[]),
            advisory("x_GLAD-1", &["CVE-2021-0001", "SNYK-1"], &[]),
            advisory("PYSEC-2", &["CVE-2021-0002"], &[]),
        ];
        let expected = [
            ("CVE-2021-0001".to_owned(), vec![0, 1, 2]),
            ("CVE-2021-0002".to_owned(), vec![3]),
        ];
        assert_eq!(grouped(&advisories), expected);
    }

    #[test]
    fn shows_a_vendors_page_as_its_cve() {
        let advisories = [advisory("DEBIAN-CVE-2024-3094", &[], &["CVE-2024-3094"])];
        assert_eq!(
            grouped(&advisories),
            [("CVE-2024-3094".to_owned(), vec![0])]
        );
    }

    #[test]
    fn takes_an_upstream_list_as_evidence_for_each_cve_without_joining_them() {
        let advisories = [
            advisory("DSA-1-1", &[], &["CVE-2024-0001", "CVE-2024-0002"]),
            advisory("DEBIAN-CVE-2024-0001", &[], &["CVE-2024-0001"]),
        ];
        let expected = [
            ("CVE-2024-0001".to_owned(), vec![0, 1]),
            ("CVE-2024-0002".to_owned(), vec![0]),
        ];
        assert_eq!(grouped(&advisories), expected);
        let references: Vec<&Advisory> = advisories.iter().collect();
        let aliases: Vec<_> = groups(&references, &|_| None)
            .into_iter()
            .map(|g| g.aliases)
            .collect();
        assert!(aliases.iter().all(|names| !names.contains("DSA-1-1")));
    }

    #[test]
    fn ignores_upstream_where_the_record_names_a_cve_itself() {
        let advisories = [advisory("GHSA-1", &["CVE-2021-0001"], &["CVE-2020-0009"])];
        assert_eq!(
            grouped(&advisories),
            [("CVE-2021-0001".to_owned(), vec![0])]
        );
    }

    #[test]
    fn learns_a_cve_from_records_on_other_packages() {
        let advisories = [
            advisory("GO-1", &["GHSA-1"], &[]),
            advisory("GO-2", &[], &[]),
        ];
        let references: Vec<&Advisory> = advisories.iter().collect();
        let behind = |name: &str| (name == "GHSA-1").then(|| CveNumber::parse("CVE-2024-0001"))?;
        let ids: Vec<String> = groups(&references, &behind)
            .into_iter()
            .map(|g| g.id)
            .collect();
        assert_eq!(ids, ["CVE-2024-0001", "GO-2"]);
    }

    #[test]
    fn shows_the_records_id_where_no_cve_is_known() {
        let advisories = [
            advisory("MAL-2024-1", &["SNYK-9"], &[]),
            advisory("DSA-9-1", &[], &["GHSA-x"]),
        ];
        let expected = [
            ("DSA-9-1".to_owned(), vec![1]),
            ("MAL-2024-1".to_owned(), vec![0]),
        ];
        assert_eq!(grouped(&advisories), expected);
    }
}
