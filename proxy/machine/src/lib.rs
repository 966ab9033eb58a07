//! What of this machine every part asks in the same way: the time of day, and files of ours that
//! nobody else can read.

pub mod clock;
pub mod private;
