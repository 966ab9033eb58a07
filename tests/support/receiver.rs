//! A receiver of webhooks: keeps what it is sent, and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Largest message that is read.
const MAX_BODY: usize = 1024 * 1024;

/// A running receiver.
pub struct Receiver {
    address: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<VecDeque<u16>>,
    messages: Mutex<Vec<Message>>,
}

/// What one request brought.
#[derive(Clone, Debug)]
pub struct Message {
    /// The method and path.
    pub line: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The status it was answered with.
    pub answered: u16,
}

impl Message {
    /// Gives a header's value, empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map_or("", |(_, value)| value)
    }

    /// Reads the body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

impl Receiver {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("an address").to_string();
        let shared: Arc<Shared> = Arc::default();
        let of_server = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A sender that leaves early is its own affair.
                let _ = answer(stream, &of_server).await;
            }
        });
        Self {
            address,
            shared,
            serving,
        }
    }

    /// Gives a URL of it; its query stands for a receiver's secret.
    pub fn url(&self) -> String {
        format!("http://{}/hook?token=hidden", self.address)
    }

    /// Has the next requests answered with these statuses, and the rest with 204.
    pub fn script(&self, statuses: impl IntoIterator<Item = u16>) {
        let mut answers = self.shared.answers.lock().expect("nobody panics");
        answers.extend(statuses);
    }

    /// Takes everything from now on.
    pub fn heal(&self) {
        self.shared.answers.lock().expect("nobody panics").clear();
    }

    /// Gives everything received so far.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.messages.lock().expect("nobody panics").clone()
    }

    /// Gives what was taken with a success.
    pub fn taken(&self) -> Vec<Message> {
        let mut messages = self.messages();
        messages.retain(|message| (200..300).contains(&message.answered));
        messages
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        if stream.read_line(&mut header).await? == 0 || header == "\r\n" {
            break;
        }
        if let Some((name, value)) = header.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse::<usize>().ok());
    let mut body = vec![0; length.unwrap_or_default().min(MAX_BODY)];
    stream.read_exact(&mut body).await?;
    let scripted = shared.answers.lock().expect("nobody panics").pop_front();
    let answered = scripted.unwrap_or(204);
    let message = Message {
        line: line.trim().to_owned(),
        headers,
        body,
        answered,
    };
    shared.messages.lock().expect("nobody panics").push(message);
    let head = format!("HTTP/1.1 {answered} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.shutdown().await
}
