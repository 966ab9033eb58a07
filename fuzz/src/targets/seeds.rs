//! Inputs to begin with, written here: one small example of each format.

use std::io::{Cursor, Write};

pub const OS_RELEASE: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME='bookworm'\n";
pub const DPKG: &[u8] = b"Package: curl\nStatus: install ok installed\nArchitecture: amd64\nSource: curl (7.88.1-9)\nVersion: 7.88.1-10+deb12u4\nDescription: x\n y\n\n";
pub const APK: &[u8] = b"C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:musl\nV:1.2.3-r4\nA:x86_64\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n";
pub const OSV: &[u8] = br#"{"id":"TEST-1","modified":"1969-01-01T00:00:00Z","aliases":["CVE-2024-1"],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"8.0"}]}],"versions":["7.1"],"ecosystem_specific":{"urgency":"low"}}]}"#;
pub const OPENVEX: &[u8] = br#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"urn:x","author":"a","timestamp":"2026-05-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-2024-1","aliases":["GHSA-1"]},"status":"not_affected","justification":"component_not_present","products":[{"@id":"pkg:oci/a@sha256:0","hashes":{"sha-256":"00"},"subcomponents":[{"@id":"pkg:npm/x@1?vers=vers:npm/<2"}]}]}]}"#;
pub const CSAF: &[u8] = br#"{"document":{"csaf_version":"2.0","publisher":{"name":"a"},"tracking":{"id":"1","current_release_date":"2026-05-01T00:00:00Z"}},"product_tree":{"branches":[{"category":"product_version_range","name":"vers:npm/<2","product":{"product_id":"P","name":"p","product_identification_helper":{"purl":"pkg:npm/x"}}}],"product_groups":[{"group_id":"G","product_ids":["P"]}]},"vulnerabilities":[{"cve":"CVE-2024-1","product_status":{"known_not_affected":["P"]},"flags":[{"label":"component_not_present","group_ids":["G"]}]}]}"#;
pub const KEV: &[u8] = br#"{"vulnerabilities":[{"cveID":"CVE-2024-1"}]}"#;
pub const EPSS: &[u8] = b"#model_version:v1\ncve,epss,percentile\nCVE-2024-1,0.5,0.9\n";

/// One small file of each format that analyzers read.
pub fn files() -> Vec<Vec<u8>> {
    let jar = zip(&[
        (
            "META-INF/MANIFEST.MF",
            b"Manifest-Version: 1.0\nImplementation-Version: 1.2\n",
        ),
        (
            "META-INF/maven/org.example/part/pom.properties",
            b"groupId=org.example\nartifactId=part\nversion=1.2\n",
        ),
        ("A.class", b"\xca\xfe\xba\xbe"),
    ]);
    let war = zip(&[("WEB-INF/lib/part-1.2.jar", &jar)]);
    let texts: [&[u8]; 9] = [
        OS_RELEASE,
        DPKG,
        APK,
        b"Metadata-Version: 2.1\nName: Flask\nVersion: 1.0\n\nbody\n",
        br#"{"name":"left-pad","version":"1.3.0","dependencies":{"a":{"version":"1"}},"packages":[{"name":"a/b","version":"v1"}],"libraries":{"A/1.0":{"type":"package"}}}"#,
        b"Gem::Specification.new do |s|\n  s.name = \"rake\".freeze\n  s.version = \"13.0\"\nend\n",
        b"%NAME%\nzlib\n\n%VERSION%\n1:1.3-1\n\n%ARCH%\nx86_64\n",
        b"[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\n",
        b"",
    ];
    let mut files: Vec<Vec<u8>> = texts.iter().map(|text| text.to_vec()).collect();
    files.extend([jar, war]);
    files
}

pub fn manifests() -> Vec<Vec<u8>> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let image = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{digest}","size":2,"urls":[]}}]}}"#
    );
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":2,"platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
    );
    vec![image.into_bytes(), index.into_bytes()]
}

pub fn configs() -> Vec<Vec<u8>> {
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["sha256:{}"]}},"history":[{{"created_by":"RUN x","empty_layer":true}}],"config":{{"Labels":{{"a":"b"}}}}}}"#,
        "0".repeat(64)
    );
    vec![config.into_bytes()]
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("compress in memory");
    encoder.finish().expect("compress in memory")
}

pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).expect("write in memory");
        writer.write_all(content).expect("write in memory");
    }
    writer.finish().expect("write in memory").into_inner()
}
