//! The work of a scanner: asked for, done a few at a time, renewed while it lasts, answered until
//! the answer is taken or nobody waits for it any longer.

use std::collections::HashSet;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicegate_linked::leases::Lease;
use sluicegate_linked::protocol::GivenWork;
use sluicegate_linked::task::{PluginNamed, Task};
use sluicegate_upstream::jittered;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::AgentError;
use super::looks::{Found, LookError, Looks};
use super::modules::{ModuleError, Modules};
use super::service::{Service, ServiceError};

/// Most layers looked at at a time, on however many cores: each takes some 16 MiB and more.
const MAX_PLACES: usize = 4;
/// How often leases are renewed: three times before one runs out.
const RENEW: Duration = Duration::from_secs(10);
/// The first pause after a question that nobody answered, doubled with each that follows, and the
/// longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long what has begun may take to end once the scanner is to stop.
const ENDING: Duration = Duration::from_secs(10);

/// Waits between questions that nobody answered.
#[derive(Debug, Default)]
pub(super) struct Pause(u32);

impl Pause {
    /// Says what went wrong, and waits.
    pub(super) async fn after(&mut self, error: &ServiceError) {
        tracing::warn!(%error, "the service gives no work now; asked again soon");
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.0));
        self.0 = self.0.saturating_add(1).min(10);
        tokio::time::sleep(jittered(pause.min(LONGEST_PAUSE))).await;
    }

    fn reset(&mut self) {
        self.0 = 0;
    }
}

/// Says why work was not done.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    #[error(transparent)]
    Modules(#[from] ModuleError),
    #[error(transparent)]
    Look(#[from] LookError),
}

/// A scanner at work.
struct Worker {
    service: Arc<Service>,
    looks: Looks,
    modules: Arc<Modules>,
    /// What it believes to hold.
    held: Mutex<HashSet<Lease>>,
}

/// Works until `stop` ends, or the service lets the scanner in no longer.
pub(super) async fn work(
    service: Arc<Service>,
    (looks, modules): (Looks, Arc<Modules>),
    stop: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let worker = Arc::new(Worker {
        service,
        looks,
        modules,
        held: Mutex::default(),
    });
    let mut under_way = JoinSet::new();
    let renewing = tokio::spawn(Arc::clone(&worker).renew());
    let refused = tokio::select! {
        refused = worker.ask(&mut under_way) => Some(refused),
        () = stop => None,
    };
    if refused.is_none() {
        let ending = async { while under_way.join_next().await.is_some() {} };
        // What does not end in time is given to somebody else.
        let _ended = tokio::time::timeout(ENDING, ending).await;
    }
    renewing.abort();
    refused.map_or(Ok(()), |why| Err(AgentError::Refused(why)))
}

impl Worker {
    /// Asks for work and does it; ends where the service lets the scanner in no longer, with what it
    /// says.
    async fn ask(self: &Arc<Self>, under_way: &mut JoinSet<()>) -> String {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let places = Arc::new(Semaphore::new(cores.min(MAX_PLACES)));
        let mut pause = Pause::default();
        loop {
            // The semaphore is never closed.
            drop(places.acquire().await);
            let free = places.available_permits().max(1);
            match self.service.work(free).await {
                Ok(work) => {
                    pause.reset();
                    for given in work.given {
                        let place = Arc::clone(&places).acquire_owned().await.ok();
                        self.held().insert(given.lease.clone());
                        under_way.spawn(Arc::clone(self).do_one(given, place));
                    }
                }
                Err(ServiceError::Refused(why)) => return why,
                Err(error) => pause.after(&error).await,
            }
            while under_way.try_join_next().is_some() {}
        }
    }

    async fn do_one(self: Arc<Self>, given: GivenWork, _place: Option<OwnedSemaphorePermit>) {
        let GivenWork {
            lease,
            task,
            plugins,
        } = given;
        let named = named(&task);
        let found = self.look(&task, &plugins).await;
        match &found {
            Ok(Found::Facts(found) | Found::Report(found)) => {
                let bytes = found.len();
                tracing::info!(task = %named, bytes, "scanned");
            }
            Err(error) => tracing::warn!(task = %named, %error, "not scanned"),
        }
        let mut pause = Pause::default();
        while self.holds(&lease) {
            let told = match &found {
                Ok(found) => self.tell(&lease, &task, found).await,
                Err(error) => self.service.failed(&lease, &error.to_string()).await,
            };
            match told {
                Ok(()) => break,
                Err(ServiceError::Later(why)) => pause.after(&ServiceError::Later(why)).await,
                Err(error) => {
                    tracing::warn!(task = %named, %error, "what was found is not taken");
                    // Whoever still waits for it is told that nothing comes.
                    let _not_held = self.service.failed(&lease, &error.to_string()).await;
                    break;
                }
            }
        }
        self.held().remove(&lease);
    }

    async fn look(&self, task: &Task, plugins: &[PluginNamed]) -> Result<Found, WorkError> {
        let plugins = self.modules.set(plugins, &self.service).await?;
        Ok(self.looks.at(task, plugins).await?)
    }

    async fn tell(&self, lease: &Lease, task: &Task, found: &Found) -> Result<(), ServiceError> {
        match (task, found) {
            (Task::Layer(layer), Found::Facts(facts)) => {
                let facts = facts.clone();
                self.service.found(lease, &layer.digest, facts).await
            }
            (_, Found::Facts(found) | Found::Report(found)) => {
                let told = self.service.told(found.clone(), Some(lease)).await;
                told.map(|_judged| ())
            }
        }
    }

    /// Renews what is held; what the service says is no longer held is let go.
    async fn renew(self: Arc<Self>) {
        loop {
            tokio::time::sleep(RENEW).await;
            let asked: Vec<Lease> = self.held().iter().cloned().collect();
            if asked.is_empty() {
                continue;
            }
            match self.service.renew(asked.clone()).await {
                Ok(held) => {
                    let lost = asked.into_iter().filter(|lease| !held.contains(lease));
                    for lease in lost {
                        if self.held().remove(&lease) {
                            tracing::warn!(work = %lease.work, "a lease ran out; somebody else has it");
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "leases not renewed"),
            }
        }
    }

    fn holds(&self, lease: &Lease) -> bool {
        self.held().contains(lease)
    }

    fn held(&self) -> MutexGuard<'_, HashSet<Lease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names what is to be done to people.
fn named(task: &Task) -> String {
    match task {
        Task::Layer(layer) => format!("{} of {}", layer.digest, layer.repository),
        Task::Image(image) => format!("{} of {}", image.reference, image.repository),
    }
}
