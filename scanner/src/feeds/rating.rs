//! How bad a record says it is: a vendor's word first, else the newest CVSS vector.
//!
//! It never takes the highest of several opinions and never turns silence into a severity. Called
//! by the OSV reader for each affected package of a record.

use cvss::Cvss;
use serde::Deserialize;
use serde_json::value::RawValue;
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
}

/// Gives the severity and the CVSS base score of a record for one package.
pub(super) fn rate(said: Statements<'_>) -> (Severity, Option<f64>) {
    let package_score = base_score(said.package_scores);
    let record_score = base_score(said.record_scores);
    let cvss = package_score.or(record_score);
    let severity = vendor_word(said.package_scores)
        .or(package_score.map(Severity::from_cvss))
        .or_else(|| said.package_extras.into_iter().find_map(stated_word))
        .or_else(|| vendor_word(said.record_scores))
        .or_else(|| stated_word(said.record_extra))
        .or(record_score.map(Severity::from_cvss))
        .unwrap_or(Severity::Unknown);
    (severity, cvss)
}

/// The part of an open-ended `..._specific` object that is a severity.
#[derive(Deserialize)]
struct Stated {
    #[serde(default)]
    severity: Option<serde_json::Value>,
    #[serde(default)]
    urgency: Option<serde_json::Value>,
}

fn stated_word(extra: Option<&RawValue>) -> Option<Severity> {
    let stated: Stated = serde_json::from_str(extra?.get()).ok()?;
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
fn base_score(scores: &[Score]) -> Option<f64> {
    let vectors: Vec<Cvss> = scores
        .iter()
        .filter_map(|score| bare_vector(&score.score).parse().ok())
        .collect();
    (0..=GENERATION_OLDEST).find_map(|wanted| {
        vectors
            .iter()
            .find(|vector| generation(vector) == Some(wanted))
            .map(Cvss::score)
            .filter(|score| score.is_finite())
    })
}

const GENERATION_OLDEST: u8 = 3;

fn generation(vector: &Cvss) -> Option<u8> {
    match vector {
        Cvss::CvssV40(_) => Some(0),
        Cvss::CvssV31(_) => Some(1),
        Cvss::CvssV30(_) => Some(2),
        Cvss::CvssV20(_) => Some(GENERATION_OLDEST),
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
        })
        .0
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
