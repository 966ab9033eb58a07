//! That the libraries on the data path choose the processor's own instructions at run time: each
//! does so behind a feature that another crate's features can leave off.

use std::process::Command;

use serde_json::Value;

/// Libraries and the feature that has them look at the processor.
const AT_RUN_TIME: [(&str, &str); 4] = [
    ("aho-corasick", "std"),
    ("crc32fast", "std"),
    ("memchr", "std"),
    ("zlib-rs", "std"),
];

#[test]
fn libraries_on_the_data_path_look_at_the_processor() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(super::root())
        .output()
        .expect("run cargo metadata");
    assert!(output.status.success(), "cargo metadata: {output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    for (library, feature) in AT_RUN_TIME {
        let is_library = |node: &&Value| {
            let id = node["id"].as_str().unwrap_or_default();
            id.contains(&format!("#{library}@"))
        };
        let mut found = nodes.iter().filter(is_library).peekable();
        assert!(found.peek().is_some(), "{library} is no dependency");
        for node in found {
            let features = node["features"].as_array().expect("features");
            assert!(
                features.iter().any(|name| name == feature),
                "{library} is built without {feature:?}: {features:?}"
            );
        }
    }
}
