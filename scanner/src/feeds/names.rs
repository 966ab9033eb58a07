//! What all records together know of a weakness: its severity by CVE, and the CVE behind a name.
//!
//! A record without a severity is rated by another on the same CVE, and one that names no CVE finds
//! it through a record that shares a name with it. One record is chosen by a fixed rule, never the
//! worst. Filled by the index builder with the records in force, read by the index.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use sluicegate_model::advisory::SeverityBasis;
use sluicegate_model::severity::Severity;

use super::cve::CveNumber;
use super::feed::Record;

/// Rounds in which names are followed from record to record. Real chains have one step or two.
const MAX_STEPS: usize = 4;

/// Most names of one record that are followed. The largest real records have about 60.
const MAX_NAMES: usize = 256;

/// What a record contributes.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity {
    /// The CVEs that it is about, by its own id and aliases.
    cves: Vec<CveNumber>,
    /// Hashes of its other names.
    names: Vec<u64>,
    rating: Option<(Severity, SeverityBasis, Option<f64>)>,
}

/// The severity that one record states of a CVE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CveRating {
    pub(crate) severity: Severity,
    pub(crate) basis: SeverityBasis,
    /// The CVSS base score.
    pub(crate) cvss: Option<f64>,
    /// The record's id.
    pub(crate) record: Box<str>,
}

/// Everything that was contributed.
#[derive(Debug, Default)]
pub(super) struct Names {
    ratings: BTreeMap<CveNumber, CveRating>,
    /// The lowest CVE of the records that have a name.
    known: HashMap<u64, CveNumber>,
    /// The names of each record that names no CVE.
    nameless: Vec<Vec<u64>>,
}

/// What the index keeps of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct NameTables {
    /// The severity of each CVE that any record states one of. Sorted by CVE.
    pub(super) ratings: Vec<(CveNumber, CveRating)>,
    /// The CVE behind each name of records that name none. Sorted by the name's hash.
    pub(super) names: Vec<(u64, CveNumber)>,
}

/// Identifies a name by its text.
pub(super) fn name_hash(name: &str) -> u64 {
    let hash = sha2::Sha256::digest(name);
    hash.first_chunk::<8>()
        .map_or(0, |first| u64::from_le_bytes(*first))
}

impl Identity {
    /// Takes from a record what others may need.
    pub(super) fn of(record: &Record) -> Self {
        let first = record.affected.first();
        let aliases = first.map(|package| package.advisory.aliases.as_slice());
        let names = std::iter::once(&record.id).chain(aliases.unwrap_or_default());
        let mut identity = Self::default();
        for name in names.take(MAX_NAMES) {
            match CveNumber::of_record(name) {
                Some(cve) => identity.cves.push(cve),
                None => identity.names.push(name_hash(name)),
            }
        }
        let mut advisories = record.affected.iter().map(|package| &package.advisory);
        identity.rating =
            advisories.find_map(|stated| Some((stated.severity, stated.basis?, stated.cvss)));
        identity
    }
}

impl Names {
    /// Takes in a record in force.
    pub(super) fn add(&mut self, id: &str, identity: &Identity) {
        let Some(lowest) = identity.cves.iter().min() else {
            if identity.names.len() > 1 {
                self.nameless.push(identity.names.clone());
            }
            return;
        };
        for name in &identity.names {
            self.note(*name, *lowest);
        }
        let Some((severity, basis, cvss)) = identity.rating else {
            return;
        };
        for cve in &identity.cves {
            let rating = CveRating {
                severity,
                basis,
                cvss,
                record: id.into(),
            };
            let best = self.ratings.entry(*cve).or_insert_with(|| rating.clone());
            if trust(&rating) < trust(best) {
                *best = rating;
            }
        }
    }

    /// Gives the tables of the index.
    pub(super) fn into_tables(mut self) -> NameTables {
        self.nameless.sort_unstable();
        for _ in 0..MAX_STEPS {
            let before = self.known.len();
            for names in std::mem::take(&mut self.nameless) {
                let found = names.iter().filter_map(|name| self.known.get(name)).min();
                if let Some(cve) = found.copied() {
                    for name in &names {
                        self.note(*name, cve);
                    }
                }
                self.nameless.push(names);
            }
            if self.known.len() == before {
                break;
            }
        }
        let mut asked: Vec<u64> = self.nameless.into_iter().flatten().collect();
        asked.sort_unstable();
        asked.dedup();
        let known = self.known;
        let names = asked
            .into_iter()
            .filter_map(|name| Some((name, *known.get(&name)?)))
            .collect();
        NameTables {
            ratings: self.ratings.into_iter().collect(),
            names,
        }
    }

    fn note(&mut self, name: u64, cve: CveNumber) {
        let lowest = self.known.entry(name).or_insert(cve);
        *lowest = cve.min(*lowest);
    }
}

/// Orders ratings, most trusted first: GitHub's, then vectors by generation, then the words of
/// vendors, who rate their own builds; then by id.
fn trust(rating: &CveRating) -> (bool, bool, SeverityBasis, &str) {
    let record = &*rating.record;
    let is_github = record.starts_with("GHSA-");
    (
        !is_github,
        rating.basis == SeverityBasis::Word,
        rating.basis,
        record,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(names: &[&str], rating: Option<(Severity, SeverityBasis)>) -> Identity {
        let cves = names.iter().filter_map(|name| CveNumber::of_record(name));
        let others = names
            .iter()
            .filter(|name| CveNumber::of_record(name).is_none());
        Identity {
            cves: cves.collect(),
            names: others.map(|name| name_hash(name)).collect(),
            rating: rating.map(|(severity, basis)| (severity, basis, None)),
        }
    }

    /// A record's names, its id first, and what it rates.
    type Row<'a> = (&'a [&'a str], Option<(Severity, SeverityBasis)>);

    fn tables(records: &[Row<'_>]) -> (Vec<String>, Vec<u64>) {
        let mut names = Names::default();
        for (record, rating) in records {
            names.add(record[0], &identity(record, *rating));
        }
        let tables = names.into_tables();
        let ratings = tables.ratings.into_iter();
        let shown =
            ratings.map(|(cve, rating)| format!("{cve} {} {}", rating.severity, rating.record));
        (
            shown.collect(),
            tables.names.into_iter().map(|(name, _)| name).collect(),
        )
    }

    #[test]
    fn chooses_github_then_vectors_then_words_and_never_the_worst() {
        let cve = "CVE-2024-0001";
        let (low, v31, v2) = (Severity::Low, SeverityBasis::CvssV31, SeverityBasis::CvssV2);
        let (critical, word) = (Severity::Critical, SeverityBasis::Word);
        let records: &[Row<'_>] = &[
            (&["UBUNTU-CVE-2024-0001"], Some((critical, word))),
            (&["PYSEC-2", cve], Some((critical, v2))),
            (&["PYSEC-9", cve], Some((low, v31))),
            (&["PYSEC-1", cve], None),
        ];
        assert_eq!(tables(records).0, ["CVE-2024-0001 low PYSEC-9"]);
        let github: &[Row<'_>] = &[(&["GHSA-1", cve], Some((Severity::Medium, word)))];
        let all = [records, github].concat();
        assert_eq!(tables(&all).0, ["CVE-2024-0001 medium GHSA-1"]);
        let backwards: Vec<_> = all.into_iter().rev().collect();
        assert_eq!(tables(&backwards).0, ["CVE-2024-0001 medium GHSA-1"]);
    }

    #[test]
    fn follows_names_from_record_to_record_to_a_cve() {
        let records: &[Row<'_>] = &[
            (&["A-1", "B-1"], None),
            (&["B-1", "C-1"], None),
            (&["C-1", "CVE-2024-0001"], None),
            (&["D-1", "E-1"], None),
            (&["F-1"], None),
        ];
        let mut wanted = ["A-1", "B-1", "C-1"].map(name_hash);
        wanted.sort_unstable();
        assert_eq!(tables(records).1, wanted);
    }
}
