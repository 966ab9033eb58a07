//! The entries of archives, and their bytes: what everybody asks who looks for packages in one,
//! within one budget for each file.

mod content;
mod directory;
mod error;
mod inflater;
mod member;
mod reading;
mod source;
mod unread;
mod zip_member;

pub(super) use self::content::length;
pub(super) use self::error::ZipError;
pub(super) use self::inflater::gzip_head;
pub(super) use self::member::{HEAD_BYTES, Member};
pub(super) use self::reading::{Held, MAX_MEMORY_BYTES, Reading};
pub(super) use self::source::{Source, SourceReader};
pub(super) use self::unread::Unread;
