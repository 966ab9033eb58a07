//! What all sources say of one setting, and how that is read as the usual kinds of values.
//!
//! Every mistake is noted and a harmless value put in its place, so that one run tells them all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::env::Environment;
use crate::errors::Notes;
use crate::file::Extras;
use crate::layer::{Layers, Place, Sourced};

/// What all sources say, looked at for one setting.
pub(crate) struct Said<'a> {
    /// The setting, by the key that people know it under.
    pub(crate) key: &'static str,
    pub(crate) layers: &'a Layers,
    pub(crate) extras: &'a Extras,
    pub(crate) environment: &'a Environment,
    pub(crate) notes: &'a mut Notes,
    /// The words that settings take, of those that were looked at and take a few only.
    pub(crate) words: BTreeMap<&'static str, Vec<String>>,
}

impl<'a> Said<'a> {
    /// Gives the strongest single text.
    pub(crate) fn one(&self) -> Option<&'a Sourced> {
        self.layers.one(self.key)
    }

    /// Gives the strongest list.
    pub(crate) fn many(&self) -> &'a [Sourced] {
        self.layers.many(self.key).unwrap_or_default()
    }

    /// Tells where a setting was made.
    pub(crate) fn place(&self, key: &'static str) -> Place {
        let value = self.layers.one(key);
        value.map_or(Place::Default(key), |value| value.place.clone())
    }

    /// Reads one text; without any, or with one that is not what is `wanted`, it is the default.
    pub(crate) fn value<T>(
        &mut self,
        default: T,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let value = self.one();
        let value = value.and_then(|value| value.read(wanted, self.notes, read));
        value.unwrap_or(default)
    }

    /// Notes that the setting takes these words alone, and gives them.
    pub(crate) fn takes<T, const N: usize>(
        &mut self,
        words: &[(&'static str, T); N],
    ) -> [&'static str; N] {
        let all = words.each_ref().map(|(word, _)| *word);
        let noted = all.iter().map(|word| (*word).to_owned()).collect();
        self.words.insert(self.key, noted);
        all
    }

    /// Reads one word of a few.
    pub(crate) fn word<T: Copy, const N: usize>(
        &mut self,
        default: T,
        words: &[(&'static str, T); N],
    ) -> T {
        let all = self.takes(words);
        self.value(default, &all.join(" or "), |text| {
            let meant = words.iter().find(|(word, _)| *word == text);
            meant.map(|(_, value)| *value)
        })
    }

    /// Reads a number of bytes with an optional binary suffix; zero is none.
    pub(crate) fn bytes(&mut self, default: u64) -> u64 {
        self.value(default, "bytes such as 500MiB or 20GiB", parse_bytes)
    }

    /// Reads a duration of at most `hours`.
    pub(crate) fn duration(&mut self, default: Duration, hours: u64) -> Duration {
        let wanted = format!("at most {hours}h, such as 60s or 5m");
        self.value(default, &wanted, |text| {
            let duration: jiff::SignedDuration = text.parse().ok()?;
            let duration = Duration::try_from(duration).ok()?;
            (duration <= Duration::from_hours(hours)).then_some(duration)
        })
    }

    /// Reads a list whose texts may hold several, separated by commas.
    pub(crate) fn items<T>(&mut self, wanted: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let items = self.many().iter().flat_map(Sourced::items);
        items
            .filter_map(|item| item.read(wanted, self.notes, &read))
            .collect()
    }

    /// Gives the texts of a list.
    pub(crate) fn texts<T: for<'t> From<&'t str>>(&self) -> Vec<T> {
        let texts = self.many().iter();
        texts.map(|value| value.text.as_str().into()).collect()
    }

    /// Gives a path.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.one().map(|value| (&value.text).into())
    }

    /// Tells whether a switch is on.
    pub(crate) fn is_on(&self) -> bool {
        self.one().is_some_and(|value| value.text == "true")
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, suffix) = text.split_at(digits_end);
    let shift = match suffix.trim_start() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    let bytes = digits.parse::<u64>().ok()?.checked_mul(1_u64 << shift)?;
    (bytes > 0).then_some(bytes)
}
