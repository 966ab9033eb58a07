//! Programs by what they contain, whatever their name and mode: modules of Go, crates of Rust, and
//! products that their own texts name.
//!
//! Every ELF file is recorded, so that those which nothing identifies and no package owns can be
//! counted. PE and Mach-O programs are recorded where they name what they are made of.

use std::sync::Arc;

use sluicegate_model::coverage::{Gap, GapKind};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, SpooledFile, WantedFile, Wants};
use crate::facts::{BinaryFacts, Observations};
use crate::limits::{GIB, MIB};

use super::table_file::FedFile;

use self::content::ProgramContent;

mod content;
mod elf;
mod go;
mod kinds;
mod layout;
mod macho;
mod packed;
mod pe;
mod products;
mod rust;
mod scan;

pub use self::products::ProductTable;

/// First bytes of an ELF file.
const ELF_MAGIC: &[u8] = b"\x7fELF";

/// How programs start.
///
/// A fat Mach-O file and a Java class start alike; a class's second word is at least 45.
static WANTS: [Wants<'static>; 9] = [
    starts(ELF_MAGIC),
    starts(b"MZ"),
    starts(b"\xcf\xfa\xed\xfe"),
    starts(b"\xce\xfa\xed\xfe"),
    starts(b"\xfe\xed\xfa\xcf"),
    starts(b"\xfe\xed\xfa\xce"),
    starts(b"\xca\xfe\xba\xbe\0\0\0\x01"),
    starts(b"\xca\xfe\xba\xbe\0\0\0\x02"),
    starts(b"\xca\xfe\xba\xbe\0\0\0\x03"),
];

const fn starts(starts: &'static [u8]) -> Wants<'static> {
    Wants::Content { starts, holds: b"" }
}

/// Reads programs.
pub(super) struct Binary {
    products: Arc<ProductTable>,
}

impl Binary {
    /// Makes one that knows these products.
    pub(super) fn knowing(products: &Arc<ProductTable>) -> Self {
        Self {
            products: Arc::clone(products),
        }
    }
}

impl Analyzer for Binary {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "binary/content",
            revision: 7,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        WANTS.to_vec()
    }

    fn table(&self) -> Option<&str> {
        self.products.file().map(FedFile::digest)
    }

    /// Products are looked for in ELF files alone, and each of those leaves its size at least.
    fn finds_by_any_table(&self) -> bool {
        true
    }

    fn max_file_bytes(&self) -> u64 {
        32 * MIB
    }

    /// Libraries for graphics cards come close to 2 GiB.
    fn max_spooled_bytes(&self) -> u64 {
        4 * GIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let content = ProgramContent::in_memory(file.content);
        self.read(&content, file.path, found)
    }

    fn analyze_spooled(
        &self,
        file: SpooledFile<'_>,
        found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        let content = ProgramContent::spooled(file.content, file.size_bytes);
        self.read(&content, file.path, found)
    }
}

impl Binary {
    fn read(
        &self,
        content: &ProgramContent<'_>,
        path: &str,
        found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        let (layout, before) = (kinds::layout(content), found.packages.len());
        go::read(content, &layout, path, found);
        let crates = rust::read(content, &layout, path, found);
        let lists_crates = matches!(crates, Ok(true));
        for added in found.packages.get_mut(before..).unwrap_or_default() {
            added.platform.clone_from(&layout.platform);
        }
        let head = content.read_up_to(0, ELF_MAGIC.len()).unwrap_or_default();
        if head.as_ref() == ELF_MAGIC {
            products::read(&self.products, content, &layout, path, found);
            let packed = packed::is_packed(content, &layout);
            if packed {
                let detail = "the program is packed, so nothing in it can be read";
                found
                    .gaps
                    .push(Gap::partial(GapKind::PackedBinary, detail).at(path));
            }
            found.binary = Some(BinaryFacts {
                size_bytes: content.size_bytes(),
                identified: lists_crates || !found.packages.is_empty(),
                packed,
                is_library: elf::is_library(content),
            });
        }
        match content.failure() {
            Some(error) => Err(AnalyzeError::of(format!("the spooled file: {error}"))),
            None => crates.map(|_| ()),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
