//! Promises about who is told what: receivers of events, and places of the decision log.

use super::*;

#[test]
fn webhooks_are_a_list_of_which_each_says_what_it_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let url = secret_file(&directory, "https://hooks.example/hunter2\n", 0o600);
    let text = format!(
        "webhook: 'https://hooks.example/one'
webhooks:
  - {{name: soc, url_file: {url}, format: slack, secret_file: {url}, repositories: [\"docker.io/shop/**\"],
     types: [verdict.changed, pull.blocked], directions: worse}}
  - {{url: 'https://hooks.example/three'}}
"
    );
    let settings = from_file(&text).unwrap().settings;
    let [one, soc, three] = &settings.webhooks[..] else {
        panic!("wanted three")
    };
    assert_eq!(
        [&one.name, &soc.name, &three.name],
        ["webhook", "soc", "webhook-2"]
    );
    assert_eq!(soc.url.path(), "/hunter2");
    assert_eq!(
        (soc.format, three.format),
        (WebhookFormat::Slack, WebhookFormat::CloudEvents)
    );
    assert_eq!(soc.repositories, ["docker.io/shop/**"]);
    assert_eq!(soc.types, ["verdict.changed", "pull.blocked"]);
    assert_eq!(soc.directions, ["worse"]);
    assert!(soc.secret.is_some());
    assert!(!format!("{settings:?}").contains("hunter2"));
    for (entry, expected) in [
        ("{name: a}", "url or url_file"),
        ("{url: 'https://u:hunter2@h'}", "must not hold"),
        ("{url: 'https://h', secret: hunter2}", "use secret_file"),
        ("{url: 'https://h', name: A b}", "wanted a name"),
        (
            "{url: 'https://h', format: fax}",
            "cloudevents or slack or teams",
        ),
        ("{url: 'https://h', types: [nothing]}", "pull.blocked"),
        (
            "{url: 'https://h', directions: up}",
            "worse or better or other",
        ),
        ("{url: 'https://h', repositories: 'a b'}", "a pattern"),
        ("{url: 'https://h', url_file: x}", "cannot stand beside"),
        (
            "{url: 'https://h', name: webhook}, {url: 'https://h', name: webhook}",
            "another webhook",
        ),
    ] {
        let told = messages(&format!("webhooks: [{entry}]")).concat();
        assert!(told.contains(expected), "{entry}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn the_log_goes_to_places_of_a_few_kinds() {
    let text = "decision_log_to: [stdout, /var/log/d.jsonl, 'syslog://Log.test', \
                {to: 'syslog+tls://[::1]:7000', name: siem, ca_file: a.pem}]";
    let settings = from_file(text).unwrap().settings;
    let places: Vec<(&str, &SinkPlace)> = (settings.decision_log_to.iter())
        .map(|it| (it.name.as_str(), &it.place))
        .collect();
    let tls = SinkPlace::SyslogTls {
        host: "::1".into(),
        port: 7000,
        ca_file: Some("a.pem".into()),
    };
    let tcp = SinkPlace::Syslog {
        host: "log.test".into(),
        port: 601,
    };
    let expected = [
        ("stdout", &SinkPlace::Stdout),
        (
            "/var/log/d.jsonl",
            &SinkPlace::File("/var/log/d.jsonl".into()),
        ),
        ("syslog://Log.test", &tcp),
        ("siem", &tls),
    ];
    assert_eq!(places, expected);
    for (text, expected) in [
        ("d.jsonl", "the absolute path"),
        ("'syslog://'", "the absolute path"),
        ("'syslog+udp://h'", "the absolute path"),
        ("[stdout, stdout]", "give one of them a name"),
        ("[{name: a}]", "an entry needs to"),
        ("[{to: stdout, ca_file: a}]", "syslog+tls:// alone"),
        ("[{to: stdout, name: ../x}]", "wanted a name"),
    ] {
        let told = messages(&format!("decision_log_to: {text}")).concat();
        assert!(told.contains(expected), "{text}: {told}");
    }
}
