//! The walk: every route, in every role, on what is one's own, what is another's, and what is not
//! there. Nobody learns from an answer which of the last two it was.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;
use sluicegate_tests::image::Image;
use sluicegate_tests::keys::{Holder, Keys};
use sluicegate_tests::wire::{Call, Reply};

use super::routes::api_calls;
use crate::stage::{Stage, blob_path, image_with, manifest_path, patiently};

/// What the walk's teams own.
const OWN: &str = "team/app";
const FOREIGN: &str = "other/app";
/// As long as the other, so that answers are too.
const NOWHERE: &str = "other/nil";

/// Whoever walks: in which role, and whether they know of all repositories.
struct Walker {
    role: &'static str,
    knows_all: bool,
    key: Option<Holder>,
}

impl Walker {
    fn may(&self, what: &str) -> bool {
        let roles: &[&str] = match what {
            "pull" => &["puller", "admin"],
            "scan" => &["scanner", "admin"],
            "verdicts" => &["scanner", "auditor", "admin"],
            "service" => &["auditor", "admin"],
            "keys" => &["admin"],
            other => panic!("{other}"),
        };
        roles.contains(&self.role)
    }

    fn pulls_from(&self, repository: &str) -> bool {
        self.may("pull") && (self.knows_all || repository == OWN)
    }

    fn named(&self) -> String {
        let scope = if self.knows_all { "all" } else { "team" };
        format!("{} of {scope}", self.role)
    }

    fn call(&self, method: Method, address: &str, path: &str) -> Call {
        let call = Call::new(method, address, path);
        match &self.key {
            Some(key) => key.on(call),
            None => call,
        }
    }
}

/// What the upstream has in a repository.
struct Place<'a> {
    repository: &'a str,
    image: &'a Image,
}

async fn walkers(stage: &Stage) -> Vec<Walker> {
    let keys = Keys(&stage.proxy);
    let mut walkers = Vec::new();
    for role in ["puller", "scanner", "auditor", "admin"] {
        for knows_all in [false, true] {
            let name = format!("{role}-{}", if knows_all { "all" } else { "team" });
            let scope = ["--repositories", "up.test/team/**"];
            let more = if knows_all { &[][..] } else { &scope[..] };
            let key = Some(keys.make(&name, role, more).await);
            walkers.push(Walker {
                role,
                knows_all,
                key,
            });
        }
    }
    walkers.push(Walker {
        role: "nobody",
        knows_all: false,
        key: None,
    });
    walkers
}

async fn stage() -> Stage {
    Stage::with(|proxy, _| {
        proxy
            .flag("--registry-auth", "required")
            .flag("--api-auth", "required")
    })
    .await
}

/// What clients ask of a registry, for one repository.
fn registry_paths(place: &Place<'_>) -> Vec<String> {
    let (name, image) = (place.repository, place.image);
    let digest = image.digest.to_string();
    let mut paths = vec![
        manifest_path(name, "1"),
        manifest_path(name, &digest),
        format!("/v2/{name}/tags/list"),
        format!("/v2/{name}/referrers/{digest}"),
    ];
    paths.extend(image.blobs().map(|blob| blob_path(name, &blob.digest)));
    paths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_of_the_registry_answers_those_whom_it_is_for() {
    let stage = stage().await;
    let walkers = walkers(&stage).await;
    let (own, foreign) = (image_with("goodlib", 1), image_with("goodlib", 2));
    stage.upstream.add(OWN, "1", &own);
    stage.upstream.add(FOREIGN, "1", &foreign);
    // Both are pulled and judged before, so that there is something to leak.
    let puller = walkers
        .iter()
        .find(|it| it.named() == "puller of all")
        .unwrap();
    for (repository, image) in [(OWN, &own), (FOREIGN, &foreign)] {
        let path = manifest_path(repository, "1");
        let reply = patiently(|| puller.call(Method::GET, stage.proxy.address(), &path)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.body, image.manifest);
    }
    let mut cells = 0;
    for walker in &walkers {
        for (repository, image) in [(OWN, &own), (FOREIGN, &foreign), (NOWHERE, &foreign)] {
            let place = Place { repository, image };
            let asked_before = stage.upstream.seen().len();
            for path in registry_paths(&place) {
                for method in [Method::GET, Method::HEAD] {
                    let call = || walker.call(method.clone(), stage.proxy.address(), &path);
                    let reply = patiently(call).await;
                    let what = format!("{}: {method} {path}", walker.named());
                    check_registry(walker, &place, &reply, &what);
                    cells += 1;
                }
            }
            if !walker.pulls_from(repository) {
                let asked = stage.upstream.seen().len() - asked_before;
                assert_eq!(asked, 0, "{}: {repository} was looked for", walker.named());
            }
        }
    }
    assert!(cells >= 300, "{cells} cells");
}

fn check_registry(walker: &Walker, place: &Place<'_>, reply: &Reply, what: &str) {
    let wanted = match (&walker.key, walker.pulls_from(place.repository)) {
        (None, _) => 401,
        (Some(_), false) => 403,
        (Some(_), true) if place.repository == NOWHERE => 404,
        (Some(_), true) => 200,
    };
    // The upstream of the walk lists no tags, and nothing refers to what is nowhere.
    let is_list = what.contains("/tags/list") || what.contains("/referrers/");
    let either = [200, 404];
    let is_either = either.contains(&wanted) && either.contains(&reply.status.as_u16());
    let is_right = reply.status == wanted || (is_list && is_either);
    assert!(is_right, "{what}: {} {}", reply.status, reply.text());
    if wanted == 403 && what.contains(": GET ") {
        let name = &walker.key.as_ref().unwrap().name;
        let said = format!(
            "sluicegate: key \"{name}\" may not read up.test/{}",
            place.repository
        );
        assert_eq!(reply.message(), said, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_another_s_and_what_is_nowhere_get_the_same_bytes_and_no_look() {
    let stage = stage().await;
    let foreign = image_with("goodlib", 2);
    stage.upstream.add(FOREIGN, "1", &foreign);
    let all = Keys(&stage.proxy).make("all", "admin", &[]).await;
    let scope = ["--repositories", "up.test/team/**"];
    let team = Keys(&stage.proxy).make("team", "puller", &scope).await;
    let path = manifest_path(FOREIGN, "1");
    let call = || all.on(Call::new(Method::GET, stage.proxy.address(), &path));
    assert_eq!(patiently(call).await.status, 200);
    let before = stage.upstream.seen().len();
    let (there, nowhere) = (
        Place {
            repository: FOREIGN,
            image: &foreign,
        },
        Place {
            repository: NOWHERE,
            image: &foreign,
        },
    );
    for (one, other) in registry_paths(&there).iter().zip(&registry_paths(&nowhere)) {
        for method in [Method::GET, Method::HEAD] {
            let mut told = Vec::new();
            for path in [one, other] {
                let call = Call::new(method.clone(), stage.proxy.address(), path);
                let reply = team.on(call).send().await;
                let mut headers: Vec<String> = reply
                    .headers
                    .iter()
                    .filter(|(name, _)| *name != "date")
                    .map(|(name, value)| format!("{name}: {value:?}"))
                    .collect();
                headers.sort();
                let text = format!(
                    "{} {} {headers:?} {}",
                    reply.status,
                    reply.reason,
                    reply.text()
                );
                told.push(text.replace(NOWHERE, FOREIGN));
            }
            assert_eq!(told[0], told[1], "{one}");
        }
    }
    assert_eq!(
        stage.upstream.seen().len(),
        before,
        "the upstream was asked"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_of_the_api_answers_those_whom_it_is_for() {
    let stage = stage().await;
    let walkers = walkers(&stage).await;
    let (own, foreign) = (image_with("goodlib", 1), image_with("goodlib", 2));
    let puller = walkers
        .iter()
        .find(|it| it.named() == "puller of all")
        .unwrap();
    for (repository, image) in [(OWN, &own), (FOREIGN, &foreign)] {
        stage.upstream.add(repository, "1", image);
        let path = manifest_path(repository, "1");
        let reply = patiently(|| puller.call(Method::GET, stage.proxy.address(), &path)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let auditor = walkers
        .iter()
        .find(|it| it.named() == "auditor of all")
        .unwrap();
    let lines = ask(
        &stage,
        auditor,
        Method::GET,
        "/api/v1/decisions?type=pull",
        "",
    )
    .await
    .json();
    let line_of = |repository: &str| {
        let name = format!("up.test/{repository}");
        let items = lines["items"].as_array().unwrap();
        let line = items
            .iter()
            .find(|line| line["repository"] == name.as_str());
        line.map_or(9_999, |line| line["seq"].as_u64().unwrap())
    };
    let mut routes = BTreeSet::new();
    let mut cells = 0;
    for walker in &walkers {
        for (repository, image) in [(OWN, &own), (FOREIGN, &foreign), (NOWHERE, &foreign)] {
            for (needs, route, method, path, body) in api_calls(repository, image.digest.as_str()) {
                let path = match needs {
                    "one line" => format!("/api/v1/decisions/{}", line_of(repository)),
                    _ => path,
                };
                let reply = ask(&stage, walker, method.clone(), &path, &body).await;
                let what = format!("{}: {method} {path}: {}", walker.named(), reply.status);
                let wanted = wanted(walker, needs, repository);
                assert_eq!(reply.status, wanted, "{what} {}", reply.text());
                if wanted == 200 {
                    nothing_foreign_is_told(walker, &reply, &what, &path);
                }
                routes.insert((method.to_string().to_lowercase(), route));
                cells += 1;
            }
        }
    }
    assert!(cells >= 400, "{cells} cells");
    let described = ask(&stage, auditor, Method::GET, "/api/v1/openapi.json", "")
        .await
        .json();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let walked = routes
                .iter()
                .any(|(m, route)| m == method && *route == path.as_str());
            assert!(walked, "{method} {path} is not walked");
        }
    }
}

async fn ask(stage: &Stage, walker: &Walker, method: Method, path: &str, body: &str) -> Reply {
    let call = walker.call(method, stage.proxy.api_address(), path);
    let call = match body {
        "" => call,
        body => call
            .header("content-type", "application/json")
            .body(body.to_owned()),
    };
    call.send().await
}

/// The status of the contract for somebody, a route and a repository.
fn wanted(walker: &Walker, needs: &str, repository: &str) -> u16 {
    let is_told = walker.knows_all || repository == OWN;
    let is_there = repository != NOWHERE;
    if needs == "nothing" {
        return 200;
    }
    // What registries tell is no business of keys: here nobody was told the secret that it needs.
    if needs == "no secret" {
        return 404;
    }
    if walker.key.is_none() || needs == "scanners alone" {
        return 401;
    }
    let permission = match needs {
        "somebody" => return 200,
        "whole service"
        | "whole service, absent"
        | "whole service, wrong"
        | "service"
        | "one line" => "service",
        "verdicts" | "one verdict" => "verdicts",
        "one scan" | "scan, absent" | "one report" => "scan",
        _ => "keys",
    };
    let is_whole =
        needs.starts_with("whole service") || (permission == "keys" && needs != "one waiver");
    if !walker.may(permission) || (is_whole && !walker.knows_all) {
        return 403;
    }
    match needs {
        "one verdict" | "one line" if !is_told || !is_there => 404,
        "one scan" | "one report" | "one waiver" if !is_told => 404,
        "one waiver" => 400,
        "one scan" => 202,
        "keys, wrong" => 400,
        "whole service, wrong" => 422,
        needs if needs.ends_with("absent") => 404,
        _ => 200,
    }
}

/// Whatever is told to somebody who knows of some repositories names no other.
fn nothing_foreign_is_told(walker: &Walker, reply: &Reply, what: &str, path: &str) {
    if walker.knows_all || path.ends_with("openapi.json") {
        return;
    }
    assert!(
        !reply.text().contains("up.test/other"),
        "{what}: {}",
        reply.text()
    );
    if path.starts_with("/api/v1/packages") {
        let items = reply.json();
        let repositories: BTreeSet<&str> = items["items"]
            .as_array()
            .map(|items| {
                items
                    .iter()
                    .filter_map(|it| it["repository"].as_str())
                    .collect()
            })
            .unwrap_or_default();
        assert_eq!(repositories, BTreeSet::from(["up.test/team/app"]), "{what}");
        assert_eq!(items["incomplete"], Value::from(0));
    }
}
