//! The process's environment: the only place that reads it.
//!
//! Every key of the table of settings has a variable; `SLUICEGATE_CONFIG` names the file. A test hands in a
//! map instead of the process's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::defaults;
use crate::errors::ConfigError;
use crate::layer::{Arity, Keys, Layer, Place, Sourced, variable};

/// Variables that other commands and the tests read; they are no mistake here.
const OTHER_VARIABLES: [&str; 11] = [
    "SLUICEGATE_CONFIG",
    "SLUICEGATE_LOG",
    "SLUICEGATE_SERVICE",
    "SLUICEGATE_ACCESS_KEY",
    "SLUICEGATE_SECRET_KEY",
    "SLUICEGATE_REPO_NAME",
    "SLUICEGATE_LINKING_KEY_FILE",
    "SLUICEGATE_ALLOW",
    "SLUICEGATE_WATCH",
    "SLUICEGATE_DOCKER_CONFIG",
    "SLUICEGATE_CA_FILE",
];
/// Other names of variables, for command lines that were written for them.
const ALIASES: [(&str, &str); 3] = [
    ("SERVICE_ACCESS_KEY", "SLUICEGATE_ACCESS_KEY"),
    ("SERVICE_SECRET_KEY", "SLUICEGATE_SECRET_KEY"),
    ("SERVICE_REPO_NAME", "SLUICEGATE_REPO_NAME"),
];
/// What the variables that only tests read start with.
const TEST_PREFIX: &str = "SLUICEGATE_TEST_";

/// What the process was started with.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    is_root: bool,
}

impl Environment {
    /// Reads the process's environment. Names and values that are no UTF-8 are left out.
    pub fn of_process() -> Self {
        use std::os::unix::fs::MetadataExt;
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        // The owner of /proc/self is the process's effective user.
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        Self { variables, is_root }
    }

    /// Makes an environment from variables.
    pub fn from_variables<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
        is_root: bool,
    ) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self { variables, is_root }
    }

    /// Gives a variable that is set and not empty, by its own name or else by another that it has.
    pub fn get(&self, name: &str) -> Option<&str> {
        let set = |name: &str| {
            let value = self.variables.get(name).map(String::as_str);
            value.filter(|value| !value.is_empty())
        };
        let aliases = ALIASES.iter().filter(|(_, of)| *of == name);
        set(name).or_else(|| aliases.map(|(alias, _)| *alias).find_map(set))
    }

    /// Gives the data directory for when nobody names one.
    ///
    /// A user without a home, such as a container's, gets the one of the system.
    pub(crate) fn default_data(&self) -> PathBuf {
        // The XDG specification asks to ignore relative paths.
        let absolute = |name| {
            self.get(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let of_user = || absolute("HOME").map(|home| home.join(".local/share"));
        let home =
            absolute("XDG_DATA_HOME").or_else(|| if self.is_root { None } else { of_user() });
        home.unwrap_or_else(|| "/var/lib".into()).join("sluicegate")
    }

    /// Gives a variable of the machine, such as `HTTPS_PROXY`, in either letter case.
    pub(crate) fn either_case(&self, name: &str) -> Option<String> {
        // Tools disagree on the letter case; lower case is the older custom and wins, as in curl.
        let lower = name.to_ascii_lowercase();
        let value = self.get(&lower).or_else(|| self.get(name));
        value.map(ToOwned::to_owned)
    }

    /// Gives the hold, which tests shorten so as not to wait for hops; anything longer than clients
    /// bear is ignored.
    pub(crate) fn hold(&self) -> Duration {
        let millis = self.get("SLUICEGATE_TEST_HOLD_MS");
        let hold = millis
            .and_then(|text| text.parse().ok())
            .map(Duration::from_millis);
        hold.unwrap_or(defaults::HOLD).min(defaults::HOLD)
    }

    /// Names the variables that look like ours and are not.
    pub(crate) fn unknown_variables(&self, keys: &Keys) -> Vec<String> {
        let is_known = |name: &str| {
            OTHER_VARIABLES.contains(&name)
                || name.starts_with(TEST_PREFIX)
                || keys.iter().any(|(key, _)| variable(key) == name)
        };
        let ours = self
            .variables
            .keys()
            .filter(|name| name.starts_with("SLUICEGATE_"));
        ours.filter(|name| !is_known(name))
            .map(|name| format!("{name}: unknown variable, ignored"))
            .collect()
    }

    pub(crate) fn layer(&self, keys: &Keys, errors: &mut Vec<ConfigError>) -> Layer {
        let mut layer = Layer::default();
        for (key, arity) in keys {
            let name = variable(key);
            let Some(value) = self.get(&name) else {
                continue;
            };
            let texts: Vec<&str> = match arity {
                Arity::One => vec![value],
                Arity::Many => value
                    .split(['\n', ';'])
                    .map(str::trim)
                    .filter(|text| !text.is_empty())
                    .collect(),
                Arity::Switch => match value {
                    "true" | "1" => vec!["true"],
                    "false" | "0" => vec!["false"],
                    _ => {
                        let message = format!("wanted true or false, got {value:?}");
                        errors.push(ConfigError::new(&name, message));
                        continue;
                    }
                },
            };
            let sourced = |text: &str| Sourced {
                text: text.into(),
                place: Place::Variable(name.clone()),
            };
            layer
                .0
                .insert(key, texts.into_iter().map(sourced).collect());
        }
        layer
    }
}
