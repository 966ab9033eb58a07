//! The promises of the upstream client, against fakes that misbehave as told.

mod authentication;
mod content;
mod fake;
mod redirects;
mod silence;
mod tls;
