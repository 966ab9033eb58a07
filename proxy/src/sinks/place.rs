//! Where lines go: standard output, a file, a syslog server.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sluicegate_config::SinkPlace;
use sluicegate_local::decisions::FollowedLine;
use sluicegate_machine::private;
use sluicegate_upstream::tls_settings;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::syslog;

/// Longest time until a connection stands, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for a batch to be taken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the other side may leave what it was sent unacknowledged, before the connection ends.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
/// How often the kernel probes a silent connection.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long after it was written a line is safe with a syslog server, while its connection stands: that
/// says nothing itself, but what its machine did not acknowledge would have ended the connection.
const SETTLED_AFTER: Duration = Duration::from_secs(15);

/// Says why a place does not take lines.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceError {
    /// A file cannot be opened or written.
    #[error("writing {path:?}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Standard output does not take them.
    #[error("writing to stdout: {0}")]
    Stdout(io::Error),
    /// A server does not take them.
    #[error("syslog at {host}:{port}: {source}")]
    Syslog {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// What went wrong.
        source: io::Error,
    },
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A place that lines go to, open.
pub(super) enum Place {
    Stdout,
    File(LogFile),
    Syslog(Server),
}

/// A file that is appended to.
pub(super) struct LogFile {
    path: PathBuf,
    file: Arc<File>,
}

/// A connection to a syslog server.
pub(super) struct Server {
    host: String,
    port: u16,
    /// What this machine is called.
    own_name: String,
    stream: Pin<Box<dyn Stream>>,
}

impl Place {
    pub(super) async fn open(place: &SinkPlace, own_name: &str) -> Result<Self, PlaceError> {
        match place {
            SinkPlace::Stdout => Ok(Self::Stdout),
            SinkPlace::File(path) => LogFile::open(path).await.map(Self::File),
            SinkPlace::Syslog { host, port } => {
                let server = Server::connect((host, *port), Tls::Without, own_name);
                server.await.map(Self::Syslog)
            }
            SinkPlace::SyslogTls {
                host,
                port,
                ca_file,
            } => {
                let server = Server::connect((host, *port), Tls::By(ca_file.as_deref()), own_name);
                server.await.map(Self::Syslog)
            }
        }
    }

    /// Opens a file anew; elsewhere there is nothing to do.
    pub(super) async fn reopen(&mut self) -> Result<(), PlaceError> {
        if let Self::File(file) = self {
            *file = LogFile::open(&file.path).await?;
        }
        Ok(())
    }

    /// Writes lines, all of them; where it fails, some of them may be there.
    pub(super) async fn write(&mut self, lines: Vec<FollowedLine>) -> Result<(), PlaceError> {
        match self {
            Self::Stdout => {
                let bytes = plain(&lines);
                let write = move || {
                    let mut out = io::stdout().lock();
                    out.write_all(&bytes).and_then(|()| out.flush())
                };
                apart(write).await.map_err(PlaceError::Stdout)
            }
            Self::File(file) => file.write(plain(&lines)).await,
            Self::Syslog(server) => server.write(&lines).await,
        }
    }

    /// Tells how long after it was written a line is safe there.
    pub(super) fn settles_after(&self) -> Duration {
        match self {
            Self::Stdout | Self::File(_) => Duration::ZERO,
            Self::Syslog(_) => SETTLED_AFTER,
        }
    }

    /// Makes sure that a connection still stands.
    pub(super) fn prove_alive(&mut self) -> Result<(), PlaceError> {
        match self {
            Self::Stdout | Self::File(_) => Ok(()),
            Self::Syslog(server) => server.prove_alive(),
        }
    }
}

/// Gives the lines as they stand in the log.
fn plain(lines: &[FollowedLine]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(&line.bytes);
        bytes.push(b'\n');
    }
    bytes
}

/// Does what may block for as long as it likes.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.unwrap_or_else(|error| Err(io::Error::other(error)))
}

impl LogFile {
    async fn open(path: &Path) -> Result<Self, PlaceError> {
        let name = path.to_owned();
        let opened = apart(move || open_whole(&name)).await;
        let file = opened.map_err(|source| failed(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(file),
        })
    }

    async fn write(&self, bytes: Vec<u8>) -> Result<(), PlaceError> {
        let file = Arc::clone(&self.file);
        let write = move || {
            (&*file).write_all(&bytes)?;
            file.sync_data()
        };
        apart(write)
            .await
            .map_err(|source| failed(&self.path, source))
    }
}

fn failed(path: &Path, source: io::Error) -> PlaceError {
    PlaceError::File {
        path: path.to_owned(),
        source,
    }
}

/// Opens a file for appending, and ends a line there that a crash or a full disk has cut.
fn open_whole(path: &Path) -> io::Result<File> {
    let mut file = private::options()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(file);
    }
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// Whether a server is talked to over TLS.
#[derive(Clone, Copy)]
enum Tls<'a> {
    Without,
    /// By the system's authorities, and those of a file.
    By(Option<&'a Path>),
}

impl Server {
    /// Connects.
    async fn connect(
        (host, port): (&str, u16),
        tls: Tls<'_>,
        own_name: &str,
    ) -> Result<Self, PlaceError> {
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, stream((host, port), tls)).await;
        let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = connected.map_err(|source| PlaceError::Syslog {
            host: host.to_owned(),
            port,
            source,
        })?;
        Ok(Self {
            host: host.to_owned(),
            port,
            own_name: own_name.to_owned(),
            stream,
        })
    }

    async fn write(&mut self, lines: &[FollowedLine]) -> Result<(), PlaceError> {
        // One that has ended takes what it is given, and says so afterwards only.
        self.prove_alive()?;
        let bytes = syslog::framed(lines, &self.own_name);
        let write = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        let written = tokio::time::timeout(WRITE_TIMEOUT, write).await;
        let written = written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        written.map_err(|source| self.failed(source))
    }

    /// Makes sure that the other side has not ended the connection. What it says is not looked at: a
    /// server has nothing to say.
    fn prove_alive(&mut self) -> Result<(), PlaceError> {
        let mut said = [0; 512];
        match self.stream.read(&mut said).now_or_never() {
            None | Some(Ok(1..)) => Ok(()),
            Some(Ok(0)) => Err(self.failed(io::Error::other("it has ended the connection"))),
            Some(Err(source)) => Err(self.failed(source)),
        }
    }

    fn failed(&self, source: io::Error) -> PlaceError {
        PlaceError::Syslog {
            host: self.host.clone(),
            port: self.port,
            source,
        }
    }
}

async fn stream((host, port): (&str, u16), tls: Tls<'_>) -> io::Result<Pin<Box<dyn Stream>>> {
    let settings = match tls {
        Tls::Without => None,
        Tls::By(ca_file) => Some(client_settings(ca_file)?),
    };
    let tcp = TcpStream::connect((host, port)).await?;
    let socket = SockRef::from(&tcp);
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    let Some(settings) = settings else {
        return Ok(Box::pin(tcp));
    };
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(settings));
    Ok(Box::pin(connector.connect(name, tcp).await?))
}

/// Reads the authorities for each connection, so that a changed file counts for the next one.
fn client_settings(ca_file: Option<&Path>) -> io::Result<ClientConfig> {
    let pem = ca_file.map(std::fs::read).transpose()?;
    tls_settings(pem.as_deref()).map_err(io::Error::other)
}
