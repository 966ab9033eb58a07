//! Connections to upstreams: name resolution with an address check, tunnels, TLS.
//!
//! The checked kind resolves a name, drops every address that is not public and connects to one
//! that is left: what was checked is what is dialled. The open kind is for the configured host and
//! the hosts that the operator named. Called by the HTTP clients in `exchange`.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use super::address::is_public;
use super::error::SettingsError;
use super::options::UpstreamOptions;
use super::pinned::PinnedVerifier;

/// Longest time until a connection stands, TLS included.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the kernel probes a silent connection, so that one whose peer vanished ends.
const KEEPALIVE: Duration = Duration::from_secs(30);

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Whose addresses may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Any: the operator chose the host.
    Open,
    /// Public ones: somebody else chose the host.
    PublicOnly,
}

/// Says that a host has no address that may be reached.
#[derive(Debug, thiserror::Error)]
#[error("{host} has no public address")]
pub(super) struct NotPublic {
    host: String,
}

/// Says that a host's name leads to no address.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub(super) struct Unresolved {
    /// Whether there is no such name, or nobody who could say so.
    what: &'static str,
    source: io::Error,
}

impl Unresolved {
    fn new(source: io::Error) -> Self {
        // The kind is the same for all of them; the texts are the C library's.
        let text = source.to_string();
        let absent = ["not known", "No address associated", "does not resolve"];
        let what = if absent.iter().any(|said| text.contains(said)) {
            "no such name"
        } else {
            "its name cannot be resolved"
        };
        Self { what, source }
    }
}

/// Says that the way led through a proxy.
#[derive(Debug, thiserror::Error)]
#[error("the proxy {proxy} failed")]
pub(super) struct ViaProxy {
    /// Its scheme, host and port.
    pub(super) proxy: String,
    pub(super) source: BoxError,
}

/// Makes connections, with TLS for `https`.
#[derive(Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<Dialer>,
}

impl Connector {
    /// Prepares connections of one reach.
    pub(super) fn new(options: &UpstreamOptions, reach: Reach, tls: ClientConfig) -> Self {
        let dialer = Dialer {
            direct: plain_connector(Resolver { reach }),
            to_proxy: plain_connector(Resolver { reach: Reach::Open }),
            proxies: Arc::new(
                Matcher::builder()
                    .https(options.proxy.https_proxy.clone().unwrap_or_default())
                    .no(options.proxy.no_proxy.clone().unwrap_or_default())
                    .build(),
            ),
            reach,
        };
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(dialer);
        Self { inner }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response, BoxError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.inner.call(to);
        Box::pin(async move {
            tokio::time::timeout(CONNECT_TIMEOUT, connecting)
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        })
    }
}

/// Builds the TLS settings of a client: system roots and more authorities.
///
/// *Errors*: what is wrong with the extra authorities.
pub fn tls_settings(ca_pem: Option<&[u8]>) -> Result<ClientConfig, SettingsError> {
    let mut roots = system_roots().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(SettingsError::Tls)?;
    let Some(pem) = ca_pem else {
        let settings = settings.with_root_certificates(roots);
        return Ok(settings.with_no_client_auth());
    };
    let given = certificates(pem)?;
    for certificate in &given {
        roots.add(certificate.clone()).map_err(SettingsError::Ca)?;
    }
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(SettingsError::Verifier)?;
    let verifier = Arc::new(PinnedVerifier::new(usual, given));
    // Its one exception is for what the operator gave.
    let settings = settings.dangerous();
    let settings = settings.with_custom_certificate_verifier(verifier);
    Ok(settings.with_no_client_auth())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let given = read.map_err(|error| SettingsError::Pem(Arc::new(error)))?;
    if given.is_empty() {
        return Err(SettingsError::NoCertificate);
    }
    Ok(given)
}

/// Loads the system's roots once: every upstream shares them.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut store = RootCertStore::empty();
        let loaded = rustls_native_certs::load_native_certs();
        for error in &loaded.errors {
            tracing::warn!(%error, "cannot read some system certificate authorities");
        }
        store.add_parsable_certificates(loaded.certs);
        store
    })
}

fn plain_connector(resolver: Resolver) -> HttpConnector<Resolver> {
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector
}

/// Dials directly or through the proxy of the environment.
#[derive(Clone)]
struct Dialer {
    direct: HttpConnector<Resolver>,
    to_proxy: HttpConnector<Resolver>,
    proxies: Arc<Matcher>,
    reach: Reach,
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<TokioIo<TcpStream>, BoxError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        if let Err(error) = check_host(&to, self.reach) {
            return Box::pin(async move { Err(error.into()) });
        }
        let Some(proxy) = self.proxies.intercept(&to) else {
            let connecting = self.direct.call(to);
            return Box::pin(async move { Ok(connecting.await?) });
        };
        let name = format!(
            "{}://{}",
            proxy.uri().scheme_str().unwrap_or_default(),
            proxy.uri().authority().map_or("", |authority| {
                // Never the login before it.
                let authority = authority.as_str();
                authority
                    .rsplit_once('@')
                    .map_or(authority, |(_, host)| host)
            })
        );
        let failed = |source: BoxError| {
            BoxError::from(ViaProxy {
                proxy: name,
                source,
            })
        };
        if proxy.uri().scheme_str() != Some("http") {
            let reason = io::Error::other("only an http:// proxy can be used");
            return Box::pin(async move { Err(failed(reason.into())) });
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(login) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(login.clone());
        }
        let connecting = tunnel.call(to);
        Box::pin(async move { connecting.await.map_err(|error| failed(error.into())) })
    }
}

/// Refuses hosts that need no resolver, and so would pass it by: addresses, and names that mean
/// this machine or its cloud whoever resolves them (a proxy does that in its own network).
fn check_host(to: &Uri, reach: Reach) -> Result<(), NotPublic> {
    let host = to.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let refused = if let Ok(address) = bare.parse::<IpAddr>() {
        !is_public(address)
    } else {
        let name = bare.trim_end_matches('.');
        [".localhost", ".internal", ".local"]
            .iter()
            .any(|suffix| name.ends_with(suffix) || Some(name) == suffix.strip_prefix('.'))
    };
    if refused && reach == Reach::PublicOnly {
        let host = host.to_owned();
        return Err(NotPublic { host });
    }
    Ok(())
}

/// Resolves names, and under [`Reach::PublicOnly`] keeps public addresses only.
#[derive(Clone, Debug)]
struct Resolver {
    reach: Reach,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response, BoxError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let host = name.to_string();
        let resolving = GaiResolver::new().call(name);
        let reach = self.reach;
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = resolving
                .await
                .map_err(Unresolved::new)?
                .filter(|address| reach == Reach::Open || is_public(address.ip()))
                .collect();
            if addresses.is_empty() && reach == Reach::PublicOnly {
                return Err(NotPublic { host }.into());
            }
            Ok(addresses.into_iter())
        })
    }
}
