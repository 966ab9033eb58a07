//! A site of its own: a network namespace that one link leads out of, and a forwarder to what it may
//! reach through that link. What runs in it is reached by nobody outside.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Bytes that are forwarded at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// A network namespace, gone when this is dropped.
pub struct Network {
    name: String,
    link: String,
    outside: String,
}

/// Carries connections from a network to one address outside, and counts what leaves.
pub struct Way {
    address: String,
    left: Arc<AtomicU64>,
}

impl Network {
    /// Makes one, with a link up.
    pub fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Programs of other tests may have some too.
        let (id, third) = (std::process::id(), std::process::id() % 250);
        let name = format!("sgate-{id}-{number}");
        let link = format!("sg{id}x{number}");
        let network = Self {
            outside: format!("10.{}.{third}.1", 100 + number),
            name,
            link,
        };
        let (name, link) = (&network.name, &network.link);
        let inside = format!("10.{}.{third}.2/30", 100 + number);
        let outside = format!("{}/30", network.outside);
        let peer = "out";
        ip(&["netns", "add", name]);
        ip(&[
            "link", "add", link, "type", "veth", "peer", "name", peer, "netns", name,
        ]);
        ip(&["addr", "add", &outside, "dev", link]);
        ip(&["link", "set", link, "up"]);
        ip(&["-n", name, "addr", "add", &inside, "dev", peer]);
        ip(&["-n", name, "link", "set", peer, "up"]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        network
    }

    /// Gives what a program is run by so that it is in this network.
    pub fn entry(&self) -> Vec<String> {
        let place = format!("--net=/run/netns/{}", self.name);
        ["nsenter".to_owned(), place, "--".to_owned()].into()
    }

    /// Makes a command that runs in this network.
    pub fn command(&self, program: &str) -> Command {
        command(&self.entry(), program)
    }

    /// Cuts the link, or mends it.
    pub fn set_link(&self, up: bool) {
        ip(&["link", "set", &self.link, if up { "up" } else { "down" }]);
    }

    /// Lists the local addresses at which something of this network takes connections.
    pub fn listening(&self) -> Vec<String> {
        let output = self.command("ss").args(["-Hltn"]).output();
        let output = output.expect("run ss; tests/run installs it");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let local = |line: &str| line.split_whitespace().nth(3).map(str::to_owned);
        text.lines().filter_map(local).collect()
    }

    /// Opens a way from this network to an address outside.
    pub async fn way_to(&self, address: &str) -> Way {
        let listener = TcpListener::bind((self.outside.as_str(), 0)).await;
        let listener = listener.expect("listen at the link");
        let port = listener.local_addr().expect("a local address").port();
        let left = Arc::new(AtomicU64::new(0));
        let (counted, address) = (Arc::clone(&left), address.to_owned());
        tokio::spawn(async move {
            while let Ok((inside, _)) = listener.accept().await {
                let Ok(outside) = TcpStream::connect(&address).await else {
                    continue;
                };
                tokio::spawn(carry(inside, outside, Arc::clone(&counted)));
            }
        });
        Way {
            address: format!("{}:{port}", self.outside),
            left,
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Way {
    /// Gives the address by which the network reaches what lies behind.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Tells how many bytes have left the network.
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The link goes with it.
        let _gone = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

/// Makes a command that is run by another, if any.
pub fn command(by: &[String], program: &str) -> Command {
    let mut all = by.iter().map(String::as_str).chain([program]);
    let mut command = Command::new(all.next().unwrap_or(program));
    command.args(all);
    command
}

fn ip(arguments: &[&str]) {
    let done = Command::new("ip").args(arguments).output();
    let done = done.expect("run ip; tests/run installs it");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {arguments:?}: {said}");
}

async fn carry(inside: TcpStream, outside: TcpStream, left: Arc<AtomicU64>) {
    let ((mut from, mut to_inside), (mut from_outside, mut to)) =
        (inside.into_split(), outside.into_split());
    let leaving = async {
        let mut piece = vec![0; PIECE_BYTES];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            left.fetch_add(length as u64, Ordering::Relaxed);
            if to.write_all(&piece[..length]).await.is_err() {
                break;
            }
        }
        let _closed = to.shutdown().await;
    };
    let coming = async {
        let _carried = tokio::io::copy(&mut from_outside, &mut to_inside).await;
        let _closed = to_inside.shutdown().await;
    };
    tokio::join!(leaving, coming);
}
