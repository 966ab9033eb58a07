//! A feed mirror: the files of a directory by HTTP/1.1, with validators, until it is dropped.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Most bytes of a request that are read.
const MAX_REQUEST: u64 = 16 * 1024;

/// A running mirror.
pub struct Mirror {
    address: String,
    serving: JoinHandle<()>,
}

impl Mirror {
    /// Serves a directory.
    pub async fn start(directory: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("an address").to_string();
        let directory = directory.to_owned();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that leaves early is its own affair.
                let _ = answer(stream, directory.clone()).await;
            }
        });
        Self { address, serving }
    }

    /// Gives the URL that the program is told.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(mut stream: TcpStream, directory: PathBuf) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut reading = (&mut stream).take(MAX_REQUEST);
    while !request.ends_with(b"\r\n\r\n") {
        if reading.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let content = std::fs::read(directory.join(path.trim_start_matches('/')));
    let tag = content.as_ref().map_or(0, Vec::len);
    let tag = format!("\"{tag}\"");
    let (status, body) = match content {
        Ok(_) if request.contains(&tag) => ("304 Not Modified", Vec::new()),
        Ok(content) => ("200 OK", content),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\netag: {tag}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}
