//! The two listeners' addresses and certificates, and what clients are told of them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use sluicegate_config::{Settings, TlsFiles};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::StartError;
use super::access::local_callers;
use super::tasks::{serve_api, serve_registry};
use crate::admin_socket::SocketPath;
use crate::api::guard::Guard;
use crate::api::{self, ApiState};
use crate::http::callers::Callers;
use crate::http::challenge::Front;
use crate::http::details::Details;
use crate::http::local;
use crate::http::registry::Registry;
use crate::http::server::ServerLimits;
use crate::http::tls::TlsReload;

/// The certificates of the listeners, where they have any.
#[derive(Clone, Default)]
pub(super) struct Certificates {
    pub(super) registry: Option<TlsReload>,
    pub(super) api: Option<TlsReload>,
}

impl Certificates {
    /// Reads them, as the settings name them.
    pub(super) fn open(settings: &Settings) -> Result<Self, StartError> {
        let open = |files: Option<&TlsFiles>| {
            let opened = files.map(TlsReload::open);
            let opened = opened.transpose();
            opened.map_err(StartError::Tls)
        };
        Ok(Self {
            registry: open(settings.tls.as_ref())?,
            api: open(settings.api_tls.as_ref())?,
        })
    }

    /// Gives the scheme of the API's address.
    pub(super) fn api_scheme(&self) -> &'static str {
        if self.api.is_some() { "https" } else { "http" }
    }

    /// Lists them, each with its listener's name.
    pub(super) fn each(&self) -> Vec<(&'static str, TlsReload)> {
        let named = [("registry", &self.registry), ("api", &self.api)];
        let there = named.into_iter().filter_map(|(listener, tls)| {
            let tls = tls.clone()?;
            Some((listener, tls))
        });
        there.collect()
    }
}

/// Chooses the address of details, and warns where clients get none that leads anywhere.
fn details(
    settings: &Settings,
    addresses: (SocketAddr, SocketAddr),
    scheme: &'static str,
) -> Details {
    let published = settings.api_url.as_deref();
    let details = Details::new(published, addresses, scheme, &settings.names);
    if details == Details::PathOnly {
        let (registry, api) = addresses;
        tracing::warn!(
            %registry, %api,
            "refusals name no address for their details, for none is known that leads clients to \
             the API: set api_url, or name and an api_listen that they reach"
        );
    }
    details
}

/// Gives where clients find details, and what they are told that have to say who they are.
pub(super) fn front(
    settings: &Settings,
    addresses: (SocketAddr, SocketAddr),
    scheme: &'static str,
) -> (Details, Front) {
    let front = Front::new(&settings.names, addresses.0, settings.tls.is_some());
    (details(settings, addresses, scheme), front)
}

/// The two listeners before anybody is answered.
pub(super) struct Bound {
    /// Where the registry listens.
    pub(super) registry_addr: SocketAddr,
    /// Where the API listens.
    pub(super) api_addr: SocketAddr,
    registry: TcpListener,
    api: TcpListener,
}

impl Bound {
    /// Listens at both addresses of the settings.
    pub(super) async fn open(settings: &Settings) -> Result<Self, StartError> {
        let registry = listen(settings.listen).await?;
        let api = listen(settings.api_listen).await?;
        Ok(Self {
            registry_addr: local(&registry, settings.listen)?,
            api_addr: local(&api, settings.api_listen)?,
            registry,
            api,
        })
    }

    /// Answers at both until `draining` says to stop.
    pub(super) fn serve(
        self,
        certificates: &Certificates,
        max_connections: usize,
        registry: Arc<Registry>,
        (state, guard, callers): (Arc<ApiState>, Guard, Callers),
        data: &Path,
        draining: &watch::Sender<bool>,
    ) -> Vec<JoinHandle<()>> {
        let limits = ServerLimits {
            max_connections,
            ..ServerLimits::default()
        };
        let (tls, stopping) = (certificates.registry.clone(), draining.subscribe());
        let registry = serve_registry(self.registry, tls, limits, registry, stopping);
        let (tls, stopping) = (certificates.api.clone(), draining.subscribe());
        let router = api::router(Arc::clone(&state), guard, callers);
        let api = serve_api(self.api, tls, router, stopping);
        let mut serving = vec![tokio::spawn(registry), tokio::spawn(api)];
        match local_socket(data) {
            Ok((socket, place)) => {
                let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let router = api::router(state, Guard::new(here, &[], None), local_callers());
                let answering = local::serve(socket, router, draining.subscribe());
                serving.push(tokio::spawn(async move {
                    answering.await;
                    // Nobody answers there any more.
                    let _gone_already = std::fs::remove_file(&place.path);
                }));
            }
            Err(error) => tracing::warn!(%error, "no socket for this machine's administrator"),
        }
        serving
    }
}

/// Listens where this machine's administrator asks.
fn local_socket(data: &Path) -> io::Result<(UnixListener, SocketPath)> {
    let place = SocketPath::of(data)?;
    Ok((local::listen(&place.path)?, place))
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })
}

/// Tells where a listener listens, where the settings left it open.
fn local(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, StartError> {
    listener
        .local_addr()
        .map_err(|source| StartError::Listen { address, source })
}
