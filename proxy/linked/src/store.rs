//! The port to where the book of scanners is kept.

use std::error::Error;

use async_trait::async_trait;

use crate::book::Book;

/// Says why the book cannot be kept or given. Nothing is taken from anybody for it.
#[derive(Debug, thiserror::Error)]
#[error("{attempt} the linked scanners failed")]
pub struct BookStoreError {
    /// What was attempted.
    pub attempt: &'static str,
    /// What went wrong.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Where the book is kept.
#[async_trait]
pub trait BookStore: Send + Sync + std::fmt::Debug {
    /// Gives the book; none where none was ever kept. One that is damaged is an error.
    async fn load(&self) -> Result<Option<Book>, BookStoreError>;

    /// Keeps a book in place of the last one: whole or not at all, durable on return.
    async fn save(&self, book: &Book) -> Result<(), BookStoreError>;
}
