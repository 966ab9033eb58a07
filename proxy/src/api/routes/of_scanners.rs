//! The routes of scanners elsewhere: for admins who link them, and for them.

use axum::http::StatusCode;
use sluicegate_model::access::Permission::Administer;

use super::super::route::Needs::{LinkingKey, MayEverywhere, Scanner};
use super::super::route::Route;
use super::super::{scanner_work, scanners};

/// Lists them.
pub(super) fn all() -> Vec<Route> {
    let mut routes = of_scanners();
    routes.extend(for_scanners());
    routes.extend(from_scanners());
    routes
}

/// Which scanners elsewhere there are.
fn of_scanners() -> Vec<Route> {
    vec![
        Route::get(
            "/api/v1/scanners",
            MayEverywhere(Administer),
            (
                "listScanners",
                "Lists linked scanners and how they stand, the oldest first",
            ),
            scanners::list,
        ),
        Route::post(
            "/api/v1/scanners/link",
            MayEverywhere(Administer),
            (
                "linkScanner",
                "Makes a linking key for a scanner; it is good once and told this once",
            ),
            scanners::link,
        )
        .or(StatusCode::CONFLICT, "There is a scanner of this name."),
        Route::post(
            "/api/v1/scanners/revoke",
            MayEverywhere(Administer),
            (
                "revokeScanner",
                "Ends a linked scanner and its leases, at once",
            ),
            scanners::revoke,
        )
        .or(StatusCode::NOT_FOUND, "There is no such scanner."),
    ]
}

/// What scanners elsewhere ask for.
fn for_scanners() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/scanners/enrol",
            LinkingKey,
            (
                "enrolScanner",
                "Enrols a scanner by its linking key, which stands in the header as Bearer",
            ),
            scanner_work::enrol,
        ),
        Route::post(
            "/api/v1/scanners/work",
            Scanner,
            (
                "giveWork",
                "Gives a linked scanner work, or waits 20 seconds for some to come",
            ),
            scanner_work::work,
        )
        .or(
            StatusCode::CONFLICT,
            "The scanner's analyzers are others than the service's, or it cannot be sent plugins.",
        ),
        Route::post(
            "/api/v1/scanners/plugins",
            Scanner,
            (
                "givePlugin",
                "Gives a linked scanner a plugin that its work is done by",
            ),
            scanner_work::plugin,
        )
        .or(
            StatusCode::NOT_FOUND,
            "No such plugin is in force any more.",
        ),
        Route::post(
            "/api/v1/scanners/renew",
            Scanner,
            (
                "renewLeases",
                "Lets a linked scanner's leases hold for longer",
            ),
            scanner_work::renew,
        ),
    ]
}

/// What scanners elsewhere say.
fn from_scanners() -> Vec<Route> {
    let not_held = "The lease is not held, or is for something else: nothing has changed.";
    vec![
        Route::post(
            "/api/v1/scanners/facts",
            Scanner,
            (
                "takeFacts",
                "Takes what a linked scanner found in a layer, in the form that facts are stored in",
            ),
            scanner_work::facts,
        )
        .or(StatusCode::CONFLICT, not_held),
        Route::post(
            "/api/v1/scanners/images",
            Scanner,
            (
                "takeImage",
                "Takes what a linked scanner says an image holds that only it reaches, and judges it",
            ),
            scanner_work::image,
        )
        .or(StatusCode::CONFLICT, not_held),
        Route::post(
            "/api/v1/scanners/failures",
            Scanner,
            (
                "takeFailure",
                "Takes the word of a linked scanner that it cannot do what it was given",
            ),
            scanner_work::failed,
        )
        .or(StatusCode::CONFLICT, not_held),
    ]
}
