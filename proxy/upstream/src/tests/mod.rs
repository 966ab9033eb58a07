//! The promises of the upstream client, against fakes that misbehave as told.

mod authentication;
mod causes;
mod content;
mod echoes;
mod lists;
mod politeness;
mod redirects;
mod renewal;
mod silence;
mod tls;
mod tls_server;

/// What runs the programs that tests write. Started themselves, they are busy while any other test
/// starts a program: until it runs, that holds all files that were being written when it was forked.
pub(crate) const SHELL: &str = "/bin/sh";

/// Gives an address at which nobody listens: nobody ever has, for what was listened on is for a moment
/// longer, by whatever another test has started just then.
fn nobody() -> String {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    socket.local_addr().unwrap().to_string()
}

/// Moves the clock of this test on, and lets it run again.
pub(crate) async fn pass(time: std::time::Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
