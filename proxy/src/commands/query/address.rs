//! The address of an API, as people write it: a URL, or a host with or without a port.

use url::Url;

/// The port of the API where an address names none.
const API_PORT: u16 = 5080;

/// Says why a text is no address of an API: the fault of whoever wrote it.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddressError {
    #[error("got {text:?}, {why}; wanted a URL or HOST:PORT such as gate.example:5080")]
    Other { text: String, why: &'static str },
    #[error("got {text:?}, {source}; wanted a URL or HOST:PORT such as gate.example:5080")]
    NoUrl {
        text: String,
        source: url::ParseError,
    },
    #[error("a URL with a user name or password in it is not taken")]
    Login,
}

/// Reads the address of an API: a URL, or a host with or without a port.
pub(super) fn base_url(text: &str) -> Result<String, AddressError> {
    let wanted = |why| AddressError::Other {
        text: text.to_owned(),
        why,
    };
    let has_scheme = text.contains("://");
    let whole = if has_scheme {
        text.trim().to_owned()
    } else {
        format!("http://{}", text.trim())
    };
    let mut url = Url::parse(&whole).map_err(|source| AddressError::NoUrl {
        text: text.to_owned(),
        source,
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wanted("which is no http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Login);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wanted("which has more than an address"));
    }
    // The parser leaves the port of the scheme out, so what was written decides.
    if !has_scheme && url.port().is_none() && !text.trim().trim_end_matches('/').ends_with(":80") {
        url.set_port(Some(API_PORT))
            .map_err(|()| wanted("which takes no port"))?;
    }
    let base = url.as_str().trim_end_matches('/');
    Ok(base.strip_suffix("/api/v1").unwrap_or(base).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_by_url_or_by_host_and_port() {
        for (text, wanted) in [
            ("http://127.0.0.1:5080", "http://127.0.0.1:5080"),
            ("http://127.0.0.1:5080/", "http://127.0.0.1:5080"),
            ("https://sluicegate.example", "https://sluicegate.example"),
            ("https://gate.example/gate/", "https://gate.example/gate"),
            (
                "http://gate.example:5080/api/v1/",
                "http://gate.example:5080",
            ),
            ("gate.example:6000", "http://gate.example:6000"),
            ("gate.example:80", "http://gate.example"),
            ("localhost:5080", "http://localhost:5080"),
            ("localhost", "http://localhost:5080"),
            ("10.0.0.7", "http://10.0.0.7:5080"),
            ("[::1]:5080", "http://[::1]:5080"),
            ("[::1]", "http://[::1]:5080"),
            (" gate.example:5080\n", "http://gate.example:5080"),
        ] {
            assert_eq!(base_url(text).unwrap(), wanted, "{text}");
        }
        for text in [
            "",
            "http://",
            "ftp://gate.example",
            "gate.example:port",
            "http://a?b",
            "a b",
            "http://user:secret@gate.example",
            "unix:///run/sluicegate.sock",
        ] {
            let error = base_url(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
