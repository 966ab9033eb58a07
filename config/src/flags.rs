//! The command line's part, as text; the program's argument parser fills it in.

use std::path::PathBuf;

use crate::layer::{Layer, Place, Sourced};

/// The flags of `serve`, unparsed, so that their mistakes are told together with all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The config file.
    pub config: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--api-listen`.
    pub api_listen: Option<String>,
    /// `--name`, repeatable.
    pub name: Vec<String>,
    /// `--data`.
    pub data: Option<String>,
    /// `--policy`, repeatable.
    pub policy: Vec<String>,
    /// `--feed`, repeatable.
    pub feed: Vec<String>,
    /// `--feed-trust`, repeatable.
    pub feed_trust: Vec<String>,
    /// `--upstream`, repeatable.
    pub upstream: Vec<String>,
    /// `--default-upstream`.
    pub default_upstream: Option<String>,
    /// `--platforms`, a comma-separated list.
    pub platforms: Vec<String>,
    /// `--gate`.
    pub gate: Option<String>,
    /// `--cache-size`.
    pub cache_size: Option<String>,
    /// `--log-format`.
    pub log_format: Option<String>,
    /// `--api-auth`.
    pub api_auth: Option<String>,
    /// `--api-open`, its old name.
    pub api_open: bool,
    /// `--allow-anonymous`.
    pub allow_anonymous: bool,
    /// `--explain-to-old-clients`.
    pub explain_to_old_clients: bool,
    /// `--api-url`.
    pub api_url: Option<String>,
    /// `--tag-ttl`.
    pub tag_ttl: Option<String>,
    /// `--max-connections`.
    pub max_connections: Option<String>,
    /// `--trusted-proxies`, a comma-separated list.
    pub trusted_proxies: Vec<String>,
    /// `--webhook`.
    pub webhook: Option<String>,
    /// `--webhook-secret-file`.
    pub webhook_secret_file: Option<String>,
}

impl Flags {
    pub(crate) fn into_layer(self) -> Layer {
        let one = |value: Option<String>| value.into_iter().collect::<Vec<_>>();
        let switch = |on: bool| on.then(|| "true".to_owned()).into_iter().collect();
        let rows = [
            ("listen", one(self.listen)),
            ("api_listen", one(self.api_listen)),
            ("name", self.name),
            ("data", one(self.data)),
            ("policy", self.policy),
            ("feed", self.feed),
            ("feed_trust", self.feed_trust),
            ("upstream", self.upstream),
            ("default_upstream", one(self.default_upstream)),
            ("platforms", self.platforms),
            ("gate", one(self.gate)),
            ("cache_size", one(self.cache_size)),
            ("log_format", one(self.log_format)),
            ("api_auth", one(self.api_auth)),
            ("api_open", switch(self.api_open)),
            ("allow_anonymous", switch(self.allow_anonymous)),
            (
                "explain_to_old_clients",
                switch(self.explain_to_old_clients),
            ),
            ("api_url", one(self.api_url)),
            ("tag_ttl", one(self.tag_ttl)),
            ("max_connections", one(self.max_connections)),
            ("trusted_proxies", self.trusted_proxies),
            ("webhook", one(self.webhook)),
            ("webhook_secret_file", one(self.webhook_secret_file)),
        ];
        let given = rows.into_iter().filter(|(_, values)| !values.is_empty());
        given
            .map(|(key, values)| {
                let sourced = |text| Sourced {
                    text,
                    place: Place::Flag(key),
                };
                (key, values.into_iter().map(sourced).collect())
            })
            .collect()
    }
}
