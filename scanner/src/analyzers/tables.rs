//! The tables of names that analyzers go by, as one set: the program's own, or newer ones that were fed.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::binary::ProductTable;
use super::jar::JarNames;
use super::table_file::{FedFile, TableError};

/// The tables of names that analyzers go by. Copies share them.
#[derive(Clone, Debug)]
pub struct NameTables {
    /// What binaries are known to be.
    pub products: Arc<ProductTable>,
    /// What Java archives are called.
    pub jar_names: Arc<JarNames>,
}

/// A table that was fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FedTable<'a> {
    /// What it is called among knowledge files.
    pub name: &'static str,
    /// Of which day it is.
    pub of: Date,
    /// Its file.
    pub file: &'a FedFile,
}

impl Default for NameTables {
    /// Gives the program's own.
    fn default() -> Self {
        Self {
            products: Arc::clone(ProductTable::compiled()),
            jar_names: Arc::clone(JarNames::compiled()),
        }
    }
}

impl NameTables {
    /// Lists those that were fed.
    pub fn fed(&self) -> impl Iterator<Item = FedTable<'_>> {
        let products = self.products.file().map(|file| FedTable {
            name: ProductTable::FILE,
            of: self.products.of(),
            file,
        });
        let jar_names = self.jar_names.file().map(|file| FedTable {
            name: JarNames::FILE,
            of: self.jar_names.of(),
            file,
        });
        products.into_iter().chain(jar_names)
    }

    /// Tells whether a knowledge file of this name is such a table.
    pub fn have(name: &str) -> bool {
        [ProductTable::FILE, JarNames::FILE].contains(&name)
    }

    /// Puts the table in a file of this name, one that [`Self::have`] knows, in the place of the one that is
    /// there.
    pub fn take(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), TableError> {
        let path = Path::new(name);
        if name == ProductTable::FILE {
            self.products = Arc::new(ProductTable::of_bytes(path, bytes)?);
        } else {
            self.jar_names = Arc::new(JarNames::of_bytes(path, bytes)?);
        }
        Ok(())
    }
}

impl PartialEq for NameTables {
    /// Two sets are the same where each of their tables is of the same file.
    fn eq(&self, other: &Self) -> bool {
        self.fed().eq(other.fed())
    }
}

#[cfg(test)]
mod tests;
