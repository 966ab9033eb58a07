//! The JSON Schema of policy documents, for editors: a table for each map that a document may hold.
//!
//! A new key is one row here, as a setting is one in its table. The tests hold every table against its
//! reader, which says by itself what it knows, so that neither has a key that the other lacks. Words
//! are the readers' own.

use serde_json::{Value, json};
use sluicegate_model::coverage::GapKind;
use sluicegate_model::shape::{self, Shape, Table, Wants, words};
use sluicegate_model::table;

use crate::read::{
    ACTIONS, API_VERSION, ARTIFACTS, AUTO, DEFAULTS, EVIDENCE, FALLBACKS, KINDS, MODES, ORIGINS,
    SEVERITIES, STATUSES, USERS,
};

use Shape::{
    Age, Beginning, Either, Filled, FilledMapOf, FilledOf, List, Of, OneOrMore, Scalar, Switch,
    Text, UpTo, Words,
};

/// The kinds of documents, each with the table of its `spec`.
const DOCUMENTS: &[(&str, &Table)] = &[
    ("Policy", &POLICY),
    ("Binding", &BINDING),
    ("Exception", &EXCEPTION),
    ("Delegation", &DELEGATION),
    ("PolicyTest", &CASE),
];

/// Every table that is not a document's `spec`.
const PARTS: &[&Table] = &[
    &METADATA,
    &INCONCLUSIVE,
    &FEEDS,
    &ARTIFACT_KINDS,
    &RULE,
    &CONDITIONS,
    &PACKAGE,
    &IMAGE,
    &ATTESTED,
    &ATTACHED_VEX,
    &EXPECT,
];

const ACTION: Shape = Words(|| words(&ACTIONS));
const PURL: Shape = Beginning("pkg:");

table! {
    /// What a document is called, and whose it is.
    METADATA = "metadata";

    /// Its name: at most 100 letters, digits, `.`, `_` and `-`.
    name: Text, required;

    /// Whose it is. Yours; it decides nothing.
    owner: Scalar;

    /// Who wrote it. Yours; it decides nothing.
    author: Scalar;

    /// Where it was asked for. Yours; it decides nothing.
    ticket: Scalar;

    /// What it is for. Yours; it decides nothing.
    description: Scalar;
}

table! {
    /// Rules on images, and what is made of what could not be looked at.
    POLICY = "policy";

    /// A ceiling for every decision: `enforce`, `annotate` (at most a note), `audit` (always
    /// allow). Without it `enforce`.
    mode: Words(|| words(&MODES));

    /// What gaps in what was looked at lead to. Without it `refuse`.
    onInconclusive: Either(&[ACTION, Of("onInconclusive")]);

    /// How old the advisories may be.
    feeds: Of("feeds");

    /// What is made of manifests that no runtime unpacks.
    artifacts: Of("artifacts");

    /// `refuse`: the rules list what is allowed. Without it `allow`.
    default: Words(|| words(&DEFAULTS));

    /// OpenVEX and CSAF documents that it believes: files and folders below this file.
    vex: Filled(&Text);

    /// Public keys in PEM, or files of those below this file: OpenVEX and CSAF documents that one of them has
    /// signed, and that are attached to an image or an index that lists it, are believed too.
    trustVex: Filled(&Text);

    /// All rules speak, and the strictest result wins.
    rules: List(&Of("rule"));
}

table! {
    /// What gaps in what was looked at lead to.
    INCONCLUSIVE = "onInconclusive";

    /// Something was not looked at. Without it `refuse`.
    partial: ACTION;

    /// What was found says nothing about the image. Without it `refuse`.
    unscannable: ACTION;
}

table! {
    /// How old the newest advisory may be on each family of ecosystems that the image uses.
    FEEDS = "feeds";

    /// `90m`, `24h`, `7d`, `2w`, or `auto`: by the family's own rhythm. Without it `auto`.
    maxAge: Either(&[Age, Words(|| vec![AUTO.to_owned()])]);

    /// What older ones lead to. Without it `refuse`.
    onStale: ACTION;
}

table! {
    /// What is made of manifests that no runtime unpacks.
    ARTIFACT_KINDS = "artifacts";

    /// For artifacts of every kind that is not in `allow`. Without it `refuse`.
    default: ACTION;

    /// The kinds that are allowed. Without it all four.
    allow: List(&Words(|| words(&ARTIFACTS)));
}

table! {
    /// What it asks for, and what follows.
    RULE = "rule", Wants::AnyOf(&["when", "unless", "image"]);

    /// Its name in refusals: at most 100 letters, digits, `.`, `_` and `-`.
    id: Text, required;

    /// All conditions must hold for the same finding.
    when: Of("conditions");

    /// Spares the findings for which all of these hold.
    unless: FilledOf("conditions");

    /// Conditions on the image itself; beside `when` or `unless` both must hold.
    image: FilledOf("image");

    /// What follows.
    action: ACTION, required;

    /// How long digests that were served before it hit them keep working.
    graceForServed: Age;

    /// What a tag answers with in place of a digest that it refuses.
    fallback: Words(|| words(&FALLBACKS));

    /// How long ago the tag may have named that. Without it `30d`.
    fallbackMaxAge: Age;

    /// Added to the refusal; `{id}`, `{package}`, `{version}`, `{severity}` and `{fixed}` are
    /// those of the worst finding.
    message: Text;
}

table! {
    /// Conditions on one finding; all must hold.
    CONDITIONS = "conditions";

    /// Of at least that severity; never of unknown severity.
    severityAtLeast: Words(|| words(&SEVERITIES));

    /// Without (with) a known severity.
    severityUnknown: Switch;

    /// With (without) a version that fixes it.
    fixable: Switch;

    /// On CISA's list of exploited vulnerabilities, or not.
    kev: Switch;

    /// With at least that probability of exploitation, 0 to 1; never without one.
    epssAtLeast: UpTo(1.0);

    /// With at least that CVSS base score, 0 to 10; never without one.
    cvssAtLeast: UpTo(10.0);

    /// That its owner's advisories call fixed. Without it a rule sees only the others.
    quieted: Switch;

    /// Of that kind. Without it a rule sees all but `informational`, `secret`, `configuration` and `licence`.
    kind: Words(|| words(&KINDS));

    /// Of that status. Without it a rule sees all but `not_affected`.
    status: Words(|| words(&STATUSES));

    /// In a package whose presence rests on that.
    evidence: Words(|| words(&EVIDENCE));

    /// Whose advisory was published longer ago than that.
    olderThan: Age;

    /// Whose advisory was published less long ago than that.
    newerThan: Age;

    /// For which a fix has existed so long.
    fixAvailableFor: Age;

    /// That has one of these names: id, alias or advisory.
    ids: OneOrMore(&Text);

    /// In a package of that ecosystem (`Debian:12`) or family (`Debian`).
    ecosystem: OneOrMore(&Text);

    /// In such a place of the image: `*` within a part, `**` across parts.
    path: OneOrMore(&Text);

    /// In a package that a layer of the base image brought, or one of the image's own.
    layer: Words(|| words(&ORIGINS));

    /// On a package that cannot be had without one of these licences, or whose licence is `unknown`; in
    /// `unless` one for which these are enough. `GPL-*` is a family. Comes with `kind: licence`.
    licence: OneOrMore(&Text);

    /// In that package: `pkg:type/namespace/name`, perhaps with `@version`, `*` and `**`.
    package: Either(&[PURL, Of("package")]);
}

table! {
    /// A package, and a range of its versions.
    PACKAGE = "package";

    /// The package, without a version.
    purl: PURL, required;

    /// The range, such as `vers:maven/>=2.0|<2.15`.
    vers: Beginning("vers:"), required;
}

table! {
    /// Conditions on an image; all must hold.
    IMAGE = "image";

    /// In such a repository: canonical names or patterns.
    repositories: Filled(&Text);

    /// Asked for by such a tag. Stands with `repositories` alone.
    tags: OneOrMore(&Text);

    /// Asked for by digest (by tag). Stands with `repositories` alone.
    digestOnly: Switch;

    /// Built before that day or instant, or longer ago than that: `2026-01-31` or `180d`.
    createdBefore: Text;

    /// Runs as root.
    user: Words(|| words(&USERS));

    /// Its config has all these labels; `*` within a part, `**` across parts.
    labels: FilledMapOf(&Text);

    /// Its digest was first judged in this repository less long ago than that.
    firstSeenWithin: Age;

    /// It has a gap of one of these kinds.
    gap: OneOrMore(&Words(GapKind::names));

    /// One of these keys has signed it, or an index that lists it: public keys in
    /// PEM, or files of those below this file.
    signedBy: OneOrMore(&Text);

    /// One of these keys has attested to that of it.
    attestedBy: Of("attestedBy");

    /// For which not all of these hold.
    unless: FilledOf("image");
}

table! {
    /// What somebody has attested to.
    ATTESTED = "attestedBy";

    /// The predicate's type: a URI, or cosign's short name, such as `spdx`.
    type: Text, required;

    /// Public keys in PEM, or files of those below this file, of which one has to have signed it.
    keys: OneOrMore(&Text), required;
}

table! {
    /// Which policy, in which repositories, for whom.
    BINDING = "binding";

    /// The name of the policy; `default` is the built-in one.
    policy: Text, required;

    /// Canonical names or patterns, or images by digest (`@sha256:...`) or by tag (`:8.*`).
    repositories: Filled(&Text), required;

    /// For these alone: `key:NAME`, `cert:NAME`, a network or an address.
    clients: Filled(&Text);
}

table! {
    /// One finding that does not count, for a while.
    EXCEPTION = "exception";

    /// The CVE, or any alias or advisory id of the finding.
    id: Text, required;

    /// Why.
    statement: Text, required;

    /// Which packages. Without it all with this finding.
    purls: Filled(&PURL);

    /// Which repositories, or which images by digest (`@sha256:...`) or by tag (`:8.*`). Without it
    /// all.
    images: Filled(&Text);

    /// A day, whose end it is, or an instant (`2027-01-31T12:00:00Z`).
    expiresAt: Text, required;
}

table! {
    /// A directory that a team holds.
    DELEGATION = "delegation";

    /// The directory, below this file.
    directory: Text, required;

    /// Which repositories what lies there may reach.
    repositories: Filled(&Text), required;

    /// How long an exception may live there.
    maxExceptionLife: Age, required;

    /// Whether exceptions there have to name images. Without it they have to.
    imagesRequired: Switch;
}

table! {
    /// An image, and what has to come out.
    CASE = "case", Wants::OneOf(&["report", "digest"]);

    /// What `inspect-image --format json` printed: a file beside this one.
    report: Text;

    /// What a service has judged.
    digest: Beginning("sha256:");

    /// The name under which it is asked for.
    image: Text;

    /// Who asks: `key:NAME`, `cert:NAME` or an address.
    client: Text;

    /// When: a day or an instant. Without it today.
    now: Text;

    /// When its digest was first judged in the repository.
    firstSeen: Text;

    /// When it was built.
    created: Text;

    /// As whom it runs.
    user: Text;

    /// The labels of its config.
    labels: Shape::MapOf(&Text);

    /// All who have signed it: public keys, or files of those; `[]` is nobody. Without it what the
    /// report says.
    signedBy: Either(&[Text, List(&Text)]);

    /// All who have attested to something of it.
    attestedBy: Either(&[Of("attestedBy"), List(&Of("attestedBy"))]);

    /// OpenVEX and CSAF documents that are attached to it.
    attachedVex: List(&Of("attachedVex"));

    /// What has to come out.
    expect: Of("expect"), required;
}

table! {
    /// An OpenVEX or CSAF document that is attached to an image.
    ATTACHED_VEX = "attachedVex";

    /// The document: a file below this one.
    file: Text, required;

    /// Who has signed it: a public key in PEM, or the file of one below this file.
    key: Text, required;
}

table! {
    /// What has to come out.
    EXPECT = "expect";

    /// The decision.
    decision: ACTION, required;

    /// All rules that speak, in any order.
    rules: List(&Text);
}

/// Gives the schema of a document, of whichever kind.
pub fn schema() -> Value {
    let names: Vec<&str> = DOCUMENTS.iter().map(|(kind, _)| *kind).collect();
    let spec = |(kind, table): &(&str, &Table)| {
        json!({
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"properties": {"spec": Of(table.name).schema()}},
        })
    };
    let specs: Vec<Value> = DOCUMENTS.iter().map(spec).collect();
    let document = json!({
        "type": "object",
        "properties": {
            "apiVersion": {"const": API_VERSION, "description": "The version of the format."},
            "kind": {"enum": names, "description": "What the document is."},
            "metadata": Of(METADATA.name).schema(),
            "spec": {"description": "What it says."},
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
        "allOf": specs,
    });
    shape::schema("A policy document of Sluicegate", document, &tables())
}

fn tables() -> Vec<&'static Table> {
    let specs = DOCUMENTS.iter().map(|(_, table)| *table);
    specs.chain(PARTS.iter().copied()).collect()
}

#[cfg(test)]
mod tests;
