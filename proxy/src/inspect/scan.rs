//! A source's layers to its inventory: the scan of a pull, without the pull.
//!
//! Layers are read side by side, as many as there are cores, and every byte is held against its
//! digest; what their scans give is the engine's `scan`. Blocks.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use sluicegate_model::clock::Clock;
use sluicegate_model::digest::{Algorithm, DiffId};
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::manifest::{Descriptor, Platform};
use sluicegate_model::{Digest, DigestHasher};
use sluicegate_scanner::{LayerFacts, Limits, MAGIC_BYTES, is_compressed};

use super::facts_cache::FactsCache;
use super::source::{Source, SourceError};
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_engine::scan::{
    Left, Scanned, config_limit, merge, review, scan_on_this_thread, to_keep, unscanned,
};

/// Bytes read at a time of what the scan leaves unread.
const PIECE: usize = 64 * 1024;

/// How far a layer has come.
#[derive(Clone, Debug)]
pub struct LayerProgress {
    /// Which layer.
    pub layer: Digest,
    /// Bytes read so far.
    pub bytes: u64,
    /// Bytes in all, as the manifest says.
    pub expected: u64,
    /// Whether it needs nothing more, well or badly.
    pub ended: bool,
}

/// Scans images.
pub struct Scanner {
    /// What is known of layers already.
    pub cache: FactsCache,
    /// What reads images.
    pub plugins: Arc<ActivePlugins>,
    /// The time of day.
    pub clock: Clock,
    /// The platform that was asked for.
    pub platform: Option<Platform>,
    /// Told of every piece of every layer.
    pub on_layer: Arc<dyn Fn(LayerProgress) + Send + Sync>,
    /// Told what a person should know, one line each.
    pub on_note: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Scanner {
    /// Scans an image to its end.
    pub fn scan(&self, source: &dyn Source) -> Result<Scanned, SourceError> {
        let started = Instant::now();
        let manifest = &source.image().manifest;
        let config = config(source, &manifest.config)?;
        self.check_platform(source, config.as_ref())?;
        let facts = self.layers(source, &manifest.layers)?;
        let (config, now) = (config.as_ref(), self.clock.now());
        Ok(merge(
            manifest,
            config,
            (facts, &self.plugins),
            started,
            now,
        ))
    }

    /// Refuses an image for another platform than the one that was asked for.
    fn check_platform(
        &self,
        source: &dyn Source,
        config: Option<&ImageConfig>,
    ) -> Result<(), SourceError> {
        if let (Some(wanted), Some(config)) = (&self.platform, config)
            && !config.os.is_empty()
            && !config.platform().serves(wanted)
        {
            return Err(SourceError::Platform {
                place: source.image().repository.to_string(),
                wanted: wanted.to_string(),
                known: vec![config.platform().to_string()],
            });
        }
        Ok(())
    }

    fn layers(
        &self,
        source: &dyn Source,
        layers: &[Descriptor],
    ) -> Result<Vec<Arc<LayerFacts>>, SourceError> {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let outcomes: Mutex<Vec<(usize, Result<LayerFacts, SourceError>)>> = Mutex::default();
        let work = || {
            while !failed.load(Ordering::Relaxed)
                && let at = next.fetch_add(1, Ordering::Relaxed)
                && let Some(layer) = layers.get(at)
            {
                let outcome = self.layer(source, layer);
                failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
                let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
                outcomes.push((at, outcome));
            }
        };
        thread::scope(|scope| {
            for _ in 0..cores.min(layers.len()) {
                scope.spawn(work);
            }
        });
        let mut outcomes = outcomes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        outcomes.sort_by_key(|(at, _)| *at);
        let facts = outcomes
            .into_iter()
            .map(|(_, outcome)| outcome.map(Arc::new));
        facts.collect()
    }

    /// Gives the facts of one layer.
    pub fn layer(
        &self,
        source: &dyn Source,
        layer: &Descriptor,
    ) -> Result<LayerFacts, SourceError> {
        if let Some(facts) = unscanned(layer) {
            return Ok(facts);
        }
        let outcome = self.read_layer(source, layer);
        (self.on_layer)(LayerProgress {
            layer: layer.digest.clone(),
            bytes: layer.size,
            expected: layer.size,
            ended: true,
        });
        let mut facts = outcome?;
        facts.gaps.extend(source.gaps());
        Ok(facts)
    }

    fn read_layer(
        &self,
        source: &dyn Source,
        layer: &Descriptor,
    ) -> Result<LayerFacts, SourceError> {
        let kept = self.cache.get(&layer.digest);
        let (known, earlier) = match kept.map_or(Left::Nothing, |kept| review(&kept, &self.plugins))
        {
            Left::Found { facts, anew } => {
                self.keep(layer, anew);
                (Some(facts), None)
            }
            Left::Outdated(facts) => (None, Some(facts)),
            Left::Nothing => (None, None),
        };
        if source.is_remote()
            && let Some(known) = known
        {
            return Ok(known);
        }
        let content = Proving::new(source.open(layer)?, layer, &*self.on_layer);
        if let Some(known) = known {
            // What is at hand is proven all the same: nobody else will.
            content.finish(None, source)?;
            return Ok(known);
        }
        let mut content = content.of_scan();
        let facts = scan_on_this_thread(
            &mut content,
            &Limits::default(),
            &self.plugins,
            earlier.as_ref(),
        );
        // Facts of bytes that turn out not to be the layer must not be kept.
        content.finish(Some(&facts), source)?;
        self.keep(layer, to_keep(&facts));
        Ok(facts)
    }

    fn keep(&self, layer: &Descriptor, facts: Option<Vec<u8>>) {
        if let Some(facts) = facts
            && let Err(error) = self.cache.put(&layer.digest, &facts)
        {
            (self.on_note)(&format!("what was found in a layer is not kept: {error}"));
        }
    }
}

fn config(source: &dyn Source, config: &Descriptor) -> Result<Option<ImageConfig>, SourceError> {
    let Some(limit) = config_limit(config) else {
        return Ok(None);
    };
    let mut content = Proving::new(source.open(config)?, config, &|_| {});
    let mut text = Vec::new();
    let read = (&mut content).take(limit as u64).read_to_end(&mut text);
    read.map_err(|error| unreadable(source, config, &error))?;
    content.finish(None, source)?;
    Ok(ImageConfig::parse(&text).ok())
}

fn unreadable(source: &dyn Source, blob: &Descriptor, error: &io::Error) -> SourceError {
    SourceError::Damaged {
        what: format!("{} of {}", blob.digest, source.image().repository),
        reason: format!("it cannot be read: {error}"),
    }
}

/// Hashes and counts what is read through it.
struct Proving<'a> {
    content: Box<dyn Read + Send>,
    /// None where a scan hashes the same bytes: what is not compressed has its diffID for a digest.
    hasher: Option<DigestHasher>,
    is_scanned: bool,
    bytes: u64,
    layer: &'a Descriptor,
    failed: Option<io::Error>,
    on_layer: &'a (dyn Fn(LayerProgress) + Send + Sync),
}

impl<'a> Proving<'a> {
    fn new(
        content: Box<dyn Read + Send>,
        layer: &'a Descriptor,
        on_layer: &'a (dyn Fn(LayerProgress) + Send + Sync),
    ) -> Self {
        Self {
            content,
            hasher: Some(DigestHasher::new(layer.digest.algorithm())),
            is_scanned: false,
            bytes: 0,
            layer,
            failed: None,
            on_layer,
        }
    }

    /// Says that a scan reads the content, which hashes what it unpacks.
    fn of_scan(self) -> Self {
        let is_scanned = self.layer.digest.algorithm() == Algorithm::Sha256;
        Self { is_scanned, ..self }
    }

    /// Reads what is left, and tells whether all of it is what the digest says, after a scan that may
    /// have hashed it.
    fn finish(
        mut self,
        scanned: Option<&LayerFacts>,
        source: &dyn Source,
    ) -> Result<(), SourceError> {
        self.read_on(source)?;
        let blob = self.layer;
        let all = scanned.filter(|facts| facts.uncompressed_bytes == self.bytes);
        let got = match (self.hasher, all.and_then(|facts| facts.diff_id.as_ref())) {
            (Some(hasher), _) => hasher.finish(),
            (None, Some(DiffId(digest))) => digest.clone(),
            // The scan ended early.
            (None, None) => {
                let again = source.open(blob)?;
                return Proving::new(again, blob, self.on_layer).finish(None, source);
            }
        };
        if got == blob.digest {
            return Ok(());
        }
        Err(SourceError::Damaged {
            what: format!("{} of {}", blob.digest, source.image().repository),
            reason: format!("its content is {got}"),
        })
    }

    /// Reads what is left, and tells whether it is as long as it should be.
    fn read_on(&mut self, source: &dyn Source) -> Result<(), SourceError> {
        let blob = self.layer;
        let mut piece = vec![0; PIECE];
        // What is longer than it should be is not read to its end.
        while self.failed.is_none() && self.bytes <= blob.size {
            match self.read(&mut piece) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_kept) => {}
            }
        }
        if let Some(error) = &self.failed {
            return Err(unreadable(source, blob, error));
        }
        let what = || format!("{} of {}", blob.digest, source.image().repository);
        if self.bytes != blob.size {
            let more = if self.bytes > blob.size {
                "more than "
            } else {
                ""
            };
            let got = self.bytes.min(blob.size);
            let reason = format!("it has {more}{got} bytes, its manifest says {}", blob.size);
            let what = what();
            return Err(SourceError::Damaged { what, reason });
        }
        Ok(())
    }

    fn hash(&mut self, piece: &[u8]) {
        let is_first = self.bytes == 0 && piece.len() >= MAGIC_BYTES;
        if self.is_scanned && is_first && !is_compressed(piece) {
            self.hasher = None;
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(piece);
        }
    }
}

impl Read for Proving<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.content.read(buffer) {
            Ok(read) => read,
            Err(error) => {
                let told = io::Error::new(error.kind(), error.to_string());
                if error.kind() != io::ErrorKind::Interrupted {
                    self.failed = Some(error);
                }
                return Err(told);
            }
        };
        self.hash(buffer.get(..read).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(read as u64);
        (self.on_layer)(LayerProgress {
            layer: self.layer.digest.clone(),
            bytes: self.bytes,
            expected: self.layer.size,
            ended: false,
        });
        Ok(read)
    }
}
