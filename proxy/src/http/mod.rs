//! The registry listener: a connection, its requests, each to a route, each route to an answer.

mod activity;
pub mod blob;
mod certificate;
mod connection;
mod denied;
pub mod details;
pub mod drip;
pub mod errors;
pub mod forwarded;
pub mod hold;
pub mod lists;
pub mod manifest;
pub mod old_clients;
mod phrase;
pub mod range;
pub mod registry;
pub mod respond;
pub mod route;
pub mod server;
pub mod tls;
