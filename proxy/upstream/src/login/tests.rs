//! Programs of both protocols, and files, each as they are and as they should not be.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sluicegate_config::{CredentialProvider, Secret};

use super::asked::RENEWED_EVERY;
use super::program::Program;
use super::*;
use crate::tests::{SHELL, pass};

/// Longer than it takes until a file is looked at again.
const A_WHILE: Duration = Duration::from_secs(2);

/// A program written in shell, which notes each time it is asked.
struct Script {
    home: tempfile::TempDir,
}

impl Script {
    fn new(body: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let script = Self { home };
        let asked = script.path("asked");
        let text = format!(
            "#!/bin/sh\nQ=$(cat)\necho x >> {}\n{body}\n",
            asked.display()
        );
        fs::write(script.path("program"), text).unwrap();
        script
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn times_asked(&self) -> usize {
        fs::read_to_string(self.path("asked")).map_or(0, |asked| asked.lines().count())
    }

    fn program(&self) -> Program {
        Program {
            command: SHELL.to_owned(),
            args: vec![self.path("program").display().to_string(), "get".to_owned()],
            env: vec![("HINT".to_owned(), "of the test".to_owned())],
        }
    }

    /// A provider that gives the text of `secret` beside the script as the password.
    fn provider(kind: &str, life: &str) -> Self {
        let script = Self::new("");
        let secret = script.path("secret").display().to_string();
        let answer = format!(
            r#"printf '{{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderResponse","cacheKeyType":"{kind}","cacheDuration":"{life}","auth":{{"reg.test":{{"username":"%s","password":"%s"}}}}}}' "$USER_SAYS" "$(cat {secret})""#
        );
        let asked = script.path("asked").display().to_string();
        let text = format!(
            "#!/bin/sh\ncat >/dev/null\necho x >> {asked}\n[ -f {secret} ] || exit 3\n{answer}\n"
        );
        fs::write(script.path("program"), text).unwrap();
        script.says("first");
        script
    }

    fn says(&self, secret: &str) {
        fs::write(self.path("secret"), secret).unwrap();
    }

    fn login(&self) -> Login {
        let provider = CredentialProvider {
            command: SHELL.to_owned(),
            args: vec![self.path("program").display().to_string()],
            env: vec![("USER_SAYS".to_owned(), "robot".to_owned())],
        };
        Login::new(
            Source::Provider(provider),
            &"https://reg.test/".parse().unwrap(),
        )
    }
}

async fn password(login: &Login, path: &str) -> String {
    let proof = login.proof(path).await.unwrap().unwrap();
    let pair = proof.to_str().unwrap().strip_prefix("Basic ").unwrap();
    let pair = String::from_utf8(STANDARD.decode(pair).unwrap()).unwrap();
    pair.strip_prefix("robot:").unwrap().to_owned()
}

#[tokio::test]
async fn a_helper_is_told_the_registry_and_tells_who_we_are() {
    let script = Script::new(
        r#"[ "$1" = get ] && printf '{"ServerURL":"%s","Username":"AWS","Secret":"%s"}' "$Q" "$Q""#,
    );
    let told = helper::ask(&script.program(), "reg.test:5443")
        .await
        .unwrap();
    let credentials = told.credentials.unwrap();
    assert_eq!(credentials.username, "AWS");
    assert_eq!(credentials.password.expose(), "reg.test:5443");
}

#[tokio::test]
async fn a_helper_that_knows_nobody_there_makes_us_nobody() {
    let script = Script::new("echo 'credentials not found in native keychain'; exit 1");
    let told = helper::ask(&script.program(), "reg.test").await.unwrap();
    assert!(told.credentials.is_none());
}

#[tokio::test]
async fn no_word_of_a_program_that_fails_is_told() {
    for (body, wanted) in [
        ("echo hunter2; echo hunter2 >&2; exit 7", "exit status: 7"),
        ("echo hunter2", "no JSON"),
        (r#"echo '{"Username":"u","Secret":""}'"#, "is empty"),
        (
            r#"echo '{"Username":"<token>","Secret":"hunter2"}'"#,
            "identity token",
        ),
        ("head -c 100000 /dev/zero", "more than 65536 bytes"),
        ("kill -9 $$", "signal: 9"),
    ] {
        let script = Script::new(body);
        let error = helper::ask(&script.program(), "reg.test")
            .await
            .err()
            .unwrap();
        let error = error.to_string();
        assert!(error.contains(wanted), "{body}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let absent = helper::program("that-nobody-has-installed");
    let error = helper::ask(&absent, "reg.test")
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("docker-credential-that-nobody-has-installed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended() {
    let script = Script::new("exec sleep 600");
    let program = script.program();
    let asked = tokio::spawn(async move { program.ask(b"").await.err() });
    while script.times_asked() == 0 {
        tokio::task::yield_now().await;
    }
    pass(Duration::from_secs(31)).await;
    let error = asked.await.unwrap().unwrap();
    assert!(matches!(error, LoginError::Silent { .. }), "{error}");
}

#[tokio::test]
async fn a_provider_is_asked_again_before_its_answer_ends_and_never_used_after() {
    let script = Script::provider("Registry", "12h0m0s");
    let login = script.login();
    assert_eq!(password(&login, "a").await, "first");
    assert_eq!(password(&login, "b").await, "first");
    assert_eq!(
        script.times_asked(),
        1,
        "one answer for all of the registry"
    );
    script.says("second");
    pass(Duration::from_hours(11)).await;
    assert_eq!(password(&login, "a").await, "first");
    pass(Duration::from_mins(56)).await;
    assert_eq!(password(&login, "a").await, "second");
    // It fails: the last answer is used to its end.
    fs::remove_file(script.path("secret")).unwrap();
    pass(Duration::from_mins(11 * 60 + 57)).await;
    assert_eq!(password(&login, "a").await, "second");
    pass(Duration::from_mins(4)).await;
    let error = login.proof("a").await.unwrap_err();
    assert!(error.to_string().contains("exit status: 3"), "{error}");
}

#[tokio::test]
async fn an_answer_for_one_image_is_for_no_other() {
    let script = Script::provider("Image", "1h0m0s");
    let login = script.login();
    assert_eq!(password(&login, "a").await, "first");
    script.says("second");
    assert_eq!(password(&login, "b").await, "second");
    assert_eq!(password(&login, "a").await, "first");
    assert_eq!(script.times_asked(), 2);
}

#[tokio::test]
async fn many_who_wait_ask_once() {
    let script = Script::provider("Global", "1h0m0s");
    let login = Arc::new(script.login());
    let asked: Vec<_> = (0..50)
        .map(|number| {
            let login = Arc::clone(&login);
            tokio::spawn(async move { password(&login, &format!("app/{number}")).await })
        })
        .collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), "first");
    }
    assert_eq!(script.times_asked(), 1);
    fs::remove_file(script.path("secret")).unwrap();
    pass(Duration::from_hours(2)).await;
    for _ in 0..50 {
        assert!(login.proof("a").await.is_err());
    }
    assert!(
        script.times_asked() <= 3,
        "a failure is an answer for a while"
    );
}

#[tokio::test]
async fn a_refusal_leads_to_another_question_but_not_again_and_again() {
    let script = Script::provider("Registry", "12h0m0s");
    let login = script.login();
    password(&login, "a").await;
    let first = login.last_proof("a");
    assert!(
        !login.has_changed("a", first.as_ref()).await,
        "it was asked just now"
    );
    pass(RENEWED_EVERY).await;
    assert!(
        !login.has_changed("a", first.as_ref()).await,
        "it says the same"
    );
    assert_eq!(script.times_asked(), 2);
    script.says("second");
    pass(RENEWED_EVERY).await;
    assert!(login.has_changed("a", first.as_ref()).await);
    assert!(
        login.has_changed("a", first.as_ref()).await,
        "somebody else has asked"
    );
    assert_eq!(script.times_asked(), 3);
}

fn in_file(file: &Path) -> Login {
    let said = Credentials {
        username: "robot".to_owned(),
        password: Secret::new("first"),
    };
    Login::new(
        Source::InFile(said, file.to_owned()),
        &"https://reg.test/".parse().unwrap(),
    )
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("password");
    fs::write(&file, "first\n").unwrap();
    let login = in_file(&file);
    assert_eq!(password(&login, "a").await, "first");
    fs::write(&file, "second, and longer\n").unwrap();
    pass(A_WHILE).await;
    assert_eq!(password(&login, "a").await, "second, and longer");
    fs::remove_file(&file).unwrap();
    pass(A_WHILE).await;
    assert_eq!(password(&login, "a").await, "second, and longer");
    let last = login.last_proof("a");
    assert!(!login.has_changed("a", last.as_ref()).await);
    fs::write(&file, "third\n").unwrap();
    assert!(
        login.has_changed("a", last.as_ref()).await,
        "a refusal is a reason to look"
    );
    assert_eq!(password(&login, "a").await, "third");
}
