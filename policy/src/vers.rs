//! Ranges of versions as policies write them, such as `vers:maven/>=2.0|<2.15`.
//!
//! Which of two versions is the later one is the caller's to say, who knows the orders of the
//! ecosystems. Source: the VERS specification, <https://github.com/package-url/vers-spec>.

use std::cmp::Ordering;
use std::fmt;

/// Compares two versions in the order of a scheme, which is a type of package URLs; none where one
/// of them is no version there.
pub type VersionOrder = fn(scheme: &str, one: &str, other: &str) -> Option<Ordering>;

/// The schemes whose versions have an order.
pub const SCHEMES: [&str; 14] = [
    "apk", "bitnami", "cargo", "composer", "cran", "deb", "gem", "golang", "hex", "maven", "npm",
    "nuget", "pypi", "rpm",
];

/// Most bounds of one range: each takes a comparison for each finding.
const MAX_BOUNDS: usize = 100;

/// Says why a text is no range: the fault of whoever wrote it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VersError {
    #[error("{0:?} is no range of versions, such as vers:maven/>=2.0|<2.15")]
    Other(String),
    #[error("versions of {0:?} have no order here, wanted one of {list}", list = SCHEMES.join(", "))]
    Scheme(String),
    #[error("{0:?}: wanted lower and upper bounds in turn, lowest first")]
    Turns(String),
    #[error("a range has at most {MAX_BOUNDS} bounds, got {0}")]
    Bounds(usize),
}

/// A range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VersRange {
    scheme: String,
    /// Versions that are in it, whatever the rest says.
    equal: Vec<String>,
    /// Versions that are not.
    unequal: Vec<String>,
    spans: Vec<Span>,
}

/// From one bound to another; none is open.
#[derive(Clone, Debug, PartialEq)]
struct Span {
    lower: Option<Bound>,
    upper: Option<Bound>,
}

#[derive(Clone, Debug, PartialEq)]
struct Bound {
    version: String,
    is_included: bool,
}

/// One part between bars.
enum Constraint {
    All,
    Equal(String),
    Unequal(String),
    Lower(Bound),
    Upper(Bound),
}

impl VersRange {
    /// Reads `vers:SCHEME/CONSTRAINT|CONSTRAINT...`.
    pub(crate) fn parse(text: &str) -> Result<Self, VersError> {
        let wanted = || VersError::Other(text.to_owned());
        let rest = text.strip_prefix("vers:").ok_or_else(wanted)?;
        let (scheme, constraints) = rest.split_once('/').ok_or_else(wanted)?;
        let scheme = scheme.to_ascii_lowercase();
        if !SCHEMES.contains(&scheme.as_str()) {
            return Err(VersError::Scheme(scheme));
        }
        let constraints: Vec<&str> = constraints.split('|').collect();
        if constraints.len() > MAX_BOUNDS {
            return Err(VersError::Bounds(constraints.len()));
        }
        let mut range = Self {
            scheme,
            equal: Vec::new(),
            unequal: Vec::new(),
            spans: Vec::new(),
        };
        let mut bounds = Vec::new();
        let is_alone = constraints.len() == 1;
        for constraint in constraints {
            match parse_constraint(constraint).ok_or_else(wanted)? {
                Constraint::All if is_alone => range.spans.push(Span::ALL),
                Constraint::All => return Err(wanted()),
                Constraint::Equal(version) => range.equal.push(version),
                Constraint::Unequal(version) => range.unequal.push(version),
                bound => bounds.push(bound),
            }
        }
        range
            .take_bounds(bounds)
            .ok_or_else(|| VersError::Turns(text.to_owned()))?;
        if range.spans.is_empty() && range.equal.is_empty() {
            range.spans.push(Span::ALL);
        }
        Ok(range)
    }

    fn take_bounds(&mut self, bounds: Vec<Constraint>) -> Option<()> {
        let mut lower = None;
        for (at, bound) in bounds.into_iter().enumerate() {
            match bound {
                Constraint::Lower(bound) if lower.is_none() => lower = Some(bound),
                Constraint::Upper(bound) if lower.is_some() || at == 0 => self.spans.push(Span {
                    lower: lower.take(),
                    upper: Some(bound),
                }),
                _ => return None,
            }
        }
        if lower.is_some() {
            self.spans.push(Span { lower, upper: None });
        }
        Some(())
    }

    /// Names the scheme by which versions are compared.
    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Counts the versions that it compares with.
    pub(crate) fn bounds(&self) -> usize {
        let ends =
            |span: &Span| usize::from(span.lower.is_some()) + usize::from(span.upper.is_some());
        let ends: usize = self.spans.iter().map(ends).sum();
        self.equal.len() + self.unequal.len() + ends
    }

    /// Tells whether a version is in the range; none where that cannot be compared.
    pub(crate) fn contains(&self, version: &str, order: VersionOrder) -> Option<bool> {
        let compared = |other: &String| {
            let is_same_text = *other == version;
            is_same_text
                .then_some(Ordering::Equal)
                .or_else(|| order(&self.scheme, version, other))
        };
        let is_one_of = |listed: &[String]| {
            any(listed
                .iter()
                .map(|it| compared(it).map(|found| found == Ordering::Equal)))
        };
        let is_excluded = is_one_of(&self.unequal);
        if is_excluded == Some(true) {
            return Some(false);
        }
        let is_equal = is_one_of(&self.equal);
        let in_span = |span: &Span| {
            let above = bounded(span.lower.as_ref(), Ordering::Greater, &compared);
            let below = bounded(span.upper.as_ref(), Ordering::Less, &compared);
            match (above, below) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }
        };
        let is_spanned = any(self.spans.iter().map(in_span));
        let is_in = any([is_equal, is_spanned].into_iter());
        match is_excluded {
            None if is_in != Some(false) => None,
            _ => is_in,
        }
    }
}

impl fmt::Display for VersRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.equal.clone();
        parts.extend(self.unequal.iter().map(|version| format!("!={version}")));
        for span in self.spans.iter().filter(|span| **span != Span::ALL) {
            let sign = |bound: &Bound| if bound.is_included { "=" } else { "" };
            let lower = span.lower.iter();
            parts.extend(lower.map(|it| format!(">{}{}", sign(it), it.version)));
            let upper = span.upper.iter();
            parts.extend(upper.map(|it| format!("<{}{}", sign(it), it.version)));
        }
        let all = if parts.is_empty() { "*" } else { "" };
        write!(f, "vers:{}/{all}{}", self.scheme, parts.join("|"))
    }
}

impl Span {
    const ALL: Self = Self {
        lower: None,
        upper: None,
    };
}

/// Tells whether one of several is true; none where that depends on one that is not known.
fn any(several: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut is_any = Some(false);
    for one in several {
        match one {
            Some(true) => return Some(true),
            None => is_any = None,
            Some(false) => {}
        }
    }
    is_any
}

/// Tells whether a version is on the wanted side of a bound; an absent one bounds nothing.
fn bounded(
    bound: Option<&Bound>,
    wanted: Ordering,
    compared: &impl Fn(&String) -> Option<Ordering>,
) -> Option<bool> {
    let Some(bound) = bound else {
        return Some(true);
    };
    let found = compared(&bound.version)?;
    Some(found == wanted || (bound.is_included && found == Ordering::Equal))
}

fn parse_constraint(text: &str) -> Option<Constraint> {
    let text = text.trim();
    if text == "*" {
        return Some(Constraint::All);
    }
    let signs = [">=", "<=", "!=", ">", "<", "="];
    let sign = signs.into_iter().find(|sign| text.starts_with(sign));
    let version = text.get(sign.map_or(0, str::len)..)?.trim();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"<>=!*|".contains(&byte);
    if version.is_empty() || !version.bytes().all(is_plain) {
        return None;
    }
    let version = crate::purl::decoded(version);
    let bound = |is_included| Bound {
        version: version.clone(),
        is_included,
    };
    Some(match sign {
        Some(">=") => Constraint::Lower(bound(true)),
        Some(">") => Constraint::Lower(bound(false)),
        Some("<=") => Constraint::Upper(bound(true)),
        Some("<") => Constraint::Upper(bound(false)),
        Some("!=") => Constraint::Unequal(version),
        _ => Constraint::Equal(version),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers, for the sake of tests; other texts are no versions.
    fn numbers(_: &str, one: &str, other: &str) -> Option<Ordering> {
        let number = |text: &str| text.parse::<u32>().ok();
        Some(number(one)?.cmp(&number(other)?))
    }

    #[test]
    fn a_version_is_in_a_range_out_of_it_or_nobody_knows() {
        for (range, inside, outside, unknown) in [
            (
                "vers:maven/>=2|<5",
                &["2", "4"][..],
                &["1", "5"][..],
                &["x"][..],
            ),
            (
                "vers:maven/<=2|>5|<=7",
                &["1", "2", "6", "7"],
                &["3", "5", "8"],
                &["x"],
            ),
            ("vers:maven/>3", &["4"], &["3"], &["x"]),
            ("vers:maven/3", &["3"], &["4"], &["x"]),
            ("vers:maven/3|x|>=7", &["3", "x", "8"], &[], &["4", "y"]),
            ("vers:maven/!=3", &["4"], &["3"], &["x"]),
            ("vers:maven/>=2|!=3|<5", &["2", "4"], &["3", "5"], &["x"]),
            ("vers:maven/*", &["1", "x"], &[], &[]),
        ] {
            let parsed = VersRange::parse(range).unwrap();
            let told = |version: &&str| parsed.contains(version, numbers);
            assert!(inside.iter().all(|it| told(it) == Some(true)), "{range}");
            assert!(outside.iter().all(|it| told(it) == Some(false)), "{range}");
            assert!(unknown.iter().all(|it| told(it).is_none()), "{range}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            ">=2",
            "vers:maven",
            "vers:maven/",
            "vers:maven/>=",
            "vers:maven/>=2||<3",
            "vers:maven/*|>=2",
            "vers:maven/>=2|>=3",
            "vers:maven/<2|<3",
            "vers:maven/>=1|<2|<3",
            "vers:conda/>=2",
            "vers:maven/=>2",
        ] {
            assert!(VersRange::parse(text).is_err(), "{text:?} was taken");
        }
        let many = format!("vers:npm/{}", ["1"; MAX_BOUNDS + 1].join("|"));
        assert_eq!(
            VersRange::parse(&many),
            Err(VersError::Bounds(MAX_BOUNDS + 1))
        );
    }
}
