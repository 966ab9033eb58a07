//! A scanner elsewhere, in memory: it has layers within its own reach, and is given no bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use sluicegate_model::{Digest, Domain, Repository};
use sluicegate_scanner::{Limits, scan_layer};
use tokio::sync::watch;

use crate::scan::{AskedLayer, LayerScan, LayerScanError, ScannedLayer};

/// What a scanner in memory does when it is asked.
#[derive(Clone, Debug, Default)]
pub enum Conduct {
    /// Scans the layer.
    #[default]
    Scans,
    /// Is not there.
    Away,
    /// Breaks off before the end.
    BreaksOff,
    /// Answers for another layer, and says so.
    AnswersFor(Digest),
    /// Gives what is in another layer for what it was asked for.
    PassesOff(Digest),
}

/// A scanner that fetches by itself.
#[derive(Clone, Debug)]
pub struct MemoryLayerScan {
    state: Arc<Mutex<State>>,
    /// Whether answers may come.
    open: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    reach: HashMap<Digest, Bytes>,
    conduct: Conduct,
    asked: Vec<Digest>,
}

impl MemoryLayerScan {
    /// Makes one that reaches these layers.
    pub fn reaching(layers: impl IntoIterator<Item = Bytes>) -> Self {
        let reach = layers.into_iter().map(|layer| (Digest::of(&layer), layer));
        let state = State {
            reach: reach.collect(),
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            open: watch::Sender::new(true),
        }
    }

    /// Says what it does from now on.
    pub fn behave(&self, conduct: Conduct) {
        self.state().conduct = conduct;
    }

    /// Lets nothing it says come through.
    pub fn withhold(&self) {
        self.open.send_replace(false);
    }

    /// Lets everything come through.
    pub fn release(&self) {
        self.open.send_replace(true);
    }

    /// Lists the layers that it was asked for.
    pub fn asked(&self) -> Vec<Digest> {
        self.state().asked.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, asked: &Digest) -> Result<ScannedLayer, LayerScanError> {
        let state = self.state();
        let (read, named) = match &state.conduct {
            Conduct::Away => return Err(LayerScanError::Away),
            Conduct::Scans | Conduct::BreaksOff => (asked, asked),
            Conduct::AnswersFor(other) => (other, other),
            Conduct::PassesOff(other) => (other, asked),
        };
        let bytes = state.reach.get(read).ok_or(LayerScanError::Away)?;
        let limits = Limits::default();
        if matches!(state.conduct, Conduct::BreaksOff) {
            limits.stop.request();
        }
        let facts = scan_layer(&bytes[..], &limits);
        Ok(ScannedLayer::of(named.clone(), facts))
    }
}

#[async_trait]
impl LayerScan for MemoryLayerScan {
    fn read_by(&self, domain: &Domain) -> Option<String> {
        domain.shown()
    }

    fn domain(&self, _repository: &Repository) -> Domain {
        Domain::Scanner {
            name: "elsewhere".into(),
            enrolment: "1".into(),
        }
    }

    async fn scan(&self, asked: AskedLayer<'_>) -> Result<ScannedLayer, LayerScanError> {
        self.state().asked.push(asked.layer.digest.clone());
        let mut open = self.open.subscribe();
        // The sender is our own.
        let _opened = open.wait_for(|open| *open).await;
        self.answer(&asked.layer.digest)
    }
}
