//! Reserved for the next commit.
