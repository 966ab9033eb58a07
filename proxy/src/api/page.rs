//! How long a page of a list is.

/// Items of a page where none is asked for.
const DEFAULT_LIMIT: usize = 100;
/// Most items of a page: some MB of JSON.
const MAX_LIMIT: usize = 1_000;

/// Gives the number of items to list.
pub(super) fn limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}
