//! An upstream that lets each client in by its own credentials: who may have what, asked of it each
//! time, and whose credentials it is asked with.
//!
//! Nothing of this is kept but in memory, and nothing for longer than [`RIGHT_LIFE`]. Each pair of
//! credentials has a client of its own, so that no token is ever used for somebody else.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use sluicegate_accounts::own::OwnLogin;
use sluicegate_config::{Credentials, Login};
use sluicegate_model::{Digest, Reference, Repository};
use sluicegate_upstream::{Upstream, UpstreamError, UpstreamManifest, UpstreamOptions};

/// How long a manifest that somebody was given lets them have the blobs that it lists.
const RIGHT_LIFE: Duration = Duration::from_mins(5);
/// How long a client of an upstream is kept that nobody uses.
const CLIENT_IDLE: Duration = Duration::from_mins(10);
/// Most clients and rights that are kept.
const MOST_CLIENTS: u64 = 1_000;
const MOST_RIGHTS: u64 = 100_000;
/// How long what was given is at hand, and how many bytes of it: until the engine has come to it.
const GIVEN_LIFE: Duration = Duration::from_secs(10);
const GIVEN_BYTES: u64 = 16 * 1024 * 1024;
/// Manifests that are asked for, of those that list a blob, until one is given.
const MOST_ASKED: usize = 8;

/// What the upstream's answers are counted by.
type Count = Arc<dyn Fn(&str, u16) + Send + Sync>;

/// Who somebody is at an upstream: the login's digest, or nobody.
type Identity = Option<Digest>;

/// An upstream, and who was let in.
#[derive(Clone)]
pub struct OwnLogins {
    options: UpstreamOptions,
    count: Option<Count>,
    anonymous: Arc<Upstream>,
    clients: Cache<Digest, Arc<Upstream>>,
    rights: Cache<(Identity, Repository, Digest), ()>,
    /// With whose credentials a repository is asked where the engine has to fetch.
    newest: Cache<Repository, Arc<Upstream>>,
    /// What somebody was given a moment ago: the engine need not ask for it again.
    given: Cache<(Repository, Reference), UpstreamManifest>,
}

impl OwnLogins {
    /// Prepares to ask an upstream; `options` name no login.
    pub fn new(options: UpstreamOptions, count: Option<Count>) -> Result<Self, UpstreamError> {
        let anonymous = Arc::new(Upstream::new(options.clone(), count.clone())?);
        let clients = Cache::builder().max_capacity(MOST_CLIENTS);
        let rights = Cache::builder().max_capacity(MOST_RIGHTS);
        let newest = Cache::builder().max_capacity(MOST_RIGHTS);
        let given = Cache::builder().max_capacity(GIVEN_BYTES);
        let given = given.weigher(|_, given: &UpstreamManifest| {
            u32::try_from(given.bytes.len()).unwrap_or(u32::MAX)
        });
        Ok(Self {
            options,
            count,
            anonymous,
            clients: clients.time_to_idle(CLIENT_IDLE).build(),
            rights: rights.time_to_live(RIGHT_LIFE).build(),
            newest: newest.time_to_live(RIGHT_LIFE).build(),
            given: given.time_to_live(GIVEN_LIFE).build(),
        })
    }

    /// Gives the upstream as whoever asks for nothing but what everybody may have.
    pub fn anonymous(&self) -> &Upstream {
        &self.anonymous
    }

    /// Gives the upstream as whoever was given something of a repository last.
    pub fn newest(&self, repository: &Repository) -> Arc<Upstream> {
        let newest = self.newest.get(repository);
        newest.unwrap_or_else(|| Arc::clone(&self.anonymous))
    }

    /// Gives a manifest that the upstream gave somebody a moment ago.
    pub fn given(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Option<UpstreamManifest> {
        self.given.get(&(repository.clone(), reference.clone()))
    }

    /// Proves that the upstream gives somebody a manifest.
    pub async fn prove_manifest(
        &self,
        login: Option<&OwnLogin>,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<(), UpstreamError> {
        let upstream = self.of(login)?;
        let given = upstream.manifest(repository.path(), reference).await?;
        let right = (identity(login), repository.clone(), given.digest.clone());
        self.rights.insert(right, ());
        self.newest.insert(repository.clone(), upstream);
        let by_digest = Reference::Digest(given.digest.clone());
        for asked in [reference.clone(), by_digest] {
            self.given
                .insert((repository.clone(), asked), given.clone());
        }
        Ok(())
    }

    /// Proves that somebody was given one of some manifests of late, or is given it now; of none there
    /// is nothing to prove.
    pub async fn prove_one_of(
        &self,
        login: Option<&OwnLogin>,
        repository: &Repository,
        manifests: &[Digest],
    ) -> Result<(), UpstreamError> {
        let right = |manifest: &Digest| (identity(login), repository.clone(), manifest.clone());
        if manifests
            .iter()
            .any(|manifest| self.rights.contains_key(&right(manifest)))
        {
            return Ok(());
        }
        let mut refused = None;
        for manifest in manifests.iter().take(MOST_ASKED) {
            let reference = Reference::Digest(manifest.clone());
            match self.prove_manifest(login, repository, &reference).await {
                Ok(()) => return Ok(()),
                Err(error) => refused = Some(error),
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// Proves that the upstream lists a repository's tags to somebody.
    pub async fn prove_tags(
        &self,
        login: Option<&OwnLogin>,
        repository: &Repository,
    ) -> Result<(), UpstreamError> {
        let upstream = self.of(login)?;
        upstream.tags(repository.path(), "n=1").await?;
        self.newest.insert(repository.clone(), upstream);
        Ok(())
    }

    fn of(&self, login: Option<&OwnLogin>) -> Result<Arc<Upstream>, UpstreamError> {
        let Some(login) = login else {
            return Ok(Arc::clone(&self.anonymous));
        };
        if let Some(known) = self.clients.get(login.digest()) {
            return Ok(known);
        }
        let options = UpstreamOptions {
            login: Some(Login::Said(Credentials {
                username: login.user().to_owned(),
                password: login.secret().clone(),
            })),
            ..self.options.clone()
        };
        let upstream = Arc::new(Upstream::new(options, self.count.clone())?);
        self.clients
            .insert(login.digest().clone(), Arc::clone(&upstream));
        Ok(upstream)
    }
}

fn identity(login: Option<&OwnLogin>) -> Identity {
    login.map(|login| login.digest().clone())
}
