//! Programs that tell who we are at a registry.

use super::*;

#[test]
fn a_program_may_tell_who_we_are() {
    let file = "upstreams:\n  c: {url: 'https://c', credential_helper: ecr-login}\n  \
                d:\n    url: 'https://d'\n    credential_provider:\n      \
                command: ecr-credential-provider\n      args: [get, -v]\n      \
                env: {AWS_PROFILE: prod}\n";
    let upstreams = from_file(file).unwrap().settings.upstreams;
    assert_eq!(
        upstreams["c"].login,
        Some(Login::Helper("ecr-login".into()))
    );
    let provider = CredentialProvider {
        command: "ecr-credential-provider".into(),
        args: vec!["get".into(), "-v".into()],
        env: vec![("AWS_PROFILE".into(), "prod".into())],
    };
    assert!(!format!("{provider:?}").contains("prod"));
    assert_eq!(upstreams["d"].login, Some(Login::Provider(provider)));
}

#[test]
fn a_program_that_cannot_tell_who_we_are_is_a_mistake_with_its_place() {
    for (entry, wanted) in [
        ("credential_helper: ../../bin/sh", "docker-credential-"),
        ("credential_helper: ''", "docker-credential-"),
        ("credential_helper: x, username: u", "says the username too"),
        (
            "credential_helper: x, password_env: HUB_TOKEN",
            "got several",
        ),
        (
            "credential_helper: x, credential_provider: {command: y}",
            "got several",
        ),
        ("credential_provider: {args: [x]}", "\"command\" is missing"),
        ("credential_provider: {command: ''}", "a program"),
        (
            "credential_provider: {command: x, environment: {}}",
            "environment",
        ),
        (
            "credential_provider: {command: x, env: {'a=b': c}}",
            "variable",
        ),
        ("credential_provider: x", "wanted"),
    ] {
        let file = format!("upstreams: {{c: {{url: 'https://c', {entry}}}}}");
        let messages = messages(&file).concat();
        assert!(messages.contains(wanted), "{entry}: {messages}");
        assert!(messages.contains(":1:"), "{entry}: {messages}");
    }
    let clear = "upstreams: {c: {url: 'http://c', credential_helper: x}}";
    assert!(messages(clear)[0].contains("in the clear"));
}
