//! The registry listener: a connection, its requests, each to a route, each route to an answer.

mod activity;
pub mod blob;
pub mod body;
pub mod callers;
mod certificate;
pub mod challenge;
mod connection;
mod denied;
pub mod details;
mod drip;
pub mod errors;
pub mod forwarded;
mod hold;
pub mod lists;
pub mod local;
pub mod manifest;
mod old_clients;
mod own;
mod phrase;
pub mod range;
pub mod registry;
pub mod respond;
pub mod route;
pub mod server;
pub mod tls;
mod token;
