//! Who may ask the API: the setting `api_auth`, its old name `api_open`, and what an address allows.

use std::net::SocketAddr;

use crate::layer::Layer;
use crate::said::Said;
use crate::values::Access;

/// What the setting takes.
const WORDS: [(&str, Access); 2] = [
    ("required", Access::Required),
    ("anonymous", Access::Anonymous),
];

/// Reads what was chosen for an API at `listen`: without a word, only an API that nobody but this
/// machine reaches answers without a key.
pub(crate) fn read(said: &mut Said<'_>, listen: SocketAddr) -> Access {
    let is_local = listen.ip().to_canonical().is_loopback();
    match (chosen(said), is_local) {
        (Some(auth), _) => auth,
        (None, true) => Access::Anonymous,
        (None, false) => Access::Required,
    }
}

/// Finds the strongest layer that says something under either name.
fn chosen(said: &mut Said<'_>) -> Option<Access> {
    let says = |layer: &&Layer| {
        ["api_auth", "api_open"]
            .iter()
            .any(|key| layer.many(key).is_some())
    };
    said.takes(&WORDS);
    let layer = said.layers.0.iter().find(says)?;
    let (auth, open) = (layer.one("api_auth"), layer.one("api_open"));
    let is_open = open.map(|value| value.text == "true");
    let Some(auth) = auth else {
        // "Not open" never kept anybody on this machine from reading: it chooses nothing.
        return (is_open == Some(true)).then_some(Access::Anonymous);
    };
    let meant = WORDS.iter().find(|(word, _)| *word == auth.text);
    let Some((_, chosen)) = meant.copied() else {
        let message = format!("wanted required or anonymous, got {:?}", auth.text);
        said.notes.error(&auth.place, message);
        return Some(Access::Anonymous);
    };
    if let (Some(open), Some(is_open)) = (open, is_open)
        && is_open != (chosen == Access::Anonymous)
    {
        let message = format!(
            "api_open is the old name of api_auth: anonymous, and {} says {}; leave api_open out",
            auth.place, auth.text
        );
        said.notes.error(&open.place, message);
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::Access;
    use crate::{Environment, Flags, load};

    const OPEN: &str = "0.0.0.0:5080";

    fn auth(file: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Access, String> {
        let environment = Environment::from_variables(variables.iter().copied(), false);
        load(flags, &environment, Some(("file", file)))
            .map(|loaded| loaded.settings.api_auth)
            .map_err(|errors| errors.to_string())
    }

    fn in_file(listen: &str, more: &str) -> Result<Access, String> {
        let file = format!("api_listen: '{listen}'\n{more}");
        auth(&file, &[], Flags::default())
    }

    #[test]
    fn only_an_api_on_loopback_answers_without_a_word() {
        for listen in [
            "127.0.0.1:0",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(in_file(listen, ""), Ok(Access::Anonymous), "{listen}");
            assert_eq!(in_file(listen, "api_open: false"), Ok(Access::Anonymous));
            assert_eq!(in_file(listen, "api_auth: required"), Ok(Access::Required));
        }
        for listen in [
            OPEN,
            "[::]:1",
            "10.0.0.1:1",
            "[::ffff:10.0.0.1]:1",
            "[fe80::1]:1",
        ] {
            for said in ["", "api_open: false", "api_auth: required"] {
                assert_eq!(in_file(listen, said), Ok(Access::Required), "{listen}");
            }
            for said in ["api_auth: anonymous", "api_open: true"] {
                assert_eq!(in_file(listen, said), Ok(Access::Anonymous), "{listen}");
            }
        }
    }

    #[test]
    fn either_name_counts_where_it_is_strongest() {
        let open_flag = || Flags {
            api_open: true,
            ..Flags::default()
        };
        let auth_flag = |value: &str| Flags {
            api_auth: Some(value.to_owned()),
            ..Flags::default()
        };
        let required = "api_listen: '0.0.0.0:5080'\napi_auth: required";
        let open = "api_listen: '0.0.0.0:5080'\napi_open: true";
        let none = Flags::default;
        let variable = |key, value| [(key, value)];
        let (auth_variable, open_variable) = ("SLUICEGATE_API_AUTH", "SLUICEGATE_API_OPEN");
        let anonymous = [
            auth(required, &[], open_flag()),
            auth(required, &variable(open_variable, "true"), none()),
            auth(required, &variable(auth_variable, "anonymous"), none()),
            auth(open, &[], auth_flag("anonymous")),
        ];
        assert!(anonymous.iter().all(|auth| *auth == Ok(Access::Anonymous)));
        let required = [
            auth(open, &variable(auth_variable, "required"), none()),
            auth(open, &variable(open_variable, "false"), none()),
            auth(open, &[], auth_flag("required")),
        ];
        assert!(required.iter().all(|auth| *auth == Ok(Access::Required)));
    }

    #[test]
    fn two_names_that_disagree_and_other_words_are_mistakes() {
        for said in [
            "api_auth: required\napi_open: true",
            "api_auth: anonymous\napi_open: false",
        ] {
            let told = in_file(OPEN, said).unwrap_err();
            assert!(told.contains("api_open is the old name"), "{told}");
        }
        assert!(in_file(OPEN, "api_auth: anonymous\napi_open: true").is_ok());
        let told = in_file(OPEN, "api_auth: none").unwrap_err();
        assert!(
            told.contains("wanted required or anonymous, got \"none\""),
            "{told}"
        );
        // Nothing else is said about a word that means nothing.
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}
