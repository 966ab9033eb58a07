//! Support for the whole-system tests: real registries, real clients, images built in code.
//!
//! Everything here starts processes that the test owns, on loopback ports of their own, in
//! directories of their own, and stops them when the test ends, however it ends. Nothing here
//! knows how the product works inside: it sees its command line, its ports and its files.

pub mod api_fuzzer;
pub mod certificates;
pub mod clients;
pub mod fault;
pub mod feeds;
pub mod guests;
pub mod image;
pub mod keys;
pub mod layer;
pub mod mirror;
pub mod network;
pub mod npm_signer;
pub mod private_registry;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod receiver;
pub mod registry;
pub mod rootfs;
pub mod scanner;
pub mod schemas;
pub mod seeds;
pub mod verifiers;
pub mod waiting;
pub mod wire;
