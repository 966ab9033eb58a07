//! What an image is judged as, and what its archive calls it.
//!
//! Bindings, exceptions and VEX go by an image's name, so only the person who asks may give it.
//! Whatever an archive, a layout or an engine's export says is a claim: shown, and nothing else.

use std::path::Path;

use sluicegate_config::Settings;
use sluicegate_model::Repository;
use sluicegate_model::image::{Reference, Tag};

use super::error::SourceError;
use super::name::image_name;

/// The registry of images that nobody named.
const LOCAL: &str = "local";
/// Hexadecimal digits of an image's id that tell it apart, as engines print them.
const SHORT_ID: usize = 12;
/// Hexadecimal digits of a whole id.
const WHOLE_ID: usize = 64;
/// Most names that a claim repeats.
const MAX_CLAIMS: usize = 10;

/// The name under which an image is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) repository: Repository,
    pub(super) tags: Vec<Tag>,
}

impl Called {
    /// Takes the name that was given on the command line; an image's id names nothing.
    ///
    /// *Errors*: [`SourceError::Name`].
    pub(super) fn given(text: &str, settings: &Settings) -> Result<Self, SourceError> {
        if let Some(id) = short_id(text) {
            return Ok(Self::local(id));
        }
        Self::name(text, settings)
    }

    /// Takes a name, whatever it looks like.
    ///
    /// *Errors*: [`SourceError::Name`].
    pub(super) fn name(text: &str, settings: &Settings) -> Result<Self, SourceError> {
        let (repository, reference) = image_name(text, settings)?;
        let tags = match reference {
            Reference::Tag(tag) => vec![tag],
            Reference::Digest(_) => Vec::new(),
        };
        Ok(Self { repository, tags })
    }

    /// Calls an image after the file or directory it was read from.
    pub(super) fn local(place: &str) -> Self {
        let stem = Path::new(place).file_name().unwrap_or_default();
        let stem = stem.to_string_lossy().to_ascii_lowercase();
        let stem = stem.trim_end_matches(".gz").trim_end_matches(".zst");
        let stem = stem.trim_end_matches(".tar").trim_end_matches(".tgz");
        let sound: String = stem
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(100)
            .collect();
        let sound = sound.trim_matches('-');
        let path = if sound.is_empty() { "image" } else { sound };
        let repository = Repository::new(LOCAL, path);
        Self {
            repository: repository.expect("letters, digits and inner dashes make a path"),
            tags: Vec::new(),
        }
    }

    /// Adds what was written behind a file's name, where it can be a tag. It chose among the images
    /// of the file; a whole name there names nothing, for it is the file's own.
    pub(super) fn with_tag(mut self, text: Option<&str>) -> Self {
        self.tags = text
            .and_then(|text| text.parse().ok())
            .into_iter()
            .collect();
        self
    }

    /// Words what the names in an archive claim; none where they say nothing that is not known.
    pub(super) fn claim(&self, names: &[String], settings: &Settings) -> Option<String> {
        let mut claims: Vec<&str> = Vec::new();
        for name in names {
            if !self.is(name, settings) && !claims.contains(&name.as_str()) {
                claims.push(name);
            }
        }
        let more = claims.len().saturating_sub(MAX_CLAIMS);
        claims.truncate(MAX_CLAIMS);
        let claim = claims.join(", ");
        match (claim.as_str(), more) {
            ("", _) => None,
            (_, 0) => Some(claim),
            (_, more) => Some(format!("{claim} and {more} more")),
        }
    }

    fn is(&self, name: &str, settings: &Settings) -> bool {
        let is_tag = self.tags.iter().any(|tag| tag.as_str() == name);
        is_tag || Self::name(name, settings).is_ok_and(|named| named == *self)
    }
}

/// Gives the beginning of an image's id; none for what can be a name.
fn short_id(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_id = (SHORT_ID..=WHOLE_ID).contains(&digits.len()) && digits.bytes().all(is_digit);
    is_id.then(|| digits.get(..SHORT_ID)).flatten()
}

#[cfg(test)]
mod tests {
    use sluicegate_config::{Environment, Flags};

    use super::*;

    fn settings() -> Settings {
        let environment = Environment::from_variables::<&str, &str>([], false);
        let loaded = sluicegate_config::load(Flags::default(), &environment, None);
        loaded.unwrap().settings
    }

    fn shown(called: &Called) -> String {
        let tags: Vec<&str> = called.tags.iter().map(Tag::as_str).collect();
        format!("{} {}", called.repository, tags.join(","))
    }

    #[test]
    fn a_given_name_counts_and_an_id_is_none() {
        let hex = "4f06b3abcdef4f06b3abcdef4f06b3abcdef4f06b3abcdef4f06b3abcdef4f06";
        for (text, wanted) in [
            ("php:8", "docker.io/library/php 8"),
            ("quay.io/a/b", "quay.io/a/b latest"),
            (&format!("php@sha256:{hex}"), "docker.io/library/php "),
            ("4f06b3abcdef", "local/4f06b3abcdef "),
            (hex, "local/4f06b3abcdef "),
            (&format!("sha256:{hex}"), "local/4f06b3abcdef "),
            ("cafe", "docker.io/library/cafe latest"),
            ("4f06b3abcdef:1", "docker.io/library/4f06b3abcdef 1"),
        ] {
            let called = Called::given(text, &settings()).unwrap();
            assert_eq!(shown(&called), wanted, "{text}");
        }
        assert!(Called::given("no name", &settings()).is_err());
    }

    #[test]
    fn a_file_names_an_image_that_nobody_named() {
        for (place, wanted) in [
            ("scr/fake", "local/fake"),
            ("/a/App_1.tar.gz", "local/app-1"),
            ("a.tar.zst", "local/a"),
            ("/", "local/image"),
            ("..", "local/image"),
            ("docker.io/library/php", "local/php"),
            (
                "docker.io%2Flibrary%2Fphp:8",
                "local/docker-io-2flibrary-2fphp-8",
            ),
        ] {
            assert_eq!(Called::local(place).repository.to_string(), wanted);
        }
        let tagged = |tag| shown(&Called::local("a").with_tag(Some(tag)));
        assert_eq!(tagged("1.2"), "local/a 1.2");
        assert_eq!(tagged("docker.io/library/php:8"), "local/a ");
    }

    #[test]
    fn a_claim_says_what_is_not_known_already() {
        let called = Called::given("php:8", &settings()).unwrap();
        let claim = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            called.claim(&names, &settings())
        };
        assert_eq!(claim(&[]), None);
        assert_eq!(claim(&["8", "docker.io/library/php:8", "php:8"]), None);
        let other = claim(&["php:8", "evil/x:8", "9", "evil/x:8"]);
        assert_eq!(other.as_deref(), Some("evil/x:8, 9"));
        let many: Vec<String> = (0..12).map(|n| format!("a:{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(claim(&many).unwrap().ends_with("a:9 and 2 more"));
    }
}
