//! Every route of the API, as the walk asks it.

use http::Method;
use serde_json::json;
use sluicegate_model::Digest;

use crate::linked::ROUTES;

/// Every route of the API: what it needs, and how it is asked about a repository and a digest.
pub(super) fn api_calls(
    repository: &str,
    digest: &str,
) -> Vec<(&'static str, &'static str, Method, String, String)> {
    let get = |needs: &'static str, route: &'static str, query: String| {
        (needs, route, Method::GET, query, String::new())
    };
    let post = |needs: &'static str, route: &'static str, body: String| {
        (needs, route, Method::POST, route.to_owned(), body)
    };
    let of = format!("repository=up.test/{repository}");
    let of_scanners = ROUTES.map(|route| post("scanners alone", route, "{}".into()));
    let mut calls =
        vec![
        get("nothing", "/healthz", "/healthz".into()),
        get("nothing", "/readyz", "/readyz".into()),
        get("whole service", "/metrics", "/metrics".into()),
        get(
            "somebody",
            "/api/v1/openapi.json",
            "/api/v1/openapi.json".into(),
        ),
        get("whole service", "/api/v1/status", "/api/v1/status".into()),
        get(
            "service",
            "/api/v1/feeds/problems",
            "/api/v1/feeds/problems".into(),
        ),
        get("service", "/api/v1/plugins", "/api/v1/plugins".into()),
        get(
            "verdicts",
            "/api/v1/verdicts",
            format!("/api/v1/verdicts?{of}"),
        ),
        get(
            "one verdict",
            "/api/v1/verdicts/{digest}",
            format!("/api/v1/verdicts/{digest}?{of}"),
        ),
        get(
            "verdicts",
            "/api/v1/vulnerabilities/{id}",
            format!("/api/v1/vulnerabilities/CVE-2026-1111?{of}"),
        ),
        get(
            "one verdict",
            "/api/v1/verdicts/{digest}/sbom",
            format!("/api/v1/verdicts/{digest}/sbom?{of}"),
        ),
        get(
            "one verdict",
            "/api/v1/verdicts/{digest}/remedy",
            format!("/api/v1/verdicts/{digest}/remedy?{of}"),
        ),
        get(
            "one verdict",
            "/api/v1/verdicts/{digest}/attestation",
            format!("/api/v1/verdicts/{digest}/attestation?{of}"),
        ),
        get(
            "verdicts",
            "/api/v1/attestation-key",
            "/api/v1/attestation-key".into(),
        ),
        get(
            "service",
            "/api/v1/decisions",
            format!("/api/v1/decisions?{of}"),
        ),
        get("one line", "/api/v1/decisions/{seq}", String::new()),
        get(
            "whole service, absent",
            "/api/v1/policies/{digest}",
            format!("/api/v1/policies/{digest}"),
        ),
        post(
            "one verdict",
            "/api/v1/policies/explain",
            json!({"digest": digest, "repository": format!("up.test/{repository}")}).to_string(),
        ),
        post(
            "whole service, wrong",
            "/api/v1/policies/replays",
            json!({"draft": {"files": [{"name": "p.yaml", "text": "nothing"}]}}).to_string(),
        ),
        get("service", "/api/v1/break-glass", "/api/v1/break-glass".into()),
        post(
            "one waiver",
            "/api/v1/break-glass",
            json!({"digest": Digest::of(b"nothing"), "repository": format!("up.test/{repository}"),
                "reason": "", "for": "1h"})
            .to_string(),
        ),
        get(
            "whole service, absent",
            "/api/v1/policies/replays/{id}",
            "/api/v1/policies/replays/0000000000000000".into(),
        ),
        get(
            "service",
            "/api/v1/exceptions",
            format!("/api/v1/exceptions?{of}"),
        ),
        get("service", "/api/v1/events", format!("/api/v1/events?{of}")),
        get(
            "verdicts",
            "/api/v1/packages",
            "/api/v1/packages?name=goodlib".into(),
        ),
        post(
            "one scan",
            "/api/v1/scans",
            format!("{{\"image\": \"up.test/{repository}:1\"}}"),
        ),
        get(
            "scan, absent",
            "/api/v1/scans/{id}",
            "/api/v1/scans/0000000000000000".into(),
        ),
        post("one report", "/api/v1/reports", report(repository)),
        post(
            "keys",
            "/api/v1/reports/withdraw",
            "{\"reported_by\": \"key:nobody\"}".into(),
        ),
        post("no secret", "/api/v1/hooks/harbor", "{}".into()),
        post("no secret", "/api/v1/hooks/ghcr", "{}".into()),
        post("no secret", "/api/v1/hooks/generic", "{}".into()),
        get("keys", "/api/v1/keys", "/api/v1/keys".into()),
        post(
            "keys, wrong",
            "/api/v1/keys",
            "{\"name\": \"X\", \"role\": \"puller\"}".into(),
        ),
        post(
            "keys, absent",
            "/api/v1/keys/rotate",
            "{\"key\": \"nobody\"}".into(),
        ),
        post(
            "keys, absent",
            "/api/v1/keys/revoke",
            "{\"key\": \"nobody\"}".into(),
        ),
        get("keys", "/api/v1/scanners", "/api/v1/scanners".into()),
        post(
            "keys, wrong",
            "/api/v1/scanners/link",
            "{\"name\": \"X\"}".into(),
        ),
        post(
            "keys, absent",
            "/api/v1/scanners/revoke",
            "{\"scanner\": \"nobody\"}".into(),
        ),
    ];
    calls.extend(of_scanners);
    calls
}

/// Says of an image that nobody else asks for that nothing is in it.
fn report(repository: &str) -> String {
    let inventory =
        json!({"platform": "linux/amd64", "distro": null, "components": [], "gaps": []});
    let scanned = json!({"content": "image", "inventory": inventory,
        "scanned_at": "2026-11-28T00:00:00Z", "scan_ms": 1});
    let digest = Digest::of(b"reported");
    json!({"format": 1, "repository": format!("up.test/{repository}"), "digest": digest,
        "tags": [], "scanned": scanned})
    .to_string()
}
