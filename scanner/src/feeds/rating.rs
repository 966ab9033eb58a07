//! How bad a record says it is: a vendor's word first, else the newest CVSS vector.
//!
//! It never takes the highest of several opinions and never turns silence into a severity. Called
//! by the OSV reader for each affected package of a record.

use cvss::Cvss;
use serde::Deserialize;
use serde_json::value::RawValue;
use sluicegate_model::advisory::SeverityBasis;
use sluicegate_model::severity::Severity;

/// One entry of an OSV `severity` list.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Score {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    score: String,
}

/// What a record says, from the most to the least particular place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statements<'a> {
    /// `affected[].severity`.
    pub(super) package_scores: &'a [Score],
    /// `affected[].ecosystem_specific` and `affected[].database_specific`.
    pub(super) package_extras: [Option<&'a RawValue>; 2],
    /// `database_specific` of the record.
    pub(super) record_extra: Option<&'a RawValue>,
    /// `severity` of the record.
    pub(super) record_scores: &'a [Score],
    /// `summary` of a record whose publisher states a severity there and nowhere else.
    pub(super) summary: Option<&'a str>,
}

/// How bad a record says it is for one package.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rating {
    pub(super) severity: Severity,
    /// What the severity rests on; none where it is unknown.
    pub(super) basis: Option<SeverityBasis>,
    /// The CVSS base score.
    pub(super) cvss: Option<f64>,
}

/// Gives what a record says of one package.
pub(super) fn rate(said: Statements<'_>) -> Rating {
    let package_score = base_score(said.package_scores);
    let record_score = base_score(said.record_scores);
    let word = |severity| (severity, SeverityBasis::Word);
    let scored = |(basis, score)| (Severity::from_cvss(score), basis);
    let stated = vendor_word(said.package_scores)
        .map(word)
        .or(package_score.map(scored))
        .or_else(|| {
            let mut extras = said.package_extras.into_iter();
            extras.find_map(stated_word).map(word)
        })
        .or_else(|| vendor_word(said.record_scores).map(word))
        .or_else(|| stated_word(said.record_extra).map(word))
        .or_else(|| said.summary.and_then(leading_word).map(word))
        .or(record_score.map(scored));
    Rating {
        severity: stated.map_or(Severity::Unknown, |(severity, _)| severity),
        basis: stated.map(|(_, basis)| basis),
        cvss: package_score.or(record_score).map(|(_, score)| score),
    }
}

/// Reads the word that Red Hat and those who rebuild its packages open a summary with:
/// `Important: kernel security update`.
fn leading_word(summary: &str) -> Option<Severity> {
    let (first, _) = summary.split_once(": ")?;
    let is_theirs = matches!(first, "Critical" | "Important" | "Moderate" | "Low");
    is_theirs.then(|| word(first)).flatten()
}

/// The part of an open-ended `..._specific` object that is a severity.
#[derive(Deserialize)]
struct StatedSeverity {
    #[serde(default)]
    severity: Option<serde_json::Value>,
    #[serde(default)]
    urgency: Option<serde_json::Value>,
}

fn stated_word(extra: Option<&RawValue>) -> Option<Severity> {
    let stated: StatedSeverity = serde_json::from_str(extra?.get()).ok()?;
    [stated.severity, stated.urgency]
        .into_iter()
        .flatten()
        .find_map(|value| word(value.as_str()?))
}

/// Finds a distribution's own word; OSV gives its name as the type (`Ubuntu`).
fn vendor_word(scores: &[Score]) -> Option<Severity> {
    scores
        .iter()
        .filter(|score| !score.kind.starts_with("CVSS"))
        .find_map(|score| word(&score.score))
}

/// Reads a severity word. Sources: GitHub (`MODERATE`), Red Hat (`Important`), Ubuntu priorities,
/// Debian urgencies (`unimportant`, `low**`); `end-of-life` and `not yet assigned` say nothing.
fn word(text: &str) -> Option<Severity> {
    match text
        .trim()
        .trim_end_matches('*')
        .to_ascii_lowercase()
        .as_str()
    {
        "critical" => Some(Severity::Critical),
        "high" | "important" => Some(Severity::High),
        "medium" | "moderate" => Some(Severity::Medium),
        "low" => Some(Severity::Low),
        "negligible" | "unimportant" => Some(Severity::Negligible),
        _ => None,
    }
}

/// Scores the newest generation of CVSS for which a vector can be read.
fn base_score(scores: &[Score]) -> Option<(SeverityBasis, f64)> {
    let readable = scores.iter().filter_map(|score| {
        let vector: Cvss = bare_vector(&score.score).parse().ok()?;
        let score = vector.score();
        Some((generation(&vector)?, score)).filter(|_| score.is_finite())
    });
    // Of several vectors of one generation the first counts.
    readable.min_by_key(|(basis, _)| *basis)
}

fn generation(vector: &Cvss) -> Option<SeverityBasis> {
    match vector {
        Cvss::CvssV40(_) => Some(SeverityBasis::CvssV4),
        Cvss::CvssV31(_) => Some(SeverityBasis::CvssV31),
        Cvss::CvssV30(_) => Some(SeverityBasis::CvssV30),
        Cvss::CvssV20(_) => Some(SeverityBasis::CvssV2),
        _ => None,
    }
}

/// Strips the brackets in which some sources write version 2 vectors.
fn bare_vector(text: &str) -> &str {
    text.trim().trim_start_matches('(').trim_end_matches(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "AV:N/AC:L/Au:N/C:P/I:P/A:P";
    const V30: &str = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    const V31: &str = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N";
    const V4: &str = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";

    fn scores(vectors: &[&str]) -> Vec<Score> {
        let score = |text: &&str| Score {
            kind: "CVSS_V3".to_owned(),
            score: (*text).to_owned(),
        };
        vectors.iter().map(score).collect()
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("the test writes valid JSON")
    }

    fn rated(record: &[Score], package: &[Score], extras: [Option<&RawValue>; 2]) -> Severity {
        let [package_extra, record_extra] = extras;
        rate(Statements {
            package_scores: package,
            package_extras: [package_extra, None],
            record_extra,
            record_scores: record,
            summary: None,
        })
        .severity
    }

    #[test]
    fn prefers_newer_vectors_and_never_the_highest() {
        let none = [None, None];
        assert_eq!(rated(&scores(&[V2]), &[], none), Severity::High);
        assert_eq!(rated(&scores(&[V2, V31]), &[], none), Severity::Low);
        assert_eq!(rated(&scores(&[V30, V31]), &[], none), Severity::Low);
        assert_eq!(
            rated(&scores(&[V2, V31, V4]), &[], none),
            Severity::Critical
        );
        assert_eq!(
            rated(&scores(&["(AV:N/AC:L/Au:N/C:P/I:P/A:P)"]), &[], none),
            Severity::High
        );
    }

    #[test]
    fn prefers_a_vendors_word_to_a_vector_and_the_package_to_the_record() {
        let low = raw(r#"{"severity":"LOW"}"#);
        let moderate = raw(r#"{"severity":"Moderate"}"#);
        let unimportant = raw(r#"{"urgency":"unimportant"}"#);
        let record = scores(&[V30]);
        assert_eq!(rated(&record, &[], [None, Some(&low)]), Severity::Low);
        assert_eq!(
            rated(&record, &[], [Some(&moderate), Some(&low)]),
            Severity::Medium
        );
        assert_eq!(
            rated(&record, &[], [Some(&unimportant), None]),
            Severity::Negligible
        );
        assert_eq!(
            rated(&record, &scores(&[V31]), [Some(&moderate), None]),
            Severity::Low
        );
        let ubuntu = [Score {
            kind: "Ubuntu".into(),
            score: "medium".into(),
        }];
        assert_eq!(
            rated(&record, &ubuntu, [None, Some(&low)]),
            Severity::Medium
        );
    }

    #[test]
    fn says_what_a_severity_rests_on() {
        let low = raw(r#"{"severity":"LOW"}"#);
        let rated = |record: &[&str], extra, summary| {
            let rating = rate(Statements {
                package_scores: &[],
                package_extras: [None, None],
                record_extra: extra,
                record_scores: &scores(record),
                summary,
            });
            (rating.severity, rating.basis, rating.cvss)
        };
        let (word, v31) = (Some(SeverityBasis::Word), Some(SeverityBasis::CvssV31));
        assert_eq!(
            rated(&[V2, V31], None, None),
            (Severity::Low, v31, Some(1.8))
        );
        assert_eq!(
            rated(&[V31], Some(&low), None),
            (Severity::Low, word, Some(1.8))
        );
        assert_eq!(rated(&[], None, None), (Severity::Unknown, None, None));
        for (summary, severity) in [
            ("Important: kernel security update", Severity::High),
            ("Moderate: nodejs:16 security update", Severity::Medium),
            ("low: x", Severity::Unknown),
            ("kernel bug fix update", Severity::Unknown),
        ] {
            assert_eq!(rated(&[], None, Some(summary)).0, severity, "{summary}");
        }
    }

    #[test]
    fn keeps_silence_unknown() {
        let odd = raw(r#"{"severity":7,"urgency":"not yet assigned"}"#);
        let list = raw("[1]");
        assert_eq!(
            rated(&[], &[], [Some(&odd), Some(&list)]),
            Severity::Unknown
        );
        assert_eq!(
            rated(&scores(&["CVSS:9.9/X:Y", "", "7.5"]), &[], [None, None]),
            Severity::Unknown
        );
    }
}
