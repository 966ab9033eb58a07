//! The rules of the gate, as tables: route, method and state against what is answered, what is
//! written, and what has left. One process, an upstream in it, no client.

mod artifacts;
mod audiences;
mod blobs;
mod facts;
mod images;
mod in_force;
mod indexes;
mod manifests;
mod scanners;
mod stage;
mod stream;
