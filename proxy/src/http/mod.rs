//! The registry listener.

mod activity;
mod connection;
pub mod server;
pub mod tls;
