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
    let nulls = plain.replace(
        '}',
        r#","urls":null,"annotations":null,"platform":null,"artifactType":null,"data":null}"#,
    );
    let with = |config: &str, rest: &str| {
        let text = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]{rest}}}"#);
        Manifest::parse(text.as_bytes(), media_type::OCI_MANIFEST).unwrap()
    };
    let rest = r#","mediaType":null,"artifactType":null,"manifests":null,"subject":null,
        "annotations":null,"fsLayers":null"#;
    assert_eq!(with(&nulls, rest), with(&plain, ""));
    let noted = plain.replace('}', r#","annotations":{"a":null}}"#);
    assert_eq!(with(&noted, ""), with(&plain, ""));
}

#[test]
fn a_platform_may_hold_nulls() {
    let child = descriptor(media_type::OCI_MANIFEST).replace(
        '}',
        r#","platform":{"os":"linux","architecture":null,"variant":null}}"#,
    );
    let text =
        format!(r#"{{"schemaVersion":2,"layers":null,"config":null,"manifests":[{child}]}}"#);
    let parsed = Manifest::parse(text.as_bytes(), media_type::OCI_INDEX).unwrap();
    let Manifest::Index(index) = parsed else {
        panic!("it is an index");
    };
    let platform = index.manifests[0].platform.as_ref().unwrap();
    assert_eq!(platform.to_string(), "linux/");
}

#[test]
fn an_empty_list_may_be_written_as_null() {
    let config = descriptor(media_type::OCI_CONFIG);
    let of = |text: &str, kind| Manifest::parse(text.as_bytes(), kind);
    for (image, is_taken) in [
        (r#""layers":null"#, true),
        (r#""layers":null,"manifests":null"#, true),
        (r#""manifests":null"#, false),
        (r#""x":null"#, false),
    ] {
        let text = format!(r#"{{"schemaVersion":2,"config":{config},{image}}}"#);
        let taken = of(&text, media_type::OCI_MANIFEST);
        assert_eq!(taken.is_ok(), is_taken, "{image}: {taken:?}");
        assert!(of(&text, media_type::OCI_INDEX).is_err(), "{image}");
    }
    let index = r#"{"schemaVersion":2,"manifests":null}"#;
    assert!(of(index, media_type::OCI_INDEX).is_ok());
    assert!(of(index, media_type::OCI_MANIFEST).is_err());
}

#[test]
fn what_is_no_manifest_does_not_count_as_a_child() {
    let index = |kind: &str, count: usize| {
        let entries = vec![descriptor(kind); count].join(",");
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
        Manifest::parse(text.as_bytes(), media_type::OCI_INDEX)
    };
    let layer = "application/vnd.oci.image.layer.v1.tar+gzip";
    assert!(index(layer, MAX_CHILDREN + 1).is_ok());
    assert!(index(layer, MAX_ENTRIES + 1).is_err());
    assert!(index(media_type::OCI_MANIFEST, MAX_CHILDREN).is_ok());
    for kind in [media_type::OCI_MANIFEST, media_type::DOCKER_INDEX, ""] {
        let taken = index(kind, MAX_CHILDREN + 1);
        assert!(
            matches!(taken, Err(ManifestError::TooMany { .. })),
            "{kind}"
        );
    }
    let Ok(Manifest::Index(cache)) = index(layer, 1) else {
        panic!("it is an index");
    };
    assert!(!cache.manifests[0].may_be_manifest());
}
