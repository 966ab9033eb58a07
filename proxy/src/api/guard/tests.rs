//! Who is let in, by host, origin, method and listener.

use axum::http::{Request, Version};
use axum::response::IntoResponse as _;

use super::Guard;

const LOCAL: &str = "127.0.0.1:5080";
const OPEN: &str = "0.0.0.0:5080";

fn guard(listen: &str) -> Guard {
    let names = ["gate.example".to_owned(), "registry.corp:5000".to_owned()];
    let api_url = "https://sluicegate.example:8443/below";
    Guard::new(listen.parse().unwrap(), &names, Some(api_url))
}

/// Sends a head to a listener; 200 means let in.
fn answer(listen: &str, version: Version, target: &str, headers: &[(&str, &str)]) -> u16 {
    let (method, target) = target.split_once(' ').unwrap_or(("GET", target));
    let mut request = Request::builder().method(method).uri(target);
    request = request.version(version);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).unwrap();
    guard(listen).admit(&request).map_or_else(
        |problem| problem.into_response().status().as_u16(),
        |()| 200,
    )
}

fn host(host: &str) -> u16 {
    answer(OPEN, Version::HTTP_11, "/healthz", &[("host", host)])
}

fn origin(asked: &str, origin: &str) -> u16 {
    let headers = [("host", asked), ("origin", origin)];
    answer(LOCAL, Version::HTTP_11, "/api/v1/status", &headers)
}

#[test]
fn an_address_and_our_own_names_are_always_right() {
    for right in [
        "127.0.0.1",
        "127.0.0.1:5080",
        "10.42.0.17:5080",
        "203.0.113.9:1",
        "127.0.0.1.",
        "[::1]",
        "[::1]:5080",
        "[fd00::17]:5080",
        "[fe80::1%25eth0]:5080",
        "[::ffff:10.0.0.1]:80",
        "localhost",
        "LocalHost:5080",
        "localhost.:5080",
        "gate.example",
        "GATE.example.:9",
        "registry.corp",
        "registry.corp:5080",
        "sluicegate.example",
        "sluicegate.example:8443",
        "gate.example:",
    ] {
        assert_eq!(host(right), 200, "{right:?}");
    }
}

#[test]
fn a_name_of_somebody_else_is_misdirected() {
    for wrong in [
        "evil.example",
        "evil.example:5080",
        "gate.example.evil.example",
        "evilgate.example",
        "example",
        "localhost.evil.example",
        "evil.localhost",
        "127.0.0.1.nip.example",
        "127.0.0.1.evil.example:5080",
        "2130706433",
        "127.1",
        "0x7f000001",
        "sluicegate.example.evil",
    ] {
        assert_eq!(host(wrong), 421, "{wrong:?}");
    }
}

#[test]
fn what_is_no_host_is_a_bad_request() {
    for wrong in [
        "",
        ".",
        "..",
        "[::1",
        "[evil]",
        "[::1]x",
        "::1",
        "gate.example@evil.example",
        "user@127.0.0.1",
        "127.0.0.1:80:80",
        "127.0.0.1:x",
        "127.0.0.1:+80",
        "127.0.0.1:99999",
        "gate.example/evil",
        "gate.example evil.example",
        "gate.example,evil.example",
        "gate%2eexample",
    ] {
        assert_eq!(host(wrong), 400, "{wrong:?}");
    }
}

#[test]
fn every_place_of_a_host_counts() {
    let one =
        |version, target: &str, headers: &[(&str, &str)]| answer(LOCAL, version, target, headers);
    let good = ("host", "127.0.0.1:5080");
    let evil = ("host", "evil.example");
    // Absolute targets, with and without a header that says otherwise.
    assert_eq!(
        one(Version::HTTP_11, "http://evil.example/healthz", &[good]),
        421
    );
    assert_eq!(
        one(Version::HTTP_11, "http://127.0.0.1/healthz", &[evil]),
        421
    );
    assert_eq!(
        one(Version::HTTP_11, "http://127.0.0.1/healthz", &[good]),
        200
    );
    assert_eq!(
        one(Version::HTTP_11, "http://a@127.0.0.1/healthz", &[good]),
        400
    );
    // Several headers, whichever is first.
    assert_eq!(one(Version::HTTP_11, "/healthz", &[good, good]), 400);
    assert_eq!(one(Version::HTTP_11, "/healthz", &[evil, good]), 400);
    assert_eq!(one(Version::HTTP_11, "/healthz", &[good, evil]), 400);
    // None at all: only HTTP/1.0 may.
    assert_eq!(one(Version::HTTP_11, "/healthz", &[]), 400);
    assert_eq!(one(Version::HTTP_2, "/healthz", &[]), 400);
    assert_eq!(one(Version::HTTP_10, "/healthz", &[]), 200);
    assert_eq!(one(Version::HTTP_10, "/healthz", &[evil]), 421);
    // The authority of HTTP/2.
    assert_eq!(
        one(Version::HTTP_2, "http://evil.example/healthz", &[]),
        421
    );
    assert_eq!(one(Version::HTTP_2, "http://[::1]:5080/healthz", &[]), 200);
    assert_eq!(
        one(Version::HTTP_2, "http://[::1]:5080/healthz", &[evil]),
        421
    );
}

#[test]
fn a_page_of_another_site_is_not_answered() {
    for (asked, page) in [
        ("127.0.0.1:5080", "http://evil.example"),
        ("127.0.0.1:5080", "null"),
        ("127.0.0.1:5080", ""),
        ("127.0.0.1:5080", "http://127.0.0.1:3000"),
        ("127.0.0.1:5080", "http://127.0.0.1"),
        ("127.0.0.1:5080", "http://localhost:5080"),
        ("127.0.0.1:5080", "http://127.0.0.1:5080.evil.example"),
        ("127.0.0.1:5080", "http://127.0.0.1:5080@evil.example"),
        ("127.0.0.1:5080", "http://127.0.0.1:5080/path"),
        ("127.0.0.1:5080", "file://"),
        ("127.0.0.1:5080", "chrome-extension://127.0.0.1:5080"),
        (
            "127.0.0.1:5080",
            "http://127.0.0.1:5080 http://evil.example",
        ),
        ("gate.example", "https://gate.example:444"),
        ("gate.example", "https://sluicegate.example"),
    ] {
        assert_eq!(origin(asked, page), 403, "{page:?} asks {asked}");
    }
    let two = [
        ("host", "127.0.0.1:5080"),
        ("origin", "http://127.0.0.1:5080"),
        ("origin", "http://evil.example"),
    ];
    assert_eq!(answer(LOCAL, Version::HTTP_11, "/metrics", &two), 403);
}

#[test]
fn our_own_pages_are_answered() {
    for (asked, page) in [
        ("127.0.0.1:5080", "http://127.0.0.1:5080"),
        ("[::1]:5080", "http://[::1]:5080"),
        ("LOCALHOST:5080", "http://localhost:5080"),
        ("gate.example", "http://gate.example"),
        ("gate.example", "https://gate.example"),
        ("gate.example:443", "https://gate.example"),
        ("gate.example.", "https://GATE.example"),
        // Behind something that ends TLS and asks by address.
        ("10.0.0.9:5080", "https://sluicegate.example:8443"),
    ] {
        assert_eq!(origin(asked, page), 200, "{page:?} asks {asked}");
    }
    let old = [("origin", "https://sluicegate.example:8443")];
    assert_eq!(answer(LOCAL, Version::HTTP_10, "/", &old), 200);
    let old = [("origin", "http://127.0.0.1:5080")];
    assert_eq!(answer(LOCAL, Version::HTTP_10, "/", &old), 403);
}

#[test]
fn where_others_reach_the_listener_nothing_but_a_read_is_answered() {
    let asked = |listen, target: &str| {
        answer(
            listen,
            Version::HTTP_11,
            target,
            &[("host", "127.0.0.1:5080")],
        )
    };
    for open in [
        OPEN,
        "[::]:5080",
        "10.0.0.1:5080",
        "[fe80::1]:5080",
        "[::ffff:10.0.0.1]:1",
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            for path in ["/api/v1/scans", "/healthz", "/nowhere"] {
                assert_eq!(
                    asked(open, &format!("{method} {path}")),
                    403,
                    "{method} at {open}"
                );
            }
        }
        assert_eq!(asked(open, "GET /api/v1/status"), 200);
        assert_eq!(asked(open, "HEAD /readyz"), 200);
    }
    // Whoever tells of a push proves that to the route, if at all.
    assert_eq!(asked(OPEN, "POST /api/v1/hooks/ghcr"), 200);
    assert_eq!(asked(OPEN, "POST /api/v1/hooksx"), 403);
    let page = [
        ("host", "127.0.0.1:5080"),
        ("origin", "http://evil.example"),
        ("x-hub-signature-256", "sha256=00"),
    ];
    let of_page = answer(OPEN, Version::HTTP_11, "POST /api/v1/hooks/ghcr", &page);
    assert_eq!(of_page, 403);
    for local in [LOCAL, "127.8.8.8:1", "[::1]:5080", "[::ffff:127.0.0.1]:1"] {
        assert_eq!(asked(local, "POST /api/v1/scans"), 200, "{local}");
    }
}

#[test]
fn the_machines_own_name_is_right() {
    let name = std::fs::read_to_string(super::MACHINE_NAME).unwrap();
    let name = name.trim().to_ascii_uppercase();
    let request = Request::builder().header("host", format!("{name}:5080"));
    let request = request.body(()).unwrap();
    let guard = Guard::new(OPEN.parse().unwrap(), &[], None);
    assert!(guard.clone().with_machine_names().admit(&request).is_ok());
    assert!(name == "LOCALHOST" || guard.admit(&request).is_err());
}
