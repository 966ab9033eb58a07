//! Finds secrets in files and in images' configurations, and says where they are, never what.
//!
//! Pure: no file, no socket, no clock. [`SecretRules`] holds the rules; [`SecretRules::find`] reads
//! what is in memory, [`SecretRules::reader`] what comes in pieces, [`SecretRules::find_in_config`]
//! the texts of an image's configuration, [`SecretRules::hide`] gives a text without what it finds
//! there. One Aho-Corasick pass finds the keywords of all rules;
//! what stands around each is looked at within fixed bounds, so the time is linear in the input.
//!
//! What comes out is a [`Secret`]: its rule, its place, and a hash under the caller's salt. The
//! value is in no type that leaves this crate, and what is copied of the input on the way is zeroed.
//!
//! Reading order: `secret`, `file_kind`, `site` (a keyword and what stands around it), `pattern`,
//! `checksum` and `plausible` (what tells a value from what looks like one), `rules` (the tables,
//! one file for each group of issuers), `keywords`, `reader`, `config`.

mod assignment;
mod checksum;
mod command;
mod config;
mod file_kind;
mod jwt;
mod key;
mod keywords;
mod login;
mod pattern;
mod plausible;
mod private_key;
mod reader;
mod rule;
mod rules;
mod secret;
mod site;
mod url;
mod value;

pub use config::{ConfigPlace, ConfigSecret, ImageTexts, TextKind};
pub use reader::{MAX_SECRETS, SecretReader, SecretRules};
pub use rule::RuleInfo;
pub use secret::{Secret, SecretHash, SecretKind, SecretSalt};

/// Raised with every change of what is found in the same text.
pub const REVISION: u16 = 1;
