//! How long a request may be held, and what happens then: the next hop.
//!
//! New containerd and Docker give up on a silent response at 30 s; every client follows nine
//! redirects, and each redirect has its own 30 s (measured).

use std::time::Duration;

use hyper::{Request, Response};
use tokio::sync::watch;
use tokio::time::Instant;

use super::respond::{self, Body};
use super::route::{self, LAST_HOP};

/// One request's patience.
#[derive(Clone, Debug)]
pub struct Hold {
    until: Instant,
    hop: u8,
    draining: watch::Receiver<bool>,
}

/// Why a held request is not held any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldEnded {
    /// The next hop waits on.
    NextHop,
    /// There is no next hop.
    LastHop,
}

impl Hold {
    /// Starts to hold a request of this hop for at most `limit`; `draining` turns true when the
    /// program is to stop.
    pub fn start(hop: u8, limit: Duration, draining: watch::Receiver<bool>) -> Self {
        Self {
            until: Instant::now() + limit,
            hop,
            draining,
        }
    }

    /// Waits for `work`, no longer than the hold lasts.
    pub async fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, HoldEnded> {
        let mut draining = self.draining.clone();
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = tokio::time::sleep_until(self.until) => Err(self.ended()),
            Ok(_) = draining.wait_for(|draining| *draining) => Err(HoldEnded::NextHop),
        }
    }

    fn ended(&self) -> HoldEnded {
        if self.hop >= LAST_HOP {
            HoldEnded::LastHop
        } else {
            HoldEnded::NextHop
        }
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
