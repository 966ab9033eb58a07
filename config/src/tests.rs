//! Promises about settings as a whole: order of sources, all mistakes at once, no secret shown.

use sluicegate_model::gate::GateMode;
use std::os::unix::fs::PermissionsExt;

use super::*;

mod programs;
mod told;

const NONE: [(&str, &str); 0] = [];

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::from_variables(variables.iter().copied(), false)
}

fn from_file(text: &str) -> Result<Loaded, ConfigErrors> {
    load(
        Flags::default(),
        &environment(&[("HUB_TOKEN", "t0ken")]),
        Some(("s.yaml", text)),
    )
}

fn messages(text: &str) -> Vec<String> {
    let errors = from_file(text).unwrap_err();
    errors.as_slice().iter().map(ToString::to_string).collect()
}

fn secret_file(directory: &tempfile::TempDir, text: &str, mode: u32) -> String {
    let path = directory.path().join(format!("secret-{mode:o}"));
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

#[test]
fn works_without_any_setting() {
    let loaded = load(Flags::default(), &Environment::default(), None).unwrap();
    let settings = loaded.settings;
    assert_eq!(settings.listen.to_string(), "127.0.0.1:5000");
    assert_eq!(settings.api_listen.to_string(), "127.0.0.1:5080");
    assert_eq!(settings.default_upstream, "docker.io");
    assert_eq!(settings.upstreams.len(), defaults::UPSTREAMS.len());
    assert_eq!(settings.gate, GateMode::Hold);
    assert_eq!(settings.store, crate::StoreEngine::Sled);
    assert_eq!(settings.platforms.len(), 1);
    assert!(matches!(settings.feeds.as_slice(), [FeedSource::Usual(_)]));
    assert!(loaded.warnings.is_empty());
}

#[test]
fn keeps_data_where_the_user_expects_it() {
    let data = |variables: &[(&str, &str)], is_root| {
        let environment = Environment::from_variables(variables.iter().copied(), is_root);
        let loaded = load(Flags::default(), &environment, None).unwrap();
        loaded.settings.data.display().to_string()
    };
    let home = ("HOME", "/home/u");
    assert_eq!(data(&[home], false), "/home/u/.local/share/sluicegate");
    assert_eq!(
        data(&[home, ("XDG_DATA_HOME", "/x")], false),
        "/x/sluicegate"
    );
    assert_eq!(
        data(&[home, ("XDG_DATA_HOME", "x")], true),
        "/var/lib/sluicegate"
    );
    assert_eq!(data(&NONE, false), "/var/lib/sluicegate");
}

#[test]
fn flag_beats_variable_beats_file_beats_default() {
    let file = Some((
        "s.yaml",
        "gate: stream\ntag_ttl: 1m\ncache_size: 1GiB\nname: [a, b]\nstore: redb\n",
    ));
    let environment = environment(&[
        ("SLUICEGATE_TAG_TTL", "2m"),
        ("SLUICEGATE_CACHE_SIZE", "2GiB"),
        ("SLUICEGATE_NAME", "c;D:443\n e:5000 "),
    ]);
    let flags = Flags {
        cache_size: Some("3MiB".into()),
        ..Flags::default()
    };
    let settings = load(flags, &environment, file).unwrap().settings;
    assert_eq!(settings.gate, GateMode::Stream);
    assert_eq!(settings.store, crate::StoreEngine::Redb);
    assert_eq!(settings.tag_ttl.as_secs(), 120);
    assert_eq!(settings.cache_bytes, 3 * 1024 * 1024);
    assert_eq!(settings.names, ["c", "d", "e:5000"]);
    assert_eq!(settings.api_auth, crate::Access::Anonymous);
}

#[test]
fn a_response_is_held_twenty_seconds_and_never_longer() {
    let held = |millis| {
        let environment = environment(&[("SLUICEGATE_TEST_HOLD_MS", millis)]);
        let settings = load(Flags::default(), &environment, None).unwrap().settings;
        settings.hold.as_millis()
    };
    assert_eq!(
        ["", "x", "99999", "300"].map(held),
        [20_000, 20_000, 20_000, 300]
    );
}

#[test]
fn an_upstream_is_added_or_replaced_as_a_whole() {
    let file = "upstreams: {docker.io: {url: 'https://hub.example', username: u, \
                password_env: HUB_TOKEN}, corp: {url: 'https://corp.example/root'}}";
    let settings = from_file(file).unwrap().settings;
    let hub = &settings.upstreams["docker.io"];
    assert_eq!(hub.url.as_str(), "https://hub.example/");
    let said = hub.login.as_ref().and_then(Login::said);
    assert_eq!(said.unwrap().password.expose(), "t0ken");
    assert_eq!(
        settings.upstreams["corp"].url.as_str(),
        "https://corp.example/root/"
    );

    let flags = Flags {
        upstream: vec!["docker.io=http://localhost:1".into()],
        ..Flags::default()
    };
    let settings = load(
        flags,
        &environment(&[("HUB_TOKEN", "x")]),
        Some(("f", file)),
    )
    .unwrap();
    let hub = &settings.settings.upstreams["docker.io"];
    assert_eq!(hub.url.as_str(), "http://localhost:1/");
    assert!(hub.login.is_none(), "a replaced registry keeps no secret");
}

#[test]
fn tells_every_mistake_at_once_with_its_place() {
    let found = messages(
        "listen: nowhere\ngaet: hold\ngate: maybe\ncache_size: 12 apples\nplatforms: linux\n\
         feed: [none, /x]\nupstreams:\n  'a/b': {url: 'ftp://x'}\n  c: {urll: x}\n\
         tls: {cert_file: a}\napi_open: maybe\ndefault_upstream: nobody\n\
         store: 'postgres://db'\n",
    );
    for wanted in [
        "s.yaml:1:9: wanted ADDRESS:PORT",
        "s.yaml:2:1: unknown key \"gaet\"",
        "s.yaml:3:7: wanted hold or stream",
        "s.yaml:4:13: wanted bytes",
        "s.yaml:5:12: wanted OS/ARCHITECTURE",
        "s.yaml:6:8: \"none\" cannot stand",
        "s.yaml:8:3: wanted a registry's host name",
        "s.yaml:8:16: wanted an http or https URL",
        "s.yaml:9:7: unknown key \"urll\"",
        "\"url\" is missing",
        "\"key_file\" is missing",
        "s.yaml:11:11: wanted true or false",
        "s.yaml:12:19: no upstream is called \"nobody\"",
        "s.yaml:13:8: wanted sled or redb, got \"postgres://db\"",
    ] {
        assert!(
            found.iter().any(|message| message.contains(wanted)),
            "{wanted:?} is not in {found:#?}"
        );
    }
}

#[test]
fn a_file_that_is_no_yaml_is_an_error_with_a_place() {
    assert!(messages("listen: [")[0].starts_with("s.yaml:"));
    assert!(messages("gate: hold\ngate: stream\n")[0].starts_with("s.yaml:2:1"));
    assert!(messages("- a\n")[0].contains("wanted a mapping"));
    assert!(messages("gate: hold\n---\ngate: hold\n")[0].contains("one document"));
    assert!(from_file("").is_ok());
}

#[test]
fn warns_of_variables_that_nobody_reads() {
    let environment = environment(&[("SLUICEGATE_GAET", "x"), ("SLUICEGATE_TEST_DATA", "x")]);
    let loaded = load(Flags::default(), &environment, None).unwrap();
    assert_eq!(
        loaded.warnings,
        ["SLUICEGATE_GAET: unknown variable, ignored"]
    );
}

#[test]
fn an_open_api_must_be_asked_for() {
    let auth = |text: &str| from_file(text).unwrap().settings.api_auth;
    assert_eq!(auth("api_listen: 0.0.0.0:5080"), crate::Access::Required);
    let open = "{api_listen: '0.0.0.0:5080', api_open: true}";
    assert_eq!(auth(open), crate::Access::Anonymous);
    assert_eq!(auth("api_listen: '[::1]:5080'"), crate::Access::Anonymous);
    assert!(messages("api_listen: 127.0.0.1:5000")[0].contains("already"));
}

#[test]
fn private_images_become_public_only_on_request() {
    let private = "upstreams: {corp: {url: 'https://c', username: u, password_env: HUB_TOKEN}}\n";
    assert!(from_file(private).is_ok());
    let open = format!("{private}listen: 0.0.0.0:5000\n");
    assert!(messages(&open)[0].contains("--allow-anonymous"));
    assert!(from_file(&format!("{open}allow_anonymous: true\n")).is_ok());
}

#[test]
fn credentials_travel_in_the_clear_only_on_request() {
    let clear = "username: u, password_env: HUB_TOKEN, url: 'http://c'";
    assert!(messages(&format!("upstreams: {{c: {{{clear}}}}}"))[0].contains("in the clear"));
    let allowed = format!("upstreams: {{c: {{{clear}, allow_insecure_credentials: true}}}}");
    assert!(from_file(&allowed).is_ok());
}

#[test]
fn secrets_come_from_files_and_variables_only() {
    let inline = messages("upstreams: {c: {url: 'https://c', username: u, password: hunter2}}");
    assert!(inline[0].contains("password_file"), "{inline:?}");
    assert!(!inline.concat().contains("hunter2"));
    let in_url = messages("upstreams: {c: {url: 'https://u:hunter2@c'}}");
    assert!(in_url[0].contains("must not hold"), "{in_url:?}");
    assert!(!in_url.concat().contains("hunter2"));

    let directory = tempfile::tempdir().unwrap();
    let with_file = |path: &str| {
        from_file(&format!(
            "upstreams: {{c: {{url: 'https://c', username: u, password_file: {path}}}}}"
        ))
    };
    let loaded = with_file(&secret_file(&directory, "hunter2\n", 0o600)).unwrap();
    let login = loaded.settings.upstreams["c"].login.as_ref().unwrap();
    assert_eq!(login.said().unwrap().password.expose(), "hunter2");
    assert!(loaded.warnings.is_empty());
    assert!(!format!("{:?}", loaded.settings).contains("hunter2"));

    let open = with_file(&secret_file(&directory, "hunter2\n", 0o644)).unwrap();
    assert!(
        open.warnings[0].contains("mode 0644"),
        "{:?}",
        open.warnings
    );
    assert!(with_file(&secret_file(&directory, "\n", 0o400)).is_err());
    assert!(with_file("/nonexistent").is_err());
}

#[test]
fn reads_what_docker_login_wrote() {
    let directory = tempfile::tempdir().unwrap();
    // base64 of "me:s3cret".
    let config = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6czNjcmV0"},
        "corp.example:5000": {"auth": "bWU6czNjcmV0"}, "quay.io": {"identitytoken": "x"}}}"#;
    let path = secret_file(&directory, config, 0o600);
    let file = format!(
        "docker_config: {path}\nupstreams: {{c: {{url: 'https://corp.example:5000'}}, \
         d: {{url: 'https://other.example'}}}}\n"
    );
    let loaded = from_file(&file).unwrap();
    let user = |name: &str| {
        let login = loaded.settings.upstreams[name].login.as_ref();
        login
            .and_then(Login::said)
            .map(|known| (known.username.as_str(), known.password.expose()))
    };
    assert_eq!(user("docker.io"), Some(("me", "s3cret")));
    assert_eq!(user("c"), Some(("me", "s3cret")));
    assert_eq!(
        (user("d"), user("quay.io"), user("ghcr.io")),
        (None, None, None)
    );
    assert!(loaded.warnings.concat().contains("quay.io"));

    let broken = secret_file(&directory, r#"{"auths": "s3cret"#, 0o400);
    let errors = messages(&format!("docker_config: {broken}"));
    assert!(!errors.concat().contains("s3cret"), "{errors:?}");
}

#[test]
fn the_example_file_is_right() {
    let text = include_str!("../sluicegate.example.yaml");
    let loaded = from_file(text).unwrap();
    assert_eq!(loaded.settings.platforms.len(), 2);
    assert_eq!(
        loaded.settings.api_url.as_deref(),
        Some("https://sluicegate.corp.example")
    );
    for (key, _) in settings::SETTINGS {
        // What needs a file or a receiver is shown as a comment.
        let shown = ["", "# "].map(|mark| format!("\n{mark}{key}: "));
        let shown = shown.iter().any(|line| text.contains(line));
        assert!(shown || *key == "upstream", "{key} is not in the example");
    }
}

#[test]
fn understands_how_hosts_are_written() {
    for host in ["a", "a.b", "a-b:5000", "[::1]:5000", "127.0.0.1"] {
        assert!(upstreams::is_host(host), "{host} is a host");
    }
    for text in ["", "a/b", "a b", "a:b", "a:99999", "[::1", "A", "é"] {
        assert!(!upstreams::is_host(text), "{text:?} is no host");
    }
}

#[test]
fn takes_proxies_from_the_usual_variables() {
    let environment = environment(&[("HTTPS_PROXY", "http://p:3128"), ("no_proxy", "a,b")]);
    let settings = load(Flags::default(), &environment, None).unwrap().settings;
    assert_eq!(settings.https_proxy.as_deref(), Some("http://p:3128"));
    assert_eq!(settings.no_proxy.as_deref(), Some("a,b"));
}

#[test]
fn a_webhook_has_a_url_and_a_secret_that_nothing_shows() {
    let directory = tempfile::tempdir().unwrap();
    let file = secret_file(&directory, "whsec_aHVudGVyMg==\n", 0o600);
    let url = "webhook: 'https://hooks.example/x?token=hunter2'";
    let loaded = from_file(&format!("{url}\nwebhook_secret_file: {file}")).unwrap();
    let [webhook] = &loaded.settings.webhooks[..] else {
        panic!("wanted one")
    };
    assert_eq!(webhook.name, "webhook");
    assert_eq!(webhook.url.query(), Some("token=hunter2"));
    let secret = webhook.secret.as_ref().unwrap();
    assert_eq!(secret.expose(), "whsec_aHVudGVyMg==");
    assert!(!format!("{:?}", loaded.settings).contains("hunter2"));
    assert!(from_file(url).unwrap().settings.webhooks.len() == 1);

    let no_base64 = secret_file(&directory, "whsec_hunter2!\n", 0o400);
    let mistakes = [
        ("webhook: 'ftp://hunter2'".to_owned(), "http or https"),
        ("webhook: 'https://u:hunter2@h'".to_owned(), "must not hold"),
        ("webhook: 'https://h/#hunter2'".to_owned(), "no fragment"),
        ("webhook: hunter2".to_owned(), "wanted a URL"),
        (format!("webhook_secret_file: {file}"), "needs a webhook"),
        (
            format!("{url}\nwebhook_secret_file: {no_base64}"),
            "no base64",
        ),
    ];
    for (text, expected) in mistakes {
        let told = messages(&text).concat();
        assert!(told.contains(expected), "{text}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn the_secret_of_hooks_is_in_a_file_and_cannot_be_guessed() {
    let directory = tempfile::tempdir().unwrap();
    let told = |text: &str| {
        let file = secret_file(&directory, text, 0o600);
        from_file(&format!("hook_secret_file: {file}"))
    };
    let loaded = told("hunter2hunter2hunter2\n").unwrap();
    let read = loaded.settings.hook_secret.as_ref().unwrap();
    assert_eq!(read.secret.expose(), "hunter2hunter2hunter2");
    assert!(!format!("{:?}", loaded.settings).contains("hunter2"));
    assert!(from_file("").unwrap().settings.hook_secret.is_none());
    for (text, expected) in [("hunter2", "fewer than 16 bytes"), ("", "is empty")] {
        let told = told(text).unwrap_err().to_string();
        assert!(
            told.contains(expected) && !told.contains("hunter2 "),
            "{told}"
        );
    }
    let told = messages("hook_secret_file: /nowhere/hook").concat();
    assert!(told.contains("reading \"/nowhere/hook\""), "{told}");
}

#[test]
fn a_feed_behind_a_login_is_an_entry_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let password = secret_file(&directory, "hunter2\n", 0o600);
    let file = format!(
        "feed:\n  - /srv/feed\n  - url: 'https://osv.corp.test'\n    username: u\n    \
         password_file: {password}\n    ca_file: /c.pem\n  - 'https://open.test/'\n"
    );
    let settings = from_file(&file).unwrap().settings;
    let [
        FeedSource::Directory(_),
        FeedSource::Url(site),
        FeedSource::Url(open),
    ] = settings.feeds.as_slice()
    else {
        panic!("{:?}", settings.feeds);
    };
    assert_eq!(site.url.as_str(), "https://osv.corp.test/");
    let Some(Login::InFile(credentials, read_from)) = &site.login else {
        panic!("{:?}", site.login);
    };
    let said = (credentials.username.as_str(), credentials.password.expose());
    assert_eq!(said, ("u", "hunter2"));
    assert_eq!(read_from, std::path::Path::new(&password));
    assert_eq!(site.ca_file, Some("/c.pem".into()));
    assert_eq!(open.login, None);
    // Named again on the command line it is the same place.
    let flags = Flags {
        feed: vec!["https://osv.corp.test/".into()],
        ..Flags::default()
    };
    let loaded = load(flags, &environment(&NONE), Some(("s.yaml", &file))).unwrap();
    let [FeedSource::Url(site)] = loaded.settings.feeds.as_slice() else {
        panic!("{:?}", loaded.settings.feeds);
    };
    assert!(site.login.is_some());
}

#[test]
fn mistakes_about_logins_name_keys_that_exist() {
    for (file, wanted) in [
        (
            "feed: ['https://u:hunter2@osv.test/']",
            "as an entry of feed with url, username and password_file",
        ),
        (
            "feed: [{url: 'https://u:hunter2@osv.test/'}]",
            "use username and password_file",
        ),
        (
            "upstream: ['a.test=https://u:hunter2@a.test/']",
            "under upstreams in the config file, with username and password_file",
        ),
        (
            "api_url: 'https://u:hunter2@a.test/'",
            "must not hold a user name or password",
        ),
        (
            "feed: {url: /srv/feed, username: u}",
            "wanted an http(s) URL",
        ),
        ("feed: [{username: u}]", "\"url\" is missing"),
        ("feed: [{url: 'https://a.test', user: u}]", "user"),
        (
            "feed: [{url: 'https://a.test', username: u, password: hunter2}]",
            "use password_file",
        ),
        (
            "feed: [{url: 'http://a.test', username: u, password_env: HUB_TOKEN}]",
            "would travel in the clear",
        ),
    ] {
        let told = messages(file);
        let is_told = told.iter().any(|line| line.contains(wanted));
        assert!(is_told, "{file}: {told:?}");
        assert!(!told.concat().contains("hunter2"), "{told:?}");
    }
    let api = messages("api_url: 'https://u:hunter2@a.test/'");
    assert!(!api[0].contains("username"), "{api:?}");
}

#[test]
fn how_much_is_asked_of_a_registry_at_a_time_can_be_set() {
    let with = |more: &str| format!("upstreams: {{c: {{url: 'https://c'{more}}}}}");
    for (more, wanted) in [
        ("", 24),
        (", max_requests: 3", 3),
        (", max_requests: 1000", 1000),
    ] {
        let loaded = load(
            Flags::default(),
            &Environment::default(),
            Some(("s.yaml", &with(more))),
        );
        let settings = loaded.expect("sound settings").settings;
        assert_eq!(settings.upstreams["c"].max_requests, wanted);
        assert_eq!(settings.upstreams["quay.io"].max_requests, 24);
    }
    for wrong in ["0", "-1", "1001", "many", "1.5"] {
        let text = with(&format!(", max_requests: {wrong}"));
        let loaded = load(
            Flags::default(),
            &Environment::default(),
            Some(("s.yaml", &text)),
        );
        assert!(loaded.is_err(), "{wrong}");
    }
}

#[test]
fn a_registry_can_be_marked_with_the_scanner_that_scans_its_images() {
    let with = |more: &str| format!("upstreams: {{c: {{url: 'https://c'{more}}}}}");
    let loaded = |text: &str| {
        load(
            Flags::default(),
            &Environment::default(),
            Some(("s.yaml", text)),
        )
    };
    let upstreams = loaded(&with(", scan_by: eu-west")).unwrap().settings;
    let upstreams = upstreams.upstreams;
    assert_eq!(upstreams["c"].scan_by.as_deref(), Some("eu-west"));
    assert_eq!(upstreams["quay.io"].scan_by, None);
    for wrong in ["''", "EU", "a b", "[a]"] {
        let refused = loaded(&with(&format!(", scan_by: {wrong}")));
        assert!(refused.is_err(), "{wrong}");
    }
}
