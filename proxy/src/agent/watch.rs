//! Images of registries that only the scanner reaches: looked for every few minutes, and the service
//! told of each one once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_linked::task::ImageTask;
use sluicegate_model::glob::Glob;
use sluicegate_model::image::{Reference, Tag};
use sluicegate_model::{Digest, Repository};

use super::looks::{LookError, Looks};
use super::modules::{ModuleError, Modules};
use super::reach::Reach;
use super::service::{Service, ServiceError};
use super::told::Told;

/// How often is looked.
const LOOK: Duration = Duration::from_mins(5);

/// A pattern of repositories of one registry.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The registry's name.
    pub registry: String,
    /// The pattern, as it was written.
    pub pattern: String,
}

/// Says why a text watches nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} watches nothing: wanted a registry and a pattern such as registry.local/team/**")]
pub struct NotWatched(String);

impl std::str::FromStr for Watched {
    type Err = NotWatched;

    fn from_str(text: &str) -> Result<Self, NotWatched> {
        let wrong = || NotWatched(text.chars().take(80).collect());
        let (registry, path) = text.split_once('/').ok_or_else(wrong)?;
        let is_named = !registry.is_empty() && !registry.contains(['*', '?']);
        if !is_named || path.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            registry: sluicegate_model::names::folded_host(registry),
            pattern: path.to_owned(),
        })
    }
}

/// Looks for images.
pub(super) struct Watch {
    pub(super) watched: Vec<Watched>,
    pub(super) reach: Reach,
    pub(super) looks: Looks,
    pub(super) service: Arc<Service>,
    pub(super) modules: Arc<Modules>,
    pub(super) told: Told,
}

/// Says why a registry was not looked through.
#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error(transparent)]
    Look(#[from] LookError),
    #[error(transparent)]
    Upstream(#[from] sluicegate_upstream::UpstreamError),
    #[error(transparent)]
    NotAllowed(#[from] super::reach::NotAllowed),
    #[error(transparent)]
    Modules(#[from] ModuleError),
    #[error("the service does not take it: {0}")]
    Service(#[from] ServiceError),
}

impl Watch {
    /// Looks again and again, for as long as the scanner runs.
    pub(super) async fn run(mut self) {
        loop {
            for watched in self.watched.clone() {
                if let Err(error) = self.look_through(&watched).await {
                    let (registry, pattern) = (&watched.registry, &watched.pattern);
                    tracing::warn!(%registry, %pattern, %error, "a registry was not looked through; looked at again in a few minutes");
                }
            }
            tokio::time::sleep(sluicegate_upstream::jittered(LOOK)).await;
        }
    }

    async fn look_through(&mut self, watched: &Watched) -> Result<(), WatchError> {
        // Without a place there is no work, and no wait.
        let named = self.service.work(0).await?.plugins;
        let plugins = self.modules.set(&named, &self.service).await?;
        for repository in self.repositories(watched).await? {
            let upstream = self.reach.upstream(&repository)?;
            for tag in upstream.all_tags(repository.path()).await? {
                if let Err(error) = self.look_at(&repository, &tag, &plugins).await {
                    tracing::warn!(%repository, %tag, %error, "an image was not told of; looked at again in a few minutes");
                }
            }
        }
        Ok(())
    }

    /// Finds the repositories that a pattern means: itself, where it has no wildcard, for then no list
    /// is needed.
    async fn repositories(&self, watched: &Watched) -> Result<Vec<Repository>, WatchError> {
        let named = |path: &str| Repository::new(&watched.registry, path).ok();
        if !watched.pattern.contains(['*', '?']) {
            return Ok(named(&watched.pattern).into_iter().collect());
        }
        let upstream = self.reach.of_name(&watched.registry)?;
        let glob = Glob::new(&watched.pattern);
        let paths = upstream.repositories().await?.into_iter();
        let paths = paths.filter(|path| glob.matches(path));
        Ok(paths.filter_map(|path| named(&path)).collect())
    }

    /// Tells the service of what a tag points to, where it does not know that.
    async fn look_at(
        &mut self,
        repository: &Repository,
        tag: &Tag,
        plugins: &Arc<ActivePlugins>,
    ) -> Result<(), WatchError> {
        // By other plugins it is to be told anew.
        let image = if plugins.set().is_built_in() {
            format!("{repository}:{tag}")
        } else {
            format!("{repository}:{tag} {}", plugins.verdict_fingerprint())
        };
        let upstream = self.reach.upstream(repository)?;
        let (path, reference) = (repository.path(), Reference::Tag(tag.clone()));
        let digest = match upstream.head_manifest(path, &reference).await? {
            Some(head) => head.digest,
            None => upstream.manifest(path, &reference).await?.digest,
        };
        if self.told.has(&image, &digest) {
            return Ok(());
        }
        let report = self.report(repository, tag, (&digest, plugins)).await?;
        self.service.told(report, None).await?;
        tracing::info!(%repository, %tag, %digest, "the service was told of an image");
        self.told.add(&image, &digest);
        Ok(())
    }

    async fn report(
        &self,
        repository: &Repository,
        tag: &Tag,
        (digest, plugins): (&Digest, &Arc<ActivePlugins>),
    ) -> Result<Bytes, LookError> {
        let (looks, tag) = (self.looks.clone(), tag.clone());
        let plugins = Arc::clone(plugins);
        let asked = ImageTask {
            repository: repository.clone(),
            reference: digest.to_string(),
        };
        let found = tokio::task::spawn_blocking(move || looks.report(&asked, vec![tag], plugins));
        found.await.unwrap_or(Err(LookError::Scan))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_names_its_registry() {
        let watched: Watched = "Registry.Local/team/**".parse().unwrap();
        assert_eq!(watched.registry, "registry.local");
        assert_eq!(watched.pattern, "team/**");
        for wrong in ["", "team", "*/x", "reg?stry/x", "registry.local/", "/x"] {
            assert!(wrong.parse::<Watched>().is_err(), "{wrong}");
        }
    }
}
