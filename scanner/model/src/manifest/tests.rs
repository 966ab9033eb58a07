//! What manifests are taken, and what is refused.

use super::*;

fn descriptor(kind: &str) -> String {
    format!(
        r#"{{"mediaType":"{kind}","digest":"{}","size":2}}"#,
        Digest::of(b"{}")
    )
}

fn image(extra: &str) -> String {
    let config = descriptor(media_type::OCI_CONFIG);
    format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]{extra}}}"#)
}

#[test]
fn reads_an_image_and_an_index() {
    let parsed = Manifest::parse(image("").as_bytes(), media_type::OCI_MANIFEST);
    assert!(matches!(parsed, Ok(Manifest::Image(_))), "{parsed:?}");
    let child = descriptor(media_type::OCI_MANIFEST);
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{child}]}}"#);
    let parsed = Manifest::parse(index.as_bytes(), media_type::OCI_INDEX);
    assert!(matches!(parsed, Ok(Manifest::Index(_))), "{parsed:?}");
}

#[test]
fn refuses_every_ambiguity() {
    let both = image(r#","manifests":[]"#);
    let wrong_type = image(&format!(r#","mediaType":"{}""#, media_type::OCI_INDEX));
    let twice = image(r#","layers":[]"#);
    let cased = image(r#","Layers":[]"#);
    let schema1 = r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned();
    for text in [
        &both,
        &wrong_type,
        &twice,
        &cased,
        &schema1,
        "null",
        "[]",
        "{}",
    ] {
        let parsed = Manifest::parse(text.as_bytes(), media_type::OCI_MANIFEST);
        assert!(parsed.is_err(), "{text} was taken as {parsed:?}");
    }
    let as_index = Manifest::parse(image("").as_bytes(), media_type::OCI_INDEX);
    assert!(matches!(as_index, Err(ManifestError::MediaType { .. })));
    let bounded = "x".repeat(MAX_MANIFEST_BYTES + 1);
    let parsed = Manifest::parse(bounded.as_bytes(), media_type::OCI_MANIFEST);
    assert!(matches!(parsed, Err(ManifestError::TooLarge(_))));
}

/// Gives a descriptor with `data`, as JSON, beside its other fields.
fn embedding(kind: &str, data: &str) -> String {
    descriptor(kind).replace('}', &format!(r#","data":{data}}}"#))
}

/// Puts a descriptor wherever a manifest may hold one; with the type of each.
fn documents_with(data: &str) -> Vec<(String, &'static str)> {
    let plain = descriptor(media_type::OCI_MANIFEST);
    let embedding = embedding(media_type::OCI_MANIFEST, data);
    let image = |config: &str, layers: &str, subject: &str| {
        format!(
            r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}],"subject":{subject}}}"#
        )
    };
    let index = |children: &str, subject: &str| {
        format!(r#"{{"schemaVersion":2,"manifests":[{children}],"subject":{subject}}}"#)
    };
    let (oci_image, oci_index) = (media_type::OCI_MANIFEST, media_type::OCI_INDEX);
    let both = format!("{plain},{embedding}");
    vec![
        (image(&embedding, &plain, &plain), oci_image),
        (image(&plain, &both, &plain), oci_image),
        (image(&plain, &plain, &embedding), oci_image),
        (index(&both, &plain), oci_index),
        (index(&plain, &embedding), oci_index),
        (index(&both, "null"), media_type::DOCKER_INDEX),
    ]
}

#[test]
fn only_the_empty_document_may_be_embedded() {
    // In clear, spelled with escapes, as numbers, of the wrong kind.
    for data in [
        r#""eA==""#,
        r#""""#,
        r#""e30""#,
        r#""e\u00330=""#,
        "[123,125]",
        "{}",
        "0",
        "false",
    ] {
        for (text, kind) in documents_with(data) {
            let error = Manifest::parse(text.as_bytes(), kind).unwrap_err();
            assert!(
                matches!(error, ManifestError::EmbeddedData(_)),
                "{text}: {error}"
            );
        }
    }
    for data in [r#""e30=""#, "null"] {
        for (text, kind) in documents_with(data) {
            let parsed = Manifest::parse(text.as_bytes(), kind);
            assert!(parsed.is_ok(), "{text}: {parsed:?}");
        }
    }
}

#[test]
fn a_key_of_data_in_another_dress_is_refused() {
    let plain = descriptor(media_type::OCI_CONFIG);
    for key in ["Data", "DATA", "d\\u0061ta"] {
        let dressed = plain.replace('}', &format!(r#","{key}":"eA=="}}"#));
        let text = format!(r#"{{"schemaVersion":2,"config":{dressed},"layers":[]}}"#);
        let parsed = Manifest::parse(text.as_bytes(), media_type::OCI_MANIFEST);
        assert!(parsed.is_err(), "{text}");
    }
}

#[test]
fn null_stands_for_what_is_absent() {
    let plain = descriptor(media_type::OCI_CONFIG);
    let nulls = plain.replace('}', r#","urls":null,"annotations":null,"platform":null}"#);
    let with = |config: &str| {
        let text = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#);
        Manifest::parse(text.as_bytes(), media_type::OCI_MANIFEST).unwrap()
    };
    assert_eq!(with(&nulls), with(&plain));
}
