//! Declared licences as expressions, written as SPDX writes them, and what lists of licences mean for
//! them.
//!
//! Source: SPDX specification, "SPDX license expressions" and "SPDX License List"; Fedora, "Callaway
//! system of license abbreviations", for what RPM packages declare.

mod listed;
mod versions;

use std::fmt;

use spdx::expression::{ExprNode, Operator};
use spdx::{AdditionItem, Expression, LicenseItem, LicenseReq, ParseMode};

use crate::package::MAX_LICENCE_BYTES;

pub use listed::{LicenceList, Listed, NoLicence};
use versions::Term;

/// What stands for a licence that nobody declares. Source: SPDX specification, `NOASSERTION`.
pub const NOT_DECLARED: &str = "NOASSERTION";

/// Words that stand where a licence would, and are none.
const NO_LICENCES: [&str; 2] = [NOT_DECLARED, "NONE"];

/// What is read beside the names on the list: those that it had before, `/` for a choice, and a plus
/// behind licences of GNU. Names that may mean several licences are none.
const MODE: ParseMode = ParseMode {
    allow_slash_as_or_operator: true,
    allow_imprecise_license_names: false,
    allow_postfix_plus_on_gpl: true,
    allow_deprecated: true,
    allow_unknown: false,
};

/// Other spellings of one licence, in small letters.
const SPELLINGS: [(&str, &str); 40] = [
    ("agplv3", "AGPL-3.0-only"),
    ("agplv3+", "AGPL-3.0-or-later"),
    ("apache 2.0", "Apache-2.0"),
    ("apache license 2.0", "Apache-2.0"),
    ("apache license, version 2.0", "Apache-2.0"),
    ("apache software license 2.0", "Apache-2.0"),
    ("asl 1.1", "Apache-1.1"),
    ("asl 2.0", "Apache-2.0"),
    ("gpl-1.0", "GPL-1.0-only"),
    ("gpl-2", "GPL-2.0-only"),
    ("gpl-2+", "GPL-2.0-or-later"),
    ("gpl-2.0", "GPL-2.0-only"),
    (
        "gpl-2.0-with-autoconf-exception",
        "GPL-2.0-only WITH Autoconf-exception-2.0",
    ),
    (
        "gpl-2.0-with-bison-exception",
        "GPL-2.0-only WITH Bison-exception-2.2",
    ),
    (
        "gpl-2.0-with-classpath-exception",
        "GPL-2.0-only WITH Classpath-exception-2.0",
    ),
    (
        "gpl-2.0-with-font-exception",
        "GPL-2.0-only WITH Font-exception-2.0",
    ),
    (
        "gpl-2.0-with-gcc-exception",
        "GPL-2.0-only WITH GCC-exception-2.0",
    ),
    ("gpl-3", "GPL-3.0-only"),
    ("gpl-3+", "GPL-3.0-or-later"),
    ("gpl-3.0", "GPL-3.0-only"),
    (
        "gpl-3.0-with-autoconf-exception",
        "GPL-3.0-only WITH Autoconf-exception-3.0",
    ),
    (
        "gpl-3.0-with-gcc-exception",
        "GPL-3.0-only WITH GCC-exception-3.1",
    ),
    ("agpl-3.0", "AGPL-3.0-only"),
    ("gplv2", "GPL-2.0-only"),
    ("gplv2+", "GPL-2.0-or-later"),
    ("gplv3", "GPL-3.0-only"),
    ("gplv3+", "GPL-3.0-or-later"),
    ("isc license", "ISC"),
    ("lgpl-2.0", "LGPL-2.0-only"),
    ("lgpl-2.1", "LGPL-2.1-only"),
    ("lgpl-3.0", "LGPL-3.0-only"),
    ("lgplv2+", "LGPL-2.0-or-later"),
    ("lgplv2.1", "LGPL-2.1-only"),
    ("lgplv2.1+", "LGPL-2.1-or-later"),
    ("lgplv3", "LGPL-3.0-only"),
    ("lgplv3+", "LGPL-3.0-or-later"),
    ("mit license", "MIT"),
    ("mplv1.1", "MPL-1.1"),
    ("mplv2.0", "MPL-2.0"),
    ("the mit license", "MIT"),
];

/// A licence expression that is understood.
#[derive(Clone, Debug)]
pub struct Licence(Expression);

impl Licence {
    /// Reads a declared licence: an expression of SPDX, or one with the common other spellings of
    /// single licences in it. None where any part of it is no licence that is known, or may be several.
    pub fn parse(declared: &str) -> Option<Self> {
        if declared.len() > MAX_LICENCE_BYTES {
            return None;
        }
        let expression = Expression::parse_mode(&respelt(declared), MODE).ok()?;
        let is_none = |required: &LicenseReq| NO_LICENCES.contains(&name(required).as_str());
        let names_none = expression.requirements().any(|it| is_none(&it.req));
        (!names_none).then_some(Self(expression))
    }

    /// Tells whether it cannot be met without a licence of a list: one choice without is enough.
    ///
    /// What may be had in a later version is such a choice, between the versions that SPDX lists. An
    /// entry without an exception means the licence with whatever exception.
    pub fn needs(&self, list: &LicenceList) -> bool {
        let is_free = |required: &LicenseReq| {
            let term = Term::of(required);
            let mut versions = term.versions();
            versions.any(|version| !list.forbids(&term, version))
        };
        !self.0.evaluate(is_free)
    }

    /// Tells whether it can be met by licences of a list alone.
    ///
    /// An entry without an exception means the licence also with an exception on SPDX's list, for those
    /// only permit more, and with no other.
    pub fn is_met_by(&self, list: &LicenceList) -> bool {
        self.0.evaluate(|required| {
            let term = Term::of(required);
            let mut versions = term.versions();
            versions.any(|version| list.permits(&term, version))
        })
    }

    /// Gives the licences that it leaves the choice of, each by itself; none where two belong together.
    fn choices(&self) -> Option<Vec<Term>> {
        let choice = |node: &ExprNode| match node {
            ExprNode::Req(required) => Some(Some(Term::of(&required.req))),
            ExprNode::Op(Operator::Or) => Some(None),
            ExprNode::Op(Operator::And) => None,
        };
        let nodes: Option<Vec<Option<Term>>> = self.0.iter().map(choice).collect();
        Some(nodes?.into_iter().flatten().collect())
    }

    /// Tells whether all its licences and exceptions are on SPDX's lists: others have to be described
    /// where they are named.
    pub fn is_listed(&self) -> bool {
        let mut required = self.0.requirements();
        required.all(|it| {
            let own = matches!(it.req.license, LicenseItem::Spdx { .. });
            let addition = it.req.addition.as_ref();
            own && addition.is_none_or(|it| matches!(it, AdditionItem::Spdx(_)))
        })
    }
}

/// Writes the expression as SPDX does, whatever it was declared as.
impl fmt::Display for Licence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<(String, Option<Operator>)> = Vec::new();
        for node in self.0.iter() {
            let part = match node {
                ExprNode::Req(required) => (Term::of(&required.req).to_string(), None),
                ExprNode::Op(operator) => {
                    let (Some(right), Some(left)) = (parts.pop(), parts.pop()) else {
                        return Err(fmt::Error);
                    };
                    let word = match operator {
                        Operator::And => "AND",
                        Operator::Or => "OR",
                    };
                    let (left, right) = (within(left, *operator), within(right, *operator));
                    (format!("{left} {word} {right}"), Some(*operator))
                }
            };
            parts.push(part);
        }
        let whole = parts.pop().map(|(text, _)| text);
        f.write_str(&whole.unwrap_or_default())
    }
}

fn within((text, own): (String, Option<Operator>), outer: Operator) -> String {
    match own {
        Some(own) if own != outer => format!("({text})"),
        Some(_) | None => text,
    }
}

/// Gives what SPDX calls a licence of an expression, without its exception.
fn name(required: &LicenseReq) -> String {
    let written = required.license.to_string();
    spelling(&written).map_or(written, str::to_owned)
}

/// Writes each single licence as SPDX does, where it is known by another spelling.
fn respelt(declared: &str) -> String {
    let spaced = declared.replace('(', " ( ").replace(')', " ) ");
    let (mut parts, mut words) = (Vec::new(), Vec::new());
    for word in spaced.split_whitespace() {
        let is_between = ["and", "or", "with", "(", ")", "/"]
            .iter()
            .any(|it| word.eq_ignore_ascii_case(it));
        if is_between {
            parts.extend(term(&words));
            words.clear();
            parts.push(word.to_ascii_uppercase());
        } else {
            words.push(word);
        }
    }
    parts.extend(term(&words));
    parts.join(" ")
}

fn term(words: &[&str]) -> Option<String> {
    let text = words.join(" ");
    let one = |text: &str| {
        let listed = spdx::identifiers::LICENSES.iter();
        let mut listed = listed.filter(|it| it.name.eq_ignore_ascii_case(text));
        let exceptions = spdx::identifiers::EXCEPTIONS.iter();
        let mut exceptions = exceptions.filter(|it| it.name.eq_ignore_ascii_case(text));
        spelling(text)
            .or_else(|| listed.next().map(|it| it.name))
            .or_else(|| exceptions.next().map(|it| it.name))
            .map_or_else(|| text.to_owned(), str::to_owned)
    };
    let several: Vec<String> = text.split('/').map(|part| one(part.trim())).collect();
    (!text.is_empty()).then(|| several.join(" OR "))
}

fn spelling(text: &str) -> Option<&'static str> {
    let mut known = SPELLINGS.iter();
    let known = known.find(|(spelling, _)| spelling.eq_ignore_ascii_case(text));
    known.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests;
