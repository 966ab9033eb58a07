//! What a running service takes up of changes, and what it says of those that need a restart.

use sluicegate_config::{ConfigErrors, Loaded};

use super::App;
use crate::http::tls::with_causes;

impl App {
    /// Looks at everything that may have changed: policy files, feeds, certificates, and the
    /// configuration, where there is one, of which it says what needs a restart. One with mistakes changes nothing.
    pub fn reload(&self, configuration: Option<Result<Loaded, ConfigErrors>>) {
        tracing::info!("reloading policy, feeds and certificates");
        self.policies.reload();
        self.feeds.look();
        self.sinks.reopen();
        for (listener, certificate) in self.certificates.each() {
            match certificate.reload() {
                Ok(is_new) => tracing::info!(listener, is_new, "certificate read"),
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::error!(listener, %error, "certificate not reloaded, the old one stays");
                }
            }
        }
        match configuration {
            None => {}
            Some(Ok(loaded)) => self.compare(&loaded),
            Some(Err(errors)) => {
                for error in errors.to_string().lines() {
                    tracing::error!(error, "configuration not taken over; the old one stays");
                }
            }
        }
    }

    fn compare(&self, loaded: &Loaded) {
        for warning in &loaded.warnings {
            tracing::warn!(%warning, "configuration");
        }
        let changed = self.settings.changed(&loaded.settings);
        for key in &changed {
            tracing::warn!(
                key,
                "this setting has changed and needs a restart; the old one stays"
            );
        }
        if changed.is_empty() {
            tracing::info!("no setting has changed");
        }
    }
}
