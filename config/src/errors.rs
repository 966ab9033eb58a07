//! What was wrong, and in which source.

use std::fmt;

/// One mistake and where it was made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConfigError {
    /// A flag, a variable, or `file:line:column`.
    pub place: String,
    /// What is wrong, and what was wanted.
    pub message: String,
}

impl ConfigError {
    pub(crate) fn new(place: impl fmt::Display, message: impl Into<String>) -> Self {
        Self {
            place: place.to_string(),
            message: message.into(),
        }
    }
}

/// What is said about the settings while they are checked.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) errors: Vec<ConfigError>,
    pub(crate) warnings: Vec<String>,
}

impl Notes {
    pub(crate) fn error(&mut self, place: impl fmt::Display, message: impl Into<String>) {
        self.errors.push(ConfigError::new(place, message));
    }

    pub(crate) fn warning(&mut self, place: impl fmt::Display, message: impl fmt::Display) {
        self.warnings.push(format!("{place}: {message}"));
    }
}

/// Every mistake that was found; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    pub(crate) fn new(errors: Vec<ConfigError>) -> Self {
        Self(errors)
    }

    pub(crate) fn one(place: &str, message: String) -> Self {
        Self(vec![ConfigError::new(place, message)])
    }

    /// Gives the mistakes.
    pub fn as_slice(&self) -> &[ConfigError] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
