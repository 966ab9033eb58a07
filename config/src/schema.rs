//! The JSON Schema of the configuration file, for editors.
//!
//! The settings are those of the one table, with what `--help` says of them and the words that they
//! take; what only the file can say has tables here, which the tests hold against the reader.

use std::collections::BTreeMap;

use clap::Args as _;
use serde_json::{Map, Value, json};
use sluicegate_model::shape::{self, Shape};
use sluicegate_model::table;

use crate::env::Environment;
use crate::errors::Notes;
use crate::file::Extras;
use crate::layer::{Arity, Layer, Layers};
use crate::said::Said;
use crate::settings::{Flags, SETTINGS, Settings};
use crate::webhook;

use Shape::{Either, MapOf, Of, OneOrMany, Scalar, Switch};

table! {
    /// What only the file can say.
    FILE = "file";

    /// Registries by name. An entry replaces a well-known one of its name as a whole.
    upstreams: MapOf(&Of("upstream"));

    /// Who is sent which events, each in its own way and from where it stood.
    webhooks: OneOrMany(&Of("webhook_entry"));

    /// A docker `config.json`, for registries without credentials of their own.
    docker_config: Scalar;

    /// The registry's certificate. Without it the listener speaks plain HTTP.
    tls: Of("tls");

    /// The API's certificate. Without it the listener speaks plain HTTP.
    api_tls: Of("tls");
}

table! {
    /// A listener's certificate; changed files are read again by themselves.
    TLS = "tls";

    /// The certificate and its chain, PEM.
    cert_file: Scalar, required;

    /// Its key, PEM.
    key_file: Scalar, required;

    /// The authorities of client certificates, PEM.
    client_ca_file: Scalar;
}

table! {
    /// A registry, or a feed, and who we are there.
    UPSTREAM = "upstream";

    /// Where it is.
    url: Scalar, required;

    /// Whose credentials are sent: this service's, or each client's own.
    identity: Shape::Words(|| vec!["service".to_owned(), "client".to_owned()]);

    /// Who we are there; with `password_file` or `password_env`.
    username: Scalar;

    /// A file with the password; read again when it changes.
    password_file: Scalar;

    /// A variable with the password.
    password_env: Scalar;

    /// A program of Docker's protocol that tells the credentials, without `docker-credential-`.
    credential_helper: Scalar;

    /// A program of the kubelet's protocol that tells the credentials.
    credential_provider: Of("credential_provider");

    /// More certificate authorities, PEM.
    ca_file: Scalar;

    /// Sends credentials over plain HTTP.
    allow_insecure_credentials: Switch;

    /// Other hosts that may see the credentials as its token service, or be reached privately.
    allow_hosts: OneOrMany(&Scalar);

    /// Most blobs asked for at a time.
    max_requests: Scalar;

    /// The linked scanner that scans its images.
    scan_by: Scalar;
}

table! {
    /// A receiver of events.
    WEBHOOK = "webhook_entry";

    /// What it is called; its position is kept under this. Without it, its number in the list.
    name: Scalar;

    /// Where it is; path and query may hold a secret.
    url: Scalar;

    /// A file with the URL and nothing else.
    url_file: Scalar;

    /// What messages look like; a `CloudEvent` where nothing is said.
    format: Shape::Words(webhook::formats);

    /// A file with the secret that signs messages.
    secret_file: Scalar;

    /// Events about repositories that these patterns match, and no others.
    repositories: OneOrMany(&Scalar);

    /// Events of these types alone.
    types: OneOrMany(&Shape::Words(types));

    /// Of changed verdicts those that went this way.
    directions: OneOrMany(&Shape::Words(webhook::directions));
}

table! {
    /// Where the lines of the decision log go as well.
    SINK = "sink";

    /// The place: stdout, the absolute path of a file, `syslog://HOST[:PORT]` or
    /// `syslog+tls://HOST[:PORT]`.
    to: Scalar, required;

    /// What it is called; its position is kept under this. Without it, the place.
    name: Scalar;

    /// More certificate authorities of a server over TLS, PEM.
    ca_file: Scalar;
}

table! {
    /// A program of the kubelet's protocol.
    PROVIDER = "credential_provider";

    /// The program.
    command: Scalar, required;

    /// Its arguments.
    args: OneOrMany(&Scalar);

    /// Variables that it sees.
    env: MapOf(&Scalar);
}

/// What an entry of `feed` is.
const FEED: Shape = Either(&[Scalar, Of("upstream")]);

/// What an entry of `decision_log_to` is.
const LOG_TO: Shape = Either(&[Scalar, Of("sink")]);

fn types() -> Vec<String> {
    let types = webhook::event_types().iter();
    types.map(|kind| (*kind).to_owned()).collect()
}

/// Gives the schema of the configuration file.
pub fn schema() -> Value {
    let help = Flags::augment_args(clap::Command::new("serve"));
    let words = words();
    let mut properties = Map::new();
    for (name, arity) in SETTINGS {
        let mut schema = match (*name, arity) {
            ("feed", _) => OneOrMany(&FEED).schema(),
            ("decision_log_to", _) => OneOrMany(&LOG_TO).schema(),
            (_, Arity::Many) => OneOrMany(&Scalar).schema(),
            (_, Arity::Switch) => Switch.schema(),
            (_, Arity::One) => match words.get(name) {
                Some(words) => json!({"enum": words}),
                None => Scalar.schema(),
            },
        };
        let flag = help.get_arguments().find(|flag| flag.get_id() == name);
        let note = flag.and_then(clap::Arg::get_help).map(ToString::to_string);
        if let (Value::Object(schema), Some(note)) = (&mut schema, note) {
            schema.insert("description".into(), note.into());
        }
        properties.insert((*name).to_owned(), schema);
    }
    let mut document = FILE.schema();
    if let Some(Value::Object(all)) = document.get_mut("properties") {
        all.extend(properties);
    }
    if let Value::Object(document) = &mut document {
        document.remove("description");
    }
    let title = "The configuration file of Sluicegate";
    shape::schema(
        title,
        document,
        &[&TLS, &UPSTREAM, &PROVIDER, &WEBHOOK, &SINK],
    )
}

/// Names the words of each setting that takes a few only, as the reader notes them.
fn words() -> BTreeMap<&'static str, Vec<String>> {
    let (environment, mut notes) = (Environment::default(), Notes::default());
    let mut said = Said {
        key: "",
        layers: &Layers([Layer::default(), Layer::default(), Layer::default()]),
        extras: &Extras::default(),
        environment: &environment,
        notes: &mut notes,
        words: BTreeMap::new(),
    };
    // Nobody has said anything, so that every default is read and nothing else.
    let _ = Settings::read(&mut said);
    said.words
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sluicegate_model::shape::checked;
    use sluicegate_model::strict_yaml;

    use super::*;
    use crate::load;

    /// What the reader says of a file.
    fn read(text: &str) -> Result<(), String> {
        let environment =
            Environment::from_variables([("HUB_TOKEN", "t0ken"), ("HOME", "/h")], false);
        let read = load(Flags::default(), &environment, Some(("s.yaml", text)));
        read.map(|_| ()).map_err(|errors| errors.to_string())
    }

    /// Lists what is wrong with a file by the schema.
    fn mistakes(text: &str) -> Vec<String> {
        let documents = strict_yaml::parse(text).unwrap();
        checked::mistakes(&schema(), &checked::seen(&documents[0]))
    }

    #[test]
    fn every_table_has_the_keys_that_the_reader_knows() {
        let schema = schema();
        let keys = |place: &str| -> BTreeSet<String> {
            let table = schema.pointer(place).unwrap_or(&schema);
            let properties = table["properties"].as_object().unwrap();
            properties.keys().cloned().collect()
        };
        for (place, text) in [
            ("", "nonsense: 1"),
            ("/$defs/tls", "tls: {nonsense: 1}"),
            ("/$defs/tls", "api_tls: {nonsense: 1}"),
            ("/$defs/upstream", "upstreams: {a.test: {nonsense: 1}}"),
            ("/$defs/upstream", "feed: [{nonsense: 1}]"),
            ("/$defs/webhook_entry", "webhooks: [{nonsense: 1}]"),
            ("/$defs/sink", "decision_log_to: [{nonsense: 1}]"),
            (
                "/$defs/credential_provider",
                "upstreams: {a.test: {credential_provider: {nonsense: 1}}}",
            ),
        ] {
            let said = read(text).unwrap_err();
            let (_, known) = said
                .split_once("unknown key \"nonsense\", wanted one of ")
                .unwrap();
            let known = known.lines().next().unwrap().split(", ").map(str::to_owned);
            assert_eq!(keys(place), known.collect(), "{text}");
        }
    }

    #[test]
    fn every_setting_has_a_description_and_the_words_that_it_takes() {
        let schema = schema();
        for (name, property) in schema["properties"].as_object().unwrap() {
            assert!(
                property["description"]
                    .as_str()
                    .is_some_and(|note| !note.is_empty()),
                "{name}"
            );
            let Some(words) = property["enum"].as_array() else {
                continue;
            };
            for word in words {
                assert_eq!(read(&format!("{name}: {word}")), Ok(()), "{name}");
            }
            assert!(read(&format!("{name}: nonsense")).is_err(), "{name}");
            assert!(!mistakes(&format!("{name}: nonsense")).is_empty(), "{name}");
        }
        let with_words = ["api_auth", "gate", "log_format", "registry_auth", "store"];
        assert_eq!(words().into_keys().collect::<Vec<_>>(), with_words);
    }

    #[test]
    fn the_example_file_is_right_by_the_schema_with_and_without_its_comments() {
        let example = include_str!("../sluicegate.example.yaml");
        assert_eq!(mistakes(example), [""; 0]);
        // What is switched off are keys of the first level and of upstreams.
        let commented = example.lines().filter_map(|line| {
            let line = line.trim_start().strip_prefix("# ")?;
            let (key, _) = line.split_once(':')?;
            let is_key = key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            (is_key && !key.ends_with("_file")).then_some(line)
        });
        let mut count = 0;
        for line in commented.filter(|line| line.split_once(": ").is_some()) {
            let (key, _) = line.split_once(':').unwrap();
            if !SETTINGS.iter().any(|(name, _)| *name == key) {
                continue;
            }
            count += 1;
            assert_eq!(mistakes(line), [""; 0], "{line}");
        }
        assert!(count > 3, "{count}");
    }

    #[test]
    fn what_is_wrong_by_itself_is_wrong_to_both() {
        for text in [
            "listen: [a, b]",
            "listen: true",
            "allow_anonymous: 'yes'",
            "policy: {a: b}",
            "upstreams: {a.test: {}}",
            "upstreams: {a.test: {url: 'https://a.test', identity: nobody}}",
            "upstreams: {a.test: {url: 'https://a.test', password: secret}}",
            "tls: {cert_file: a}",
            "feed: [{username: a}]",
            "webhooks: [{url: 'https://a.test', format: fax}]",
            "webhooks: [{url: 'https://a.test', types: [a]}]",
            "decision_log_to: [{name: a}]",
            "- a",
        ] {
            assert!(read(text).is_err(), "read: {text}");
            assert!(!mistakes(text).is_empty(), "by the schema: {text}");
        }
        for text in [
            "policy: a.yaml",
            "max_connections: 10",
            "feed: none",
            "platforms: [linux/amd64]",
            "webhooks: [{name: soc, url: 'https://a.test/x', format: slack, types: pull.blocked}]",
            "decision_log_to: [stdout, {to: 'syslog+tls://a.test', name: siem, ca_file: a.pem}]",
            "upstreams: {a.test: {url: 'https://a.test', allow_hosts: b.test, max_requests: 4}}",
            "upstreams: {a.test: {url: 'https://a.test', credential_provider: {command: /bin/p, args: [x], env: {A: 1}}}}",
        ] {
            assert_eq!(read(text), Ok(()), "{text}");
            assert_eq!(mistakes(text), [""; 0], "{text}");
        }
    }
}
