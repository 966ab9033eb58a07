//! What a module may be and what a guest may take.
//!
//! Authors write milliseconds and MiB. What those are in the engine's own measure is a constant for
//! each version of the engine, so that a guest comes as far on every machine.

/// Largest module, in bytes.
pub const MAX_MODULE_BYTES: usize = 16 * 1024 * 1024;

/// Largest manifest, in bytes.
pub const MAX_MANIFEST_BYTES: usize = 64 * 1024;

/// Most sections of a module that are looked at for its manifest.
pub const MAX_SECTIONS: usize = 1_000;

/// Most claims of one plugin.
pub const MAX_CLAIMS: usize = 32;

/// The ABI that this host speaks, and no other.
pub const ABI: u32 = 1;

/// Time for one file or inventory, in milliseconds: the usual, and the most that can be asked for.
pub const MILLISECONDS: (u32, u32) = (100, 500);

/// Memory of a guest, in MiB.
pub const MEMORY_MIB: (u32, u32) = (16, 64);

/// Largest file that a guest is handed, in MiB.
pub const FILE_MIB: (u32, u32) = (4, 16);

/// Longest answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Most that a guest may log in one call, in bytes; what is over is dropped.
pub const MAX_LOG_BYTES: usize = 16 * 1024;

/// Largest inventory that a detector is asked about, in bytes of its text.
pub const MAX_QUESTION_BYTES: usize = 16 * 1024 * 1024;

/// The engine's measure of work for a millisecond: wasmi 2.0.0, an instruction of a plain loop costs
/// one and takes 1.5 to 2 ns in a release build of 2026. Another version of the engine has another.
pub const FUEL_PER_MILLISECOND: u64 = 500_000;

/// Deepest recursion of a guest, in calls.
pub const MAX_RECURSION: usize = 1_000;

/// The stack of a guest's values, in bytes.
pub const MAX_STACK_BYTES: usize = 1_000_000;

/// Most tables of a module.
pub const MAX_TABLES: usize = 4;

/// Most elements of one table.
pub const MAX_TABLE_ELEMENTS: usize = 20_000;
