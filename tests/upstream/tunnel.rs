//! An HTTP proxy that opens tunnels and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A running proxy; it ends with the test's runtime.
pub struct TunnelProxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl TunnelProxy {
    /// Starts a proxy on a free loopback port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("an address");
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(tunnel(client, Arc::clone(&noted)));
            }
        });
        Self { address, heads }
    }

    /// Gives where the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives the request heads that arrived.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic under the lock").clone()
    }
}

async fn tunnel(mut client: TcpStream, noted: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    noted.lock().expect("no panic under the lock").push(head);
    let mut server = TcpStream::connect(target).await.expect("reach the target");
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await
        .expect("answer");
    // Either side may leave at any time; the test looks at what the client got.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}
