//! What the readers of an archive must agree on in a header, and who goes no further than one.

use super::{Archive, ArchiveError, MAX_OCTAL_SIZE};
use crate::facts::Reader;
use crate::layer::header::{Block, SIZE};
use crate::layer::readers;

impl Archive<'_> {
    /// Goes on without the readers that stop at a header.
    pub(super) fn leave_behind(&mut self, block: &Block) -> Result<(), ArchiveError> {
        let active = self.active;
        let mut stopping = Reader::ALL
            .into_iter()
            .filter(|reader| active.has(*reader) && !readers::takes(*reader, block));
        stopping.try_for_each(|reader| self.stop(reader, block))
    }

    /// Goes on without a reader that takes a header for damaged, unless that looks for the next one in
    /// what follows: GNU tar always, libarchive where the sum is wrong.
    fn stop(&mut self, reader: Reader, block: &Block) -> Result<(), ArchiveError> {
        let looks_on = match reader {
            Reader::Gnu => true,
            Reader::Libarchive => !readers::has_right_sum(reader, block),
            Reader::Go | Reader::Python => false,
        };
        if looks_on {
            return Err(ArchiveError::Disputed(
                "some readers take a header for damaged and look for the next one in its content",
            ));
        }
        self.active.remove([reader].into_iter().collect());
        Ok(())
    }

    /// Gives the size of an entry's content as stored.
    pub(super) fn content_size(
        &mut self,
        block: &Block,
        by_pax: Option<u64>,
    ) -> Result<u64, ArchiveError> {
        let own_size = self.size(block, by_pax)?;
        // Where the header has no size, that of pax is the only one.
        let is_stated = block.field(SIZE).iter().any(|byte| *byte != 0);
        match by_pax {
            Some(size) if is_stated && size != own_size && size <= MAX_OCTAL_SIZE => {
                Err(ArchiveError::Disputed("two sizes are given for one entry"))
            }
            _ => Ok(by_pax.unwrap_or(own_size)),
        }
    }

    /// Gives a header's size as stored, on which those who read it must agree unless pax has another.
    pub(super) fn size(&mut self, block: &Block, by_pax: Option<u64>) -> Result<u64, ArchiveError> {
        let size = readers::size(Reader::Go, block).ok_or(ArchiveError::Size)?;
        if readers::is_usual(block) {
            return Ok(size);
        }
        let active = self.active;
        for reader in Reader::ALL.into_iter().filter(|it| active.has(*it)) {
            match readers::size(reader, block) {
                Some(its) if its != size && by_pax.is_none() => {
                    return Err(ArchiveError::Disputed("a size is read as two numbers"));
                }
                Some(_) => {}
                None => self.stop(reader, block)?,
            }
        }
        Ok(size)
    }
}
