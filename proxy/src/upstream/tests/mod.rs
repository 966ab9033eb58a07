//! The promises of the upstream client, against fakes that misbehave as told.

mod authentication;
mod causes;
mod content;
mod echoes;
pub(crate) mod fake;
mod lists;
mod politeness;
mod redirects;
mod silence;
mod tls;
