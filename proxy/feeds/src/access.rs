//! The client of one place that files come from, with the secrets that are in force.
//!
//! A password or certificate that is changed on disk counts from the next file on; one that cannot be
//! read any more leaves the last good client in use. Called by `fetch`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use sluicegate_config::{Credentials, PasswordError, UpstreamSettings, read_password};

use sluicegate_upstream::{ProxyVariables, UpstreamError, Web};

/// Where a place is, who we are there, and the client that follows from it.
#[derive(Debug)]
pub(super) struct Access {
    site: UpstreamSettings,
    proxy: ProxyVariables,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    stamps: Stamps,
    web: Arc<Web>,
}

/// When the files with secrets were written, and their sizes.
type Stamps = [Option<(SystemTime, u64)>; 2];

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
            stamps: stamps(&site),
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
        self.site.credentials.is_some()
    }

    /// Gives the client, by the files with secrets as they are now.
    pub(super) fn web(&self) -> Arc<Web> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamps(&self.site);
        if now != current.stamps {
            match self.renewed() {
                Ok(web) => *current = Current { stamps: now, web },
                Err(error) => {
                    let feed = &self.site.url;
                    tracing::warn!(%feed, reason = %error, "secrets of a feed not read; the last ones stay");
                }
            }
        }
        Arc::clone(&current.web)
    }

    fn renewed(&self) -> Result<Arc<Web>, AccessError> {
        let mut site = self.site.clone();
        if let (Some(known), Some(file)) = (&site.credentials, &site.password_file) {
            site.credentials = Some(Credentials {
                username: known.username.clone(),
                password: read_password(file)?,
            });
        }
        Ok(Arc::new(Web::of(&site, self.proxy.clone())?))
    }
}

/// Says why secrets that changed are not taken up: the fault of whoever keeps the service.
#[derive(Debug, thiserror::Error)]
enum AccessError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Settings(#[from] UpstreamError),
}

fn stamps(site: &UpstreamSettings) -> Stamps {
    let stamp = |path: &Option<PathBuf>| {
        let file = Path::metadata(path.as_deref()?).ok()?;
        Some((file.modified().ok()?, file.len()))
    };
    [stamp(&site.password_file), stamp(&site.ca_file)]
}
