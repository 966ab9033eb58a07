//! Adds to changes who pulled the images they speak of.

use std::path::PathBuf;

use super::event::Change;
use crate::decisions;

/// Looks into the decision log.
#[derive(Clone, Debug)]
pub struct PullHistory {
    directory: PathBuf,
}

impl PullHistory {
    /// Looks into the log in this directory.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Fills in who pulled. Where the log cannot be read the changes are told without it.
    pub async fn tell<'a>(&self, changes: impl IntoIterator<Item = &'a mut Change>) {
        let changes: Vec<&mut Change> = changes.into_iter().collect();
        if changes.is_empty() {
            return;
        }
        let named = |change: &&mut Change| (change.repository.clone(), change.digest.clone());
        let images: Vec<_> = changes.iter().map(named).collect();
        let directory = self.directory.clone();
        let look = move || decisions::pulled_by(&directory, &images);
        let mut found = match tokio::task::spawn_blocking(look).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::error!(%error, "events do not tell who pulled");
                return;
            }
            Err(panic) => {
                tracing::error!(%panic, "events do not tell who pulled");
                return;
            }
        };
        for change in changes {
            let image = (change.repository.clone(), change.digest.clone());
            if let Some(pulled_by) = found.remove(&image) {
                change.pulled_by = pulled_by;
            }
        }
    }
}
