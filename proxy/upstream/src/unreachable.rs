//! Why a host could not be talked to, in words that say who must mend what.
//!
//! The libraries' own errors say only at which of their steps they failed; the cause lies several
//! sources deep. Called by `wire` and by whatever else makes connections.

use std::error::Error;
use std::io;

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage};

use super::connect::{CONNECT_TIMEOUT, Unresolved, ViaProxy};
use super::pinned::is_of_authority;
use super::text::UpstreamText;

/// Names of a certificate that are told.
const NAMES: usize = 3;
/// What the tunnel to a proxy calls its failures.
const TUNNEL: &str = "tunnel error: ";

/// Says why no answer came: the innermost cause that has a name of its own, and the proxy in
/// between where there is one.
pub fn why(error: &(dyn Error + 'static)) -> UpstreamText {
    let (mut proxy, mut told, mut last) = (None, None, String::new());
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(via) = current.downcast_ref::<ViaProxy>() {
            proxy = Some(via.proxy.clone());
        }
        told = words(current).or(told);
        last = current.to_string();
        cause = inside(current);
    }
    let told = told.unwrap_or(last);
    UpstreamText::said(&match proxy {
        Some(proxy) => format!("through the proxy {proxy}: {told}"),
        None => told,
    })
}

/// Gives the next cause. An I/O error hides the one that it was made of behind its own source.
fn inside<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn words(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(error) = error.downcast_ref::<Unresolved>() {
        return Some(error.to_string());
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error.kind());
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_http(error);
    }
    // The tunnel's error has no name outside its library.
    let text = error.to_string();
    Some(match text.strip_prefix(TUNNEL)? {
        "unsuccessful" => "it refuses to connect there".to_owned(),
        "proxy authorization required" => "it wants a login".to_owned(),
        _ => return None,
    })
}

fn of_io(kind: io::ErrorKind) -> Option<String> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => "the connection was reset".to_owned(),
        io::ErrorKind::UnexpectedEof => "the connection was closed before an answer".to_owned(),
        io::ErrorKind::TimedOut => {
            let seconds = CONNECT_TIMEOUT.as_secs();
            format!("timed out: no connection within {seconds} s")
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no route to it".to_owned()
        }
        io::ErrorKind::PermissionDenied => "this machine forbids the connection".to_owned(),
        _ => return None,
    })
}

fn of_http(error: &hyper::Error) -> Option<String> {
    if error.is_incomplete_message() {
        return Some("the connection was closed before an answer".to_owned());
    }
    error
        .is_parse()
        .then(|| "what it answers is no HTTP".to_owned())
}

fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it does not speak TLS".to_owned()
        }
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion,
        ) => "it speaks no version or cipher of TLS that is accepted here".to_owned(),
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
        ) => "it wants a client certificate".to_owned(),
        other => format!("TLS failed: {other}"),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    let day = |time: &UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        at.strftime("%Y-%m-%d").to_string()
    };
    match error {
        CertificateError::UnknownIssuer => {
            "its certificate is of an unknown issuer; ca_file can name it".to_owned()
        }
        CertificateError::Expired => "its certificate has expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate has expired on {}", day(not_after))
        }
        CertificateError::NotValidYet => "its certificate is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("its certificate is not valid before {}", day(not_before))
        }
        CertificateError::NotValidForName => "its certificate has the wrong name".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "its certificate has the wrong name: it names no host".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().take(NAMES).map(String::as_str).collect();
            let more = match presented.len().saturating_sub(NAMES) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let names = names.join(", ");
            format!("its certificate has the wrong name: it is for {names}{more}")
        }
        CertificateError::BadSignature => {
            "its certificate is not signed by the issuer that it names".to_owned()
        }
        CertificateError::Revoked => "its certificate has been revoked".to_owned(),
        CertificateError::Other(other) if is_of_authority(other) => {
            "its certificate is an authority's own, of an unknown issuer; ca_file can name it"
                .to_owned()
        }
        other => format!("its certificate is not accepted: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;

    use super::*;

    fn said(error: impl Error + 'static) -> String {
        why(&error).to_string()
    }

    fn certificate(error: CertificateError) -> String {
        // As it comes out of the connector: wrapped twice.
        let inner = io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::InvalidCertificate(error),
        );
        said(io::Error::other(inner))
    }

    #[test]
    fn a_certificate_is_told_by_what_is_wrong_with_it() {
        let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let expired = CertificateError::ExpiredContext {
            time: at(2_000_000_000),
            not_after: at(1_700_000_000),
        };
        let names = ["a.test", "b.test", "c.test", "d.test\u{1b}[31m"];
        let wrong_name = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("x.test").unwrap(),
            presented: names.map(str::to_owned).to_vec(),
        };
        for (error, wanted) in [
            (CertificateError::UnknownIssuer, "unknown issuer"),
            (expired, "expired on 2023-11-14"),
            (CertificateError::NotValidYet, "not valid yet"),
            (
                wrong_name,
                "wrong name: it is for a.test, b.test, c.test and 1 more",
            ),
            (CertificateError::Revoked, "revoked"),
        ] {
            let got = certificate(error);
            assert!(got.contains(wanted), "{got}");
        }
    }

    #[test]
    fn the_innermost_cause_with_a_name_is_told() {
        use io::ErrorKind;
        for (kind, wanted) in [
            (ErrorKind::ConnectionRefused, "connection refused"),
            (ErrorKind::TimedOut, "timed out: no connection within 10 s"),
            (ErrorKind::NetworkUnreachable, "there is no route to it"),
            (
                ErrorKind::UnexpectedEof,
                "the connection was closed before an answer",
            ),
        ] {
            assert_eq!(said(io::Error::other(io::Error::from(kind))), wanted);
        }
        assert_eq!(said(io::Error::other("who knows")), "who knows");
        let refused = Box::new(io::Error::from(ErrorKind::ConnectionRefused));
        let proxied = ViaProxy {
            proxy: "http://p.test:3128".to_owned(),
            source: refused,
        };
        assert_eq!(
            said(proxied),
            "through the proxy http://p.test:3128: connection refused"
        );
    }
}
