//! The one table of settings.
//!
//! A row is all there is of a setting: `declared` says what a row is and what is made of it. A
//! default has its reason beside it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use sluicegate_model::gate::GateMode;
use sluicegate_model::manifest::Platform;
use sluicegate_model::names::folded_host;

use crate::address::address;
use crate::api_auth;
use crate::declared::settings;
use crate::feeds;
use crate::hook;
use crate::layer::{self, Given, Keys, Layer};
use crate::networks;
use crate::said::Said;
use crate::sink;
use crate::upstreams;
use crate::values::{
    Access, FeedSource, LogFormat, SecretFile, SinkSettings, StoreEngine, TlsFiles,
    UpstreamSettings, WebhookSettings,
};
use crate::webhook;

settings! { said:
    /// Where the registry listens [default: 127.0.0.1:5000]
    #[arg(value_name = "ADDR")]
    listen: Option<String> =>
        /// Where the registry listens.
        // The port that registries use, for this machine only.
        listen: SocketAddr = address(said, "127.0.0.1:5000");

    /// Where the API listens [default: 127.0.0.1:5080]
    #[arg(value_name = "ADDR")]
    api_listen: Option<String> =>
        /// Where the API listens.
        api_listen: SocketAddr = address(said, "127.0.0.1:5080");

    /// A host name of this proxy, as clients may send it in ?ns= (repeatable)
    #[arg(value_name = "HOST")]
    name: Vec<String> =>
        /// Host names under which clients know this registry, lower case, with port where not default.
        names: Vec<String> = upstreams::own_names(said);

    /// Where everything is kept [default: $XDG_DATA_HOME/sluicegate, /var/lib/sluicegate as root]
    #[arg(value_name = "DIR")]
    data: Option<String> =>
        /// The data directory.
        data: PathBuf = said.path().unwrap_or_else(|| said.environment.default_data());

    /// File with the instance's key, 32 bytes [default: made in the data directory at the first start]
    #[arg(value_name = "FILE")]
    instance_key_file: Option<String> =>
        /// The file of the key that only this instance has; none = one in the data directory.
        instance_key_file: Option<PathBuf> = said.path();

    /// File with the key that signs verdicts, PKCS#8 [default: made in the data directory at the first start]
    #[arg(value_name = "FILE")]
    attestation_key_file: Option<String> =>
        /// The file of the key that signs what is said of images; none = one in the data directory.
        attestation_key_file: Option<PathBuf> = said.path();

    /// Which engine keeps verdicts: sled, or redb for more than 200,000 images [default: sled]
    #[arg(value_name = "ENGINE")]
    store: Option<String> =>
        /// Which engine keeps verdicts.
        store: StoreEngine = said.word(StoreEngine::Sled,
            &[("sled", StoreEngine::Sled), ("redb", StoreEngine::Redb)]);

    /// Policy file or directory (repeatable) [default: the built-in policy]
    #[arg(value_name = "PATH")]
    policy: Vec<String> =>
        /// Policy files and directories; empty = the built-in default.
        policy: Vec<PathBuf> = said.texts();

    /// Advisory feed: a directory or URL in the layout of the OSV bucket, imported, or none
    /// (repeatable) [default: the imported bundle if there is one, else the public OSV bucket]
    #[arg(value_name = "SOURCE")]
    feed: Vec<String> =>
        /// Advisory feeds; empty = inventory only.
        feeds: Vec<FeedSource> = feeds::read(said);

    /// A public key whose feed bundles "feeds import" believes, or a file with one (repeatable)
    #[arg(value_name = "KEY")]
    feed_trust: Vec<String> =>
        /// Public keys that sign feed bundles: each a key, or the name of a file with one.
        feed_trust: Vec<String> = said.texts();

    /// Directory with plugins in WebAssembly, each a file NAME.wasm (repeatable)
    #[arg(value_name = "DIR")]
    plugin: Vec<String> =>
        /// Directories with plugins, beside the service's own.
        plugin: Vec<PathBuf> = said.texts();

    /// A public key whose plugins from elsewhere are believed, or a file with one (repeatable)
    #[arg(value_name = "KEY")]
    plugin_trust: Vec<String> =>
        /// Public keys that sign plugins of registries and URLs: each a key, or the name of a file
        /// with one.
        plugin_trust: Vec<String> = said.texts();

    /// Adds or replaces a registry (repeatable)
    #[arg(value_name = "NAME=URL")]
    upstream: Vec<String> =>
        "upstreams"
        /// Registries by name.
        upstreams: BTreeMap<String, UpstreamSettings> = upstreams::read(said);

    /// The registry of names without a host [default: docker.io]
    #[arg(value_name = "NAME")]
    default_upstream: Option<String> =>
        /// The registry of requests that name none; a key of `upstreams`.
        // The one that Docker means when a name has none.
        default_upstream: String =
            said.one().map_or("docker.io".into(), |name| folded_host(&name.text));

    /// Platforms judged with every index [default: the host's own]
    #[arg(value_name = "LIST")]
    platforms: Vec<String> =>
        /// The platforms that are judged when an index is asked for.
        platforms: Vec<Platform> = platforms(said);

    /// When bytes leave: hold (after the verdict) or stream (all but the end before it)
    #[arg(value_name = "MODE")]
    gate: Option<String> =>
        /// When bytes may leave.
        gate: GateMode = said.word(
            GateMode::Hold,
            &[("hold", GateMode::Hold), ("stream", GateMode::Stream)],
        );

    /// Capacity of the content cache, with suffix MiB or GiB [default: 20GiB]
    #[arg(value_name = "BYTES")]
    cache_size: Option<String> =>
        /// How much the content store may hold, in bytes.
        // 20 GiB: some forty usual images, small beside a server's disk.
        cache_bytes: u64 = said.bytes(20 << 30);

    /// How log lines look: text or json
    #[arg(value_name = "FORMAT")]
    log_format: Option<String> =>
        /// How log lines look.
        log_format: LogFormat = said.word(
            LogFormat::Text,
            &[("text", LogFormat::Text), ("json", LogFormat::Json)],
        );

    =>
        /// The registry listener's certificate; none = plain HTTP.
        tls: Option<TlsFiles> = said.extras.tls.clone();

    =>
        /// The API listener's certificate; none = plain HTTP.
        api_tls: Option<TlsFiles> = said.extras.api_tls.clone();

    /// Whether the API answers without a key: required or anonymous (reads that start nothing)
    /// [default: required, unless it listens on loopback only]
    #[arg(value_name = "MODE")]
    api_auth: Option<String>,
    /// Old name of --api-auth anonymous
    api_open: bool =>
        /// Whether the API answers those who send no key.
        api_auth: Access = api_auth::read(said, api_listen);

    /// Whether the registry answers without a key: anonymous or required [default: anonymous]
    #[arg(value_name = "MODE")]
    registry_auth: Option<String> =>
        /// Whether the registry answers those of whom nobody knows who they are.
        // What pulls today pulls tomorrow: making a key switches nothing on.
        registry_auth: Access = said.word(
            Access::Anonymous,
            &[("anonymous", Access::Anonymous), ("required", Access::Required)],
        );

    /// Serves upstreams with credentials to anonymous clients on any address
    allow_anonymous: bool =>
        /// Whether anybody who reaches the registry may pull what an upstream gives to our credentials.
        allow_anonymous: bool = said.is_on();

    /// Answers HEAD 200 and GET 403 to clients that hide the reason of a HEAD's 403
    explain_to_old_clients: bool =>
        /// Whether old containerd gets a 200 on HEAD so that it shows the reason of the GET's 403.
        explain_to_old_clients: bool = said.is_on();

    /// The API's base URL as shown to clients [default: http:// and api-listen]
    #[arg(value_name = "URL")]
    api_url: Option<String> =>
        /// The API's URL as users reach it, without a trailing `/`; none = its own address.
        api_url: Option<String> = upstreams::shown_url(said);

    /// How long an upstream's answer on a tag is believed [default: 60s]
    #[arg(value_name = "DURATION")]
    tag_ttl: Option<String> =>
        /// How long a tag is believed without asking the upstream.
        // A push is seen within a minute, and a rollout asks upstream once. A tag that is believed
        // for longer than a week hides security fixes.
        tag_ttl: Duration = said.duration(Duration::from_mins(1), 7 * 24);

    /// For how long an image may be let through against policy [default: 24h]
    #[arg(value_name = "DURATION")]
    break_glass_max: Option<String> =>
        /// For how long an image may be let through against what policy says.
        break_glass_max: Duration = said.duration(Duration::from_hours(24), 7 * 24);

    =>
        /// How long the headers of a response may wait for a verdict; only tests change it.
        hold: Duration = said.environment.hold();

    /// Most connections at a time
    #[arg(value_name = "N")]
    max_connections: Option<String> =>
        /// How many connections each listener holds at once.
        // A cluster of 500 nodes with three pulls each, and room.
        max_connections: usize = said.value(4096, "a number above 0", |text| {
            text.parse().ok().filter(|number| *number > 0)
        });

    /// Networks of reverse proxies whose X-Forwarded-For or Forwarded is believed (list)
    #[arg(value_name = "NETWORK")]
    trusted_proxies: Vec<String> =>
        /// The reverse proxies whose word on who a client is counts.
        trusted_proxies: Vec<IpNet> =
            said.items("a network such as 10.0.0.0/8, or an address", networks::parse);

    /// URL to which events are sent, as CloudEvents
    #[arg(value_name = "URL")]
    webhook: Option<String>,
    /// File with the secret that signs them
    #[arg(value_name = "FILE")]
    webhook_secret_file: Option<String> =>
        /// Where events are sent; none = nowhere.
        webhooks: Vec<WebhookSettings> = webhook::read(said);

    /// Where the lines of the decision log go as well: stdout, a file, syslog://HOST:PORT or
    /// syslog+tls://HOST:PORT (repeatable)
    #[arg(value_name = "PLACE")]
    decision_log_to: Vec<String> =>
        /// Where the lines of the decision log go beside the log itself.
        decision_log_to: Vec<SinkSettings> = sink::read(said);

    /// File with the secret of registries that tell of pushes (POST /api/v1/hooks/...)
    #[arg(value_name = "FILE")]
    hook_secret_file: Option<String> =>
        /// What registries prove themselves with that tell of pushes; none = they are not listened to.
        hook_secret: Option<SecretFile> = hook::read(said);

    =>
        "HTTPS_PROXY"
        /// `HTTPS_PROXY`: the proxy that tunnels to `https` upstreams and feeds.
        https_proxy: Option<String> = said.environment.either_case(said.key);

    =>
        "NO_PROXY"
        /// `NO_PROXY`: hosts, domains and networks reached directly.
        no_proxy: Option<String> = said.environment.either_case(said.key);
}

fn platforms(said: &mut Said<'_>) -> Vec<Platform> {
    let wanted = "OS/ARCHITECTURE[/VARIANT] such as linux/amd64";
    let mut platforms = said.items(wanted, |text| text.parse().ok());
    if platforms.is_empty() {
        platforms.push(Platform::host());
    }
    platforms
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The rest is left out: a proxy's URL may hold a password.
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("api_listen", &self.api_listen)
            .field("data", &self.data)
            .field("feeds", &self.feeds)
            .field("upstreams", &self.upstreams)
            .finish_non_exhaustive()
    }
}

/// Settings, and what deserves a word although it is no mistake.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// One line each, for the log.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use crate::{Environment, Flags, load};

    #[test]
    fn help_tells_the_default_that_holds() {
        let command = Flags::augment_args(clap::Command::new("serve"));
        let told = |key: &str| {
            let flag = command.get_arguments().find(|flag| flag.get_id() == key);
            let help = flag.unwrap().get_help().unwrap().to_string();
            let (_, default) = help.split_once("[default: ").unwrap();
            default.strip_suffix(']').unwrap().to_owned()
        };
        let settings = |file: &str| {
            let loaded = load(Flags::default(), &Environment::default(), Some(("f", file)));
            loaded.unwrap().settings
        };
        for key in [
            "listen",
            "api_listen",
            "default_upstream",
            "cache_size",
            "tag_ttl",
            "break_glass_max",
        ] {
            let said = settings(&format!("{key}: '{}'", told(key)));
            assert!(settings("").changed(&said).is_empty(), "{key}");
        }
    }

    #[test]
    fn what_differs_is_named_by_its_key() {
        let environment = Environment::from_variables([("HOME", "/home/u")], false);
        let settings = |text: &str| {
            let loaded = load(Flags::default(), &environment, Some(("c.yaml", text)));
            loaded.unwrap().settings
        };
        let old = settings("listen: 127.0.0.1:5000");
        assert!(
            old.changed(&settings("listen: 127.0.0.1:5000\n"))
                .is_empty()
        );
        let new = settings(
            "listen: 127.0.0.1:6000\ncache_size: 1GiB\nupstreams: {a.test: {url: 'https://b.test'}}",
        );
        assert_eq!(old.changed(&new), ["listen", "upstreams", "cache_size"]);
    }
}
