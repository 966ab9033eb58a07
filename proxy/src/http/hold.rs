//! How long a request may be held, and what happens then: the next hop.
//!
//! New containerd and Docker give up on a silent response at 30 s; every client follows nine
//! redirects, and each redirect has its own 30 s (measured).

use std::time::Duration;

use hyper::Response;
use tokio::sync::watch;

use super::body::Body;
use super::registry::Call;
use super::respond;
use super::route::{self, LAST_HOP};
use sluicegate_engine::pull::patience::Patience;

/// Gives the patience of whoever is held for at most `limit` at each hop; `draining` turns true when
/// the program is to stop.
pub(super) fn patience(hop: u8, limit: Duration, draining: watch::Receiver<bool>) -> Patience {
    Patience::begin(limit, hop < LAST_HOP, draining)
}

/// Redirects a request to itself. While draining, the hop is not counted: the client did not use it
/// up.
pub(super) fn redirect(call: &Call) -> Response<Body> {
    let hop = if call.asked.patience.is_draining() {
        call.hop.min(LAST_HOP - 1)
    } else {
        call.hop
    };
    let uri = call.request.uri();
    respond::next_hop(&route::next_hop(uri.path(), uri.query(), hop))
}
