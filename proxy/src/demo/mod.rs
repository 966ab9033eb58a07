//! The demo: a tiny registry with two built images and the proxy, in one process, no network.
//!
//! Both images go through the real path: upstream, cache, scan, feeds, policy, gate, log.

pub mod feed;
pub mod images;
pub mod registry;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sluicegate_config::{Environment, FeedSource, Flags, Settings, UpstreamSettings};
use sluicegate_formats::text::printable;

use crate::app::{App, StartError};

/// The upstream's name in the demo.
const UPSTREAM: &str = "demo.test";

/// Says why the demo could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The proxy did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A file or socket failed.
    #[error("the demo failed: {0}")]
    Io(#[from] io::Error),
    /// The proxy did not answer as the demo expects.
    #[error("the demo did not go as planned: {0}")]
    Unexpected(String),
}

/// Starts everything under `directory`, pulls both images, and says on `out` what happened.
///
/// Gives the running service: where it `stays`, the caller leaves it running for a look.
pub async fn show(directory: &Path, stays: bool, out: &mut impl Write) -> Result<App, DemoError> {
    let images = vec![
        ("shop/clean", images::clean()?),
        ("shop/vulnerable", images::vulnerable()?),
    ];
    let upstream = registry::start(images).await?;
    feed::write(
        &directory.join("feed"),
        sluicegate_machine::clock::system().now(),
    )?;
    let app = start_proxy(directory, upstream).await?;
    writeln!(
        out,
        "A registry with two images on {upstream}, and the proxy on {}.\n",
        app.registry_addr
    )?;
    let clean = pull(&app, "shop/clean", out).await?;
    let vulnerable = pull(&app, "shop/vulnerable", out).await?;
    if (clean, vulnerable) != (StatusCode::OK, StatusCode::FORBIDDEN) {
        return Err(DemoError::Unexpected(format!(
            "clean {clean}, vulnerable {vulnerable}"
        )));
    }
    if stays {
        write_invitation(&app, out)?;
    }
    Ok(app)
}

async fn start_proxy(directory: &Path, upstream: SocketAddr) -> Result<App, DemoError> {
    let listen = free_or(5000).await;
    let api_listen = free_or(5080).await;
    let settings = settings(directory, upstream, listen, api_listen)?;
    Ok(App::start(settings).await?)
}

fn settings(
    directory: &Path,
    upstream: SocketAddr,
    listen: SocketAddr,
    api_listen: SocketAddr,
) -> Result<Settings, DemoError> {
    let unexpected = |error: String| DemoError::Unexpected(error);
    let environment = Environment::default();
    let loaded = sluicegate_config::load(Flags::default(), &environment, None)
        .map_err(|errors| unexpected(errors.to_string()))?;
    let url = format!("http://{upstream}").parse();
    let url = url.map_err(|error| unexpected(format!("{error}")))?;
    let mut settings = loaded.settings;
    settings.listen = listen;
    settings.api_listen = api_listen;
    settings.data = directory.join("data");
    settings.feeds = vec![FeedSource::Directory(directory.join("feed"))];
    settings.upstreams = [(
        UPSTREAM.to_owned(),
        UpstreamSettings::anonymous(UPSTREAM, url),
    )]
    .into();
    UPSTREAM.clone_into(&mut settings.default_upstream);
    Ok(settings)
}

/// Takes the usual port where it is free, so that the documentation's commands work as they stand.
async fn free_or(port: u16) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match tokio::net::TcpListener::bind(usual).await {
        Ok(_free) => usual,
        Err(_taken) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}

async fn pull(app: &App, name: &str, out: &mut impl Write) -> Result<StatusCode, DemoError> {
    writeln!(out, "$ docker pull {}/{name}:1", app.registry_addr)?;
    let url = format!("http://{}/v2/{name}/manifests/1", app.registry_addr);
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = Request::get(url)
        .header("user-agent", "sluicegate-demo")
        .body(Empty::new());
    let request = request.map_err(|error| DemoError::Unexpected(error.to_string()))?;
    let failed = |error: &dyn std::fmt::Display| DemoError::Unexpected(error.to_string());
    let response = client
        .request(request)
        .await
        .map_err(|error| failed(&error))?;
    let status = response.status();
    let digest = response
        .headers()
        .get("docker-content-digest")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|error| failed(&error))?
        .to_bytes();
    if status == StatusCode::OK {
        writeln!(out, "  200 allowed, digest unchanged: {digest}\n")?;
    } else {
        writeln!(out, "  {} refused: {}\n", status.as_u16(), message(&body))?;
    }
    Ok(status)
}

fn message(body: &[u8]) -> String {
    let parsed: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = parsed
        .pointer("/errors/0/message")
        .and_then(serde_json::Value::as_str);
    printable(text.unwrap_or("(no message)"))
}

fn write_invitation(app: &App, out: &mut impl Write) -> io::Result<()> {
    let (registry, api) = (app.registry_addr, app.api_addr);
    writeln!(out, "Both are still there. Have a look:")?;
    writeln!(
        out,
        "  skopeo copy --src-tls-verify=false docker://{registry}/shop/clean:1 dir:/tmp/clean"
    )?;
    writeln!(out, "  curl http://{api}/api/v1/verdicts")?;
    writeln!(out, "  curl http://{api}/api/v1/decisions")?;
    writeln!(out, "  sluicegate verdicts list --service http://{api}")?;
    writeln!(out, "Ctrl-C ends the demo.")
}
