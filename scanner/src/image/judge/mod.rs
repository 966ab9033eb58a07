//! What is judged of a merged image: what its files are to it, whose they are, and what is missing.

pub(crate) mod caches;
pub(crate) mod carried;
pub(crate) mod edited;
pub(crate) mod ownership;
pub(crate) mod programs;
pub(crate) mod roles;
pub(crate) mod stripped;
pub(crate) mod system;
pub(crate) mod third_party;
pub(crate) mod votes;
