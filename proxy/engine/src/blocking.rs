//! Where work runs that would hold a runtime's worker up: in the pool for that, or on a thread of
//! somebody's own that may wait.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static MAY_WAIT: Cell<bool> = const { Cell::new(false) };
}

/// Why there is no outcome: the work ended in a panic, or the runtime went down.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the work did not end")]
pub struct Unended;

/// Has this thread, which is no worker of a runtime, do such work itself: where much of it is little,
/// handing it over costs more than doing it.
pub fn let_this_thread_wait() {
    MAY_WAIT.set(true);
}

/// Tells whether this thread is one of them.
pub(crate) fn may_wait() -> bool {
    MAY_WAIT.get()
}

/// Does work that takes long or waits for a disk.
pub async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unended> {
    if may_wait() {
        return catch_unwind(AssertUnwindSafe(work)).map_err(|_| Unended);
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| Unended)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn work_runs_where_it_may_wait_and_a_panic_is_an_error() {
        let here = thread::current().id();
        let there = run(|| thread::current().id()).await.unwrap();
        assert_ne!(here, there);
        assert!(run(|| panic!("no")).await.is_err());
        let runtime = tokio::runtime::Handle::current();
        let own = thread::spawn(move || {
            let_this_thread_wait();
            let here = thread::current().id();
            let there = runtime.block_on(run(|| thread::current().id())).unwrap();
            assert!(runtime.block_on(run(|| panic!("no"))).is_err());
            (here, there)
        });
        let (here, there) = own.join().unwrap();
        assert_eq!(here, there);
    }
}
