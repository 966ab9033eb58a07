//! What facts that were kept are worth to the analyzers that run now.
//!
//! Facts name the analyzers that made them, and who read which file. Those of a set that changed
//! stand where no file of the layer can be one that the new analyzers claim, and none was read by
//! one that is gone; else the layer is read again, and of that only such files.

use sluicegate_model::coverage::GapKind;

use super::claims::Claimants;
use super::set::PluginSet;
use crate::analyzer::{Analyzer, Wants};
use crate::facts::{Event, FileFacts, LayerFacts, PathHash, PluginName, Told, ToldFile};
use crate::fed::FedPlugin;

/// What kept facts are to a set of analyzers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// What the set would find.
    Current(Box<LayerFacts>),
    /// What the set would find, made by another: to be kept anew.
    Adopted(Box<LayerFacts>),
    /// The layer has to be read again, but for files that the change does not concern.
    Outdated(Box<LayerFacts>),
}

/// What an earlier scan found in an entry.
pub(crate) enum EarlierFind {
    Facts(Box<FileFacts>),
    Nothing,
}

/// What of earlier facts a scan may take over.
pub(crate) struct Earlier<'a> {
    facts: &'a LayerFacts,
    /// For each analyzer of the set: whether it read the layer then.
    is_known: Vec<bool>,
    /// For each analyzer of then: whether it still is one of the set.
    is_there: Vec<bool>,
}

impl PluginSet {
    /// Gives the analyzers' names and revisions, in their order, then the fed plugins'. Who goes by a table
    /// that was fed is another than who goes by the program's own.
    pub fn names(&self) -> Vec<PluginName> {
        let names = self.analyzers().map(kept_as);
        names
            .chain(self.fed().map(|plugin| plugin.id().kept_as()))
            .collect()
    }

    /// Tells whether stored facts were made by this very set; looks at their beginning only.
    pub fn has_made(&self, stored: &[u8]) -> bool {
        LayerFacts::stored_names(stored).is_ok_and(|names| names == self.names())
    }

    /// Says what kept facts are worth.
    pub fn review(&self, mut facts: LayerFacts) -> Kept {
        let (now, then) = (self.names(), &facts.readers.plugins);
        if now == *then {
            return Kept::Current(Box::new(facts));
        }
        let news = (0..).zip(&now).filter(|(_, name)| !then.contains(name));
        let news = news.map(|(at, _)| at);
        // Of those that go by another table, all that matters was read by who they were before.
        let news: Vec<usize> = news.filter(|at| !self.went_by_another(*at, then)).collect();
        let is_other = |place: u16| {
            let reader = then.get(usize::from(place));
            reader.is_none_or(|reader| !now.contains(reader))
        };
        let is_read_by_others = facts.readers.all().any(is_other);
        if !is_whole(&facts) || is_read_by_others || self.may_claim_of(&news, &facts) {
            return Kept::Outdated(Box::new(facts));
        }
        let places: Vec<Option<u16>> = then.iter().map(|name| place(&now, name)).collect();
        let moved = |old: u16| places.get(usize::from(old)).copied().flatten();
        facts.told.retain(|told| moved(told.plugin).is_some());
        for told in &mut facts.told {
            told.plugin = moved(told.plugin).unwrap_or(told.plugin);
        }
        facts.readers.renumber(now, moved);
        Kept::Adopted(Box::new(facts))
    }

    /// Tells whether the analyzer at a place was among those of then, by another table of names, and only
    /// what it found something in then can be of another.
    fn went_by_another(&self, at: usize, then: &[PluginName]) -> bool {
        self.at(at).is_some_and(|it| is_of_any_table(it, then))
    }

    fn may_claim_of(&self, news: &[usize], facts: &LayerFacts) -> bool {
        let analyzers = news.iter().filter_map(|at| self.at(*at));
        let mut claims = analyzers.flat_map(Analyzer::claims);
        if claims.any(|wants| may_have(facts, wants)) {
            return true;
        }
        let before = self.analyzers().count();
        let fed = news.iter().filter_map(|at| at.checked_sub(before));
        let fed = fed.filter_map(|at| self.fed_at(u16::try_from(at).ok()?));
        let mut claims = fed.flat_map(FedPlugin::claims);
        claims.any(|wants| may_have(facts, wants))
    }
}

/// Parts the name of an analyzer from that of the table that it goes by.
const BY: char = '#';

fn kept_as(analyzer: &dyn Analyzer) -> PluginName {
    let name = analyzer.id().name;
    PluginName {
        name: match analyzer.table() {
            Some(table) => format!("{name}{BY}{table}"),
            None => name.to_owned(),
        },
        revision: analyzer.id().revision,
    }
}

fn is_of_any_table(analyzer: &dyn Analyzer, then: &[PluginName]) -> bool {
    let id = analyzer.id();
    let is_it = |other: &PluginName| {
        let name = other.name.split(BY).next();
        name == Some(id.name) && other.revision == id.revision
    };
    analyzer.finds_by_any_table() && then.iter().any(is_it)
}

/// Tells whether a scan came as far as any would: one that stopped for what was found, or failed,
/// may go further with other analyzers.
fn is_whole(facts: &LayerFacts) -> bool {
    let mut kinds = facts.gaps.iter().map(|gap| gap.kind);
    let stops = [
        GapKind::Budget,
        GapKind::AnalyzerFailed,
        GapKind::PluginFailed,
    ];
    let has_stopped = kinds.any(|kind| stops.contains(&kind));
    !has_stopped && !facts.readers.plugins.is_empty()
}

/// Tells whether a file of a layer may be one that is claimed so.
fn may_have(facts: &LayerFacts, wants: Wants<'_>) -> bool {
    let index = &facts.readers.index;
    match wants {
        Wants::Exact(path) => facts.plain_paths.contains(PathHash::of(path)),
        Wants::InDir(dir) => index.may_have_dir(dir),
        Wants::Named(name) => index.may_have_name(name),
        Wants::Ending(ending) => index.may_have_ending(ending),
        Wants::NamedAround { ends, .. } => index.may_have_ending(ends),
        Wants::InDirsNamed { dir, ending } => {
            index.may_have_dir_named(dir) && index.may_have_ending(ending)
        }
        Wants::Content { starts, .. } => index.may_have_start(starts),
        // Only names and beginnings are kept.
        Wants::At { .. } | Wants::ArchiveEnd => true,
        Wants::Every => !facts.plain_paths.is_empty(),
        Wants::Headers => facts.entries > 0,
    }
}

fn place(names: &[PluginName], name: &PluginName) -> Option<u16> {
    let at = names.iter().position(|other| other == name)?;
    u16::try_from(at).ok()
}

impl<'a> Earlier<'a> {
    /// Compares earlier facts with a set; none where nothing of them may be taken over.
    pub(crate) fn of(facts: &'a LayerFacts, plugins: &PluginSet) -> Option<Self> {
        if !is_whole(facts) {
            return None;
        }
        let (now, then) = (plugins.names(), &facts.readers.plugins);
        let is_known: Vec<bool> = now.iter().map(|name| then.contains(name)).collect();
        // Which files a new one claims by their ends is known once all are read to theirs.
        let mut news = plugins
            .analyzers()
            .zip(&is_known)
            .filter(|(_, is_known)| !**is_known);
        let is_by_end = |analyzer: &dyn Analyzer| {
            analyzer.claims().contains(&Wants::ArchiveEnd) && !is_of_any_table(analyzer, then)
        };
        if news.any(|(analyzer, _)| is_by_end(analyzer)) {
            return None;
        }
        Some(Self {
            facts,
            is_known,
            is_there: then.iter().map(|name| now.contains(name)).collect(),
        })
    }

    /// Gives what is known of an entry of the archive, where its readers are those of then.
    pub(crate) fn of_entry(
        &self,
        entry: u32,
        path: &str,
        claimants: &Claimants,
    ) -> Option<EarlierFind> {
        let is_among = |flags: &[bool], place: &u16| flags.get(usize::from(*place)) == Some(&true);
        let mut readers = claimants.places().iter();
        if !readers.all(|place| is_among(&self.is_known, place)) {
            return None;
        }
        let Some(file) = self.facts.readers.of_entry(entry) else {
            return Some(EarlierFind::Nothing);
        };
        let mut readers = self.facts.readers.of_file(file).iter();
        let event = usize::try_from(file.event).ok()?;
        match self.facts.events.get(event) {
            Some(Event::File(facts))
                if facts.path == path && readers.all(|place| is_among(&self.is_there, place)) =>
            {
                Some(EarlierFind::Facts(facts.clone()))
            }
            _ => None,
        }
    }

    /// Tells whether the plugin at a place among all read the layer then.
    pub(crate) fn is_known(&self, place: u16) -> bool {
        self.is_known.get(usize::from(place)) == Some(&true)
    }

    /// Gives what a plugin that read the layer then said of an entry of the archive.
    pub(crate) fn told_of(&self, entry: u32, plugin: &PluginName) -> Option<&'a Told> {
        let told = &self.facts.told;
        let first = told.partition_point(|told| told.entry < entry);
        let of_entry = told.iter().skip(first);
        let mut of_entry = of_entry.take_while(|told| told.entry == entry);
        let then = &self.facts.readers.plugins;
        let by_it = |told: &&ToldFile| then.get(usize::from(told.plugin)) == Some(plugin);
        of_entry.find(by_it).map(|told| &told.told)
    }
}

#[cfg(test)]
mod tests;
