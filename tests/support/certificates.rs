//! A test authority and the certificates it signs, made anew for every test.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};

/// Makes a test authority and a server certificate for loopback; gives the authority's file.
///
/// *Shape*: `server.pem`, `server.key` and `ca.pem` in `directory`; a second call replaces all three
/// by those of a new authority.
pub fn write(directory: &Path) -> PathBuf {
    write_with_client(directory, "client")
}

/// Does the same with a certificate for a client of this common name: `client.cert` and
/// `client.key` in the folder `client`.
pub fn write_with_client(directory: &Path, name: &str) -> PathBuf {
    let ca_key = KeyPair::generate().expect("generate a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("certificate parameters");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name
        .push(DnType::CommonName, "sluicegate test authority");
    let ca_certificate = ca.self_signed(&ca_key).expect("sign");
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("generate a key");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let server = CertificateParams::new(names).expect("certificate parameters");
    let certificate = server.signed_by(&key, &issuer).expect("sign");
    std::fs::write(directory.join("server.pem"), certificate.pem()).expect("write");
    std::fs::write(directory.join("server.key"), key.serialize_pem()).expect("write");
    let key = KeyPair::generate().expect("generate a key");
    let mut client = CertificateParams::new(Vec::new()).expect("certificate parameters");
    client.distinguished_name = DistinguishedName::new();
    client.distinguished_name.push(DnType::CommonName, name);
    let certificate = client.signed_by(&key, &issuer).expect("sign");
    // Alone: clients take every key in such a directory for theirs.
    let own = directory.join("client");
    std::fs::create_dir_all(&own).expect("make a directory");
    std::fs::write(own.join("client.cert"), certificate.pem()).expect("write");
    std::fs::write(own.join("client.key"), key.serialize_pem()).expect("write");
    let ca_file = directory.join("ca.pem");
    std::fs::write(&ca_file, ca_certificate.pem()).expect("write");
    ca_file
}
