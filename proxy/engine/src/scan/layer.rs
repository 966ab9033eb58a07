//! One layer's bytes to its facts: what is not scanned at all, and what becomes of a scan that fails
//! or does not end.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sluicegate_model::manifest::Descriptor;
use sluicegate_model::media_type;
use sluicegate_scanner::{LayerFacts, Limits, scan_layer_again};

use crate::plugins::ActivePlugins;

use super::work_time::{WORK, WorkBound, WorkTime};

/// Gives what stands for a layer that nobody scans: it is kept elsewhere, or encrypted.
pub fn unscanned(layer: &Descriptor) -> Option<LayerFacts> {
    if media_type::is_foreign_layer(&layer.media_type) || !layer.urls.is_empty() {
        return Some(LayerFacts::foreign());
    }
    media_type::is_encrypted_layer(&layer.media_type).then(LayerFacts::encrypted)
}

/// Scans a layer on this thread: of what an earlier scan found, what still holds is taken over.
///
/// A scan that fails is a fatal gap. One past its time is asked to stop, and ends in one.
pub fn scan_on_this_thread(
    content: impl Read + Send,
    limits: &Limits,
    plugins: &ActivePlugins,
    earlier: Option<&LayerFacts>,
) -> LayerFacts {
    let time = WorkTime::start();
    let content = time.reader(content);
    let scan = || scan(content, limits, plugins, earlier);
    time.bound_here(WORK, &limits.stop, scan)
}

/// Scans a layer in the blocking pool, and lets `ended` make something of the facts there.
///
/// None where the scan does not stop when it is asked to, which leaves it to itself with all that it
/// was given, or where the program stops.
pub(super) async fn scan_in_pool<T: Send + 'static>(
    content: impl Read + Send + 'static,
    limits: Limits,
    (plugins, earlier): (Arc<ActivePlugins>, Option<Arc<LayerFacts>>),
    bound: WorkBound,
    ended: impl FnOnce(LayerFacts) -> T + Send + 'static,
) -> Option<T> {
    let (time, stop) = (WorkTime::start(), limits.stop.clone());
    let content = time.reader(content);
    let scan = move || ended(scan(content, &limits, &plugins, earlier.as_deref()));
    time.bound(bound, &stop, tokio::task::spawn_blocking(scan))
        .await
}

fn scan(
    content: impl Read + Send,
    limits: &Limits,
    plugins: &ActivePlugins,
    earlier: Option<&LayerFacts>,
) -> LayerFacts {
    let scan = || scan_layer_again(content, limits, plugins.set(), earlier);
    // What it said is on the standard error; another time it would say the same.
    catch_unwind(AssertUnwindSafe(scan))
        .unwrap_or_else(|_| LayerFacts::unreadable("the scan of this layer failed"))
}
