//! From what an image is refused for to the smallest set of upgrades after which it is not.
//!
//! Pure: who judges is handed in, and is asked again about the image as it would be, so that no `fixed`
//! of an advisory is believed. Names and versions are whatever images and feeds say; only what is made
//! of a strict set of characters gets into a line for a shell.
//!
//! Reading order: [`step`] (what is said), [`judging`] (who is asked), `unit` (what is raised as one), `raised` (an image as it
//! would be), [`search`] (which steps), `commands` (how each is done), `shown` and
//! `dockerfile`, [`answer`] (for programs), [`text`] (for people), [`first`] (the first step, from a verdict alone).

pub mod answer;
pub mod first;
pub mod judging;
pub mod search;
pub mod step;
pub mod tags;
pub mod text;

mod commands;
mod dockerfile;
mod raised;
mod shown;
mod unit;

#[cfg(test)]
mod tests;
