//! Secrets in an image's configuration: its environment, its labels, its command, its history.

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

use crate::reader::{MAX_SECRETS, SecretRules};
use crate::secret::{Secret, SecretSalt};

/// The texts of a configuration, as the OCI image specification names them.
#[derive(Clone, Copy, Default)]
pub struct ImageTexts<'a> {
    /// `config.Env`: `NAME=value`.
    pub env: &'a [&'a str],
    /// `config.Labels`.
    pub labels: &'a [(&'a str, &'a str)],
    /// `history[].created_by`.
    pub history: &'a [&'a str],
    /// `config.Entrypoint` and `config.Cmd`.
    pub command: &'a [&'a str],
}

/// Where in a configuration a secret stands; the numbers count from 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigPlace {
    /// The environment variable of this name.
    Env(String),
    /// The label of this name.
    Label(String),
    /// This step of the history.
    History(usize),
    /// The command, its words with a blank between.
    Command,
}

/// One secret of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSecret {
    /// Where it stands.
    pub place: ConfigPlace,
    /// What it is; its offset counts in that text: `NAME=value` of a variable or a label.
    pub secret: Secret,
}

impl fmt::Display for ConfigPlace {
    /// Names the place as the specification names it; never a value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "config: Env {name}"),
            Self::Label(name) => write!(f, "config: Labels {name}"),
            Self::History(at) => write!(f, "config: history[{at}]"),
            Self::Command => f.write_str("config: Entrypoint and Cmd"),
        }
    }
}

/// What a text of a configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// `NAME=value`, of a variable or a label.
    Setting,
    /// A command: a step of the history, or what is run.
    Command,
}

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// The kinds of file that the texts are read as.
const SETTINGS: &str = "/.env";
const SHELL: &str = "/run.sh";
/// Most bytes that are kept of a name.
const NAME: usize = 128;

impl SecretRules {
    /// Finds the secrets in an image's configuration; once [`MAX_SECRETS`] are found, its other texts
    /// are not read.
    pub fn find_in_config(&self, salt: &SecretSalt, texts: &ImageTexts<'_>) -> Vec<ConfigSecret> {
        let mut found = Vec::new();
        let mut read = |path: &str, text: &[u8], place: &dyn Fn() -> ConfigPlace| {
            if found.len() >= MAX_SECRETS {
                return;
            }
            let secrets = self.find(salt, path, text).into_iter();
            found.extend(secrets.map(|secret| ConfigSecret {
                place: place(),
                secret,
            }));
        };
        for variable in texts.env {
            let name = variable.split('=').next().unwrap_or_default();
            read(SETTINGS, variable.as_bytes(), &|| {
                ConfigPlace::Env(shown(name))
            });
        }
        for (name, value) in texts.labels {
            let text = Zeroizing::new(format!("{name}={value}"));
            read(SETTINGS, text.as_bytes(), &|| {
                ConfigPlace::Label(shown(name))
            });
        }
        for (at, step) in texts.history.iter().enumerate() {
            read(SHELL, step.as_bytes(), &|| ConfigPlace::History(at));
        }
        let command = Zeroizing::new(texts.command.join(" "));
        read(SHELL, command.as_bytes(), &|| ConfigPlace::Command);
        found
    }

    /// Gives a text without the secrets in it; of one that has very many, nothing.
    pub fn hide<'a>(&self, kind: TextKind, text: &'a str) -> Cow<'a, str> {
        let path = match kind {
            TextKind::Setting => SETTINGS,
            TextKind::Command => SHELL,
        };
        let Some(spans) = self.spans(path, text.as_bytes()) else {
            return HIDDEN.into();
        };
        if spans.is_empty() {
            return text.into();
        }
        let (mut shown, mut at) = (String::new(), 0);
        for span in spans {
            let (start, end) = (
                text.floor_char_boundary(span.start),
                text.ceil_char_boundary(span.end),
            );
            if end > at {
                if start >= at {
                    shown.push_str(text.get(at..start).unwrap_or_default());
                    shown.push_str(HIDDEN);
                }
                at = end;
            }
        }
        shown.push_str(text.get(at..).unwrap_or_default());
        shown.into()
    }
}

fn shown(name: &str) -> String {
    name.chars().take(NAME).collect()
}
