//! The client of one place that files come from, with the certificates that are in force.
//!
//! A certificate that is changed on disk counts from the next file on; one that cannot be read any
//! more leaves the last good client in use. Passwords are the client's own. Called by `fetch`.

use std::sync::{Arc, Mutex, PoisonError};

use sluicegate_config::UpstreamSettings;
use sluicegate_upstream::{ProxyVariables, Stamp, UpstreamError, Web};

/// Where a place is, who we are there, and the client that follows from it.
#[derive(Debug)]
pub(super) struct Access {
    site: UpstreamSettings,
    proxy: ProxyVariables,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    /// Of the file with certificates.
    stamp: Option<Stamp>,
    web: Arc<Web>,
}

impl Access {
    /// Prepares a client; connects to nothing.
    ///
    /// *Errors*: [`UpstreamError::Settings`].
    pub(super) fn new(
        site: UpstreamSettings,
        proxy: ProxyVariables,
    ) -> Result<Self, UpstreamError> {
        let current = Current {
            // Taken first: a change while the files are read is found by the next look.
            stamp: stamp(&site),
            web: Arc::new(Web::of(&site, proxy.clone())?),
        };
        Ok(Self {
            site,
            proxy,
            current: Mutex::new(current),
        })
    }

    /// Tells whether a user name and a password are sent.
    pub(super) fn is_known_there(&self) -> bool {
        self.site.login.is_some()
    }

    /// Gives the client, by the certificates as they are now.
    pub(super) fn web(&self) -> Arc<Web> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.site);
        if now != current.stamp {
            match Web::of(&self.site, self.proxy.clone()) {
                Ok(web) => {
                    let web = Arc::new(web);
                    *current = Current { stamp: now, web };
                }
                Err(error) => {
                    let feed = &self.site.url;
                    tracing::warn!(%feed, reason = %error, "certificates of a feed not read; the last ones stay");
                }
            }
        }
        Arc::clone(&current.web)
    }
}

fn stamp(site: &UpstreamSettings) -> Option<Stamp> {
    Stamp::of(site.ca_file.as_ref()?)
}
