//! The decision log in other places: every line, in order, over restarts, as syslog frames it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use sluicegate_tests::certificates;
use sluicegate_tests::process::free_port;
use tokio::io::{AsyncRead, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::stage::{REPO, Stage, dubious, eventually, manifest_path};

/// A syslog server that takes everything.
struct Server {
    messages: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Listens where it is told.
    async fn start(address: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.expect("listen");
        let messages: Arc<Mutex<Vec<String>>> = Arc::default();
        let taken = Arc::clone(&messages);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, taken) = (tls.clone(), Arc::clone(&taken));
                // A sender that leaves ends its connection and nothing else.
                tokio::spawn(async move {
                    match tls {
                        None => take(stream, &taken).await,
                        Some(tls) => take(tls.accept(stream).await?, &taken).await,
                    }
                });
            }
        });
        Self { messages, serving }
    }

    fn messages(&self) -> Vec<String> {
        self.messages.lock().expect("nobody panics").clone()
    }

    /// Gives the lines in the order in which they came for the first time.
    fn lines(&self) -> Vec<Value> {
        let messages = self.messages();
        once(messages.iter().map(|message| line_of(message)))
    }
}

/// Leaves each line where it came first: a crash may send some again.
fn once(all: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut lines: Vec<Value> = Vec::new();
    for line in all {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Takes messages, each behind its length (RFC 6587, section 3.4.1).
async fn take(stream: impl AsyncRead + Unpin, taken: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            match stream.read_u8().await? {
                b' ' => break,
                digit @ b'0'..=b'9' => length = length * 10 + usize::from(digit - b'0'),
                other => panic!("{other} in a length"),
            }
        }
        let mut message = vec![0; length];
        stream.read_exact(&mut message).await?;
        let message = String::from_utf8(message).expect("UTF-8");
        taken.lock().expect("nobody panics").push(message);
    }
}

/// Checks what stands before a line, and gives the line (RFC 5424, section 6).
fn line_of(message: &str) -> Value {
    let fields: Vec<&str> = message.splitn(7, ' ').collect();
    let [first, time, host, program, process, kind, rest] = &fields[..] else {
        panic!("{message}")
    };
    let (data, line) = rest.split_once("] ").expect("structured data");
    let line: Value = serde_json::from_str(line).expect("the line");
    let severity = if line["decision"] == "refuse" {
        108
    } else {
        110
    };
    assert_eq!(*first, format!("<{severity}>1"), "{message}");
    let at: jiff::Timestamp = time.parse().expect("an instant");
    let logged: jiff::Timestamp = line["time"]
        .as_str()
        .expect("time")
        .parse()
        .expect("instant");
    assert!(time.len() <= "2026-01-01T00:00:00.000000Z".len(), "{time}");
    assert!(logged.duration_since(at).as_millis() < 1, "{message}");
    assert!(
        !host.is_empty() && process.parse::<u32>().is_ok(),
        "{message}"
    );
    assert_eq!(
        (*program, *kind),
        ("sluicegate", line["type"].as_str().expect("type"))
    );
    assert_eq!(*data, format!("[meta sequenceId=\"{}\"", line["seq"]));
    line
}

/// Starts a stage whose log goes to these places.
async fn stage(home: &Path, places: &str) -> Stage {
    let config = home.join("sluicegate.yaml");
    std::fs::write(&config, format!("decision_log_to: {places}\n")).expect("write");
    let stage = Stage::with(|proxy, _| proxy.flag("--config", &config.display().to_string())).await;
    for (tag, seed) in [("0", 419), ("1", 420)] {
        stage.upstream.add(REPO, tag, &dubious(seed));
        stage.get(&manifest_path(REPO, tag)).await;
    }
    stage
}

/// Gives the lines of the log itself.
fn logged(stage: &Stage) -> Vec<Value> {
    lines_in(&stage.proxy.data().join("decisions/decisions.jsonl"))
}

fn lines_in(path: &PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line"));
    lines.collect()
}

async fn standing(stage: &Stage) -> Value {
    stage.proxy.api("/api/v1/status").await.json()["decision_log_to"].clone()
}

#[tokio::test]
async fn the_log_goes_to_a_file_that_is_rotated_and_to_a_server_that_was_away() {
    let home = tempfile::tempdir().expect("make a directory");
    let address = format!("127.0.0.1:{}", free_port());
    let file = home.path().join("copy.jsonl");
    let places = format!("[{}, 'syslog://{address}']", file.display());
    let mut stage = stage(home.path(), &places).await;
    eventually("the file has every line", async || {
        let lines = lines_in(&file);
        lines.len() >= 2 && lines == logged(&stage)
    })
    .await;
    let mode = std::fs::metadata(&file)
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    eventually("the server is known to be away", async || {
        let standing = standing(&stage).await;
        standing[0]["behind"] == 0
            && standing[1]["behind"].as_u64() >= Some(2)
            && standing[1]["problem"]
                .as_str()
                .is_some_and(|it| it.contains(&address))
    })
    .await;
    stage.proxy.kill();
    let server = Server::start(&address, None).await;
    stage.proxy.restart().await;
    eventually("the server has every line", async || {
        server.lines() == logged(&stage)
    })
    .await;
    let before = lines_in(&file);
    let moved = home.path().join("copy.jsonl.1");
    std::fs::rename(&file, &moved).expect("rotate");
    stage.proxy.signal("HUP");
    stage.upstream.add(REPO, "2", &dubious(421));
    stage.get(&manifest_path(REPO, "2")).await;
    eventually("both files are the log", async || {
        let all = [lines_in(&moved), lines_in(&file)].concat();
        file.exists() && once(all) == logged(&stage)
    })
    .await;
    assert!(
        lines_in(&moved).len() >= before.len(),
        "nothing was lost by that"
    );
    eventually("the server goes on", async || {
        server.lines() == logged(&stage)
    })
    .await;
    assert_eq!(standing(&stage).await[1]["problem"], Value::Null);
}

#[tokio::test]
async fn the_log_goes_over_tls_to_a_server_that_proves_who_it_is() {
    let home = tempfile::tempdir().expect("make a directory");
    let ca_file = certificates::write(home.path());
    let read = |name: &str| std::fs::read(home.path().join(name)).expect("read");
    let certificate = CertificateDer::from_pem_slice(&read("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate with its key");
    let address = format!("127.0.0.1:{}", free_port());
    let server = Server::start(&address, Some(TlsAcceptor::from(Arc::new(settings)))).await;
    // The second one trusts the system's authorities alone.
    let places = format!(
        "[{{to: 'syslog+tls://{address}', name: siem, ca_file: {}}}, 'syslog+tls://localhost:{}']",
        ca_file.display(),
        address.rsplit(':').next().expect("a port")
    );
    let stage = stage(home.path(), &places).await;
    eventually("the server has every line", async || {
        let lines = server.lines();
        lines.len() >= 2 && lines == logged(&stage)
    })
    .await;
    eventually("the other one is not believed", async || {
        standing(&stage).await[1]["problem"].is_string()
    })
    .await;
    assert_eq!(standing(&stage).await[1]["sent"], 0);
}
