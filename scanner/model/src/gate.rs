//! When bytes may leave.

/// What clients are given of an image before its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateMode {
    /// Nothing.
    Hold,
    /// All but what makes a layer usable.
    Stream,
}
