//! The fed plugins of a set with their claims, and how much each may take of one layer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::claims::Claims;
use crate::analyzer::Wants;
use crate::facts::Told;
use crate::fed::{
    FedAnswer, FedError, FedPlugin, MAX_FAILURES, MAX_FED, MAX_LAYER_WORK, MAX_TOLD_BYTES,
};

/// The plugins that were fed, with their claims.
#[derive(Default)]
pub(super) struct Fed {
    pub(super) plugins: Vec<Arc<dyn FedPlugin>>,
    pub(super) claims: Claims,
    /// Which of them read files in pieces.
    pub(super) in_pieces: Vec<bool>,
    /// Those that look at headers, by their places.
    pub(super) of_headers: Vec<u16>,
}

/// What fed plugins have done of one layer.
#[derive(Debug, Default)]
pub(crate) struct FedWork {
    pub(super) each: BTreeMap<u16, Done>,
}

/// What one plugin has done of one layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    work: u64,
    pub(super) failures: u64,
    told_bytes: u64,
    /// Files that it was not handed any more.
    pub(super) unread: u64,
}

impl Fed {
    /// Takes plugins in, each with its claims.
    pub(super) fn of(plugins: Vec<Arc<dyn FedPlugin>>) -> Result<Self, FedError> {
        let fed = plugins
            .iter()
            .filter(|plugin| !plugin.is_built_in())
            .count();
        if fed > MAX_FED {
            return Err(FedError::TooMany(fed));
        }
        let mut names: Vec<_> = plugins.iter().map(|plugin| plugin.id().name).collect();
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[one, other]| one == other) {
            return Err(FedError::SameName((*name).to_owned()));
        }
        let mut claims = Claims::default();
        for (place, plugin) in (0..=u16::MAX).zip(&plugins) {
            for wants in plugin.claims() {
                claims.add_one_of_many(wants, place);
            }
        }
        let of_headers = (0..=u16::MAX).zip(&plugins);
        let of_headers = of_headers.filter(|(_, it)| it.claims().contains(&Wants::Headers));
        let of_headers = of_headers.map(|(place, _)| place).collect();
        let in_pieces = plugins.iter();
        let in_pieces = in_pieces.map(|plugin| plugin.begin("", 0).is_some());
        Ok(Self {
            in_pieces: in_pieces.collect(),
            of_headers,
            plugins,
            claims,
        })
    }
}

impl FedWork {
    /// Notes that a plugin cannot be handed a file. None where that is no more said of each.
    pub(crate) fn missed(&mut self, place: u16, why: &str) -> Option<Told> {
        let told = Told::failed(why);
        let answer = FedAnswer { told, work: 0 };
        self.may_go_on(place).then(|| self.note(place, answer))?
    }

    fn of(&mut self, place: u16) -> &mut Done {
        self.each.entry(place).or_default()
    }

    /// Tells whether a plugin is handed another file of the layer; counts the file where it is not.
    pub(super) fn may_go_on(&mut self, place: u16) -> bool {
        let done = self.of(place);
        let may = done.failures < MAX_FAILURES
            && done.work < MAX_LAYER_WORK
            && done.told_bytes < MAX_TOLD_BYTES;
        if !may {
            done.unread += 1;
        }
        may
    }

    pub(super) fn note(&mut self, place: u16, answer: FedAnswer) -> Option<Told> {
        let done = self.of(place);
        done.work = done.work.saturating_add(answer.work);
        if answer.told.is_empty() {
            return None;
        }
        // A file that it was not handed says nothing of the plugin.
        done.failures += u64::from(answer.told.failed.is_some() && answer.work > 0);
        done.told_bytes = done.told_bytes.saturating_add(answer.told.weight());
        if done.told_bytes > MAX_TOLD_BYTES {
            let why = format!("it says more than {MAX_TOLD_BYTES} bytes of one layer");
            return Some(Told::failed(why));
        }
        Some(answer.told)
    }
}
