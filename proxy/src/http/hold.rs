//! How long a request may be held, and what happens then: the next hop.
//!
//! New containerd and Docker give up on a silent response at 30 s; every client follows nine
//! redirects, and each redirect has its own 30 s (measured).

use std::time::Duration;

use hyper::{Request, Response};
use tokio::sync::watch;

use super::body::Body;
use super::respond;
use super::route::{self, LAST_HOP};
use crate::pull::patience::Patience;

/// At which of its hops a request is.
#[derive(Clone, Debug)]
pub struct Hold {
    hop: u8,
    draining: watch::Receiver<bool>,
}

impl Hold {
    /// Starts to hold a request of this hop; `draining` turns true when the program is to stop.
    pub fn start(hop: u8, draining: watch::Receiver<bool>) -> Self {
        Self { hop, draining }
    }

    /// Gives the patience of whoever is held for at most `limit` at each hop.
    pub fn patience(&self, limit: Duration) -> Patience {
        Patience::begin(limit, self.hop < LAST_HOP, self.draining.clone())
    }

    /// Redirects the request to itself. While draining, the hop is not counted: the client did
    /// not use it up.
    pub fn redirect<B>(&self, request: &Request<B>) -> Response<Body> {
        let hop = if *self.draining.borrow() {
            self.hop.min(LAST_HOP - 1)
        } else {
            self.hop
        };
        let uri = request.uri();
        respond::next_hop(&route::next_hop(uri.path(), uri.query(), hop))
    }
}
