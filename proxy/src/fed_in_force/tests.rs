//! What directories and subscriptions bring is in force as a whole, or what they brought before is.

use std::path::Path;

use sluicegate_config::{Environment, Flags};
use sluicegate_machine::clock::system;
use tempfile::TempDir;

use super::*;
use crate::fed_sample::{Publisher, plugin};
use crate::fed_sources::own_directory;

/// A service's data directory, and somebody whose bundles are imported there.
struct Site {
    _home: TempDir,
    publisher: Publisher,
    plugins: Plugins,
}

impl Site {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self {
            publisher: Publisher::new(home.path()),
            _home: home,
            plugins: Plugins::default(),
        }
    }

    fn data(&self) -> &Path {
        &self.publisher.data
    }

    fn sources(&self, feed: &str) -> FedSources {
        let flags = Flags {
            data: Some(self.data().display().to_string()),
            feed: vec![feed.to_owned()],
            plugin_trust: vec![self.publisher.signer()],
            ..Flags::default()
        };
        let environment = Environment::default();
        let loaded = sluicegate_config::load(flags, &environment, None).unwrap();
        FedSources::of(&loaded.settings).unwrap()
    }

    fn start(&self) -> Result<Arc<FedPlugins>, FedFileError> {
        let sources = self.sources("imported");
        FedPlugins::load(sources, self.plugins.clone(), system())
    }

    /// Names what is in force, with versions.
    fn in_force(&self) -> Vec<String> {
        let now = self.plugins.now();
        let ids = now.set().fed().map(|it| it.id());
        ids.map(|id| format!("{} {}", id.name, id.version))
            .collect()
    }

    fn add(&self, name: &str, content: &[u8]) {
        let place = own_directory(self.data());
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join(name), content).unwrap();
    }
}

#[test]
fn what_a_bundle_brings_is_in_force_until_a_newer_one_holds_it_no_more() {
    let site = Site::new();
    let fed = site.start().unwrap();
    assert!(site.in_force().is_empty());
    site.publisher
        .publish(7, &[("acme.wasm", plugin("acme", "1"))]);
    fed.look();
    assert_eq!(site.in_force(), ["acme 1"]);
    let origin = fed.origin("acme").unwrap();
    assert_eq!(origin.source, "feed bundle 7");
    assert_eq!(origin.signed_by, [site.publisher.signer()]);
    site.add("mine.wasm", &plugin("mine", "3"));
    site.publisher
        .publish(8, &[("acme.wasm", plugin("acme", "2"))]);
    fed.look();
    assert_eq!(site.in_force(), ["mine 3", "acme 2"]);
    assert!(fed.origin("mine").unwrap().signed_by.is_empty());
    site.publisher.publish(9, &[]);
    fed.look();
    assert_eq!(site.in_force(), ["mine 3"]);
    assert_eq!((fed.origin("acme"), fed.last_error()), (None, None));
}

const SITE: &str = "https://feeds.test/osv/";

#[test]
fn what_a_url_offers_counts_by_its_signature_and_never_goes_back() {
    let site = Site::new();
    let start = || {
        let sources = site.sources(SITE);
        FedPlugins::load(sources, site.plugins.clone(), system()).unwrap()
    };
    let offer = |version, plugins: &[(&str, Vec<u8>)]| site.publisher.offer(SITE, version, plugins);
    offer(7, &[("acme.wasm", plugin("acme", "1"))]);
    let fed = start();
    assert_eq!(site.in_force(), ["acme 1"]);
    let origin = fed.origin("acme").unwrap();
    assert_eq!(origin.source, "https://feeds.test/osv/ (list 7)");
    assert_eq!(origin.signed_by.len(), 1);
    let more = ("more.wasm", plugin("more", "1"));
    offer(8, &[("acme.wasm", plugin("acme", "2")), more]);
    fed.look();
    assert_eq!(site.in_force(), ["acme 2", "more 1"]);
    let says = |wanted: &str| {
        let said = fed.last_error().unwrap();
        assert!(said.contains(wanted) && said.contains(SITE), "{said}");
        assert_eq!(site.in_force(), ["acme 2", "more 1"]);
    };
    // The list of then is signed as well, and has less.
    offer(7, &[("acme.wasm", plugin("acme", "1"))]);
    fed.look();
    says("list has version 7, and 8 was in force");
    let mut stranger = Publisher::new(&site.data().join("stranger"));
    stranger.data = site.data().to_owned();
    stranger.offer(SITE, 9, &[]);
    fed.look();
    says("signed by none of the keys");
    offer(10, &[("other.wasm", plugin("acme", "3"))]);
    fed.look();
    says("not the file that was signed");
    // What was in force stays over a restart, and goes where the list says so.
    let again = start();
    assert_eq!(site.in_force(), ["acme 2", "more 1"]);
    offer(11, &[]);
    again.look();
    assert_eq!((site.in_force().len(), again.last_error()), (0, None));
}

#[test]
fn a_bundle_that_the_feeds_do_not_use_brings_no_plugin() {
    let site = Site::new();
    site.publisher
        .publish(7, &[("acme.wasm", plugin("acme", "1"))]);
    let sources = site.sources("none");
    assert!(!sources.has_subscriptions());
    FedPlugins::load(sources, site.plugins.clone(), system()).unwrap();
    assert!(site.in_force().is_empty());
}

#[test]
fn a_broken_plugin_of_a_bundle_leaves_what_was_in_force_over_restarts_too() {
    let site = Site::new();
    site.publisher
        .publish(7, &[("acme.wasm", plugin("acme", "1"))]);
    let fed = site.start().unwrap();
    let broken = || ("other.wasm", b"no module".to_vec());
    site.publisher
        .publish(8, &[("acme.wasm", plugin("acme", "2")), broken()]);
    fed.look();
    let says = |fed: &FedPlugins| {
        let said = fed.last_error().unwrap();
        assert!(
            said.contains("feed bundle 8") && said.contains("other.wasm"),
            "{said}"
        );
    };
    says(&fed);
    assert_eq!(site.in_force(), ["acme 1"]);
    // The next start knows what was in force, and what is added here is all the same.
    site.add("mine.wasm", &plugin("mine", "3"));
    let again = site.start().unwrap();
    says(&again);
    assert_eq!(site.in_force(), ["mine 3", "acme 1"]);
    assert_eq!(again.origin("acme").unwrap().source, "feed bundle 7");
    // A command has none of this: it says what is wrong.
    let once = FedPlugins::load_once(site.sources("imported"), Plugins::default(), system());
    assert!(
        matches!(once, Err(FedFileError::Subscribed { .. })),
        "{once:?}"
    );
    site.publisher.publish(9, &[]);
    again.look();
    assert_eq!(site.in_force(), ["mine 3"]);
    site.publisher.publish(10, &[broken()]);
    assert_eq!(
        site.start().unwrap().origin("acme"),
        None,
        "it was taken away"
    );
    assert_eq!(site.in_force(), ["mine 3"]);
}

#[test]
fn a_plugin_of_this_machine_with_a_mistake_keeps_a_service_from_starting() {
    let site = Site::new();
    site.publisher
        .publish(7, &[("acme.wasm", plugin("acme", "1"))]);
    site.add("mine.wasm", b"no module");
    let error = site.start().err().unwrap().to_string();
    assert!(error.contains("mine.wasm"), "{error}");
}

#[test]
fn two_plugins_of_one_name_are_told_by_where_they_come_from() {
    let site = Site::new();
    site.add("acme.wasm", &plugin("acme", "0"));
    let fed = site.start().unwrap();
    site.publisher
        .publish(7, &[("acme.wasm", plugin("acme", "1"))]);
    fed.look();
    let said = fed.last_error().unwrap();
    assert!(
        said.contains("acme") && said.contains("feed bundle 7"),
        "{said}"
    );
    assert_eq!(site.in_force(), ["acme 0"]);
}

#[test]
fn a_bundle_that_is_damaged_here_takes_no_plugin_away() {
    let site = Site::new();
    site.publisher
        .publish(7, &[("acme.wasm", plugin("acme", "1"))]);
    let fed = site.start().unwrap();
    std::fs::write(site.data().join("feeds/imported/current.json"), "{").unwrap();
    fed.look();
    assert_eq!(site.in_force(), ["acme 1"]);
    assert!(fed.last_error().unwrap().contains("damaged"));
    site.start().unwrap();
    assert_eq!(site.in_force(), ["acme 1"]);
}
