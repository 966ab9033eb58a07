//! Every route of the API: where it is, what it is called, who answers whom.

mod of_scanners;

use axum::http::StatusCode;
use sluicegate_model::access::Permission::{Administer, ReadService, ReadVerdicts, Scan};

use super::route::Needs::{May, MayEverywhere, Nothing, OwnProof, Somebody};
use super::route::Route;
use super::{
    attestation, break_glass, decisions, drafts, events, exceptions, feeds, hooks, keys, measures,
    packages, plugins, readiness, remedy, reports, sbom, scans, status, verdicts, vulnerabilities,
};
use crate::hooks::{GenericEvent, GithubEvent, HarborEvent};

/// When lists have no answer yet.
const NOT_YET: &str = "What lists are answered from is not ready yet.";

/// Lists every route.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = of_the_service();
    routes.extend(of_verdicts());
    routes.extend(beside_verdicts());
    routes.extend(of_the_log());
    routes.extend(of_drafts());
    routes.extend(of_break_glass());
    routes.extend(of_lists_and_scans());
    routes.extend(of_reports());
    routes.extend(of_registries());
    routes.extend(of_keys());
    routes.extend(of_scanners::all());
    routes
}

/// How the service stands, and what it can be asked.
fn of_the_service() -> Vec<Route> {
    vec![
        Route::get(
            "/healthz",
            Nothing,
            ("health", "Says that the process lives"),
            status::healthz,
        ),
        Route::get(
            "/readyz",
            Nothing,
            (
                "readiness",
                "Says whether this instance can serve anything, and what it cannot",
            ),
            readiness::readyz,
        ),
        Route::get(
            "/metrics",
            MayEverywhere(ReadService),
            ("metrics", "Writes the metrics in Prometheus' text format"),
            measures::metrics,
        ),
        Route::get(
            "/api/v1/openapi.json",
            Somebody,
            ("openapi", "Gives this document"),
            super::openapi,
        ),
        Route::get(
            "/api/v1/status",
            MayEverywhere(ReadService),
            (
                "status",
                "Shows pulls under way, cache, feeds, policy and insecure settings",
            ),
            status::status,
        ),
        Route::get(
            "/api/v1/feeds/problems",
            May(ReadService),
            (
                "listFeedProblems",
                "Lists the advisories and feed files that could not be read in full, 1,000 at most",
            ),
            feeds::problems,
        ),
        Route::get(
            "/api/v1/plugins",
            May(ReadService),
            (
                "listPlugins",
                "Lists every plugin, built in or fed: where it came from, who signed it, how often it failed",
            ),
            plugins::list,
        ),
    ]
}

/// What was decided on an image.
fn of_verdicts() -> Vec<Route> {
    let no_verdict = "No verdict. `state` is `scanning` while it is being made.";
    vec![
        Route::get(
            "/api/v1/verdicts",
            May(ReadVerdicts),
            (
                "listVerdicts",
                "Lists verdicts, newest first unless asked otherwise",
            ),
            verdicts::list,
        )
        .or(StatusCode::SERVICE_UNAVAILABLE, NOT_YET),
        Route::get(
            "/api/v1/verdicts/{digest}",
            May(ReadVerdicts),
            (
                "showVerdict",
                "Shows the newest verdict on a digest, or what an index holds",
            ),
            verdicts::show,
        )
        .or(StatusCode::NOT_FOUND, no_verdict),
        Route::get(
            "/api/v1/vulnerabilities/{id}",
            May(ReadVerdicts),
            (
                "showVulnerability",
                "Lists the images that have or had a weakness: since when, who pulled them, who allowed it",
            ),
            vulnerabilities::show,
        )
        .or(StatusCode::SERVICE_UNAVAILABLE, NOT_YET),
    ]
}

/// What follows from a verdict, for whoever takes it up.
fn beside_verdicts() -> Vec<Route> {
    let no_bill = "No verdict, an index, or an inventory that is no longer kept.";
    let absent = StatusCode::NOT_FOUND;
    vec![
        Route::get(
            "/api/v1/verdicts/{digest}/sbom",
            May(ReadVerdicts),
            (
                "sbom",
                "Writes what an image holds, and for CycloneDX what was found in it",
            ),
            sbom::sbom,
        )
        .or(absent, no_bill),
        Route::get(
            "/api/v1/verdicts/{digest}/remedy",
            May(ReadVerdicts),
            (
                "remedy",
                "Finds the upgrades after which policy would allow an image, and a tag that it allows",
            ),
            remedy::remedy,
        )
        .or(absent, "It is not kept what the image holds, or there is no verdict.")
        .or(StatusCode::SERVICE_UNAVAILABLE, "The service is stopped."),
        Route::get(
            "/api/v1/verdicts/{digest}/attestation",
            May(ReadVerdicts),
            (
                "attestation",
                "Gives what a verdict says as a signed in-toto statement in a DSSE envelope",
            ),
            attestation::attestation,
        )
        .or(absent, "No verdict, or an index."),
        Route::get(
            "/api/v1/attestation-key",
            May(ReadVerdicts),
            (
                "attestationKey",
                "Gives the public key that verifies attestations, as PEM",
            ),
            attestation::key,
        ),
    ]
}

/// What was asked for, and by which policies that was decided.
fn of_the_log() -> Vec<Route> {
    let absent = StatusCode::NOT_FOUND;
    vec![
        Route::get(
            "/api/v1/decisions",
            May(ReadService),
            (
                "listDecisions",
                "Lists lines of the decision log, newest first unless asked otherwise",
            ),
            decisions::list,
        ),
        Route::get(
            "/api/v1/decisions/{seq}",
            May(ReadService),
            (
                "showDecision",
                "Shows a line of the decision log with the policies that decided",
            ),
            decisions::show,
        )
        .or(absent, "There is no such line."),
        Route::get(
            "/api/v1/policies/{digest}",
            MayEverywhere(ReadService),
            (
                "showPolicies",
                "Shows the documents that decided, by the digest that lines and verdicts cite",
            ),
            decisions::policies,
        )
        .or(absent, "Nothing is kept under this digest."),
        Route::get(
            "/api/v1/exceptions",
            May(ReadService),
            (
                "listExceptions",
                "Lists the exceptions of the policies in force, those that end first at the beginning",
            ),
            exceptions::list,
        ),
    ]
}

/// What policies say, and drafts of them would.
fn of_drafts() -> Vec<Route> {
    let (absent, busy) = (StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS);
    let (wrong, stopped) = (
        StatusCode::UNPROCESSABLE_ENTITY,
        StatusCode::SERVICE_UNAVAILABLE,
    );
    const STOPPED: &str = "The service is stopped.";
    const MISTAKES: &str = "The draft has mistakes, each named with its place.";
    vec![
        Route::post(
            "/api/v1/policies/explain",
            May(ReadVerdicts),
            (
                "explainDecision",
                "Shows every rule, hit or not, with the values that decided, under the policies in force \
                 or a draft",
            ),
            drafts::explain,
        )
        .or(absent, "It is not kept what the image holds, or there is no verdict.")
        .or(wrong, MISTAKES)
        .or(stopped, STOPPED),
        Route::post(
            "/api/v1/policies/replays",
            MayEverywhere(ReadService),
            (
                "startReplay",
                "Holds a draft of policies against the pulls that were recorded",
            ),
            drafts::replay,
        )
        .or(busy, "Too many replays are running.")
        .or(wrong, MISTAKES)
        .or(stopped, STOPPED),
        Route::get(
            "/api/v1/policies/replays/{id}",
            MayEverywhere(ReadService),
            ("showReplay", "Shows how far a replay is, and what came out"),
            drafts::replayed,
        )
        .or(absent, "No replay of this id: it was never asked for, or was forgotten.")
        .or(stopped, STOPPED),
    ]
}

/// What is let through against policy.
fn of_break_glass() -> Vec<Route> {
    let (absent, stopped) = (StatusCode::NOT_FOUND, StatusCode::SERVICE_UNAVAILABLE);
    vec![
        Route::get(
            "/api/v1/break-glass",
            May(ReadService),
            (
                "listBreakGlass",
                "Lists the images that are let through against policy at this moment",
            ),
            break_glass::list,
        ),
        Route::post(
            "/api/v1/break-glass",
            May(Administer),
            (
                "breakGlass",
                "Lets one image of one repository through for a while, against what policy says",
            ),
            break_glass::let_through,
        )
        .or(absent, "The key does not know of the repository.")
        .or(stopped, "It cannot be written down now."),
    ]
}

/// What happened, where things are, and scans on demand.
fn of_lists_and_scans() -> Vec<Route> {
    let (absent, busy) = (StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS);
    let soon = StatusCode::SERVICE_UNAVAILABLE;
    vec![
        Route::get(
            "/api/v1/events",
            May(ReadService),
            (
                "listEvents",
                "Lists what happened to verdicts without a pull, newest first",
            ),
            events::list,
        )
        .or(soon, NOT_YET),
        Route::get(
            "/api/v1/packages",
            May(ReadVerdicts),
            (
                "listPackages",
                "Lists the images that hold a package, with or without a finding",
            ),
            packages::list,
        )
        .or(soon, NOT_YET),
        Route::post(
            "/api/v1/scans",
            May(Scan),
            ("startScan", "Starts a scan ahead of the first pull"),
            scans::start,
        )
        .or(busy, "Too many scans are running."),
        Route::get(
            "/api/v1/scans/{id}",
            May(Scan),
            ("showScan", "Shows how far a scan is"),
            scans::show,
        )
        .or(
            absent,
            "No scan of this id: it was never asked for, or was forgotten.",
        ),
    ]
}

/// What others say images hold.
fn of_reports() -> Vec<Route> {
    let (absent, soon) = (StatusCode::NOT_FOUND, StatusCode::SERVICE_UNAVAILABLE);
    vec![
        Route::post(
            "/api/v1/reports",
            May(Scan),
            (
                "report",
                "Judges what an image holds that was looked at elsewhere, as `inspect-image --service` \
                 says it; no pull ever rests on it",
            ),
            reports::take,
        )
        .or(absent, "The key does not know of the repository.")
        .or(soon, "It cannot be kept now."),
        Route::post(
            "/api/v1/reports/withdraw",
            MayEverywhere(Administer),
            (
                "withdrawReports",
                "Forgets what somebody said images hold, with the verdicts on it",
            ),
            reports::withdraw,
        )
        .or(soon, NOT_YET),
    ]
}

/// What registries tell of pushes.
fn of_registries() -> Vec<Route> {
    let harbor = hooks::notified::<HarborEvent>;
    let ghcr = hooks::notified::<GithubEvent>;
    let generic = hooks::notified::<GenericEvent>;
    let routes = vec![
        Route::post(
            "/api/v1/hooks/harbor",
            OwnProof,
            ("hookHarbor", "Scans what Harbor says was pushed"),
            harbor,
        ),
        Route::post(
            "/api/v1/hooks/ghcr",
            OwnProof,
            ("hookGithub", "Scans what GitHub says was pushed"),
            ghcr,
        ),
        Route::post(
            "/api/v1/hooks/generic",
            OwnProof,
            ("hookGeneric", "Scans what anything else says was pushed"),
            generic,
        ),
    ];
    let answered = |route: Route| {
        route
            .or(StatusCode::UNAUTHORIZED, "The secret is not proven.")
            .or(
                StatusCode::NOT_FOUND,
                "The setting hook_secret_file names no secret.",
            )
            .or(
                StatusCode::UNPROCESSABLE_ENTITY,
                "An image is of no configured upstream, or there are too many.",
            )
            .or(StatusCode::TOO_MANY_REQUESTS, "Too many scans are running.")
    };
    routes.into_iter().map(answered).collect()
}

/// Who may ask, and what for.
fn of_keys() -> Vec<Route> {
    let (absent, taken) = (StatusCode::NOT_FOUND, StatusCode::CONFLICT);
    vec![
        Route::get(
            "/api/v1/keys",
            MayEverywhere(Administer),
            (
                "listKeys",
                "Lists access keys, without their secrets, the oldest first",
            ),
            keys::list,
        ),
        Route::post(
            "/api/v1/keys",
            MayEverywhere(Administer),
            (
                "createKey",
                "Makes an access key; its secret is told this once",
            ),
            keys::create,
        )
        .or(taken, "There is a key of this name."),
        Route::post(
            "/api/v1/keys/rotate",
            MayEverywhere(Administer),
            (
                "rotateKey",
                "Makes a successor to a key, which stays good for a while beside it",
            ),
            keys::rotate,
        )
        .or(absent, "There is no such key that is good."),
        Route::post(
            "/api/v1/keys/revoke",
            MayEverywhere(Administer),
            (
                "revokeKeys",
                "Ends a key, or all that somebody has, at once",
            ),
            keys::revoke,
        )
        .or(absent, "There is no such key that is good."),
    ]
}
