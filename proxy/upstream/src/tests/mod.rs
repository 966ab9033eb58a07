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
