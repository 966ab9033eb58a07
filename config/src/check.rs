//! Texts to values, and what is right alone and wrong together.

use crate::credentials;
use crate::said::Said;
use crate::settings::Settings;
use crate::values::Access;

/// Reads and checks everything.
pub(crate) fn check(said: &mut Said<'_>) -> Settings {
    let settings = Settings::read(said);
    if !settings.upstreams.contains_key(&settings.default_upstream) {
        let known: Vec<&str> = settings.upstreams.keys().map(String::as_str).collect();
        let message = format!(
            "no upstream is called {:?}, wanted one of {}",
            settings.default_upstream,
            known.join(", ")
        );
        said.notes.error(said.place("default_upstream"), message);
    }
    if settings.listen == settings.api_listen && settings.listen.port() != 0 {
        let message = format!("{} is the registry's address already", settings.listen);
        said.notes.error(said.place("api_listen"), message);
    }
    let private = settings
        .upstreams
        .values()
        .find(|upstream| upstream.login.is_some());
    if let Some(upstream) = private
        && !settings.listen.ip().is_loopback()
        && settings.registry_auth == Access::Anonymous
        && !settings.allow_anonymous
    {
        let message = format!(
            "upstream {:?} has credentials, and everybody who reaches {} could pull its private \
             images; registry_auth: required asks for keys, --allow-anonymous allows that",
            upstream.name, settings.listen
        );
        said.notes.error(said.place("listen"), message);
    }
    for tls in settings.tls.iter().chain(&settings.api_tls) {
        credentials::warn_if_others_may_read(&tls.key_file, said.notes);
    }
    settings
}
