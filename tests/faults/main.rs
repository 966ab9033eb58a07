//! The whole program against faults: broken upstreams, crashes, a full disk, damage on disk.
//!
//! Every test repeats a randomised round; see `rounds` for how often, and how to replay one.

mod answers;
mod content;
mod credentials;
mod damage;
mod disk;
mod engines;
mod events;
mod eviction;
mod feeds;
mod imports;
mod kill;
mod memory;
mod mirror;
mod outage;
mod rounds;
mod stage;
mod stop;
mod swaps;
