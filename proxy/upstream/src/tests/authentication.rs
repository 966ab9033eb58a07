//! Tokens are shared and renewed; credentials reach nobody they are not for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluicegate_config::Login;
use sluicegate_model::Reference;
use tokio::sync::watch;

use crate::fake::{Fake, Seen, answer, wants_token};
use crate::{Upstream, UpstreamError, UpstreamOptions};

fn tag() -> Reference {
    "1".parse().unwrap()
}

/// A registry whose tokens are `t1`, `t2`, …; `accepts` says which it takes.
async fn token_registry(accepts: fn(usize) -> bool) -> Fake {
    token_registry_of(1, accepts).await
}

/// One that issues no token before so many have asked for something without one.
async fn token_registry_of(strangers: usize, accepts: fn(usize) -> bool) -> Fake {
    let issued = Arc::new(AtomicUsize::new(0));
    let turned_away = watch::Sender::new(0);
    Fake::start(move |seen: Seen| {
        let (issued, turned_away) = (Arc::clone(&issued), turned_away.clone());
        async move {
            if seen.target.starts_with("/token") {
                let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
                let mut all = turned_away.subscribe();
                all.wait_for(|count| *count >= strangers).await.unwrap();
                let body = format!(r#"{{"token":"t{number}","expires_in":300}}"#);
                return answer(200, &[], body);
            }
            let number = seen
                .authorization()
                .and_then(|text| text.strip_prefix("Bearer t"))
                .and_then(|number| number.parse().ok());
            if number.is_some_and(accepts) {
                return answer(200, &[("content-type", "text/x")], "{}");
            }
            turned_away.send_modify(|count| *count += 1);
            let host = seen.headers.get("host").unwrap().to_str().unwrap();
            wants_token(&format!("http://{host}/token"))
        }
    })
    .await
}

#[tokio::test]
async fn sixteen_pulls_need_one_token() {
    let fake = token_registry_of(16, |_| true).await;
    let upstream = Arc::new(fake.upstream());
    let pulls: Vec<_> = (0..16)
        .map(|_| {
            let upstream = Arc::clone(&upstream);
            tokio::spawn(async move { upstream.manifest("a/b", &tag()).await })
        })
        .collect();
    for pull in pulls {
        pull.await.unwrap().unwrap();
    }
    assert_eq!(fake.count("/token"), 1);
    let asked = fake
        .seen()
        .into_iter()
        .find(|seen| seen.target.contains("/token"));
    let target = asked.unwrap().target;
    assert_eq!(
        target,
        "/token?service=up.test&scope=repository%3Aa%2Fb%3Apull"
    );
    // The next pull knows beforehand what is wanted.
    let before = fake.seen().len();
    upstream.manifest("a/b", &tag()).await.unwrap();
    assert_eq!(fake.seen().len(), before + 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let fake = token_registry(|number| number >= 2).await;
    let upstream = fake.upstream();
    // The first token is refused: the request has had its second try by then.
    assert!(matches!(
        upstream.manifest("a", &tag()).await,
        Err(UpstreamError::Unauthorized { .. })
    ));
    // The next request carries the refused token, is told so, and renews it.
    upstream.manifest("a", &tag()).await.unwrap();
    assert_eq!(fake.count("/token"), 2);
    upstream.manifest("a", &tag()).await.unwrap();
    assert_eq!(fake.count("/token"), 2);
}

#[tokio::test]
async fn a_registry_that_never_accepts_is_asked_twice() {
    let fake = token_registry(|_| false).await;
    let outcome = fake.upstream().manifest("a", &tag()).await;
    assert!(matches!(outcome, Err(UpstreamError::Unauthorized { .. })));
    assert_eq!(fake.count("/v2/"), 2);
}

#[tokio::test]
async fn basic_credentials_are_sent_when_asked_for() {
    let fake = Fake::start(|seen: Seen| async move {
        match seen.authorization() {
            Some("Basic cm9ib3Q6aHVudGVyMg==") => answer(200, &[], "{}"),
            _ => answer(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
        }
    })
    .await;
    let upstream = fake.upstream_with_credentials(&[]);
    upstream.manifest("a", &tag()).await.unwrap();
    upstream.manifest("a", &tag()).await.unwrap();
    assert_eq!(fake.seen().len(), 3, "one 401 in all");
    let anonymous = fake.upstream().manifest("a", &tag()).await;
    assert!(matches!(anonymous, Err(UpstreamError::Unauthorized { .. })));
}

/// A registry that shows strangers nothing, with `status` for everything but `/v2/`.
async fn hiding_registry(status: u16, challenge: &'static str) -> Fake {
    Fake::start(move |seen: Seen| async move {
        let host = seen.headers.get("host").unwrap().to_str().unwrap();
        let challenge = challenge.replace("HOST", host);
        match (seen.target.as_str(), seen.authorization()) {
            (target, Some(_)) if target.starts_with("/token") => {
                answer(200, &[], r#"{"token":"t"}"#)
            }
            (_, Some("Bearer t" | "Basic cm9ib3Q6aHVudGVyMg==")) => {
                answer(200, &[("content-type", "text/x")], "{}")
            }
            ("/v2/", None) if challenge.is_empty() => answer(200, &[], "{}"),
            ("/v2/", None) => answer(401, &[("www-authenticate", &challenge)], ""),
            _ => answer(status, &[], ""),
        }
    })
    .await
}

#[tokio::test]
async fn an_upstream_that_hides_from_strangers_is_asked_how_to_be_known() {
    for challenge in [
        "Basic realm=\"r\"",
        "Bearer realm=\"http://HOST/token\",service=\"up.test\"",
    ] {
        for status in [401, 403, 404] {
            let fake = hiding_registry(status, challenge).await;
            let upstream = fake.upstream_with_credentials(&[]);
            let manifest = upstream.manifest("a", &tag()).await;
            assert!(manifest.is_ok(), "{status} {challenge}: {manifest:?}");
            let before = fake.seen().len();
            upstream.manifest("b", &tag()).await.unwrap();
            assert!(fake.seen().len() <= before + 2, "known from then on");
            assert_eq!(
                fake.count("/v2/?") + fake.seen().iter().filter(|s| s.target == "/v2/").count(),
                1
            );
        }
    }
}

#[tokio::test]
async fn only_who_has_credentials_asks_how_to_be_known_and_not_again_and_again() {
    let pings = |fake: &Fake| fake.seen().iter().filter(|s| s.target == "/v2/").count();
    let fake = hiding_registry(404, "Basic realm=\"r\"").await;
    let outcome = fake.upstream().manifest("a", &tag()).await;
    assert!(
        matches!(outcome, Err(UpstreamError::NotFound { .. })),
        "{outcome:?}"
    );
    assert_eq!(pings(&fake), 0);
    let open = hiding_registry(404, "").await;
    let upstream = open.upstream_with_credentials(&[]);
    for _ in 0..3 {
        let outcome = upstream.manifest("a", &tag()).await;
        assert!(
            matches!(outcome, Err(UpstreamError::NotFound { .. })),
            "{outcome:?}"
        );
    }
    assert_eq!(pings(&open), 1);
    assert!(
        open.seen()
            .iter()
            .all(|seen| seen.authorization().is_none())
    );
}

#[tokio::test]
async fn a_token_service_may_redirect_to_itself() {
    for status in [301, 302, 303, 307, 308] {
        let fake = Fake::start(move |seen: Seen| async move {
            let host = seen.headers.get("host").unwrap().to_str().unwrap();
            if let Some(query) = seen.target.strip_prefix("/token?") {
                let to = format!("/token/?{query}");
                return answer(status, &[("location", &to)], "");
            }
            if seen.target.starts_with("/token/?service=up.test&scope=") {
                let is_known = seen.authorization() == Some("Basic cm9ib3Q6aHVudGVyMg==");
                return answer(if is_known { 200 } else { 403 }, &[], r#"{"token":"t"}"#);
            }
            match seen.authorization() {
                Some("Bearer t") => answer(200, &[], "{}"),
                _ => wants_token(&format!("http://{host}/token")),
            }
        })
        .await;
        let upstream = fake.upstream_with_credentials(&[]);
        let manifest = upstream.manifest("a", &tag()).await;
        assert!(manifest.is_ok(), "{status}: {manifest:?}");
    }
    let endless = Fake::start(|seen: Seen| async move {
        let host = seen.headers.get("host").unwrap().to_str().unwrap();
        if seen.target.starts_with("/token") {
            return answer(302, &[("location", "/token")], "");
        }
        wants_token(&format!("http://{host}/token"))
    })
    .await;
    let outcome = endless.upstream().manifest("a", &tag()).await;
    assert!(
        matches!(outcome, Err(UpstreamError::BadRealm { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn credentials_reach_no_hostile_token_service() {
    let sink = Fake::start(|_| async { answer(200, &[], r#"{"token":"x"}"#) }).await;
    let port = sink.address.port();
    let redirecting = Fake::start({
        let to = sink.foreign_url("/sink");
        move |_| {
            let to = to.clone();
            async move { answer(307, &[("location", &to)], "") }
        }
    })
    .await;
    let realms = [
        format!("http://localhost:{port}/other-host"),
        format!("http://127.0.0.1:{port}/other-port"),
        format!("http://[::1]:{port}/other-address"),
        format!("http://127.0.0.2:{port}/neighbour"),
        format!("http://2130706433:{port}/number"),
        format!("http://robot@127.0.0.1:{port}/userinfo"),
        format!("http://127.0.0.1@localhost:{port}/disguise"),
        format!("http://127.0.0.1.localhost:{port}/suffix"),
        format!("http://xn--lclhost-9za.test:{port}/idn"),
        format!("https://localhost:{port}/tls"),
        "file:///etc/passwd".to_owned(),
        redirecting.url("/open-redirect"),
    ];
    for realm in realms {
        let script_realm = realm.clone();
        let fake = Fake::start(move |_| {
            let realm = script_realm.clone();
            async move { wants_token(&realm) }
        })
        .await;
        // The open redirect is on a service that may see credentials; its target may not.
        let allowed = redirecting.address.to_string();
        let upstream = fake.upstream_with_credentials(&[&allowed]);
        let outcome = upstream.manifest("a", &tag()).await;
        assert!(
            matches!(outcome, Err(UpstreamError::BadRealm { .. })),
            "{realm}: {outcome:?}"
        );
    }
    assert!(sink.seen().is_empty(), "{:?}", sink.seen());
}

#[tokio::test]
async fn anonymous_pulls_do_not_reach_private_token_services() {
    let sink = Fake::start(|_| async { answer(200, &[], r#"{"token":"x"}"#) }).await;
    let realm = sink.foreign_url("/token");
    let fake = Fake::start(move |_| {
        let realm = realm.clone();
        async move { wants_token(&realm) }
    })
    .await;
    let outcome = fake.upstream().manifest("a", &tag()).await;
    assert!(
        matches!(outcome, Err(UpstreamError::BadRealm { .. })),
        "{outcome:?}"
    );
    assert!(sink.seen().is_empty());
}

#[test]
fn refuses_to_start_with_credentials_in_the_clear() {
    let mut options = UpstreamOptions::anonymous("up.test", "http://r.test".parse().unwrap());
    options.login = Some(Login::Said(crate::fake::credentials()));
    let outcome = Upstream::new(options.clone(), None);
    assert!(matches!(outcome, Err(UpstreamError::Settings { .. })));
    assert!(!format!("{options:?}").contains("hunter2"));
    options.allow_insecure_credentials = true;
    assert!(Upstream::new(options, None).is_ok());
}
