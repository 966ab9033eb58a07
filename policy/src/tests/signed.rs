//! Who signed an image: what loads, what holds, and what is not known.

use std::collections::BTreeSet;

use sluicegate_model::signature::{Signatures, Signed, Statement};

use super::*;

/// Gives a key as it is written in YAML between braces.
macro_rules! quoted {
    (one) => {
        "\"-----BEGIN PUBLIC KEY-----\\n\
         MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqAxw57/2f1T2qzbCTR6Q3m8ktMYT\\n\
         KQVmHSkpMys21FxVGDfrph3CGAx+UOeefm6vjUlNsCVbaro2kdtQCJ1jbw==\\n\
         -----END PUBLIC KEY-----\""
    };
    (other) => {
        "\"-----BEGIN PUBLIC KEY-----\\n\
         MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAExIg89WUTi9NLzj5tYVbokPrenBXu1ywC\\n\
         I3eCVwOIQ4Dm2nxUaD15kL/XAXlVQaa1rqWq3X2N+Z6zk+DITaahQ8A50TAqWUaf\\n\
         P6A8zy4FPFMwqCviSCU1eEHV/fh048vs\\n\
         -----END PUBLIC KEY-----\""
    };
}
pub(super) use quoted;

const ONE: &str = quoted!(one);
const OTHER: &str = quoted!(other);
const SPDX: &str = "https://spdx.dev/Document";

fn key(quoted: &str) -> Digest {
    let text = quoted.trim_matches('"').replace("\\n", "\n");
    let key = sluicegate_signatures::PublicKey::from_pem(&text).unwrap();
    key.id().clone()
}

fn spdx() -> Statement {
    Statement::Attestation(SPDX.to_owned())
}

/// Says what is known where everything was looked for: whether each key signed, and the first attested.
pub(super) fn signatures([one, other, attested]: [bool; 3]) -> Signatures {
    let signed = |key: Digest, statement: Statement| Signed {
        key,
        statement,
        manifest: DIGEST.clone(),
    };
    let found = [
        one.then(|| signed(key(ONE), Statement::Signature)),
        other.then(|| signed(key(OTHER), Statement::Signature)),
        attested.then(|| signed(key(ONE), spdx())),
    ];
    let other_type = Statement::Attestation("https://x.test/y".to_owned());
    Signatures {
        keys: BTreeSet::from([key(ONE), key(OTHER)]),
        statements: BTreeSet::from([Statement::Signature, spdx(), other_type]),
        found: found.into_iter().flatten().collect(),
        looked_up_at: now(),
        unknown: None,
        vex: None,
    }
}

/// Says less than is known.
pub(super) fn in_part(known: Signatures) -> Signatures {
    Signatures {
        found: known.found.into_iter().skip(1).collect(),
        unknown: Some("the registry fails".to_owned()),
        ..known
    }
}

fn outcome(spec: &str, content: Content, signatures: Option<&Signatures>) -> Outcome {
    let scope = scope(IMAGE);
    let subject = Subject {
        scope: &scope,
        digest: &DIGEST,
        content,
        created: None,
        run: None,
        first_seen: None,
        graces: &[],
        signatures,
    };
    let report = report(vec![], vec![]);
    let standing = FeedStanding::default();
    decide(
        &set(&policy(spec)),
        &subject,
        report,
        &standing,
        by_number,
        now(),
    )
}

fn refuses(image: &str, signatures: Option<&Signatures>) -> bool {
    let spec = format!("  rules: [{{id: r, image: {image}, action: refuse}}]");
    outcome(&spec, Content::Image, signatures).decision == Decision::Refuse
}

fn lists(image: &str, signatures: Option<&Signatures>) -> bool {
    let spec = format!("  default: refuse\n  rules: [{{id: r, image: {image}, action: allow}}]");
    outcome(&spec, Content::Image, signatures).decision == Decision::Allow
}

#[test]
fn one_of_the_keys_is_enough_and_another_is_not() {
    let [none, one, other] =
        [[false; 3], [true, false, false], [false, true, false]].map(signatures);
    let both = format!("[{ONE}, {OTHER}]");
    for (keys, signed, holds) in [
        (ONE, &none, false),
        (ONE, &one, true),
        (ONE, &other, false),
        (OTHER, &other, true),
        (&both, &none, false),
        (&both, &one, true),
        (&both, &other, true),
    ] {
        let (signed, told) = (Some(signed), format!("{keys} {signed:?}"));
        assert_eq!(
            refuses(&format!("{{signedBy: {keys}}}"), signed),
            holds,
            "{told}"
        );
        let unless = format!("{{unless: {{signedBy: {keys}}}}}");
        assert_eq!(refuses(&unless, signed), !holds, "{told}");
        assert_eq!(
            lists(&format!("{{signedBy: {keys}}}"), signed),
            holds,
            "{told}"
        );
    }
}

#[test]
fn an_attestation_is_of_its_type_and_no_signature_and_the_other_way_round() {
    let [signed, attested] = [[true, false, false], [false, false, true]].map(signatures);
    let by = |kind: &str, key: &str| format!("{{attestedBy: {{type: '{kind}', keys: {key}}}}}");
    for kind in ["spdx", "spdxjson", SPDX] {
        assert!(lists(&by(kind, ONE), Some(&attested)), "{kind}");
        assert!(lists(
            &by(kind, &format!("[{OTHER}, {ONE}]")),
            Some(&attested)
        ));
        assert!(!lists(&by(kind, OTHER), Some(&attested)), "{kind}");
        assert!(!lists(&by(kind, ONE), Some(&signed)), "{kind}");
    }
    assert!(!lists(&by("https://x.test/y", ONE), Some(&attested)));
    assert!(!lists(&format!("{{signedBy: {ONE}}}"), Some(&attested)));
}

#[test]
fn what_is_not_known_refuses_and_never_allows() {
    let (is_signed, is_not) = (
        format!("{{signedBy: {ONE}}}"),
        format!("{{unless: {{signedBy: {ONE}}}}}"),
    );
    let unknown = in_part(signatures([true, false, false]));
    let nobody_asked = Signatures {
        keys: BTreeSet::from([key(OTHER)]),
        ..signatures([false; 3])
    };
    for known in [None, Some(&unknown), Some(&nobody_asked)] {
        assert!(
            refuses(&is_signed, known) && refuses(&is_not, known),
            "{known:?}"
        );
        assert!(
            !lists(&is_signed, known) && !lists(&is_not, known),
            "{known:?}"
        );
    }
    // Of what was found it does not matter what else could not be.
    let found = Signatures {
        unknown: unknown.unknown.clone(),
        ..signatures([true, false, false])
    };
    assert!(!refuses(&is_not, Some(&found)) && lists(&is_signed, Some(&found)));
    let spec = format!("  rules: [{{id: unsigned, image: {is_not}, action: refuse}}]");
    let told = |known| {
        outcome(&spec, Content::Image, known).reasons[0]
            .message
            .clone()
    };
    let none = signatures([false; 3]);
    let asked = "the image is none that is signed by the key sha256:";
    let is_told = |told: &str, end: &str| told.starts_with(asked) && told.ends_with(end);
    assert!(is_told(
        &told(Some(&unknown)),
        ", or nobody knows: the registry fails"
    ));
    assert!(is_told(&told(None), ", or nobody knows"), "{}", told(None));
    assert!(!told(Some(&none)).contains("nobody knows"));
}

#[test]
fn what_is_attached_to_an_image_is_signed_by_nobody_and_a_chart_is() {
    let spec =
        format!("  rules: [{{id: r, image: {{unless: {{signedBy: {ONE}}}}}, action: refuse}}]");
    let list = format!(
        "  default: refuse\n  rules: [{{id: r, image: {{signedBy: {ONE}}}, action: allow}}]"
    );
    let none = signatures([false; 3]);
    for (kind, refused) in [
        (ArtifactKind::Signature, false),
        (ArtifactKind::Attestation, false),
        (ArtifactKind::Sbom, false),
        (ArtifactKind::Helm, true),
    ] {
        let content = Content::Artifact(kind);
        for known in [None, Some(&none)] {
            let decision = outcome(&spec, content, known).decision;
            assert_eq!(decision == Decision::Refuse, refused, "{kind:?}");
            let decision = outcome(&list, content, known).decision;
            assert_eq!(decision, Decision::Refuse, "{kind:?}");
        }
    }
}

#[test]
fn a_scope_asks_for_what_its_own_policies_ask() {
    let rule = |image: &str| {
        policy(&format!(
            "  rules: [{{id: r, image: {image}, action: refuse}}]"
        ))
    };
    let wanted = |text: &str| set(text).wanted_signatures(&scope(IMAGE));
    assert!(wanted(&rule("{user: root}")).is_none());
    assert!(
        PolicySet::built_in()
            .wanted_signatures(&scope(IMAGE))
            .is_none()
    );
    let signed = rule(&format!("{{user: root, unless: {{signedBy: {ONE}}}}}"));
    let found = wanted(&signed).unwrap();
    assert_eq!(found.keys(), BTreeSet::from([key(ONE)]));
    assert!(found.asks_for_signatures() && !found.asks_for_attestations());
    let elsewhere = "---\napiVersion: sluicegate/v1\nkind: Binding\nmetadata: {name: b}\n\
                     spec: {policy: p, repositories: [quay.io/other]}\n";
    assert!(wanted(&[&*signed, elsewhere].concat()).is_none());
}

fn mistakes(image: &str) -> Vec<(u64, String)> {
    let text = policy(&format!(
        "  rules:\n    - id: r\n      action: refuse\n      image:\n{image}"
    ));
    let file = SourceFile {
        name: "p.yaml".into(),
        text,
    };
    let errors = PolicySet::parse(&[file]).unwrap_err().0;
    errors.into_iter().map(|it| (it.line, it.message)).collect()
}

fn line(text: &str) -> String {
    format!("        {text}\n")
}

fn is_mistake(image: &str, at: u64, part: &str) {
    let found = mistakes(image);
    let is_it = found[0].0 == at && found[0].1.contains(part);
    assert!(is_it, "{image}: {found:?}");
}

#[test]
fn what_names_no_key_is_refused_where_it_stands() {
    for (signer, part) in [
        ("{issuer: x, subject: y}", "issuer: not supported yet"),
        ("{keyless: {}}", "keyless: not supported yet"),
        ("{notation: {}}", "notation: not supported yet"),
        ("{identity: x}", "identity: not supported yet"),
        ("{certificate: x}", "certificate: not supported yet"),
        ("{key: x}", "a public key as PEM text"),
        ("7", "a public key as PEM text"),
        ("keys/release.pub", "\"keys/release.pub\" is not there"),
        ("../release.pub", "a path below the folder"),
        ("kms://x/y", "kept elsewhere are not supported yet"),
        (&ONE.replace("MFkw", "MFkx"), "damaged"),
    ] {
        is_mistake(&line(&format!("signedBy: {signer}")), 9, part);
    }
    let list = format!("        signedBy:\n          - {ONE}\n          - x\n");
    is_mistake(&list, 11, "\"x\" is not there");
    let many = vec![ONE; 33].join(", ");
    is_mistake(&line(&format!("signedBy: [{many}]")), 9, "at most 32");
    // Whoever sees the mistake does not see the key.
    let private = ONE.replace("PUBLIC KEY", "ENCRYPTED SIGSTORE PRIVATE KEY");
    let private = line(&format!("signedBy: {private}"));
    is_mistake(&private, 9, "private key");
    assert!(!mistakes(&private)[0].1.contains("MFkw"));
}

#[test]
fn an_attestation_names_its_type_and_keys() {
    let keys = format!("keys: {ONE}");
    for (attested, part) in [
        (&*format!("{{{keys}}}"), "\"type\" is missing"),
        ("{type: spdx}", "\"keys\" is missing"),
        ("{type: spdx, issuer: x}", "issuer: not supported yet"),
        (&format!("{{type: sbom, {keys}}}"), "one of custom"),
        (&format!("{{type: signature, {keys}}}"), "one of custom"),
        (
            &format!("{{type: 'https://sigstore.dev/cosign/sign/v1', {keys}}}"),
            "`signedBy` asks",
        ),
    ] {
        is_mistake(&line(&format!("attestedBy: {attested}")), 9, part);
    }
}

#[test]
fn another_key_is_another_policy() {
    let rule = |key: &str| {
        policy(&format!(
            "  rules: [{{id: r, image: {{signedBy: {key}}}, action: refuse}}]"
        ))
    };
    let digest = |key: &str| set(&rule(key)).digest_for(&scope(IMAGE));
    assert_eq!(digest(ONE), digest(ONE));
    assert_ne!(digest(ONE), digest(OTHER));
}
