//! Which settings differ between two loads, by the keys that people know them under.

use crate::settings::Settings;

/// Compares two values of settings, field by field, each under its key.
macro_rules! compare {
    ($old:expr, $new:expr, $($field:ident: $key:literal),* $(,)?) => {
        [$(($key, $old.$field == $new.$field)),*]
    };
}

impl Settings {
    /// Lists the keys of the settings that are other ones in `new`.
    pub fn changed(&self, new: &Self) -> Vec<&'static str> {
        let compared = compare!(self, new,
            listen: "listen",
            api_listen: "api_listen",
            names: "name",
            data: "data",
            policy: "policy",
            feeds: "feed",
            feed_trust: "feed_trust",
            upstreams: "upstreams",
            default_upstream: "default_upstream",
            platforms: "platforms",
            gate: "gate",
            cache_bytes: "cache_size",
            log_format: "log_format",
            tls: "tls",
            api_tls: "api_tls",
            api_auth: "api_auth",
            allow_anonymous: "allow_anonymous",
            explain_to_old_clients: "explain_to_old_clients",
            api_url: "api_url",
            tag_ttl: "tag_ttl",
            hold: "hold",
            max_connections: "max_connections",
            webhook: "webhook",
            trusted_proxies: "trusted_proxies",
            https_proxy: "HTTPS_PROXY",
            no_proxy: "NO_PROXY",
        );
        let changed = compared.into_iter().filter(|(_, is_same)| !is_same);
        changed.map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Environment, Flags, load};

    #[test]
    fn every_setting_is_compared() {
        let (_, fields) = include_str!("settings.rs")
            .split_once("pub struct Settings {")
            .unwrap();
        let (fields, _) = fields.split_once("\n}").unwrap();
        let names = fields
            .lines()
            .filter_map(|line| line.strip_prefix("    pub ")?.split_once(':'));
        let source = include_str!("changed.rs");
        let missing: Vec<&str> = names
            .map(|(name, _)| name)
            .filter(|name| !source.contains(&format!("            {name}: \"")))
            .collect();
        assert!(missing.is_empty(), "not compared: {missing:?}");
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
